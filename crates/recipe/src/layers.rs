//! Layers of a recipe, merged into one table that remembers where each value came from.
//!
//! Tables are merged key by key, everything else is replaced. Two exceptions: a table that chooses
//! another `type` replaces the old choice with all its settings, and a layer that gives one of two
//! exclusive keys drops the other one of the layers below. A table laid over a list changes the
//! entries that it names. A key can be unset.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::RecipeError;
use crate::origin::Origin;
use crate::strict::{self, Complaint, Refusal, one_of};
use crate::{aliases, nearest};

/// Keys whose value decides what else may stand in the table.
const TAGS: [&str; 2] = ["type", "rope_type"];

/// Keys of one table of which just one may be given. A layer that gives one drops the other of the
/// layers below.
const EXCLUSIVE: [(&[&str], &str, &str); 4] = [
    (&["model"], "config", "from"),
    (&["train"], "steps", "epochs"),
    (&["optimizer", "schedule"], "warmup_steps", "warmup_ratio"),
    (&["optimizer", "schedule"], "decay_steps", "decay_ratio"),
];

#[derive(Debug, Clone)]
pub(crate) struct Layers {
    recipe: PathBuf,
    pub(crate) table: Table,
    origins: BTreeMap<Vec<String>, Origin>,
    /// Keys that a layer unset: they hold for the file of `model.config` too, which is read later.
    unset: BTreeSet<Vec<String>>,
}

impl Layers {
    pub(crate) fn new(recipe: &Path) -> Self {
        Self {
            recipe: recipe.to_owned(),
            table: Table::new(),
            origins: BTreeMap::new(),
            unset: BTreeSet::new(),
        }
    }

    /// Merges a table over the layers so far.
    pub(crate) fn add(&mut self, layer: Table, origin: &Origin) -> Result<(), RecipeError> {
        self.drop_other_forms(&layer);
        let mut merge = Merge {
            origins: &mut self.origins,
            origin,
        };
        merge.tables(&mut self.table, layer, &mut Vec::new())
    }

    /// Removes a key. Does nothing if no layer gives it. The caller checks that the key exists at
    /// all.
    pub(crate) fn unset(&mut self, path: &[String], origin: &Origin) -> Result<(), RecipeError> {
        let mut real = Vec::new();
        let removed = remove(&mut self.table, path, &mut real, origin)?;
        self.origins.retain(|known, _| !known.starts_with(&real));
        if let Removed::Entry = removed {
            // Later entries of the list have other indices now: the list as a whole is what is
            // known of them.
            real.pop();
            let list = self.origin(&real);
            self.origins.retain(|known, _| !known.starts_with(&real));
            self.origins.insert(real, *list);
        } else {
            self.origins.insert(real, origin.clone());
            self.unset.insert(path.to_vec());
        }
        Ok(())
    }

    /// The keys below a table that a layer has unset.
    pub(crate) fn unset_below<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a [String]> {
        let unset = self.unset.iter().filter_map(|path| path.split_first());
        unset.filter_map(move |(first, rest)| (first == table && !rest.is_empty()).then_some(rest))
    }

    fn drop_other_forms(&mut self, layer: &Table) {
        for (place, one, other) in EXCLUSIVE {
            let (Some(below), Some(above)) =
                (table_at_mut(&mut self.table, place), table_at(layer, place))
            else {
                continue;
            };
            match (above.contains_key(one), above.contains_key(other)) {
                (true, false) => drop(below.remove(other)),
                (false, true) => drop(below.remove(one)),
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

    /// The origin of the value at a path, or of the nearest table around it.
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

    /// The same for a dotted key whose parts contain no dots.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "errors hold it boxed, to stay small"
    )]
    pub(crate) fn origin_of(&self, key: &str) -> Box<Origin> {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        self.origin(&path)
    }

    /// The error of a refusal, with the origin of the value that was refused.
    pub(crate) fn error(&self, refusal: Refusal) -> RecipeError {
        let Refusal { path, complaint } = refusal;
        if complaint == Complaint::Missing {
            return RecipeError::Missing {
                key: path.join("."),
                file: self.recipe.clone(),
            };
        }
        let mut error = refused(&path, complaint, self.origin(&path));
        if let RecipeError::UnknownKey {
            known, elsewhere, ..
        } = &mut error
            && let Some((key, parents)) = path.split_last()
            && let Some(table) = table_with(&self.table, parents)
        {
            // A recipe written after another program's has many such keys: all of them at once.
            *elsewhere = aliases::answers(&path, table.get(key), Some((table, known.as_slice())));
        }
        error
    }
}

/// The table at a path that may lead through lists.
fn table_with<'a>(table: &'a Table, path: &[String]) -> Option<&'a Table> {
    let Some((first, rest)) = path.split_first() else {
        return Some(table);
    };
    strict::at(table.get(first)?, rest)?.as_table()
}

fn table_at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter()
        .try_fold(table, |table, key| table.get(*key)?.as_table())
}

fn table_at_mut<'a>(table: &'a mut Table, path: &[&str]) -> Option<&'a mut Table> {
    path.iter()
        .try_fold(table, |table, key| table.get_mut(*key)?.as_table_mut())
}

/// What [`remove`] took away.
enum Removed {
    Key,
    /// An entry of a list.
    Entry,
}

/// Removes the value at a path; `real` becomes the path with the index of each entry of a list.
fn remove(
    table: &mut Table,
    path: &[String],
    real: &mut Vec<String>,
    origin: &Origin,
) -> Result<Removed, RecipeError> {
    let Some((key, rest)) = path.split_first() else {
        return Ok(Removed::Key);
    };
    real.push(key.clone());
    if rest.is_empty() {
        table.remove(key);
        return Ok(Removed::Key);
    }
    match table.get_mut(key) {
        Some(Value::Table(below)) => remove(below, rest, real, origin),
        Some(Value::Array(list)) => {
            let [entry, rest @ ..] = rest else {
                return Ok(Removed::Key);
            };
            let index = entry_index(list, entry, real, origin)?;
            real.push(index.to_string());
            match &mut list[index] {
                _ if rest.is_empty() => {
                    list.remove(index);
                    Ok(Removed::Entry)
                }
                Value::Table(below) => remove(below, rest, real, origin),
                _ => Ok(Removed::Key),
            }
        }
        _ => {
            real.extend_from_slice(rest);
            Ok(Removed::Key)
        }
    }
}

/// The index of a list's entry, which is called by its name or its index.
fn entry_index(
    list: &[Value],
    entry: &str,
    path: &[String],
    origin: &Origin,
) -> Result<usize, RecipeError> {
    let by_name = list.iter().position(|value| name_of(value) == Some(entry));
    let by_index = || entry.parse().ok().filter(|index| *index < list.len());
    by_name.or_else(by_index).ok_or_else(|| {
        let known = list
            .iter()
            .enumerate()
            .map(|(index, value)| name_of(value).map_or_else(|| index.to_string(), str::to_owned));
        RecipeError::NoEntry {
            key: origin.key(path),
            origin: origin.clone().into(),
            entry: entry.to_owned(),
            known: known.collect(),
        }
    })
}

/// The error of a refusal whose origin is known. A missing key is missing in the origin's file.
pub(crate) fn refused(path: &[String], complaint: Complaint, origin: Box<Origin>) -> RecipeError {
    let key = origin.key(path);
    match complaint {
        Complaint::Unknown { known } => unknown(path, known, &origin),
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
            nearest: aliases::value(&key, &got)
                .or_else(|| nearest::choice(&got, &known))
                .map(str::to_owned),
            key,
            origin,
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

/// The error of an unknown key.
pub(crate) fn unknown(path: &[String], known: Vec<&str>, origin: &Origin) -> RecipeError {
    let key = origin.key(path);
    let last = path.last().map_or("", String::as_str);
    let prefix = key.strip_suffix(last).unwrap_or_default();
    let nearest = nearest::keys(last, &known);
    RecipeError::UnknownKey {
        nearest: nearest.map(|word| format!("{prefix}{word}")).collect(),
        elsewhere: aliases::answers(path, None, None),
        known: known.into_iter().map(str::to_owned).collect(),
        origin: origin.clone().into(),
        key,
    }
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
                self.set_origin(path);
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
                self.set_origin(path);
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
            let index = entry_index(list, &entry, path, self.origin)?;
            path.push(index.to_string());
            self.values(&mut list[index], change, path)?;
            path.pop();
        }
        Ok(())
    }

    /// Records this layer as the origin of everything at and below a path.
    fn set_origin(&mut self, path: &[String]) {
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
    fn a_later_layer_gives_the_other_of_two_exclusive_keys() {
        insta::assert_snapshot!(merged(&["train.steps = 10", "train.epochs = 2"]), @"{ train = { epochs = 2 } }");
        insta::assert_snapshot!(merged(&["train.epochs = 2", "train.steps = 10"]), @"{ train = { steps = 10 } }");
        insta::assert_snapshot!(merged(&["train = { epochs = 2, steps = 3 }"]), @"{ train = { epochs = 2, steps = 3 } }");
        let schedule = "optimizer.schedule = { type = 'wsd', warmup_steps = 1, decay_steps = 2 }";
        insta::assert_snapshot!(merged(&[schedule, "optimizer.schedule.warmup_ratio = 0.5"]), @r#"{ optimizer = { schedule = { decay_steps = 2, type = "wsd", warmup_ratio = 0.5 } } }"#);
        insta::assert_snapshot!(merged(&[schedule, "optimizer.schedule.decay_ratio = 0.5"]), @r#"{ optimizer = { schedule = { decay_ratio = 0.5, type = "wsd", warmup_steps = 1 } } }"#);
    }

    #[test]
    fn a_key_a_table_or_an_entry_is_unset() {
        let without = |path: &str| {
            let mut all = Layers::new(Path::new("r.toml"));
            let toml = "a = { b = 1, c = { d = 2 } }\ns = [{ name = 'x', w = 1 }, { name = 'y' }]";
            all.add(
                toml::from_str(toml).unwrap(),
                &Origin::File("r.toml".into()),
            )
            .unwrap();
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            match all.unset(&path, &Origin::Set("it".to_owned())) {
                Ok(()) => Value::Table(all.table).to_string(),
                Err(error) => error.to_string(),
            }
        };
        insta::assert_snapshot!(without("a.b"), @r#"{ a = { c = { d = 2 } }, s = [{ name = "x", w = 1 }, { name = "y" }] }"#);
        insta::assert_snapshot!(without("a.c"), @r#"{ a = { b = 1 }, s = [{ name = "x", w = 1 }, { name = "y" }] }"#);
        insta::assert_snapshot!(without("s.x"), @r#"{ a = { b = 1, c = { d = 2 } }, s = [{ name = "y" }] }"#);
        insta::assert_snapshot!(without("s.0.w"), @r#"{ a = { b = 1, c = { d = 2 } }, s = [{ name = "x" }, { name = "y" }] }"#);
        insta::assert_snapshot!(without("s.z"), @"`s` in `--set it`: the list has no entry `z`");
        insta::assert_snapshot!(without("q.r"), @r#"{ a = { b = 1, c = { d = 2 } }, s = [{ name = "x", w = 1 }, { name = "y" }] }"#);
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
