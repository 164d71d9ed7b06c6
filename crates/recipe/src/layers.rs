//! Layers of a recipe, merged into one table that remembers where each value came from.
//!
//! Tables are merged key by key, everything else is replaced. Two exceptions: a table that chooses another `type` replaces
//! the old choice with all its settings, and a layer that takes one of two exclusive forms drops the other form of the
//! layers below. A table laid over a list changes the entries that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::RecipeError;
use crate::origin::Origin;
use crate::strict::{Complaint, Refusal, one_of};

/// Keys whose value decides what else may stand in the table.
const TAGS: [&str; 2] = ["type", "rope_type"];

#[derive(Debug, Clone)]
pub(crate) struct Layers {
    recipe: PathBuf,
    pub(crate) table: Table,
    origins: BTreeMap<Vec<String>, Origin>,
}

impl Layers {
    pub(crate) fn new(recipe: &Path) -> Self {
        Self {
            recipe: recipe.to_owned(),
            table: Table::new(),
            origins: BTreeMap::new(),
        }
    }

    /// Lays a table over what is there.
    pub(crate) fn add(&mut self, layer: Table, origin: &Origin) -> Result<(), RecipeError> {
        self.drop_other_forms(&layer);
        let mut merge = Merge {
            origins: &mut self.origins,
            origin,
        };
        merge.tables(&mut self.table, layer, &mut Vec::new())
    }

    fn drop_other_forms(&mut self, layer: &Table) {
        let has = |table: &str, key: &str| layer.get(table).and_then(|t| t.get(key)).is_some();
        if let Some(Value::Table(model)) = self.table.get_mut("model") {
            match (has("model", "config"), has("model", "from")) {
                (true, false) => drop(model.remove("from")),
                (false, true) => drop(model.remove("config")),
                _ => {}
            }
        }
        if let (Some(Value::Table(below)), Some(Value::Table(above))) =
            (self.table.get_mut("tokenizer"), layer.get("tokenizer"))
        {
            match above.contains_key("from") {
                true => below.retain(|key, _| key == "from"),
                false if !above.is_empty() => drop(below.remove("from")),
                false => {}
            }
        }
    }

    pub(crate) fn recipe(&self) -> &Path {
        &self.recipe
    }

    /// Who said the value at a path, or the nearest one around it.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "errors hold it boxed, to stay small"
    )]
    pub(crate) fn origin(&self, path: &[String]) -> Box<Origin> {
        (0..=path.len())
            .rev()
            .find_map(|length| self.origins.get(&path[..length]))
            .cloned()
            .unwrap_or_else(|| Origin::File(self.recipe.clone()))
            .into()
    }

    /// The same for a dotted key of plain parts.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "errors hold it boxed, to stay small"
    )]
    pub(crate) fn origin_of(&self, key: &str) -> Box<Origin> {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        self.origin(&path)
    }

    /// A refusal with the place it is about.
    pub(crate) fn error(&self, refusal: Refusal) -> RecipeError {
        let Refusal { path, complaint } = refusal;
        if complaint == Complaint::Missing {
            return RecipeError::Missing {
                key: path.join("."),
                file: self.recipe.clone(),
            };
        }
        refused(&path, complaint, self.origin(&path))
    }
}

/// The error of a refusal whose origin is known; what is missing is missing in the origin's file.
pub(crate) fn refused(path: &[String], complaint: Complaint, origin: Box<Origin>) -> RecipeError {
    let key = origin.key(path);
    match complaint {
        Complaint::Unknown { known } => {
            let last = path.last().map_or("", String::as_str);
            let prefix = key.strip_suffix(last).unwrap_or_default();
            RecipeError::UnknownKey {
                nearest: nearest(last, &known).map(|word| format!("{prefix}{word}")),
                known: known.into_iter().map(str::to_owned).collect(),
                key,
                origin,
            }
        }
        Complaint::Missing => RecipeError::Missing {
            key,
            file: match *origin {
                Origin::File(file) | Origin::Scale { file, .. } => file,
                Origin::Set(argument) => PathBuf::from(format!("--set {argument}")),
            },
        },
        Complaint::Value { expected, got } => RecipeError::Value {
            key,
            origin,
            expected,
            got,
            nearest: None,
        },
        Complaint::Choice { got, known } => RecipeError::Value {
            key,
            origin,
            nearest: nearest(&got, &known).map(str::to_owned),
            expected: one_of(&known),
            got: format!("`{got}`"),
        },
        Complaint::Other(message) => RecipeError::Refused {
            key,
            origin,
            message,
        },
    }
}

/// The known word most like this one, if any is alike.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let score = |other: &str| {
        // All words of one in the other is a likely slip too: `num_heads`, `steps_every`.
        let parts = |of: &str, all: &str| {
            of.split('_')
                .all(|part| all.split('_').any(|one| one == part))
        };
        let bonus = if parts(word, other) || parts(other, word) {
            0.4
        } else {
            0.0
        };
        strsim::normalized_damerau_levenshtein(word, other) + bonus
    };
    known
        .iter()
        // Backwards, since the last of equals wins and the first is meant to.
        .rev()
        .map(|other| (score(other), *other))
        .filter(|(score, _)| *score >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

struct Merge<'a> {
    origins: &'a mut BTreeMap<Vec<String>, Origin>,
    origin: &'a Origin,
}

impl Merge<'_> {
    fn tables(
        &mut self,
        below: &mut Table,
        above: Table,
        path: &mut Vec<String>,
    ) -> Result<(), RecipeError> {
        for (key, value) in above {
            path.push(key.clone());
            if let Some(old) = below.get_mut(&key) {
                self.values(old, value, path)?;
            } else {
                self.said(path);
                below.insert(key, value);
            }
            path.pop();
        }
        Ok(())
    }

    fn values(
        &mut self,
        below: &mut Value,
        above: Value,
        path: &mut Vec<String>,
    ) -> Result<(), RecipeError> {
        match (below, above) {
            (Value::Table(below), Value::Table(above)) if !chooses_anew(below, &above) => {
                self.tables(below, above, path)
            }
            (Value::Array(below), Value::Table(above)) => self.entries(below, above, path),
            (below, above) => {
                *below = above;
                self.said(path);
                Ok(())
            }
        }
    }

    /// Changes entries of a list by name or index.
    fn entries(
        &mut self,
        list: &mut [Value],
        changes: Table,
        path: &mut Vec<String>,
    ) -> Result<(), RecipeError> {
        for (entry, change) in changes {
            let by_name = list
                .iter()
                .position(|value| name_of(value) == Some(entry.as_str()));
            let by_index = || entry.parse().ok().filter(|index| *index < list.len());
            let Some(index) = by_name.or_else(by_index) else {
                let known = list.iter().enumerate().map(|(index, value)| {
                    name_of(value).map_or_else(|| index.to_string(), str::to_owned)
                });
                return Err(RecipeError::NoEntry {
                    key: self.origin.key(path),
                    origin: self.origin.clone().into(),
                    entry,
                    known: known.collect(),
                });
            };
            path.push(index.to_string());
            self.values(&mut list[index], change, path)?;
            path.pop();
        }
        Ok(())
    }

    /// This layer said everything at and below a path.
    fn said(&mut self, path: &[String]) {
        self.origins.retain(|known, _| !known.starts_with(path));
        self.origins.insert(path.to_vec(), self.origin.clone());
    }
}

fn name_of(value: &Value) -> Option<&str> {
    value.get("name")?.as_str()
}

fn chooses_anew(below: &Table, above: &Table) -> bool {
    TAGS.iter().any(
        |tag| matches!((below.get(*tag), above.get(*tag)), (Some(old), Some(new)) if old != new),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(layers: &[&str]) -> String {
        let mut all = Layers::new(Path::new("r.toml"));
        for (index, layer) in layers.iter().enumerate() {
            let origin = Origin::Set(index.to_string());
            if let Err(error) = all.add(toml::from_str(layer).unwrap(), &origin) {
                return error.to_string();
            }
        }
        Value::Table(all.table).to_string()
    }

    #[test]
    fn tables_merge_and_the_rest_is_replaced() {
        insta::assert_snapshot!(merged(&["a.b = 1\na.c = [1, 2]", "a.c = [3]\na.d = 4"]), @"{ a = { b = 1, c = [3], d = 4 } }");
        insta::assert_snapshot!(merged(&["a = { type = 'x', old = 1 }", "a = { type = 'y' }"]), @r#"{ a = { type = "y" } }"#);
        insta::assert_snapshot!(merged(&["a = { type = 'x', old = 1 }", "a = { type = 'x', new = 2 }"]), @r#"{ a = { new = 2, old = 1, type = "x" } }"#);
    }

    #[test]
    fn a_table_over_a_list_changes_entries_by_name_or_index() {
        let sources = "s = [{ name = 'x' }, { name = 'y', weight = 1 }]";
        insta::assert_snapshot!(merged(&[sources, "s.y.weight = 3\ns.0.weight = 2"]), @r#"{ s = [{ name = "x", weight = 2 }, { name = "y", weight = 3 }] }"#);
        insta::assert_snapshot!(merged(&[sources, "s.z.weight = 3"]), @"`s` in `--set 1`: the list has no entry `z`");
        insta::assert_snapshot!(merged(&[sources, "s.2.weight = 3"]), @"`s` in `--set 1`: the list has no entry `2`");
    }

    #[test]
    fn a_later_layer_takes_the_other_form() {
        insta::assert_snapshot!(merged(&["[model]\nconfig = 'a'", "[model]\nfrom = 'b'"]), @r#"{ model = { from = "b" } }"#);
        insta::assert_snapshot!(merged(&["[tokenizer]\nvocab_size = 1", "[tokenizer]\nfrom = 'b'"]), @r#"{ tokenizer = { from = "b" } }"#);
        insta::assert_snapshot!(merged(&["[tokenizer]\nfrom = 'b'", "[tokenizer]\nvocab_size = 1"]), @"{ tokenizer = { vocab_size = 1 } }");
    }

    #[test]
    fn values_know_who_said_them() {
        let mut layers = Layers::new(Path::new("r.toml"));
        let say = |layers: &mut Layers, toml: &str, who: &str| {
            layers
                .add(toml::from_str(toml).unwrap(), &Origin::Set(who.to_owned()))
                .unwrap();
        };
        say(&mut layers, "a = { b = 1, c = 2 }", "first");
        say(&mut layers, "a.b = 3", "second");
        assert_eq!(*layers.origin_of("a.b"), Origin::Set("second".to_owned()));
        assert_eq!(*layers.origin_of("a.c"), Origin::Set("first".to_owned()));
        assert_eq!(*layers.origin_of("z"), Origin::File("r.toml".into()));
        say(&mut layers, "a = 1", "third");
        assert_eq!(*layers.origin_of("a.b"), Origin::Set("third".to_owned()));
    }
}
