//! Where a value was said.

use std::fmt;
use std::path::PathBuf;

/// Where a value was said: what a message about it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A recipe, an included file or a model config.
    File(PathBuf),
    /// A `[scale.NAME]` table.
    Scale {
        /// The file it stands in.
        file: PathBuf,
        /// Its name.
        name: String,
    },
    /// A `--set` argument, as typed.
    Set(String),
}

impl Origin {
    /// The dotted key as it is spelled there.
    pub(crate) fn key(&self, path: &[String]) -> String {
        let path = path.join(".");
        match self {
            Self::Scale { name, .. } if path.is_empty() => format!("scale.{name}"),
            Self::Scale { name, .. } => format!("scale.{name}.{path}"),
            Self::File(_) | Self::Set(_) => path,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) | Self::Scale { file, .. } => write!(f, "`{}`", file.display()),
            Self::Set(argument) => write!(f, "`--set {argument}`"),
        }
    }
}
