//! What can be wrong with a reference file.

use std::path::PathBuf;

/// Why a reference cannot be compared with.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file could not be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a JSON object.
    #[error("`{}` is not a JSON object", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where the JSON breaks.
        #[source]
        source: serde_json::Error,
    },
    /// A field is unknown, missing, or says something that this model cannot be compared with.
    #[error("`{}`, field `{field}`: {reason}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, with its place in the list where it is one: `ids[2][17]`.
        field: String,
        /// What is wrong with it.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
}

impl VerifyError {
    /// The way out, in one sentence.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read { .. } => "check that the path is right and may be read",
            Self::Json { .. } => {
                "a reference is one object with `ids`, `logprobs`, `loss` and, if wanted, `grad_norms`; JSON has no NaN"
            }
            Self::Field { hint, .. } => hint,
        };
        Some(hint.to_owned())
    }
}
