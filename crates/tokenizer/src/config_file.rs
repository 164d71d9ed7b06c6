//! `tokenizer_config.json`: which tokens begin, end and pad, and how a conversation is rendered.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::TokenizerError;
use crate::validate::outline::read_fields;
use crate::validate::{MAX_FILE_BYTES, field_error};

/// What we read from the file, and write to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    pub(crate) bos: Option<String>,
    pub(crate) eos: Option<String>,
    pub(crate) pad: Option<String>,
    /// The longest context in tokens, where known.
    pub(crate) model_max_length: Option<u64>,
    pub(crate) chat_template: Option<String>,
}

pub(crate) const NAME: &str = "tokenizer_config.json";

/// Newer folders keep the template here; it then goes before the one in the configuration.
const TEMPLATE_NAME: &str = "chat_template.jinja";

impl ConfigFile {
    /// Reads the file of `folder`; a folder without one says nothing about special tokens.
    pub(crate) fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join(NAME);
        let mut settings = match read_json(&path)? {
            Some(document) => Self::from_document(&document, &path)?,
            None => Self::default(),
        };
        if let Some(template) = read_text(&folder.join(TEMPLATE_NAME))? {
            settings.chat_template = Some(template);
        }
        Ok(settings)
    }

    fn from_document(document: &Value, path: &Path) -> Result<Self, TokenizerError> {
        let Some(fields) = document.as_object() else {
            return Err(field_error(path, "(whole file)", "an object", document));
        };
        // transformers writes 10^30 for "no limit", which no integer holds: anything but a plausible length says nothing.
        let model_max_length = fields.get("model_max_length").and_then(Value::as_u64);
        Ok(Self {
            bos: token(fields, "bos_token", path)?,
            eos: token(fields, "eos_token", path)?,
            pad: token(fields, "pad_token", path)?,
            model_max_length,
            chat_template: template(fields, path)?,
        })
    }

    /// The file's bytes; `added_tokens` are the entries of `tokenizer.json`, in the order of their ids.
    pub(crate) fn to_bytes(&self, added_tokens: &[Value]) -> Vec<u8> {
        let mut decoder = Map::new();
        for token in added_tokens {
            let mut token = token.clone();
            if let Some(fields) = token.as_object_mut()
                && let Some(id) = fields.shift_remove("id")
            {
                decoder.insert(id.to_string(), token);
            }
        }
        let mut document = json!({
            "added_tokens_decoder": decoder,
            "bos_token": self.bos,
            "clean_up_tokenization_spaces": false,
            "eos_token": self.eos,
        });
        // Absent rather than null: transformers then applies its own "no limit" and "no template".
        if let Some(length) = self.model_max_length {
            document["model_max_length"] = json!(length);
        }
        document["pad_token"] = json!(self.pad);
        document["tokenizer_class"] = json!("PreTrainedTokenizerFast");
        // Without the key, transformers' class for Qwen2 adds a token of its own behind the last id.
        document["unk_token"] = Value::Null;
        if let Some(template) = &self.chat_template {
            document["chat_template"] = json!(template);
        }
        let mut text = format!("{document:#}");
        text.push('\n');
        text.into_bytes()
    }
}

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

/// What rendering a conversation needs of a folder.
#[derive(Debug)]
pub(crate) struct ConversationFiles {
    pub(crate) templates: Option<Templates>,
    /// Spelling of each special token that has a role, such as `bos_token`.
    pub(crate) special_tokens: Map<String, Value>,
}

/// The roles that transformers hands to a template as variables.
const SPECIAL_TOKENS: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// Folder of further templates, one a file.
const TEMPLATE_DIR: &str = "additional_chat_templates";

impl ConversationFiles {
    /// Template files go before the configuration, and one file is then enough to silence it.
    pub(crate) fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join(NAME);
        let mut special_tokens = Map::new();
        let mut templates = None;
        if let Some(document) = read_json(&path)? {
            let Some(fields) = document.as_object() else {
                return Err(field_error(&path, "(whole file)", "an object", &document));
            };
            for name in SPECIAL_TOKENS {
                if let Some(spelling) = token(fields, name, &path)? {
                    special_tokens.insert(name.to_owned(), Value::String(spelling));
                }
            }
            templates = configured_templates(fields, &path)?;
        }
        let mut by_name = BTreeMap::new();
        for name in ["default", "tool_use"] {
            let file = if name == "default" {
                folder.join(TEMPLATE_NAME)
            } else {
                folder.join(TEMPLATE_DIR).join(format!("{name}.jinja"))
            };
            if let Some(template) = read_text(&file)? {
                by_name.insert(name.to_owned(), template);
            }
        }
        match (by_name.len(), by_name.remove("default")) {
            (0, _) => {}
            (1, Some(only)) => templates = Some(Templates::One(only)),
            (_, default) => {
                by_name.extend(default.map(|template| ("default".to_owned(), template)));
                let path = folder.to_owned();
                templates = Some(Templates::Named { path, by_name });
            }
        }
        Ok(Self {
            templates,
            special_tokens,
        })
    }
}

/// One template, or several with names.
fn configured_templates(
    fields: &Map<String, Value>,
    path: &Path,
) -> Result<Option<Templates>, TokenizerError> {
    match fields.get("chat_template") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(template)) => Ok(Some(Templates::One(template.clone()))),
        Some(Value::Array(named)) => {
            let mut by_name = BTreeMap::new();
            for (index, entry) in named.iter().enumerate() {
                let text = |name| entry.get(name).and_then(Value::as_str).map(str::to_owned);
                let (Some(name), Some(template)) = (text("name"), text("template")) else {
                    let field = format!("chat_template[{index}]");
                    return Err(field_error(
                        path,
                        &field,
                        "`name` and `template`, both strings",
                        entry,
                    ));
                };
                by_name.insert(name, template);
            }
            let path = path.to_owned();
            Ok(Some(Templates::Named { path, by_name }))
        }
        Some(value) => Err(field_error(
            path,
            "chat_template",
            "a string, or a list of named templates",
            value,
        )),
    }
}

/// A special token is spelled as a string, or as an object with its `content`.
fn token(
    fields: &Map<String, Value>,
    name: &str,
    path: &Path,
) -> Result<Option<String>, TokenizerError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok(Some(token.clone())),
        Some(value) => match value.get("content").and_then(Value::as_str) {
            Some(token) => Ok(Some(token.to_owned())),
            None => Err(field_error(
                path,
                name,
                "a string, or an object with `content`",
                value,
            )),
        },
    }
}

/// One template, or several with names, of which `default` is for conversations.
fn template(fields: &Map<String, Value>, path: &Path) -> Result<Option<String>, TokenizerError> {
    match fields.get("chat_template") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(template)) => Ok(Some(template.clone())),
        Some(Value::Array(named)) => {
            let default = named
                .iter()
                .find(|entry| entry.get("name").and_then(Value::as_str) == Some("default"));
            Ok(default
                .and_then(|entry| entry.get("template"))
                .and_then(Value::as_str)
                .map(str::to_owned))
        }
        Some(value) => Err(field_error(
            path,
            "chat_template",
            "a string, or a list of named templates",
            value,
        )),
    }
}

/// The fields that we read; the file may have thousands of others.
const FIELDS: &[&str] = &[
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
    "model_max_length",
    "chat_template",
];

fn read_json(path: &Path) -> Result<Option<Value>, TokenizerError> {
    read_text(path)?
        .map(|text| read_fields(&text, path, FIELDS))
        .transpose()
}

/// Reads a text file; nothing if there is none. Pipes and devices, which may have no end, are not read.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, TokenizerError> {
    let read_error = |source| TokenizerError::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error)),
    };
    if !metadata.is_file() {
        let reason = "not a regular file";
        return Err(read_error(Error::new(ErrorKind::InvalidInput, reason)));
    }
    let too_large = |bytes| TokenizerError::TooLarge {
        path: path.to_owned(),
        bytes,
        limit: MAX_FILE_BYTES,
    };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large(metadata.len()));
    }
    // The length may be a lie, as it is in `/proc`, or grow while we read.
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    let file = fs::File::open(path).map_err(read_error)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(read_error)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let got = Value::from(format!(
            "byte {:#04x}",
            error.as_bytes().get(at).unwrap_or(&0)
        ));
        field_error(path, &format!("(byte {at})"), "UTF-8", &got)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_published_folders_hold() {
        let document = json!({
            "bos_token": {"content": "[BOS]", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
            "model_max_length": 1e30, "chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}],
        });
        let settings = ConfigFile::from_document(&document, Path::new("c.json")).unwrap();
        let expected = ConfigFile {
            bos: Some("[BOS]".to_owned()),
            eos: Some("</s>".to_owned()),
            chat_template: Some("d".to_owned()),
            ..ConfigFile::default()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let settings = ConfigFile {
            bos: Some("<s>".to_owned()),
            model_max_length: Some(4096),
            chat_template: Some("{{ messages }}".to_owned()),
            ..ConfigFile::default()
        };
        fs::write(folder.path().join(NAME), settings.to_bytes(&[])).unwrap();
        assert_eq!(ConfigFile::read(folder.path()).unwrap(), settings);
        fs::write(folder.path().join(TEMPLATE_NAME), "of its own file").unwrap();
        assert_eq!(
            ConfigFile::read(folder.path())
                .unwrap()
                .chat_template
                .as_deref(),
            Some("of its own file")
        );
    }

    #[test]
    fn a_wrong_type_is_named() {
        let error =
            ConfigFile::from_document(&json!({"eos_token": 3}), Path::new("c.json")).unwrap_err();
        insta::assert_snapshot!(
            error,
            @"`c.json`, field `eos_token`: expected a string, or an object with `content`, got `3`"
        );
    }
}
