//! `docs/reference/recipe.md` and the schemas beside it, made from the config types and compared
//! with the files. `JIKJI_REWRITE_REFERENCE=1` writes the files instead.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};

use crate::schema::{model_schema, schema, schema_with_required};

const INTRO: &str = include_str!("reference/intro.md");
const OUTRO: &str = include_str!("reference/outro.md");

/// Compares a file below `docs/reference` with what it must be, or writes it.
fn check(name: &str, expected: &str) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let path: PathBuf = docs.join(name);
    if env::var_os("JIKJI_REWRITE_REFERENCE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(
        found == expected,
        "docs/reference/{name} is not what the config types say; JIKJI_REWRITE_REFERENCE=1 writes it. First \
         difference: {differs:?}"
    );
}

#[test]
fn reference_of_recipe_keys() {
    check("recipe.md", &page());
}

#[test]
fn reference_of_schemas() {
    let json = |schema: &Value| serde_json::to_string_pretty(schema).unwrap() + "\n";
    check("schema/recipe.schema.json", &json(&schema()));
    check("schema/model.schema.json", &json(&model_schema()));
}

fn page() -> String {
    let root = schema_with_required();
    let mut page = Page {
        root: &root,
        text: INTRO.to_owned(),
    };
    let properties = root["properties"].as_object().unwrap();
    let is_table = |key: &str| key != "scale" && page_kind(&root, &properties[key]) == Kind::Table;
    let (tables, keys): (Vec<&String>, Vec<&String>) =
        properties.keys().partition(|key| is_table(key));
    page.line("\n## Top level\n");
    page.head();
    for key in keys {
        let name = if key == "scale" { "[scale.NAME]" } else { key };
        page.row(name, &properties[key], false, "");
    }
    for key in tables {
        page.section(2, &format!("[{key}]"), key, &properties[key]);
    }
    page.line("");
    page.text.push_str(OUTRO);
    page.text
}

#[derive(PartialEq)]
enum Kind {
    Table,
    ListOfTables,
    Value,
}

/// A schema with its reference followed, and without the alternative "null". What stands beside the
/// reference (description, default) is kept.
fn resolved(root: &Value, schema: &Value) -> Value {
    let mut schema = schema.clone();
    for choice in ["anyOf", "oneOf"] {
        let Some(Value::Array(forms)) = schema.get(choice) else {
            continue;
        };
        let others: Vec<&Value> = forms.iter().filter(|form| form["type"] != "null").collect();
        // An enum of one word is a choice of one form, too.
        if let [one] = others.as_slice()
            && forms.len() > 1
        {
            let mut one = (*one).clone();
            merge(&mut one, &schema, &[choice]);
            schema = one;
            break;
        }
    }
    if let Some(Value::String(reference)) = schema.get("$ref") {
        let target = root.pointer(reference.trim_start_matches('#'));
        let mut found = resolved(root, target.unwrap());
        merge(&mut found, &schema, &["$ref"]);
        schema = found;
    }
    schema
}

/// Lays the keys of one schema over another, but for some.
fn merge(below: &mut Value, above: &Value, without: &[&str]) {
    for (key, value) in above.as_object().unwrap() {
        if !without.contains(&key.as_str()) {
            below[key] = value.clone();
        }
    }
}

fn page_kind(root: &Value, schema: &Value) -> Kind {
    let schema = resolved(root, schema);
    let has_keys = |schema: &Value| schema.get("properties").is_some() || tagged(schema).is_some();
    if has_keys(&schema) {
        Kind::Table
    } else if schema
        .get("items")
        .is_some_and(|items| has_keys(&resolved(root, items)))
    {
        Kind::ListOfTables
    } else {
        Kind::Value
    }
}

/// The forms of a table whose `type` decides which keys it has.
fn tagged(schema: &Value) -> Option<Vec<(String, Value)>> {
    let forms = schema.get("oneOf")?.as_array()?;
    let form = |form: &Value| {
        let tag = form.pointer("/properties/type/const")?.as_str()?.to_owned();
        Some((tag, form.clone()))
    };
    forms.iter().map(form).collect()
}

struct Page<'a> {
    root: &'a Value,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn head(&mut self) {
        self.line("| key | type | default | meaning |");
        self.line("| --- | --- | --- | --- |");
    }

    fn row(&mut self, name: &str, schema: &Value, is_required: bool, only: &str) {
        let schema = resolved(self.root, schema);
        let default = match schema.get("default") {
            _ if is_required => "required".to_owned(),
            None | Some(Value::Null | Value::Object(_)) => String::new(),
            Some(value) => format!("`{}`", toml_of(value)),
        };
        let mut meaning = only.to_owned() + &words(&schema);
        for (word, description) in choices(self.root, &schema) {
            let _ = write!(meaning, " `\"{word}\"`: {description}");
        }
        let kind = kind_in_words(self.root, &schema);
        let _ = writeln!(
            self.text,
            "| `{name}` | {kind} | {} | {} |",
            default.replace('|', "\\|"),
            meaning.replace('|', "\\|")
        );
    }

    /// A table's heading, its keys, and then the tables in it.
    fn section(&mut self, level: usize, heading: &str, path: &str, schema: &Value) {
        let schema = resolved(self.root, schema);
        let _ = writeln!(
            self.text,
            "\n{} `{heading}`\n\n{}\n",
            "#".repeat(level),
            words(&schema)
        );
        self.head();
        let mut inner = Vec::new();
        if let Some(forms) = tagged(&schema) {
            self.rows_of_forms(&forms);
        } else {
            let required = required(&schema);
            for (key, property) in schema["properties"].as_object().unwrap() {
                if words(property).starts_with("Second spelling of") {
                    continue;
                }
                self.row(key, property, required.contains(&key.as_str()), "");
                inner.push((key.clone(), property.clone()));
            }
        }
        for (key, property) in inner {
            let path = format!("{path}.{key}");
            match page_kind(self.root, &property) {
                Kind::Table => self.section(3, &format!("[{path}]"), &path, &property),
                Kind::ListOfTables => {
                    let mut items = resolved(self.root, &property)["items"].clone();
                    items = resolved(self.root, &items);
                    self.section(3, &format!("[[{path}]]"), &path, &items);
                }
                Kind::Value => {}
            }
        }
    }

    fn rows_of_forms(&mut self, forms: &[(String, Value)]) {
        let tags: Vec<String> = forms
            .iter()
            .map(|(tag, _)| format!("`\"{tag}\"`"))
            .collect();
        let meanings: Vec<String> = forms
            .iter()
            .map(|(tag, form)| format!("`\"{tag}\"`: {}", words(form)))
            .collect();
        let _ = writeln!(
            self.text,
            "| `type` | {} | required | {} |",
            tags.join(", "),
            meanings.join(" ")
        );
        let mut seen: Map<String, Value> = Map::new();
        for (_, form) in forms {
            for (key, property) in form["properties"].as_object().unwrap() {
                if key == "type" || seen.contains_key(key) {
                    continue;
                }
                seen.insert(key.clone(), property.clone());
                let having: Vec<&(String, Value)> = forms
                    .iter()
                    .filter(|(_, form)| form["properties"].get(key).is_some())
                    .collect();
                let only = if having.len() == forms.len() {
                    String::new()
                } else {
                    let tags: Vec<&str> = having.iter().map(|(tag, _)| tag.as_str()).collect();
                    format!("{}: ", tags.join(", "))
                };
                let is_required = having
                    .iter()
                    .all(|(_, form)| required(form).contains(&key.as_str()));
                self.row(key, property, is_required, &only);
            }
        }
    }
}

fn required(schema: &Value) -> Vec<&str> {
    let list = schema.get("required").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The doc comment on one line.
fn words(schema: &Value) -> String {
    let description = schema["description"].as_str().unwrap_or_default();
    description.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words that may stand there, with their doc comments.
fn choices(root: &Value, schema: &Value) -> Vec<(String, String)> {
    let of = match schema.get("items") {
        Some(items) => resolved(root, items),
        None => schema.clone(),
    };
    let forms = of
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    forms
        .filter_map(|form| Some((form.get("const")?.as_str()?.to_owned(), words(form))))
        .collect()
}

fn kind_in_words(root: &Value, schema: &Value) -> String {
    let alternatives: Vec<String> = choices(root, schema)
        .iter()
        .map(|(word, _)| format!("`\"{word}\"`"))
        .collect();
    if page_kind(root, schema) == Kind::Table {
        return "table".to_owned();
    }
    if page_kind(root, schema) == Kind::ListOfTables {
        return "list of tables".to_owned();
    }
    if let Some(items) = schema.get("items") {
        let one = if alternatives.is_empty() {
            kind_in_words(root, &resolved(root, items))
        } else {
            alternatives.join(", ")
        };
        return match schema.get("minItems") {
            Some(count) if schema.get("maxItems") == Some(count) => {
                format!("list of {count}: {one}")
            }
            _ => format!("list: {one}"),
        };
    }
    if !alternatives.is_empty() {
        return alternatives.join(", ");
    }
    if let Some(inner) = schema
        .get("additionalProperties")
        .filter(|inner| inner.is_object())
    {
        let inner = resolved(root, inner);
        return match inner.get("type") {
            Some(_) => format!("table: name = {}", kind_in_words(root, &inner)),
            None => "table".to_owned(),
        };
    }
    if let Some(Value::Array(forms)) = schema.get("anyOf") {
        let forms: Vec<String> = forms
            .iter()
            .map(|form| kind_in_words(root, &resolved(root, form)))
            .collect();
        return forms.join(" or ");
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap(),
        other => panic!("{other} in {schema}"),
    };
    match kind {
        "string" => "text".to_owned(),
        "integer" if schema["minimum"].as_f64() >= Some(1.0) => "integer above 0".to_owned(),
        kind => kind.to_owned(),
    }
}

/// A JSON value as TOML writes it.
fn toml_of(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:?}", number.as_f64().unwrap()),
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(toml_of).collect();
            format!("[{}]", list.join(", "))
        }
        other => other.to_string(),
    }
}
