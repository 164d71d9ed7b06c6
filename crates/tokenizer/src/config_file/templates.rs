//! The chat templates that a folder holds.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{read_text, without_mark};
use crate::TokenizerError;
use crate::validate::field_error;
use crate::validate::outline::read_fields;

/// Newer folders keep the template here; it then goes before the one in the configuration.
pub(super) const TEMPLATE_NAME: &str = "chat_template.jinja";

/// Folder of further templates, one a file.
const TEMPLATE_DIR: &str = "additional_chat_templates";

/// Where processors of several media kept the template before they had `chat_template.jinja`.
const LEGACY_NAME: &str = "chat_template.json";

/// The templates of a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Templates {
    One(String),
    Named {
        /// The file that names them, or the folder whose files have the names.
        path: PathBuf,
        by_name: BTreeMap<String, String>,
    },
}

impl Templates {
    /// Template files go before the configuration, and one file is then enough to silence it.
    pub(super) fn read(
        folder: &Path,
        config: Option<(&Map<String, Value>, &Path)>,
    ) -> Result<Option<Self>, TokenizerError> {
        let mut by_name = BTreeMap::new();
        if let Some(template) = read_text(&folder.join(TEMPLATE_NAME))? {
            by_name.insert("default".to_owned(), template);
        }
        for (name, path) in additional(&folder.join(TEMPLATE_DIR))? {
            // Others are never used, but a file of theirs silences the configuration too.
            let is_used = matches!(name.as_str(), "default" | "tool_use");
            let template = if is_used { read_text(&path)? } else { None };
            by_name.insert(name, template.unwrap_or_default());
        }
        if by_name.len() == 1
            && let Some(only) = by_name.remove("default")
        {
            return Ok(Some(Self::One(only)));
        }
        if !by_name.is_empty() {
            let path = folder.to_owned();
            return Ok(Some(Self::Named { path, by_name }));
        }
        let configured = match config {
            Some((fields, path)) => of_fields(fields, path)?,
            None => None,
        };
        match configured {
            Some(configured) => Ok(Some(configured)),
            None => legacy(&folder.join(LEGACY_NAME)),
        }
    }

    /// The template of conversations without tools.
    pub(super) fn into_default(self) -> Option<String> {
        match self {
            Self::One(template) => Some(template),
            Self::Named { mut by_name, .. } => by_name.remove("default"),
        }
    }
}

/// The files of the folder of further templates, by the names of the templates.
fn additional(folder: &Path) -> Result<BTreeMap<String, PathBuf>, TokenizerError> {
    let read_error = |source| TokenizerError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(BTreeMap::new());
        }
        Err(error) => return Err(read_error(error)),
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(read_error)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.and_then(|name| name.strip_suffix(".jinja")) {
            found.insert(name.to_owned(), path);
        }
    }
    Ok(found)
}

fn legacy(path: &Path) -> Result<Option<Templates>, TokenizerError> {
    let Some(text) = read_text(path)? else {
        return Ok(None);
    };
    let document = read_fields(without_mark(&text), path, &["chat_template"])?;
    match document.as_object() {
        Some(fields) => of_fields(fields, path),
        None => Err(field_error(path, "(whole file)", "an object", &document)),
    }
}

/// One template, or several with names, as a list or as an object.
fn of_fields(
    fields: &Map<String, Value>,
    path: &Path,
) -> Result<Option<Templates>, TokenizerError> {
    let by_name = match fields.get("chat_template") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(template)) => return Ok(Some(Templates::One(template.clone()))),
        Some(Value::Array(named)) => {
            let mut by_name = BTreeMap::new();
            for (index, entry) in named.iter().enumerate() {
                let text = |name| entry.get(name).and_then(Value::as_str).map(str::to_owned);
                let (Some(name), Some(template)) = (text("name"), text("template")) else {
                    let field = format!("chat_template[{index}]");
                    let expected = "`name` and `template`, both strings";
                    return Err(field_error(path, &field, expected, entry));
                };
                by_name.insert(name, template);
            }
            by_name
        }
        Some(Value::Object(named)) => {
            let mut by_name = BTreeMap::new();
            for (name, template) in named {
                let Some(text) = template.as_str() else {
                    let field = format!("chat_template.{name}");
                    return Err(field_error(path, &field, "a string", template));
                };
                by_name.insert(name.clone(), text.to_owned());
            }
            by_name
        }
        Some(value) => {
            let expected = "a string, or named templates as a list or an object";
            return Err(field_error(path, "chat_template", expected, value));
        }
    };
    let path = path.to_owned();
    Ok(Some(Templates::Named { path, by_name }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(files: &[(&str, &str)], config: &Value) -> Option<Templates> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let config = config
            .as_object()
            .map(|fields| (fields, Path::new("c.json")));
        Templates::read(folder.path(), config).unwrap()
    }

    fn names(templates: Option<Templates>) -> Vec<String> {
        match templates {
            Some(Templates::Named { by_name, .. }) => by_name.into_keys().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_file_of_the_folder_counts() {
        let config = json!({"chat_template": "configured"});
        let rag = ("additional_chat_templates/rag.jinja", "r");
        assert_eq!(names(read(&[rag], &config)), ["rag"]);
        assert_eq!(
            names(read(&[rag, (TEMPLATE_NAME, "own")], &config)),
            ["default", "rag"]
        );
        let other = ("additional_chat_templates/notes.txt", "x");
        assert_eq!(
            read(&[other], &config),
            Some(Templates::One("configured".to_owned()))
        );
    }

    #[test]
    fn an_object_of_templates_is_as_good_as_a_list() {
        let config = json!({"chat_template": {"default": "d", "tool_use": "t"}});
        assert_eq!(names(read(&[], &config)), ["default", "tool_use"]);
    }

    #[test]
    fn the_file_of_processors_is_read_last() {
        let legacy = (LEGACY_NAME, r#"{"chat_template": "legacy"}"#);
        assert_eq!(
            read(&[legacy], &json!({})),
            Some(Templates::One("legacy".to_owned()))
        );
        assert_eq!(
            read(&[legacy], &json!({"chat_template": "configured"})),
            Some(Templates::One("configured".to_owned()))
        );
    }
}
