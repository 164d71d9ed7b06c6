//! The JSON Schemas of a recipe and of a model config, made from the types that read them.

use std::collections::BTreeSet;

use jikji_model::{ModelConfig, SPELLINGS};
use jikji_tokenizer::TokenizerConfig;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::file::RecipeFile;

/// JSON Schema (draft 2020-12) of a recipe file. No key is required in it, since an include or
/// `--set` may give any.
///
/// # Panics
/// Never: the schema of a type is a JSON object.
pub fn schema() -> Value {
    let mut schema = schema_with_required();
    drop_required(&mut schema);
    if let Some(sources) = schema.pointer_mut("/$defs/DataTable/properties/sources") {
        by_name_too(sources);
    }
    schema
}

/// JSON Schema (draft 2020-12) of a model config in TOML: a file below `configs/models`.
///
/// # Panics
/// Never: the schema of a type is a JSON object.
pub fn model_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ModelConfig>().to_value();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        second_spellings(properties);
    }
    // A key under its second spelling is no missing key.
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|key| !SPELLINGS.iter().any(|(_, published)| key == published));
    }
    schema
}

/// The schema with the keys that the types require.
pub(crate) fn schema_with_required() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<RecipeFile>().to_value()
}

/// Adds the spellings of keys that are not the published ones.
fn second_spellings(properties: &mut Map<String, Value>) {
    for (alias, published) in SPELLINGS {
        if let Some(Value::Object(mut property)) = properties.get(published).cloned() {
            let description = format!("Second spelling of `{published}`.");
            property.insert("description".to_owned(), description.into());
            properties.insert(alias.to_owned(), Value::Object(property));
        }
    }
}

/// The first part of a dotted key that no recipe can have, as the path to it, and the keys that
/// stand there; `None` if the whole key can be given.
pub(crate) fn unknown_key(path: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let root = schema();
    let mut at = vec![&root];
    for (index, key) in path.iter().enumerate() {
        let tables = forms(&root, at);
        let free = tables
            .iter()
            .filter_map(|table| table.get("additionalProperties"));
        let entries = tables.iter().filter_map(|table| table.get("items"));
        let named: Vec<&Value> = tables
            .iter()
            .filter_map(|table| table.get("properties")?.get(key))
            .collect();
        at = free
            .filter(|schema| schema.is_object())
            .chain(entries)
            .chain(named)
            .collect();
        if at.is_empty() {
            let known = tables
                .iter()
                .filter_map(|table| table.get("properties")?.as_object());
            let known: BTreeSet<String> = known.flat_map(|keys| keys.keys().cloned()).collect();
            return Some((path[..=index].to_vec(), known.into_iter().collect()));
        }
    }
    None
}

/// Schemas with every reference and every choice among forms followed.
fn forms<'a>(root: &'a Value, schemas: Vec<&'a Value>) -> Vec<&'a Value> {
    let mut found = Vec::new();
    let mut open = schemas;
    while let Some(schema) = open.pop() {
        if let Some(Value::String(reference)) = schema.get("$ref") {
            open.extend(root.pointer(reference.trim_start_matches('#')));
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(Value::Array(choices)) = schema.get(choice) {
                open.extend(choices);
            }
        }
        found.push(schema);
    }
    found
}

/// Drops every `required`. Part of a choice with a `type` may then fit several of its forms, so one
/// fit is enough.
fn drop_required(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            table.remove("required");
            if let Some(forms) = table.remove("oneOf") {
                table.insert("anyOf".to_owned(), forms);
            }
            table.values_mut().for_each(drop_required);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_required),
        _ => {}
    }
}

/// In a scale, a table over the list of sources changes those that it names.
fn by_name_too(sources: &mut Value) {
    let Some(list) = sources.as_object_mut() else {
        return;
    };
    let (Some(items), Some(kind)) = (list.get("items").cloned(), list.remove("type")) else {
        return;
    };
    list.insert("type".to_owned(), json!([kind, "object"]));
    list.insert("additionalProperties".to_owned(), items);
}

pub(crate) fn tokenizer_table(generator: &mut SchemaGenerator) -> Schema {
    let from = json!({
        "description": "Folder that holds a `tokenizer.json`, and a `tokenizer_config.json` that names an `eos_token`. \
            Excludes every other key.",
        "type": "string",
    });
    widened::<TokenizerConfig>(generator, [("from", from)])
}

pub(crate) fn model_table(generator: &mut SchemaGenerator) -> Schema {
    let config = json!({
        "description": "File of a model config: a flat TOML table or a published `config.json`. Excludes `from`.",
        "type": "string",
    });
    let from = json!({
        "description": "Model folder whose `config.json` and weights the run starts from. Every tensor must be known, \
            present and of the right shape. Excludes `config`.",
        "type": "string",
    });
    let mut schema = widened::<ModelConfig>(generator, [("config", config), ("from", from)]);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        second_spellings(properties);
    }
    schema
}

/// The table of a type with more keys.
fn widened<T: schemars::JsonSchema>(
    generator: &mut SchemaGenerator,
    keys: impl IntoIterator<Item = (&'static str, Value)>,
) -> Schema {
    let mut schema = T::json_schema(generator);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (key, value) in keys {
            properties.insert(key.to_owned(), value);
        }
    }
    schema
}

pub(crate) fn scale_tables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "$ref": "#" } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undocumented(path: &str, schema: &Value, found: &mut Vec<String>) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (key, property) in properties {
                // The tag of an alternative is described with the alternative.
                let is_tag = property.get("const").is_some();
                if !is_tag && property.get("description").is_none() {
                    found.push(format!("{path}.{key}"));
                }
                undocumented(&format!("{path}.{key}"), property, found);
            }
        }
        if let Some(Value::Object(definitions)) = schema.get("$defs") {
            for (name, definition) in definitions {
                undocumented(name, definition, found);
            }
        }
    }

    #[test]
    fn every_key_is_described_and_no_other_is_allowed() {
        let schema = schema();
        let mut found = Vec::new();
        undocumented("", &schema, &mut found);
        assert_eq!(found, Vec::<String>::new());
        let closed = |pointer: &str| {
            let table = schema.pointer(pointer).expect(pointer);
            table.get("additionalProperties") == Some(&Value::Bool(false))
        };
        for table in [
            "",
            "/$defs/DataTable",
            "/$defs/TrainConfig",
            "/properties/model",
        ] {
            assert!(closed(table), "{table} takes any key");
        }
        for key in ["train", "model", "scale"] {
            assert!(schema.pointer(&format!("/properties/{key}")).is_some());
        }
        for key in ["config", "from", "hidden_size", "rope_scaling"] {
            assert!(
                schema
                    .pointer(&format!("/properties/model/properties/{key}"))
                    .is_some()
            );
        }
        assert!(
            schema
                .pointer("/properties/tokenizer/properties/from")
                .is_some()
        );
        assert!(schema.get("required").is_none());
    }
}
