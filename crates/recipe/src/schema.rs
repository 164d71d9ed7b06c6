//! The JSON Schema of a recipe file, made from the types that read it.

use jikji_model::ModelConfig;
use jikji_tokenizer::TokenizerConfig;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::file::RecipeFile;

/// JSON Schema (draft 2020-12) of a recipe file. No key is required in it, since an include or `--set` may give any.
///
/// # Panics
/// Never: the schema of a type is a JSON object.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RecipeFile>().to_value();
    drop_required(&mut schema);
    if let Some(sources) = schema.pointer_mut("/$defs/DataTable/properties/sources") {
        by_name_too(sources);
    }
    schema
}

/// Drops every `required`. Part of a choice with a `type` may then fit several of its forms, so one fit is enough.
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
        "description": "A folder that holds a `tokenizer.json`; excludes every other key.",
        "type": "string",
    });
    widened::<TokenizerConfig>(generator, [("from", from)])
}

pub(crate) fn model_table(generator: &mut SchemaGenerator) -> Schema {
    let config = json!({
        "description": "A model config: a flat TOML table, or a published `config.json`; excludes `from`.",
        "type": "string",
    });
    let from = json!({
        "description": "A published model folder: its `config.json` and its weights; excludes `config`.",
        "type": "string",
    });
    widened::<ModelConfig>(generator, [("config", config), ("from", from)])
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
