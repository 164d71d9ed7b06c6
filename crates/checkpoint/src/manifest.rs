//! `manifest.json`: which files make a checkpoint, and which state lies where in them.
//!
//! The file is JSON for people and other programs, but its frame is fixed to the byte, so that the hash in it covers everything
//! between the first byte and the last: no bit of a manifest can change unnoticed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::error::CheckpointError;
use crate::shown::shown;
use crate::snapshot::StateKind;
use crate::tensor_file::num_elements;

/// Version of a checkpoint's layout; a reader refuses every other.
pub const FORMAT_VERSION: u32 = 1;

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const MODEL: &str = "model.safetensors";
pub(crate) const OPTIMIZER: &str = "optimizer.safetensors";
pub(crate) const RUN: &str = "run.json";

/// About 300 bytes per state: enough for 18,000 parameters of three states each.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// Most bytes of the run's state: settings and counters, a few kilobytes.
pub(crate) const MAX_RUN_BYTES: u64 = 1 << 20;

/// Most files and states: what they take in memory does not depend on the manifest's length alone.
const MAX_FILES: usize = 1_000;
const MAX_STATES: usize = 100_000;

const BEFORE_HASH: &str = "{\n\"blake3\": \"";
const BEFORE_BODY: &str = "\",\n\"body\": ";
const AFTER_BODY: &str = "\n}\n";

/// What makes a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Updates done.
    pub step: u64,
    /// Every file but the manifest, by name.
    #[serde(deserialize_with = "bounded::map::<_, _, MAX_FILES>")]
    pub files: BTreeMap<String, FileEntry>,
    /// Every piece of a state that a file holds.
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_STATES>")]
    pub states: Vec<StateEntry>,
}

/// Size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, in hexadecimal digits.
    pub blake3: String,
}

/// A piece of a state, and the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateEntry {
    /// The parameter's published name.
    pub name: String,
    /// Which of its states.
    pub kind: StateKind,
    /// Shape of the whole state.
    #[serde(deserialize_with = "bounded::shape")]
    pub shape: Vec<usize>,
    /// The file, which holds the piece as the tensor `<name>` (a weight) or `<kind>.<name>` (any other).
    pub file: String,
    /// The elements held: first and one past the last of the whole state, flattened in row-major order.
    pub range: [usize; 2],
}

impl StateEntry {
    /// The tensor's name in its file.
    pub(crate) fn tensor_name(&self) -> String {
        match &self.kind {
            StateKind::Weight => self.name.clone(),
            kind => format!("{kind}.{}", self.name),
        }
    }

    /// The tensor's shape in its file: the state's own if all of it is there, else the number of elements.
    pub(crate) fn tensor_shape(&self) -> Vec<usize> {
        let [start, end] = self.range;
        if start == 0 && num_elements(&self.shape) == Some(end) {
            self.shape.clone()
        } else {
            vec![end.saturating_sub(start)]
        }
    }
}

impl Manifest {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let body = serde_json::to_string_pretty(self)?;
        let hash = blake3::hash(body.as_bytes()).to_hex();
        Ok([BEFORE_HASH, hash.as_str(), BEFORE_BODY, &body, AFTER_BODY]
            .concat()
            .into_bytes())
    }

    /// Reads and checks the manifest of a checkpoint, not the files it names.
    pub(crate) fn read(dir: &Path) -> Result<Self, CheckpointError> {
        let path = dir.join(MANIFEST);
        let read = |source| CheckpointError::read(&path, source);
        // Asked before opening: opening a named pipe would wait for ever.
        let metadata = std::fs::metadata(&path).map_err(read)?;
        let damaged = |problem: String| CheckpointError::Manifest {
            path: path.clone(),
            problem,
        };
        if !metadata.is_file() || metadata.len() > MAX_MANIFEST_BYTES {
            return Err(damaged(format!(
                "it is not a regular file of at most {MAX_MANIFEST_BYTES} bytes"
            )));
        }
        let mut bytes = Vec::new();
        File::open(&path)
            .map_err(read)?
            .take(MAX_MANIFEST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(read)?;
        Manifest::parse(&bytes, &path)
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u64,
        }
        let damaged = |problem: String| CheckpointError::Manifest {
            path: PathBuf::from(path),
            problem,
        };
        let parts = std::str::from_utf8(bytes).ok().and_then(|text| {
            let inner = text.strip_prefix(BEFORE_HASH)?.strip_suffix(AFTER_BODY)?;
            let (hash, rest) = inner.split_at_checked(2 * blake3::OUT_LEN)?;
            Some((hash, rest.strip_prefix(BEFORE_BODY)?))
        });
        let Some((expected, body)) = parts else {
            return Err(damaged(format!(
                "its {} bytes are not framed as a manifest's are",
                bytes.len()
            )));
        };
        let found = blake3::hash(body.as_bytes()).to_hex();
        if found.as_str() != expected {
            return Err(damaged(format!(
                "its body has hash `{found}`, expected `{expected}`"
            )));
        }
        let json = |error: serde_json::Error| {
            let (at, problem) = bounded::place_and_problem(body.as_bytes(), &error);
            damaged(format!("its body is wrong at its byte {at}: {problem}"))
        };
        // The version comes first: a later format may have other fields.
        let Version { format_version } = serde_json::from_str(body).map_err(json)?;
        if format_version != u64::from(FORMAT_VERSION) {
            return Err(CheckpointError::Version {
                path: path.to_path_buf(),
                found: format_version,
            });
        }
        let manifest: Manifest = serde_json::from_str(body).map_err(json)?;
        manifest.check().map_err(damaged)?;
        Ok(manifest)
    }

    /// What a hash cannot say: names stay inside the folder, and each state is covered by its pieces once.
    fn check(&self) -> Result<(), String> {
        for name in self.files.keys() {
            check_file_name(name)
                .map_err(|problem| format!("file name `{}` {problem}", shown(name)))?;
        }
        let mut pieces: BTreeMap<(&str, &StateKind), Vec<&StateEntry>> = BTreeMap::new();
        for state in &self.states {
            let StateEntry {
                name, kind, file, ..
            } = state;
            if !self.files.contains_key(file) {
                return Err(format!(
                    "state `{}` of `{}` lies in `{}`, which is not among the files",
                    shown(kind.name()),
                    shown(name),
                    shown(file)
                ));
            }
            pieces.entry((name, kind)).or_default().push(state);
        }
        for ((name, kind), mut pieces) in pieces {
            pieces.sort_by_key(|piece| piece.range);
            let (kind, name) = (shown(kind.name()), shown(name));
            let shape = pieces
                .first()
                .map(|piece| piece.shape.as_slice())
                .unwrap_or_default();
            let mut end = 0;
            for piece in &pieces {
                if piece.shape != shape || piece.range[0] != end || piece.range[1] < end {
                    return Err(format!(
                        "the pieces of state `{kind}` of `{name}` do not fit together at element {end}"
                    ));
                }
                end = piece.range[1];
            }
            if num_elements(shape) != Some(end) {
                return Err(format!(
                    "state `{kind}` of `{name}` has {end} elements, which is not its shape {shape:?}"
                ));
            }
        }
        Ok(())
    }
}

/// A name that lies in the folder itself and is not taken for a temporary.
pub(crate) fn check_file_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name == "." || name == ".." {
        Err("is not a name")
    } else if name.contains(['/', '\\', '\0']) {
        Err("is not a plain name")
    } else if name == MANIFEST {
        Err("is the manifest's own")
    } else if crate::durable::is_temporary(name.as_ref()) {
        Err("has the form of a temporary")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(states: Vec<(&str, usize, [usize; 2])>) -> Manifest {
        Manifest {
            format_version: FORMAT_VERSION,
            step: 7,
            files: [(
                MODEL.to_owned(),
                FileEntry {
                    bytes: 1,
                    blake3: "00".into(),
                },
            )]
            .into(),
            states: states
                .into_iter()
                .map(|(name, elements, range)| StateEntry {
                    name: name.into(),
                    kind: StateKind::M,
                    shape: vec![elements],
                    file: MODEL.into(),
                    range,
                })
                .collect(),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Manifest, CheckpointError> {
        Manifest::parse(bytes, Path::new("manifest.json"))
    }

    #[test]
    fn comes_back_and_is_json() {
        let manifest = manifest(vec![("a", 4, [2, 4]), ("a", 4, [0, 2]), ("b", 0, [0, 0])]);
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(parse(&bytes).unwrap(), manifest);
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["body"]["step"], 7);
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_seen() {
        let bytes = manifest(vec![("a", 4, [0, 4])]).to_bytes().unwrap();
        for at in 0..bytes.len() {
            assert!(parse(&bytes[..at]).is_err());
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                assert!(parse(&altered).is_err(), "bit {bit} of byte {at}");
            }
        }
        assert!(parse(&[bytes, b"\n".to_vec()].concat()).is_err());
    }

    #[test]
    fn states_that_do_not_add_up_are_refused() {
        for (states, text) in [
            (vec![("a", 4, [0, 3])], "has 3 elements"),
            (
                vec![("a", 4, [0, 3]), ("a", 4, [2, 4])],
                "do not fit together at element 3",
            ),
            (
                vec![("a", 4, [0, 2]), ("a", 4, [3, 4])],
                "do not fit together at element 2",
            ),
            (
                vec![("a", 4, [0, 2]), ("a", 5, [2, 5])],
                "do not fit together at element 2",
            ),
            (
                vec![("a", 4, [0, 4]), ("a", 4, [0, 4])],
                "do not fit together at element 4",
            ),
        ] {
            let error = parse(&manifest(states).to_bytes().unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(text), "{error}");
        }
        let mut elsewhere = manifest(vec![("a", 1, [0, 1])]);
        elsewhere.states[0].file = "other".into();
        assert!(
            parse(&elsewhere.to_bytes().unwrap())
                .unwrap_err()
                .to_string()
                .contains("not among the files")
        );
        let mut outside = manifest(vec![]);
        outside.files.insert(
            "../x".into(),
            FileEntry {
                bytes: 0,
                blake3: String::new(),
            },
        );
        assert!(
            parse(&outside.to_bytes().unwrap())
                .unwrap_err()
                .to_string()
                .contains("`../x` is not a plain name")
        );
    }

    #[test]
    fn a_later_format_is_refused_by_its_version() {
        let later = Manifest {
            format_version: 2,
            ..manifest(vec![])
        };
        let error = parse(&later.to_bytes().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`manifest.json` has format version 2, expected 1"
        );
    }
}
