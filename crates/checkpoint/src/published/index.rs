//! Reading `model.safetensors.index.json`, which says in which file each tensor lies.
//!
//! Each entry is held against its file as soon as it is read, so a list of any length ends at its first lie.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::PublishedError;
use crate::bounded::{Ignored, place_and_problem, twice};
use crate::durable::folder_file;
use crate::shown::shown;
use crate::tensor_file::TensorFile;

/// Some 100 bytes a tensor, and spaces.
const MAX_INDEX_BYTES: u64 = 8 << 20;

/// Most tensors of all files together: what they take in memory does not depend on their files' sizes. A dense model of 100 layers
/// has 1,200.
const MAX_TENSORS: usize = 30_000;

/// The files that an index names, opened, and the file of each tensor.
#[derive(Debug, Default)]
pub(super) struct Shards {
    pub(super) files: Vec<TensorFile>,
    pub(super) tensors: BTreeMap<String, usize>,
}

/// Reads the index at `path` in `dir` and opens the files it names.
pub(super) fn read(dir: &Path, path: PathBuf) -> Result<Shards, PublishedError> {
    let damaged = |problem: String| PublishedError::Index {
        path: path.clone(),
        problem,
    };
    let read = |source| PublishedError::Read {
        path: path.clone(),
        source,
    };
    let size = fs::metadata(&path).map_err(read)?.len();
    if size > MAX_INDEX_BYTES {
        return Err(damaged(format!(
            "it has {size} bytes, more than the {MAX_INDEX_BYTES} that are read"
        )));
    }
    let bytes = fs::read(&path).map_err(read)?;
    let json = str::from_utf8(&bytes)
        .map_err(|error| damaged(format!("it is not UTF-8 at byte {}", error.valid_up_to())))?;
    let mut reader = Reader {
        dir,
        shards: Shards::default(),
        numbers: BTreeMap::new(),
        opened_tensors: 0,
        failed: None,
    };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let outcome = (&mut reader)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    let problem = match (reader.failed.take(), outcome) {
        (Some(error), _) => return Err(error),
        (None, Ok(())) => reader.unlisted(),
        (None, Err(error)) => {
            let (at, problem) = place_and_problem(&bytes, &error);
            Some(format!("it is wrong at byte {at}: {problem}"))
        }
    };
    match problem {
        Some(problem) => Err(damaged(problem)),
        None => Ok(reader.shards),
    }
}

struct Reader<'a> {
    dir: &'a Path,
    shards: Shards,
    /// The place of each file in `shards.files`, by name.
    numbers: BTreeMap<String, usize>,
    /// Tensors of all `shards.files`, listed or not.
    opened_tensors: usize,
    /// What ended the reading, if it is not about the index itself.
    failed: Option<PublishedError>,
}

impl Reader<'_> {
    fn place(&mut self, name: String, file: &str) -> Result<(), String> {
        if self.shards.tensors.contains_key(&name) {
            return Err(format!("the tensor `{}` comes twice", shown(&name)));
        }
        if self.shards.tensors.len() == MAX_TENSORS {
            return Err(format!("it has more than {MAX_TENSORS} tensors"));
        }
        let number = match self.numbers.get(file) {
            Some(number) => *number,
            None => self.open(&name, file)?,
        };
        let opened = self.shards.files.get(number);
        if opened.is_none_or(|opened| !opened.tensors().contains_key(&name)) {
            return Err(format!(
                "tensor `{}` should lie in `{}`, which lacks it",
                shown(&name),
                shown(file)
            ));
        }
        self.shards.tensors.insert(name, number);
        Ok(())
    }

    fn open(&mut self, name: &str, file: &str) -> Result<usize, String> {
        let refuse = |problem: &str| {
            let (name, file) = (shown(name), shown(file));
            Err(format!("tensor `{name}` lies in `{file}`, which {problem}"))
        };
        if file.contains(['/', '\\', '\0']) || file == ".." {
            return refuse("is not a plain file name");
        }
        if !file.ends_with(".safetensors") {
            return refuse("is not named as a safetensors file");
        }
        let opened = match folder_file(self.dir, file) {
            Ok(None) => return refuse("is not there"),
            Ok(Some(path)) => TensorFile::open(&path).map_err(PublishedError::from),
            Err(error) => Err(error.into()),
        };
        match opened {
            Ok(opened) => {
                self.opened_tensors += opened.tensors().len();
                if self.opened_tensors > MAX_TENSORS {
                    return refuse(&format!(
                        "brings more tensors than the {MAX_TENSORS} that are read"
                    ));
                }
                self.shards.files.push(opened);
                let number = self.shards.files.len() - 1;
                self.numbers.insert(file.to_owned(), number);
                Ok(number)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(String::new())
            }
        }
    }

    /// A tensor that a file has and the index does not place there: nobody can say which numbers are meant.
    fn unlisted(&self) -> Option<String> {
        self.numbers.iter().find_map(|(file, number)| {
            let tensors = self.shards.files.get(*number)?.tensors().keys();
            let mut others = tensors.map(|name| (name, self.shards.tensors.get(name)));
            let (name, place) = others.find(|(_, place)| *place != Some(number))?;
            let (name, file) = (shown(name), shown(file));
            Some(if place.is_some() {
                format!("tensor `{name}` lies in `{file}` too, where it is not expected")
            } else {
                format!("it does not list tensor `{name}`, which lies in `{file}`")
            })
        })
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Top(self))
    }
}

/// The object as a whole. Other keys than the two are of no use here.
struct Top<'a, 'b>(&'a mut Reader<'b>);

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `weight_map`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut metadata, mut weight_map) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            let seen = match key.as_str() {
                "metadata" => metadata.replace(map.next_value::<Ignored>().map(drop)?),
                "weight_map" => weight_map.replace(map.next_value_seed(WeightMap(self.0))?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            if seen.is_some() {
                return Err(twice(&key));
            }
        }
        weight_map.ok_or_else(|| A::Error::missing_field("weight_map"))
    }
}

/// Tensors' names, and for each the name of its file.
struct WeightMap<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for WeightMap<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WeightMap<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the file of each tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        /// Read into one buffer, since most entries repeat the file before.
        #[derive(Deserialize)]
        struct FileName<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

        while let Some(name) = map.next_key::<String>()? {
            let file: FileName<'_> = map.next_value().map_err(|error| {
                A::Error::custom(format_args!("tensor `{}`: {error}", shown(&name)))
            })?;
            self.0.place(name, &file.0).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
