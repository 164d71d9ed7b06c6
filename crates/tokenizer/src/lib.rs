//! Text to token ids and back.
//!
//! [`train`] learns a byte-level BPE vocabulary from text, [`Tokenizer`] loads, saves, encodes and decodes, [`DecodeStream`]
//! turns generated ids into whole characters, [`measure`] counts how many bytes, eojeol and syllables a token carries.
//! What a folder holds is what other programs read: files are those of Hugging Face's `tokenizers`, which also encodes where a
//! file has a part that is not known here.
//!
//! Two promises hold for tokenizers trained here: `decode(encode(s))` is the NFC form of `s` for every string, and text that
//! spells a control token is encoded as ordinary text, never as that token.

mod config;
mod error;
mod extend;
mod guard;

mod byte_alphabet;
mod char_class;
mod pre_tokenizer;
mod scan;

mod merges;
mod morphemes;
mod piece_counts;
mod sample;
mod train;
mod trie;
mod unigram;

mod config_file;
mod encode_parts;
mod encoder;
mod stream;
mod tokenizer;
mod validate;

pub mod chat;
pub mod measure;
pub mod pattern;

pub use config::{Algorithm, Digits, PreTokenization, SpecialTokens, TokenizerConfig};
pub use error::TokenizerError;
pub use extend::{ExtendConfig, Extended, Extender, NewToken, Piece};
pub use stream::DecodeStream;
pub use tokenizer::{TOKENIZER_FILES, Tokenizer};
pub use train::{Trainer, train};
