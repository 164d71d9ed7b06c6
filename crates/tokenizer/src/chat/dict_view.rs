//! What the methods `keys`, `values` and `items` of a mapping give.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, State, Value};

use super::environment::charge;

/// What `keys`, `values` and `items` give: a list to loop over, which neither prints nor serializes as a list.
#[derive(Debug, Default)]
pub(super) struct DictView(Vec<Value>);

impl Object for DictView {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The `keys`, `values` or `items` of a mapping.
pub(super) fn dict_view(state: &State, value: &Value, of: &str) -> Result<Value, Error> {
    charge(state, value.len().unwrap_or(0) * 64)?;
    let mut entries = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        entries.push(match of {
            "keys" => key,
            "values" => value.get_item(&key)?,
            _ => {
                let item = value.get_item(&key)?;
                Value::from(Tuple::from([key, item]))
            }
        });
    }
    Ok(Value::from_object(DictView(entries)))
}
