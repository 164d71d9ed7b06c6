//! The tokenizer that the rest of the program holds: load, save, encode, decode.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jikji_durable::{create_dir_all, write_file};
use serde_json::Value;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::{DecoderWrapper, ModelWrapper};

use crate::char_class::nfc;
use crate::config_file::{self, ConfigFile, read_text};
use crate::encode_parts::inside_of_text;
use crate::encoder::Encoder;
use crate::guard::guarded;
use crate::measure::Kind;
use crate::validate::outline::read_tokenizer;
use crate::validate::{check_document, check_normalized, culprit, field_error, strip_run_settings};
use crate::{DecodeStream, TokenizerError, byte_alphabet};

const TOKENIZER_NAME: &str = "tokenizer.json";

/// The files of a folder that a tokenizer is read from; only the first must be there.
pub const TOKENIZER_FILES: [&str; 5] = [
    TOKENIZER_NAME,
    config_file::NAME,
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
];

/// A text that every part of a file is tried on.
const PROBE: &str = " 한글 GPU를 3월,\n  ab'll\t1234 é😀 <|x|>";

/// A BPE tokenizer: trained here, or loaded from a published folder.
///
/// Shared freely between threads. Two rules differ from the library's defaults, both so that data cannot steer the model:
/// [`encode`](Self::encode) treats spellings of control tokens as text, and a file's truncation and padding are not applied.
#[derive(Debug)]
pub struct Tokenizer {
    library: tokenizers::Tokenizer,
    /// Where all parts of the file are known here: finds the same ids faster.
    encoder: Option<Encoder>,
    settings: ConfigFile,
    special: SpecialIds,
    /// One more than the largest id.
    vocab_size: usize,
    spelling: Spelling,
    /// The file normalizes to NFC and does nothing else before cutting.
    normalizes_to_nfc: bool,
    fingerprint: String,
    /// What is counted of each token; made when first asked for.
    kinds: OnceLock<Vec<Kind>>,
    /// The library for pieces inside of a text, where it is another one; made when first asked for.
    continuation: OnceLock<Option<Box<tokenizers::Tokenizer>>>,
}

#[derive(Debug, Clone, Copy)]
struct SpecialIds {
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
}

/// How the tokens of a file spell bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Each character of a token stands for a byte.
    ByteLevel,
    /// Tokens are text with `▁` for a space; `<0x0A>` stands for a byte.
    SentencePiece,
    /// Something else, that only the library can decode.
    Other,
}

impl Tokenizer {
    /// Loads `dir/tokenizer.json` with the `tokenizer_config.json` beside it; also accepts the path of a `tokenizer.json`.
    ///
    /// The file is checked first: what comes back as a tokenizer has unique ids, merges that exist, and parts that a probe
    /// has run through. Holes in the ids are allowed, as published files have them.
    ///
    /// # Errors
    /// A file that is missing, not JSON, or has a field that cannot be used; the message names both.
    pub fn load(dir: &Path) -> Result<Self, TokenizerError> {
        let path: PathBuf = if dir.is_dir() {
            dir.join(TOKENIZER_NAME)
        } else {
            dir.to_owned()
        };
        let text = read_text(&path)?.ok_or_else(|| TokenizerError::Read {
            path: path.clone(),
            source: std::io::Error::from(std::io::ErrorKind::NotFound),
        })?;
        let document = read_tokenizer(&text, &path)?;
        drop(text);
        let settings = ConfigFile::read(path.parent().unwrap_or_else(|| Path::new("")))?;
        Self::from_document(document, settings, &path)
    }

    /// Makes a tokenizer of the JSON that `path` holds or would hold.
    pub(crate) fn from_document(
        mut document: Value,
        settings: ConfigFile,
        path: &Path,
    ) -> Result<Self, TokenizerError> {
        strip_run_settings(&mut document);
        let facts = check_document(&document, path)?;
        let encoder = Encoder::new(&document);
        let refused = |reason| TokenizerError::Refused {
            path: path.to_owned(),
            reason,
        };
        let mut library: tokenizers::Tokenizer =
            guarded(|| serde_json::from_value(document)).map_err(refused)?;
        for (index, (content, id)) in facts.added_tokens.iter().enumerate() {
            let got = library.token_to_id(content);
            if got != Some(*id) {
                // The library numbers added tokens itself; a file that says otherwise would mean two things.
                let expected = format!(
                    "id {} for `{content}`, the next free one",
                    got.unwrap_or_default()
                );
                return Err(field_error(
                    path,
                    &format!("added_tokens[{index}].id"),
                    &expected,
                    &Value::from(*id),
                ));
            }
        }
        check_normalized(&library, &facts.added_tokens, path)?;
        library.set_encode_special_tokens(true);

        let config_path = path.with_file_name(config_file::NAME);
        let id_of = |field: &str, token: Option<&String>| {
            let Some(token) = token else { return Ok(None) };
            let expected = "a token that tokenizer.json has";
            let missing =
                || field_error(&config_path, field, expected, &Value::from(token.as_str()));
            library.token_to_id(token).map(Some).ok_or_else(missing)
        };
        let special = SpecialIds {
            bos: id_of("bos_token", settings.bos.as_ref())?,
            eos: id_of("eos_token", settings.eos.as_ref())?,
            pad: id_of("pad_token", settings.pad.as_ref())?,
        };
        let spelling = spelling_of(&library);
        let normalizes_to_nfc = matches!(library.get_normalizer(), Some(NormalizerWrapper::NFC(_)));
        let mut tokenizer = Self {
            library,
            encoder,
            settings,
            special,
            vocab_size: facts.vocab_size,
            spelling,
            normalizes_to_nfc,
            fingerprint: String::new(),
            kinds: OnceLock::new(),
            continuation: OnceLock::new(),
        };
        tokenizer.fingerprint = tokenizer.probe().map_err(|reason| {
            let part = culprit(&tokenizer.library, PROBE);
            let got = Value::from(reason);
            field_error(path, part, "a part that works on a short text", &got)
        })?;
        Ok(tokenizer)
    }

    /// As [`Tokenizer::save`], for a model of this context length in tokens; written as `model_max_length` where the tokenizer was
    /// not made for another one.
    ///
    /// # Errors
    /// As [`Tokenizer::save`].
    pub fn save_for_model(&self, dir: &Path, max_length: u64) -> Result<(), TokenizerError> {
        let mut settings = self.settings.clone();
        settings.model_max_length.get_or_insert(max_length);
        self.save_with(dir, &settings)
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` into `dir`, which is made if need be.
    ///
    /// The bytes depend on the tokenizer only. Each file is written aside, made durable and renamed.
    ///
    /// # Errors
    /// A file that cannot be written; what stood there before is then untouched.
    pub fn save(&self, dir: &Path) -> Result<(), TokenizerError> {
        self.save_with(dir, &self.settings)
    }

    fn save_with(&self, dir: &Path, settings: &ConfigFile) -> Result<(), TokenizerError> {
        let text = self.canonical()?;
        let document: Value =
            serde_json::from_str(&text).map_err(|source| TokenizerError::Json {
                path: dir.join(TOKENIZER_NAME),
                source,
            })?;
        let added: &[Value] = document
            .get("added_tokens")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice);
        write(dir, TOKENIZER_NAME, text.as_bytes())?;
        write(dir, config_file::NAME, &settings.to_bytes(added))
    }

    /// The ids of ordinary text: nothing is added, and spellings of control tokens are text.
    ///
    /// (Tokens that a published file adds without calling them special are matched, as everywhere else.)
    ///
    /// # Errors
    /// Only for loaded files: a part of theirs that fails on this text, such as a pattern that takes too many steps.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode_as(text, false)
    }

    /// As [`encode`](Self::encode), with what the file's own post-processor adds. Ours puts BOS in front.
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode).
    pub fn encode_with_post_processor(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode_as(text, true)
    }

    /// The text of `ids`, control tokens left out. Ids without a token are left out too; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// Only for loaded files whose decoder fails on these ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.decode_as(ids, true)
    }

    /// As [`decode`](Self::decode), with control tokens in their spelling.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode).
    pub fn decode_all(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.decode_as(ids, false)
    }

    /// The bytes that `ids` stand for, control tokens left out: for ids that may end inside a character.
    ///
    /// Exact for byte-level files. For SentencePiece files, a space in front of the text stays. For files that are neither,
    /// each token gives the bytes of its own spelling.
    pub fn decode_bytes(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            self.push_bytes(id, &mut bytes);
        }
        bytes
    }

    /// A decoder that takes ids one at a time and gives whole characters.
    pub fn decode_stream(&self) -> DecodeStream<'_> {
        DecodeStream::new(self)
    }

    /// The id of a token in the file's own spelling.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.library.token_to_id(token)
    }

    /// The token of an id, in the file's own spelling.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.library.id_to_token(id)
    }

    /// One more than the largest id: the rows that an embedding needs.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The token that stands before a document.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// The token that ends a document.
    pub fn eos_id(&self) -> Option<u32> {
        self.special.eos
    }

    /// The token that fills a batch.
    pub fn pad_id(&self) -> Option<u32> {
        self.special.pad
    }

    /// Whether `id` is a control token: one that decoding leaves out and no text is encoded as.
    pub fn is_special(&self, id: u32) -> bool {
        self.library
            .get_added_vocabulary()
            .get_added_tokens_decoder()
            .get(&id)
            .is_some_and(|token| token.special)
    }

    /// The `tokenizer.json` as [`save`](Self::save) writes it, for programs with a format of their own.
    ///
    /// # Errors
    /// Only for loaded files that the library cannot write out.
    pub fn to_json(&self) -> Result<Value, TokenizerError> {
        let text = self.to_json_text()?;
        serde_json::from_str(&text).map_err(|source| TokenizerError::Json {
            path: TOKENIZER_NAME.into(),
            source,
        })
    }

    /// As [`to_json`](Self::to_json), as the text of the file.
    ///
    /// # Errors
    /// As [`to_json`](Self::to_json).
    pub fn to_json_text(&self) -> Result<String, TokenizerError> {
        self.canonical()
    }

    /// The Jinja template that renders a conversation, if there is one. [`chat::ChatTemplate`](crate::chat::ChatTemplate) runs it.
    pub fn chat_template(&self) -> Option<&str> {
        self.settings.chat_template.as_deref()
    }

    /// The same tokenizer with another template, or none.
    #[must_use]
    pub fn with_chat_template(mut self, template: Option<String>) -> Self {
        self.settings.chat_template = template;
        self
    }

    /// BLAKE3 of the canonical `tokenizer.json` in hexadecimal: equal exactly for tokenizers that encode alike by the same
    /// file. What `tokenizer_config.json` says does not count.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    pub(crate) fn normalizes_to_nfc(&self) -> bool {
        self.normalizes_to_nfc
    }

    pub(crate) fn settings(&self) -> &ConfigFile {
        &self.settings
    }

    pub(crate) fn library(&self) -> &tokenizers::Tokenizer {
        &self.library
    }

    pub(crate) fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    pub(crate) fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Appends the bytes of one id.
    pub(crate) fn push_bytes(&self, id: u32, bytes: &mut Vec<u8>) {
        if self.is_special(id) {
            return;
        }
        let Some(token) = self.library.id_to_token(id) else {
            return;
        };
        match self.spelling {
            Spelling::ByteLevel => match byte_alphabet::unspell(&token) {
                Some(spelled) => bytes.extend(spelled),
                None => bytes.extend(token.bytes()),
            },
            Spelling::SentencePiece => match fallback_byte(&token) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend(token.replace('▁', " ").bytes()),
            },
            Spelling::Other => bytes.extend(token.bytes()),
        }
    }

    /// What is counted of a token.
    pub(crate) fn kind(&self, id: u32) -> Kind {
        let kinds = self.kinds.get_or_init(|| {
            let kind = |id| {
                let mut bytes = Vec::new();
                self.push_bytes(id, &mut bytes);
                Kind::of(&bytes)
            };
            (0..self.vocab_size as u32).map(kind).collect()
        });
        kinds.get(id as usize).copied().unwrap_or(Kind::Word)
    }

    fn encode_as(&self, text: &str, post_process: bool) -> Result<Vec<u32>, TokenizerError> {
        self.encode_with(&self.library, text, post_process)
    }

    fn encode_with(
        &self,
        library: &tokenizers::Tokenizer,
        text: &str,
        post_process: bool,
    ) -> Result<Vec<u32>, TokenizerError> {
        // The library normalizes by the tables of Unicode 9. Ours are the current ones, and what is NFC by them stays so
        // under the older ones. Programs that leave it to the library differ from us on sequences of newer characters that
        // compose (a few Indic and African scripts), and nowhere else.
        let normalized = if self.normalizes_to_nfc {
            nfc(text)
        } else {
            text.into()
        };
        let text = normalized.as_ref();
        let own = self.encoder.as_ref();
        let ids = own.and_then(|encoder| {
            if post_process {
                encoder.encode_with_post_processor(text)
            } else {
                encoder.encode(text)
            }
        });
        if let Some(ids) = ids {
            return Ok(ids);
        }
        let encoding = guarded(|| library.encode_fast(text, post_process)).map_err(|reason| {
            TokenizerError::Library {
                action: "encode a text",
                reason,
            }
        })?;
        Ok(encoding.get_ids().to_vec())
    }

    fn decode_as(&self, ids: &[u32], skip_special: bool) -> Result<String, TokenizerError> {
        guarded(|| self.library.decode(ids, skip_special)).map_err(|reason| {
            TokenizerError::Library {
                action: "decode ids",
                reason,
            }
        })
    }

    fn canonical(&self) -> Result<String, TokenizerError> {
        guarded(|| self.library.to_string(true)).map_err(|reason| TokenizerError::Library {
            action: "write out a tokenizer",
            reason,
        })
    }

    /// As [`encode`](Self::encode), of a piece that has something in front of it: files that put a space in front of a text
    /// do so only where it begins.
    pub(crate) fn encode_continuation(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let library = self
            .continuation
            .get_or_init(|| inside_of_text(&self.library).map(Box::new));
        self.encode_with(library.as_deref().unwrap_or(&self.library), text, false)
    }

    /// Runs every part of a file once, so that a part which cannot work fails here and not during a run.
    /// Gives the fingerprint, as writing out is one of the parts.
    fn probe(&self) -> Result<String, String> {
        let words = |error: TokenizerError| match error {
            TokenizerError::Library { action, reason } => format!("cannot {action}: {reason}"),
            other => other.to_string(),
        };
        for text in ["", PROBE] {
            let ids = self.encode_with_post_processor(text).map_err(words)?;
            if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
                return Err(format!(
                    "its post-processor adds id `{id}`, the vocabulary has `{}`",
                    self.vocab_size
                ));
            }
            self.decode(&ids).map_err(words)?;
        }
        let canonical = self.canonical().map_err(words)?;
        Ok(blake3::hash(canonical.as_bytes()).to_hex().to_string())
    }
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), TokenizerError> {
    let path = dir.join(name);
    create_dir_all(dir)
        .and_then(|()| write_file(&path, bytes))
        .map_err(|source| TokenizerError::Write { path, source })
}

fn spelling_of(library: &tokenizers::Tokenizer) -> Spelling {
    match (library.get_decoder(), library.get_model()) {
        (Some(DecoderWrapper::ByteLevel(_)), _) => Spelling::ByteLevel,
        (_, ModelWrapper::BPE(model)) if model.byte_fallback => Spelling::SentencePiece,
        _ => Spelling::Other,
    }
}

/// The byte of `<0x0A>`.
fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}
