//! Tokenizer folders.

mod added_tokens;
mod config;
mod merges;
mod model;
mod parts;
mod patterns;
mod text;
mod vocabulary;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use jikji_tokenizer::chat::{ChatError, ChatTemplate};
use jikji_tokenizer::{ExtendConfig, Extender, Tokenizer, TokenizerConfig, TokenizerError, train};
use serde_json::{Value, json};

use super::{Expected, words};

/// A folder, and what must come of loading it.
pub(crate) struct FileCase {
    pub(crate) name: String,
    /// Names and contents.
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
    pub(crate) expected: Expected,
}

impl FileCase {
    pub(crate) fn bytes(&self) -> usize {
        self.files.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Loads the folder and uses what comes back.
    pub(crate) fn run(&self) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in &self.files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        use_folder(folder.path())
    }
}

/// All of them.
pub(crate) fn cases() -> Vec<FileCase> {
    let groups = [
        vocabulary::cases(),
        merges::cases(),
        model::cases(),
        patterns::cases(),
        parts::cases(),
        added_tokens::cases(),
        text::cases(),
        config::cases(),
    ];
    groups.into_iter().flatten().collect()
}

/// Texts that every part of a tokenizer meets something of its own in.
pub(crate) const PROBES: &[&str] = &[
    "",
    " ",
    "한글 GPU를 a<|bos|>\0 \u{1112}\u{1161}",
    "가",
    "aab bb  \n\t\r\n x's 1234567 !!! \u{FDFA} \u{1F468}\u{200D}\u{1F469} e\u{301}",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
];

/// Loads a folder with everything in it, and puts what comes back to use.
pub(crate) fn use_folder(folder: &Path) -> Result<(), String> {
    let template = ChatTemplate::load(folder).map_err(|error: ChatError| {
        assert!(error.hint().is_some(), "{error}");
        words(&error)
    });
    let tokenizer = Tokenizer::load(folder).map_err(|error: TokenizerError| {
        assert!(error.hint().is_some(), "{error}");
        words(&error)
    })?;
    let ids: Vec<u32> = (0..tokenizer.vocab_size().min(400) as u32)
        .rev()
        .chain([u32::MAX])
        .collect();
    // Failing on a text is allowed to a hostile file, panicking is not.
    for text in PROBES {
        let _ = tokenizer.encode(text);
        let _ = tokenizer.encode_with_post_processor(text);
    }
    let _ = (
        tokenizer.decode(&ids),
        tokenizer.decode_all(&ids),
        tokenizer.decode_bytes(&ids),
    );
    let mut stream = tokenizer.decode_stream();
    for &id in &ids[..ids.len().min(40)] {
        let _ = stream.push(id);
    }
    let _ = (
        stream.finish(),
        tokenizer.fingerprint(),
        tokenizer.control_tokens(),
    );
    extend(&tokenizer, folder);
    template.map(drop)
}

/// New tokens for a hostile file: what comes of it must load, and the rest may be refused.
fn extend(tokenizer: &Tokenizer, folder: &Path) {
    let config = ExtendConfig {
        replace: 1,
        add: 2,
        min_frequency: 1,
        memory_bytes: 1 << 20,
    };
    let Ok(mut extender) = Extender::new(tokenizer, config, folder) else {
        return;
    };
    for text in PROBES {
        extender.learn(text).unwrap();
    }
    if let Ok(extended) = extender.finish() {
        for text in PROBES {
            let _ = extended.tokenizer.encode(text);
        }
    }
}

pub(crate) fn refused(name: &str, document: Value, expected: &str) -> FileCase {
    raw(
        name,
        document.to_string().into_bytes(),
        Expected::Refused(expected.to_owned()),
    )
}

pub(crate) fn usable(name: &str, document: Value) -> FileCase {
    raw(name, document.to_string().into_bytes(), Expected::Usable)
}

pub(crate) fn either(name: &str, document: Value) -> FileCase {
    raw(name, document.to_string().into_bytes(), Expected::Either)
}

pub(crate) fn raw(name: &str, bytes: Vec<u8>, expected: Expected) -> FileCase {
    FileCase {
        name: name.to_owned(),
        files: vec![("tokenizer.json", bytes)],
        expected,
    }
}

/// A valid file with few tokens.
pub(crate) fn valid() -> Value {
    static VALID: OnceLock<Value> = OnceLock::new();
    let make = || {
        let config = TokenizerConfig {
            reserved_tokens: 0,
            ..TokenizerConfig::with_vocab_size(280)
        };
        let texts = [
            "도서관은 아침 아홉 시에 문을 열고 저녁 여섯 시에 닫는다.",
            "The library opens at nine.",
        ];
        train(&texts, &config).unwrap().to_json().unwrap()
    };
    VALID.get_or_init(make).clone()
}

/// A file of the library's smallest kind.
pub(crate) fn tiny(vocab: &Value, merges: &Value) -> Value {
    json!({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null, "model": {"type": "BPE", "vocab": vocab, "merges": merges}})
}

/// The valid file with one field, given as a JSON pointer, set or removed.
pub(crate) fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut document = valid();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer}"));
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(name.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.shift_remove(name)),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (parent, _) => panic!("{pointer} is in {parent}"),
    }
    document
}

pub(crate) fn nested(kind: &str, members: &str, inner: Value, depth: usize) -> Value {
    (0..depth).fold(inner, |inner, _| json!({"type": kind, members: [inner]}))
}

/// Cuts text by a regular expression.
pub(crate) fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

pub(crate) fn replace(from: &str, to: &str) -> Value {
    json!({"type": "Replace", "pattern": {"Regex": from}, "content": to})
}

pub(crate) fn added(id: u64, content: &str) -> Value {
    json!([{"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true}])
}
