//! A fixture's folder: read, copied to a lab, and changed there.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::lab::{Lab, repository};

pub(crate) fn parity_folder() -> PathBuf {
    repository().join("scripts/parity")
}

/// All of them, by name.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let entries = fs::read_dir(parity_folder().join("fixtures")).unwrap();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    dirs.sort();
    assert!(!dirs.is_empty());
    dirs.iter().map(|dir| Fixture::at(dir)).collect()
}

pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
}

/// A header's entry, and where in the file its bytes are.
type Entries = BTreeMap<String, (Value, Range<usize>)>;

/// Type, shape and bytes.
type Tensor = (Value, Value, Vec<u8>);

impl Fixture {
    pub(crate) fn at(dir: &Path) -> Self {
        Self {
            name: dir.file_name().unwrap().to_str().unwrap().to_owned(),
            dir: dir.to_owned(),
        }
    }

    /// A fresh copy under its name in the lab.
    pub(crate) fn copied(lab: &Lab, name: &str) -> Self {
        let copy = Self::at(&lab.path(name));
        let _ = fs::remove_dir_all(&copy.dir);
        fs::create_dir(&copy.dir).unwrap();
        for file in fs::read_dir(parity_folder().join("fixtures").join(name)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.dir.join(file.file_name())).unwrap();
        }
        copy
    }

    /// A file of the folder, or with nothing the folder itself, as an argument.
    pub(crate) fn path(&self, file: &str) -> String {
        self.dir.join(file).to_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.dir.join(file)).unwrap()).unwrap()
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.join(file), content).unwrap();
    }

    pub(crate) fn config(&self) -> Value {
        self.json("config.json")
    }

    /// The number format that the config names, under its older key or its newer one.
    pub(crate) fn dtype(&self) -> String {
        let config = self.config();
        let dtype = config.get("torch_dtype").or_else(|| config.get("dtype"));
        dtype.and_then(Value::as_str).unwrap().to_owned()
    }

    /// `table.key` is a key inside a table.
    pub(crate) fn change_config(&self, key: &str, value: Value) {
        let mut config = self.config();
        match key.split_once('.') {
            Some((table, key)) => config[table][key] = value,
            None => config[key] = value,
        }
        self.write("config.json", config.to_string());
    }

    pub(crate) fn change_reference(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut reference = self.json("reference.json");
        change(reference.as_object_mut().unwrap());
        self.write("reference.json", reference.to_string());
    }

    /// Rows of an f32 matrix, each as its bytes.
    pub(crate) fn change_tensor(&self, name: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let (mut bytes, header) = self.safetensors();
        let (entry, range) = &header[name];
        let columns = entry["shape"][1].as_u64().unwrap() as usize;
        let mut rows: Vec<Vec<u8>> = bytes[range.clone()]
            .chunks(4 * columns)
            .map(<[u8]>::to_vec)
            .collect();
        change(&mut rows);
        bytes[range.clone()].copy_from_slice(&rows.concat());
        self.write("model.safetensors", bytes);
    }

    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let (bytes, header) = self.safetensors();
        let tensor = |(name, (entry, range)): (String, (Value, Range<usize>))| {
            (
                name,
                (
                    entry["dtype"].clone(),
                    entry["shape"].clone(),
                    bytes[range].to_vec(),
                ),
            )
        };
        header.into_iter().map(tensor).collect()
    }

    /// The file's bytes, and each tensor's entry with its range in them: read here on its own, not with what is tested.
    fn safetensors(&self) -> (Vec<u8>, Entries) {
        let bytes = fs::read(self.dir.join("model.safetensors")).unwrap();
        let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Map<String, Value> = serde_json::from_slice(&bytes[8..data]).unwrap();
        let entries = header
            .into_iter()
            .filter(|(name, _)| name != "__metadata__");
        let place = |(name, entry): (String, Value)| {
            let [start, end] =
                [0, 1].map(|at| entry["data_offsets"][at].as_u64().unwrap() as usize);
            (name, (entry, data + start..data + end))
        };
        let entries = entries.map(place).collect();
        (bytes, entries)
    }
}
