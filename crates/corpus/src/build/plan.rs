//! What a build will read, in order, and the fingerprint of it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{BuildConfig, SyntheticInput};
use crate::config::check_name;
use crate::manifest::FORMAT_VERSION;
use crate::{CorpusError, FieldMapping, InputConfig, Inputs, discover};

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

    pub(super) fn synthetic(&self) -> bool {
        matches!(self, Self::Made(_))
    }
}

/// All sources with their files.
pub(super) struct Plan<'a> {
    pub(super) sources: Vec<PlannedSource<'a>>,
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
        let fingerprint = fingerprint(config, &sources);
        Ok(Self {
            sources,
            fingerprint,
        })
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

/// Where a source lies is not part of it: a folder moved with its times is the same corpus.
fn fingerprint(config: &BuildConfig, sources: &[PlannedSource<'_>]) -> String {
    #[derive(Serialize)]
    struct All<'a> {
        format_version: u32,
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
            // The time as two numbers, since JSON numbers end at 64 bits.
            files: Vec<(&'a str, u64, u64, u64)>,
        },
        Made {
            name: &'a str,
            license: &'a str,
            fingerprint: &'a str,
        },
    }
    let sources = sources.iter().map(|source| match source {
        PlannedSource::Read(config, inputs) => Source::Read {
            name: &config.name,
            license: config.license.as_deref(),
            fields: &config.fields,
            files: inputs
                .files
                .iter()
                .map(|file| {
                    let nanos = file.modified_nanos;
                    (
                        file.relative.as_str(),
                        file.bytes,
                        (nanos >> 64) as u64,
                        nanos as u64,
                    )
                })
                .collect(),
        },
        PlannedSource::Made(made) => Source::Made {
            name: &made.name,
            license: &made.license,
            fingerprint: &made.fingerprint,
        },
    });
    let all = All {
        format_version: FORMAT_VERSION,
        min_chars: config.min_chars,
        drop_exact_duplicates: config.drop_exact_duplicates,
        sources: sources.collect(),
    };
    let json = serde_json::to_vec(&all).expect("strings and numbers are always JSON");
    blake3::hash(&json).to_hex().to_string()
}
