//! `tokenizer_config.json`: which tokens begin, end and pad, and how a conversation is rendered.

mod special_tokens;
mod templates;

use std::fs;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use jikji_durable::is_lfs_pointer;
use serde_json::{Map, Value, json};

use crate::TokenizerError;
use crate::validate::outline::read_fields;
use crate::validate::{MAX_FILE_BYTES, field_error};

use special_tokens::SpecialTokens;
pub(crate) use templates::Templates;

/// What we read from the file, and write to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    pub(crate) bos: Option<String>,
    pub(crate) eos: Option<String>,
    pub(crate) pad: Option<String>,
    /// `add_bos_token`: whether texts begin with BOS where the post-processor does not say so.
    pub(crate) add_bos: Option<bool>,
    /// The longest context in tokens, where known.
    pub(crate) model_max_length: Option<u64>,
    pub(crate) chat_template: Option<String>,
    /// The file that names the special tokens, if it is not this one.
    pub(crate) tokens_path: Option<PathBuf>,
}

pub(crate) const NAME: &str = "tokenizer_config.json";

impl ConfigFile {
    /// Reads the file of `folder` and those beside it; a folder without them says nothing about
    /// special tokens.
    pub(crate) fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let files = Files::read(folder)?;
        let model_max_length = files
            .config
            .as_ref()
            // transformers writes 10^30 for "no limit", which no integer holds: anything but a
            // plausible length says nothing.
            .and_then(|fields| fields.get("model_max_length")?.as_u64());
        let tokens = files.special_tokens(folder)?;
        Ok(Self {
            bos: tokens.role("bos_token"),
            eos: tokens.role("eos_token"),
            pad: tokens.role("pad_token"),
            add_bos: files.switch("add_bos_token")?,
            model_max_length,
            chat_template: files.templates(folder)?.and_then(Templates::into_default),
            tokens_path: (tokens.path != files.path).then_some(tokens.path),
        })
    }

    /// The file's bytes; `added_tokens` are the entries of `tokenizer.json`, in the order of their
    /// ids.
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
        if let Some(adds) = self.add_bos {
            document["add_bos_token"] = json!(adds);
        }
        // Absent rather than null: transformers then applies its own "no limit" and "no template".
        if let Some(length) = self.model_max_length {
            document["model_max_length"] = json!(length);
        }
        document["pad_token"] = json!(self.pad);
        document["tokenizer_class"] = json!("PreTrainedTokenizerFast");
        // Without the key, transformers' class for Qwen2 adds a token of its own behind the last
        // id.
        document["unk_token"] = Value::Null;
        if let Some(template) = &self.chat_template {
            document["chat_template"] = json!(template);
        }
        let mut text = format!("{document:#}");
        text.push('\n');
        text.into_bytes()
    }
}

/// What rendering a conversation needs of a folder.
#[derive(Debug)]
pub(crate) struct ConversationFiles {
    pub(crate) templates: Option<Templates>,
    /// Spelling of each special token that has a name, such as `bos_token`.
    pub(crate) special_tokens: Map<String, Value>,
}

impl ConversationFiles {
    pub(crate) fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let files = Files::read(folder)?;
        Ok(Self {
            templates: files.templates(folder)?,
            special_tokens: files.special_tokens(folder)?.by_name,
        })
    }
}

/// `tokenizer_config.json` as it is in a folder.
struct Files {
    path: PathBuf,
    text: Option<String>,
    config: Option<Map<String, Value>>,
}

/// The fields that we read; the file may have thousands of others.
const FIELDS: &[&str] = &[
    special_tokens::FIELDS[0],
    special_tokens::FIELDS[1],
    special_tokens::FIELDS[2],
    "add_bos_token",
    "model_max_length",
    "chat_template",
];

impl Files {
    fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join(NAME);
        let text = read_text(&path)?;
        let config = match &text {
            None => None,
            Some(text) => match read_fields(without_mark(text), &path, FIELDS)? {
                Value::Object(fields) => Some(fields),
                other => return Err(field_error(&path, "(whole file)", "an object", &other)),
            },
        };
        Ok(Self { path, text, config })
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, TokenizerError> {
        match self.config.as_ref().and_then(|fields| fields.get(name)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(value) => Err(field_error(&self.path, name, "true or false", value)),
        }
    }

    fn special_tokens(&self, folder: &Path) -> Result<SpecialTokens, TokenizerError> {
        SpecialTokens::read(folder, self.text.as_deref(), self.config.as_ref())
    }

    fn templates(&self, folder: &Path) -> Result<Option<Templates>, TokenizerError> {
        let config = self.config.as_ref().map(|fields| (fields, &*self.path));
        Templates::read(folder, config)
    }
}

/// JSON without the byte order mark that some editors put in front of it.
pub(crate) fn without_mark(json: &str) -> &str {
    json.strip_prefix('\u{feff}').unwrap_or(json)
}

/// Reads a text file; nothing if there is none. Pipes and devices, which may have no end, are not
/// read.
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
    if is_lfs_pointer(&bytes) {
        return Err(TokenizerError::LfsPointer {
            path: path.to_owned(),
        });
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

    fn read(config: &Value) -> Result<ConfigFile, TokenizerError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), config.to_string()).unwrap();
        ConfigFile::read(folder.path())
    }

    #[test]
    fn reads_what_published_folders_hold() {
        let document = json!({
            "bos_token": {"content": "[BOS]", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
            "model_max_length": 1e30, "chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}],
        });
        let expected = ConfigFile {
            bos: Some("[BOS]".to_owned()),
            eos: Some("</s>".to_owned()),
            chat_template: Some("d".to_owned()),
            ..ConfigFile::default()
        };
        assert_eq!(read(&document).unwrap(), expected);
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
        fs::write(
            folder.path().join(templates::TEMPLATE_NAME),
            "of its own file",
        )
        .unwrap();
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
        let error = read(&json!({"eos_token": 3})).unwrap_err().to_string();
        let expected = "field `eos_token`: expected a string, or an object with `content`, got `3`";
        assert!(error.ends_with(expected), "{error}");
    }
}
