//! What a model folder was made from: which files, by their hashes, and what was done with them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::error::InteropError;
use crate::file_names::{COMPANIONS, CONFIG_NAME, LINEAGE_NAME};
use crate::model_folder::ModelFolder;
use crate::small_file::read_small;

const FORMAT_VERSION: u32 = 1;

/// Within a lineage, at most so many others are told in full; of what lies further back the hash remains.
const MAX_GENERATIONS: usize = 16;

/// A lineage that is longer, in bytes, is not repeated in full either.
const MAX_REPEATED: usize = 1 << 20;

/// How a model was made of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    operation: &'static str,
    settings: Map<String, Value>,
    sources: Vec<Value>,
}

impl Lineage {
    /// An operation such as `deepen` with the settings that, with the sources, are enough to repeat it.
    pub fn new(operation: &'static str, settings: Map<String, Value>) -> Self {
        Self {
            operation,
            settings,
            sources: Vec::new(),
        }
    }

    /// Adds a folder that the model is made from: the SHA-256 of its files and, if it was made itself, its own lineage.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn add_source(&mut self, role: &str, folder: &ModelFolder) -> Result<(), InteropError> {
        let beside = [CONFIG_NAME, LINEAGE_NAME].iter().chain(&COMPANIONS);
        let beside = beside.map(|name| folder.dir().join(name));
        let mut files = BTreeMap::new();
        for path in folder.weight_files().into_iter().chain(beside) {
            if path.exists() {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                files.insert(name.into_owned(), sha256(&path)?);
            }
        }
        let mut source = Map::new();
        source.insert("role".to_owned(), json!(role));
        source.insert("path".to_owned(), json!(folder.dir()));
        source.insert("sha256".to_owned(), json!(files));
        if let Some(lineage) = read_lineage(folder.dir())? {
            source.insert("lineage".to_owned(), lineage);
        }
        self.sources.push(Value::Object(source));
        Ok(())
    }

    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let made_by = format!("jikji {}", env!("CARGO_PKG_VERSION"));
        [
            ("format_version", json!(FORMAT_VERSION)),
            ("made_by", json!(made_by)),
            ("operation", json!(self.operation)),
            ("settings", json!(self.settings)),
            ("sources", json!(self.sources)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

/// The lineage of a folder, where it has one that is short enough to be repeated.
fn read_lineage(dir: &Path) -> Result<Option<Value>, InteropError> {
    let Some((path, text)) = read_small(dir, LINEAGE_NAME)? else {
        return Ok(None);
    };
    let lineage: Value =
        serde_json::from_slice(&text).map_err(|source| InteropError::Json { path, source })?;
    let is_short = text.len() <= MAX_REPEATED && generations(&lineage) < MAX_GENERATIONS;
    Ok(is_short.then_some(lineage))
}

/// How many lineages stand one inside the other.
fn generations(lineage: &Value) -> usize {
    let sources = lineage.get("sources").and_then(Value::as_array);
    let parents = sources.into_iter().flatten();
    let parents = parents.filter_map(|source| source.get("lineage"));
    1 + parents.map(generations).max().unwrap_or(0)
}

fn sha256(path: &Path) -> Result<String, InteropError> {
    const BUFFERED: usize = 1 << 20;
    let read = |source| InteropError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(read)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; BUFFERED]);
    loop {
        let bytes = file.read(&mut buffer).map_err(read)?;
        if bytes == 0 {
            return Ok(format!("{:x}", hasher.finalize()));
        }
        hasher.update(&buffer[..bytes]);
    }
}
