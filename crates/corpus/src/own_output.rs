//! Folders that this program wrote and that are no text: a run that finds them inside its data passes
//! over them, and says so.
//!
//! They are recognised by what lies in them, so that outputs of other runs and moved ones count too.

use std::path::Path;

/// Why a folder inside an input is passed over, or `None` if it may hold text.
pub fn why_not_text(folder: &Path) -> Option<&'static str> {
    why_not_an_input(folder).or_else(|| {
        let has = |name: &str| folder.join(name).is_file();
        let has_weights = has("model.safetensors") || has("model.safetensors.index.json");
        if has("config.json") && has_weights {
            return Some("a model folder");
        }
        let is_tokenizer = has("tokenizer.json") && has("tokenizer_config.json");
        is_tokenizer.then_some("a tokenizer's folder")
    })
}

/// Why a folder cannot be an input even if it is named.
pub(crate) fn why_not_an_input(folder: &Path) -> Option<&'static str> {
    let has = |name: &str| folder.join(name).is_file();
    if has("recipe.resolved.toml") || has("metrics.jsonl") && has("timing.jsonl") {
        return Some("the folder of a run");
    }
    if has("prepare.lock") || has_prepared_child(folder) {
        return Some("a folder of prepared text");
    }
    None
}

/// `corpus-*`, `tokenizer-*` or `tokens-*`, named by twelve hexadecimal digits.
fn has_prepared_child(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| {
            let mut kinds = ["corpus-", "tokenizer-", "tokens-"].into_iter();
            kinds.find_map(|kind| name.strip_prefix(kind))
        });
        digits.is_some_and(|digits| {
            digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }) && entry.path().is_dir()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn outputs_are_told_from_text() {
        let check = |names: &[&str], expect: Option<&str>| {
            let dir = tempfile::tempdir().unwrap();
            for name in names {
                let path = dir.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            assert_eq!(why_not_text(dir.path()), expect, "{names:?}");
        };
        let run = Some("the folder of a run");
        check(&["recipe.resolved.toml"], run);
        check(&["metrics.jsonl", "timing.jsonl"], run);
        check(&["metrics.jsonl", "a.txt"], None);
        let prepared = Some("a folder of prepared text");
        check(&["prepare.lock"], prepared);
        check(&["corpus-0123456789ab/manifest.json"], prepared);
        check(&["tokens-0123456789ab/manifest.json"], prepared);
        check(&["tokens-of-appreciation/a.txt"], None);
        check(&["corpus-2024/a.txt"], None);
        // What `corpus build` writes is text.
        check(
            &["manifest.json", "journal.jsonl", "law-00000.jsonl.zst"],
            None,
        );
        check(
            &["config.json", "model.safetensors"],
            Some("a model folder"),
        );
        check(&["config.json", "a.json"], None);
        let tokenizer = Some("a tokenizer's folder");
        check(&["tokenizer.json", "tokenizer_config.json"], tokenizer);
        check(&["tokenizer.json", "a.txt"], None);
        check(&[], None);
    }
}
