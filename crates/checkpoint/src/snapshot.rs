//! What a run hands over to be saved: named states, the run's own state, and files that go along.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which of a parameter's states a tensor is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum StateKind {
    /// The parameter itself, in master precision; written as `weight`.
    Weight,
    /// AdamW's first moment; written as `m`.
    M,
    /// AdamW's second moment; written as `v`.
    V,
    /// Another optimizer's state: lower-case ASCII letters, digits and `_`. One of the names above means the variant above.
    Other(String),
}

impl StateKind {
    /// The name that files carry.
    pub fn name(&self) -> &str {
        match self {
            StateKind::Weight => "weight",
            StateKind::M => "m",
            StateKind::V => "v",
            StateKind::Other(name) => name,
        }
    }

    /// The variant that the name stands for: `Other("m")` and `M` are the same kind.
    pub(crate) fn canonical(&self) -> Cow<'_, StateKind> {
        match self {
            StateKind::Other(name) => Cow::Owned(StateKind::from(name.clone())),
            known => Cow::Borrowed(known),
        }
    }

    /// A kind has no dot, so that `kind.name` in a file can be read in one way only.
    pub(crate) fn is_well_formed(&self) -> bool {
        let name = self.name();
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }
}

impl From<String> for StateKind {
    fn from(name: String) -> Self {
        match name.as_str() {
            "weight" => StateKind::Weight,
            "m" => StateKind::M,
            "v" => StateKind::V,
            _ => StateKind::Other(name),
        }
    }
}

impl From<StateKind> for String {
    fn from(kind: StateKind) -> Self {
        kind.name().to_owned()
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One state of one parameter, copied: the saver never holds a handle on memory that training changes.
#[derive(Debug, Clone, PartialEq)]
pub struct StateTensor {
    /// The parameter's published name.
    pub name: String,
    /// Which of its states this is.
    pub kind: StateKind,
    /// The parameter's shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its elements in row-major order.
    pub data: Vec<f32>,
}

/// All that one checkpoint holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Updates done.
    pub step: u64,
    /// Weights and optimizer states, each (name, kind) once, in any order.
    pub tensors: Vec<StateTensor>,
    /// What else decides the next step.
    pub run: RunState,
    /// Files that go along unchanged, such as `config.json`: plain names without a folder.
    pub extra_files: Vec<(String, Vec<u8>)>,
}

/// Everything but tensors that decides the next step; flat, ordered, comparable key by key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    /// Version of the meaning of `identity` and `progress`, chosen by whoever fills them.
    pub format_version: u32,
    /// The program that saved; told, never compared.
    pub code_version: String,
    /// What must be the same on resume: recipe keys, tokenizer hash, data fingerprint, precision.
    pub identity: BTreeMap<String, Value>,
    /// Where the run is: data position, tokens seen, seeds' counters.
    pub progress: BTreeMap<String, Value>,
}

/// A key whose value differs between a checkpoint and the run that wants to resume from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The key of [`RunState::identity`].
    pub key: String,
    /// What the checkpoint says; `None` if it lacks the key.
    pub saved: Option<Value>,
    /// What the run says; `None` if it lacks the key.
    pub current: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or_else(|| "absent".to_owned(), Value::to_string)
        };
        write!(
            f,
            "`{}`: saved `{}`, current `{}`",
            self.key,
            text(&self.saved),
            text(&self.current)
        )
    }
}

/// The identity keys that differ and are not allowed to, in order. An allowed entry is a key, or a prefix written `prefix.*`.
pub fn compare_identity(
    saved: &RunState,
    current: &RunState,
    allowed: &BTreeSet<String>,
) -> Vec<Difference> {
    let keys: BTreeSet<&String> = saved
        .identity
        .keys()
        .chain(current.identity.keys())
        .collect();
    keys.into_iter()
        .filter(|key| saved.identity.get(*key) != current.identity.get(*key))
        .filter(|key| !is_allowed(key, allowed))
        .map(|key| Difference {
            key: key.clone(),
            saved: saved.identity.get(key).cloned(),
            current: current.identity.get(key).cloned(),
        })
        .collect()
}

fn is_allowed(key: &str, allowed: &BTreeSet<String>) -> bool {
    allowed.contains(key)
        || key.match_indices('.').any(|(dot, _)| {
            key.get(..dot)
                .is_some_and(|prefix| allowed.contains(&format!("{prefix}.*")))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(identity: &[(&str, Value)]) -> RunState {
        RunState {
            format_version: 1,
            code_version: "test".into(),
            identity: identity
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            progress: BTreeMap::new(),
        }
    }

    #[test]
    fn differences_are_listed_by_key() {
        let saved = run(&[
            ("checkpoint.every_steps", json!(10)),
            ("checkpointing", json!(true)),
            ("old", json!(null)),
            ("train.seed", json!(1)),
            ("train.steps", json!(100)),
            ("same", json!({"b": 1, "a": [0.1]})),
        ]);
        let current = run(&[
            ("checkpoint.every_steps", json!(20)),
            ("checkpointing", json!(false)),
            ("train.seed", json!(2)),
            ("train.steps", json!(200)),
            ("same", json!({"a": [0.1], "b": 1})),
        ]);
        let allowed = ["checkpoint.*", "train.steps"].map(str::to_owned).into();
        let text: Vec<String> = compare_identity(&saved, &current, &allowed)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            text,
            [
                "`checkpointing`: saved `true`, current `false`",
                "`old`: saved `null`, current `absent`",
                "`train.seed`: saved `1`, current `2`",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn numbers_come_back_as_they_were(bits: u64) {
            let number = f64::from_bits(bits);
            if let value @ Value::Number(_) = json!(number) {
                let back: Value = serde_json::from_str(&value.to_string()).unwrap();
                proptest::prop_assert_eq!(back, value);
            }
        }
    }
}
