//! What a build will read, in order, and the fingerprints of it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{BuildConfig, SyntheticInput};
use crate::clean::CLEAN_VERSION;
use crate::config::check_name;
use crate::manifest::FORMAT_VERSION;
use crate::{
    CorpusError, FieldMapping, InputConfig, InputFile, Inputs, OnError, TextEncoding, discover,
};

/// Changes when the same files are read to other rows.
const READ_VERSION: u32 = 1;

/// One source of a build.
pub(super) enum PlannedSource<'a> {
    Read(&'a InputConfig, Inputs),
    Made(&'a SyntheticInput),
}

impl PlannedSource<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Read(config, _) => &config.name,
            Self::Made(made) => &made.name,
        }
    }

    /// The files of a source that is read.
    pub(super) fn files(&self) -> &[InputFile] {
        match self {
            Self::Read(_, inputs) => &inputs.files,
            Self::Made(_) => &[],
        }
    }

    pub(super) fn synthetic(&self) -> bool {
        matches!(self, Self::Made(_))
    }
}

/// All sources with their files.
pub(super) struct Plan<'a> {
    pub(super) sources: Vec<PlannedSource<'a>>,
    /// Hash of the settings.
    pub(super) settings: String,
    /// Hash of the settings and of what the file system says of each file.
    pub(super) fingerprint: String,
}

impl<'a> Plan<'a> {
    pub(super) fn of(config: &'a BuildConfig) -> Result<Self, CorpusError> {
        let mut sources = Vec::with_capacity(config.inputs.len() + config.synthetic.len());
        for input in &config.inputs {
            sources.push(PlannedSource::Read(input, discover(input)?));
        }
        for made in &config.synthetic {
            check_name(&made.name)?;
            sources.push(PlannedSource::Made(made));
        }
        check_unique(&sources)?;
        let settings = settings(config);
        let files: Vec<_> = sources
            .iter()
            .flat_map(|source| source.files().iter().map(move |file| (source.name(), file)))
            .map(|(name, file)| (name, &file.relative, file.bytes, file.stamp))
            .collect();
        Ok(Self {
            fingerprint: hash_of(&(&settings, files)),
            settings,
            sources,
        })
    }

    /// The fingerprint of a corpus that was built of this plan: settings and content. `hash` knows
    /// the content of a file by its source and relative path.
    pub(super) fn content_fingerprint(&self, hash: impl Fn(&str, &str) -> String) -> String {
        let files: Vec<_> = self
            .sources
            .iter()
            .flat_map(|source| source.files().iter().map(move |file| (source.name(), file)))
            .map(|(name, file)| (name, &file.relative, hash(name, &file.relative)))
            .collect();
        hash_of(&(&self.settings, files))
    }
}

/// Names become file names, and some file systems do not tell `Law` from `law`.
fn check_unique(sources: &[PlannedSource<'_>]) -> Result<(), CorpusError> {
    let mut seen = BTreeSet::new();
    for source in sources {
        if !seen.insert(source.name().to_lowercase()) {
            return Err(CorpusError::DuplicateName {
                name: source.name().to_owned(),
            });
        }
    }
    Ok(())
}

/// Where a source lies is not part of it.
fn settings(config: &BuildConfig) -> String {
    #[derive(Serialize)]
    struct All<'a> {
        versions: [u32; 3],
        min_chars: usize,
        drop_exact_duplicates: bool,
        sources: Vec<Source<'a>>,
    }
    #[derive(Serialize)]
    enum Source<'a> {
        Read {
            name: &'a str,
            license: Option<&'a str>,
            fields: &'a [FieldMapping],
            encoding: Option<TextEncoding>,
            on_error: OnError,
            #[serde(skip_serializing_if = "Option::is_none")]
            split_by: Option<&'a str>,
        },
        Made {
            name: &'a str,
            license: &'a str,
            fingerprint: &'a str,
        },
    }
    let read = config.inputs.iter().map(|input| Source::Read {
        name: &input.name,
        license: input.license.as_deref(),
        fields: &input.fields,
        encoding: input.encoding,
        on_error: input.on_error,
        split_by: input.split_by.as_deref(),
    });
    let made = config.synthetic.iter().map(|made| Source::Made {
        name: &made.name,
        license: &made.license,
        fingerprint: &made.fingerprint,
    });
    hash_of(&All {
        versions: [FORMAT_VERSION, CLEAN_VERSION, READ_VERSION],
        min_chars: config.min_chars,
        drop_exact_duplicates: config.drop_exact_duplicates,
        sources: read.chain(made).collect(),
    })
}

fn hash_of(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("strings and numbers are always JSON");
    blake3::hash(&json).to_hex().to_string()
}
