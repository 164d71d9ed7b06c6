//! The tokenizer of a run: settled at its first step, kept in the run's folder, taken from there on
//! resume.

use std::path::{Path, PathBuf};

use jikji_checkpoint::{Loaded, durable};
use jikji_loader::Prepared;
use jikji_recipe::{RunConfig, TokenizerSource};
use jikji_telemetry::Console;
use jikji_tokenizer::{TOKENIZER_FILES, Tokenizer};

use super::folder::{RunFolder, quoted};
use super::identity;
use crate::exit;
use crate::failure::Failure;

/// Folder of the tokenizer in a run's folder.
const FOLDER: &str = "tokenizer";

/// Copies the tokenizer of a run that begins into its folder, file by file.
pub(super) fn settle(folder: &RunFolder, prepared: &Prepared) -> Result<(), Failure> {
    let own = folder.path.join(FOLDER);
    if prepared.tokenizer_dir == own {
        return Ok(());
    }
    // A recipe may name the file instead of its folder.
    let dir = match prepared.tokenizer_dir.parent() {
        Some(parent) if prepared.tokenizer_dir.is_file() => parent,
        _ => &prepared.tokenizer_dir,
    };
    durable::create_dir_all(&own)?;
    for name in TOKENIZER_FILES {
        let (from, to) = (dir.join(name), own.join(name));
        match std::fs::read(&from) {
            Ok(bytes) => durable::write_file(&to, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                durable::remove_file(&to)?;
            }
            Err(error) => {
                return Err(Failure::new(
                    exit::DATA,
                    format!("failed to read `{}`: {error}", from.display()),
                ));
            }
        }
    }
    Ok(())
}

/// The folder that holds the tokenizer of a run that goes on.
///
/// # Errors
/// The recipe names another tokenizer; the run's own is nowhere to be found.
pub(super) fn of_run(
    config: &RunConfig,
    folder: &RunFolder,
    checkpoint: &Loaded,
    console: &Console,
) -> Result<PathBuf, Failure> {
    let own = folder.path.join(FOLDER);
    let saved = checkpoint.run().identity.get(identity::TOKENIZER);
    let Some(fingerprint) = saved.and_then(serde_json::Value::as_str) else {
        return Err(Failure::new(
            exit::RUN_FOLDER,
            format!(
                "the checkpoint `{}` does not say which tokenizer it was made with",
                checkpoint.dir().display()
            ),
        )
        .with_hint("begin anew with `--fresh`, which moves the run aside"));
    };
    let is_it = |dir: &Path| fingerprint_of(dir).is_some_and(|found| found == fingerprint);
    if let TokenizerSource::From(named) = &config.tokenizer
        && let Some(found) = fingerprint_of(named)
        && found != fingerprint
    {
        return Err(Failure::new(
            exit::RUN_FOLDER,
            format!(
                "`tokenizer.from`: the run was begun with another tokenizer than the one in `{}` \
                 (fingerprint {}, got {})",
                named.display(),
                short(fingerprint),
                short(&found)
            ),
        )
        .with_hint(format!(
            "a run keeps its tokenizer; to go on with it: --set {}",
            quoted(&format!("tokenizer.from={}", own.display()))
        )));
    }
    if is_it(&own) {
        return Ok(own);
    }
    if own.exists() {
        console.warn(format!(
            "`{}` is not the tokenizer that the run was begun with; looking for that one elsewhere",
            own.display()
        ));
    }
    // Runs of older versions have no copy of their own.
    candidates(config, folder)
        .into_iter()
        .find(|dir| is_it(dir))
        .ok_or_else(|| {
            Failure::new(
                exit::RUN_FOLDER,
                format!(
                    "the tokenizer that the run was begun with (fingerprint {}) is neither in `{}` nor below `{}`",
                    short(fingerprint),
                    own.display(),
                    config.data.prepared.display()
                ),
            )
            .with_hint(format!(
                "copy its `tokenizer.json` and `tokenizer_config.json` to `{}`, or begin anew with `--fresh`",
                own.display()
            ))
        })
}

/// Where older versions left the tokenizer of a run.
fn candidates(config: &RunConfig, folder: &RunFolder) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    if let TokenizerSource::From(named) = &config.tokenizer {
        candidates.push(named.clone());
    }
    let prepared = std::fs::read_dir(&config.data.prepared)
        .into_iter()
        .flatten();
    let mut tokenizers: Vec<PathBuf> = prepared
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("tokenizer-")
        })
        .map(|entry| entry.path())
        .collect();
    tokenizers.sort();
    candidates.extend(tokenizers);
    candidates.push(folder.path.join("export"));
    candidates
}

fn fingerprint_of(dir: &Path) -> Option<String> {
    Tokenizer::load(dir)
        .ok()
        .map(|tokenizer| tokenizer.fingerprint())
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}
