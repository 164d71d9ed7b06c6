//! What a model folder was made from: which files, by their hashes, and what was done with them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::error::InteropError;
use crate::file_names::{CONFIG_NAME, LINEAGE_NAME};
use crate::model_folder::ModelFolder;
use crate::small_file::read_small;

const FORMAT_VERSION: u32 = 1;

/// Files beside the weights that decide what a model computes or reads.
const HASHED: [&str; 3] = [CONFIG_NAME, "tokenizer.json", "tokenizer_config.json"];

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
        let beside = HASHED.iter().map(|name| folder.dir().join(name));
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

fn read_lineage(dir: &Path) -> Result<Option<Value>, InteropError> {
    let Some((path, text)) = read_small(dir, LINEAGE_NAME)? else {
        return Ok(None);
    };
    let lineage = serde_json::from_slice(&text);
    lineage
        .map(Some)
        .map_err(|source| InteropError::Json { path, source })
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
