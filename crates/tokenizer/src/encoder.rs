//! Encoding without the library, for byte-level files whose parts are all known: the same ids, many times faster.
//!
//! Text is cut without a regex engine, each piece is merged by rank (Sennrich et al. 2016, arXiv 1508.07909) or cut into its most probable tokens, and pieces that come
//! back are found in a cache. What has a part that is not known here stays with Hugging Face's library, as a whole.

mod cache;
mod merge;
mod unigram;

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;
use serde_json::Value;
use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper};
use unicode_normalization::{IsNormalized, is_nfkc_quick};

use crate::pre_tokenizer::PreTokenizer;
use cache::{Cache, Place};
pub(crate) use merge::Merges;
use unigram::Unigram;

/// Pieces that are cut before they are looked up.
const BATCH: usize = 32;

/// What a file says about encoding, if all of it is known.
#[derive(Debug)]
pub(crate) struct Encoder {
    pre_tokenizer: PreTokenizer,
    model: Model,
    /// Where text that holds one of these is to be encoded, the library does it.
    added: AhoCorasick,
    /// A normal form that is not NFC, as the library has it.
    normalizer: Option<NormalizerWrapper>,
    /// What the post-processor puts before and behind a text, if it does nothing else.
    around: Option<[Vec<u32>; 2]>,
    caches: Mutex<Vec<Cache>>,
}

/// How a piece becomes tokens.
#[derive(Debug)]
enum Model {
    Bpe(Box<Merges>),
    Unigram(Unigram),
}

impl Model {
    fn new(json: &Value) -> Option<Self> {
        match json["type"].as_str()? {
            "BPE" => Merges::new(json).map(|merges| Self::Bpe(Box::new(merges))),
            "Unigram" => Unigram::new(json).map(Self::Unigram),
            _ => None,
        }
    }

    fn encode(&self, piece: &[u8], ids: &mut Vec<u32>) {
        match self {
            Self::Bpe(merges) => merges.encode(piece, ids),
            Self::Unigram(tokens) => tokens.encode(piece, ids),
        }
    }
}

impl Encoder {
    /// Of the JSON of a `tokenizer.json` that was found to be sound.
    pub(crate) fn new(document: &Value) -> Option<Self> {
        let normalizer = match document.get("normalizer") {
            None | Some(Value::Null) => None,
            Some(normalizer) => match normalizer["type"].as_str()? {
                "NFC" => None,
                "NFD" | "NFKC" | "NFKD" => Some(NormalizerWrapper::deserialize(normalizer).ok()?),
                _ => return None,
            },
        };
        let added: Vec<&str> = document
            .get("added_tokens")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|token| token["special"] != true)
            .map(|token| {
                let content = token["content"].as_str()?;
                // The library looks for the normal form of a token in normalized text; ASCII is in all of them.
                let is_as_spelled = content.is_ascii() || token["normalized"] == false;
                is_as_spelled.then_some(content)
            })
            .collect::<Option<_>>()?;
        Some(Self {
            pre_tokenizer: PreTokenizer::new(document.get("pre_tokenizer")?)?,
            model: Model::new(document.get("model")?)?,
            added: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(added)
                .ok()?,
            normalizer,
            around: around(document.get("post_processor").unwrap_or(&Value::Null)),
            caches: Mutex::new(Vec::new()),
        })
    }

    /// The ids of ordinary text, in NFC if the file asks for that; `None` where the library is to find them.
    pub(crate) fn encode(&self, text: &str) -> Option<Vec<u32>> {
        if self.has_added(text) {
            return None;
        }
        match self.normalized(text)? {
            Cow::Borrowed(text) => Some(self.ids(text)),
            Cow::Owned(text) => (!self.has_added(&text)).then(|| self.ids(&text)),
        }
    }

    /// Whether the library is to encode a text.
    fn has_added(&self, text: &str) -> bool {
        // Without patterns, the search would still go through the text.
        self.added.patterns_len() > 0 && self.added.is_match(text)
    }

    /// A text in the file's normal form, if that is another one than NFC.
    pub(crate) fn normalized<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let changing = self.normalizer.as_ref();
        let Some(normalizer) = changing.filter(|normalizer| !is_unchanged(normalizer, text)) else {
            return Some(text.into());
        };
        let mut normalized = NormalizedString::from(text);
        normalizer.normalize(&mut normalized).ok()?;
        Some(normalized.get().to_owned().into())
    }

    /// Calls `each` with the stretches of a text between added tokens, in the file's normal form.
    pub(crate) fn for_each_stretch<E>(
        &self,
        text: &str,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let text = self.normalized(text).unwrap_or(text.into());
        let mut start = 0;
        for found in self.added.find_iter(text.as_ref()) {
            each(&text[start..found.start()])?;
            start = found.end();
        }
        each(&text[start..])
    }

    /// As [`encode`](Self::encode), with what the post-processor adds.
    pub(crate) fn encode_with_post_processor(&self, text: &str) -> Option<Vec<u32>> {
        let [before, behind] = self.around.as_ref()?;
        let ids = self.encode(text)?;
        Some([before.as_slice(), &ids, behind].concat())
    }

    fn ids(&self, text: &str) -> Vec<u32> {
        let lock = || self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cache = lock().pop().unwrap_or_default();
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut batch: Vec<(&[u8], Option<Place>)> = Vec::with_capacity(BATCH);
        let mut finish = |batch: &mut Vec<(&[u8], Option<Place>)>| {
            cache.touch(batch.iter().filter_map(|(_, place)| place.as_ref()));
            for (piece, place) in batch.drain(..) {
                cache.encode(place, &mut ids, |ids| self.model.encode(piece, ids));
            }
        };
        self.pre_tokenizer.cut(text, |piece| {
            let start = piece.as_ptr().addr() - text.as_ptr().addr();
            let place = Cache::place(&text.as_bytes()[start..], piece.len());
            batch.push((piece.as_bytes(), place));
            if batch.len() == BATCH {
                finish(&mut batch);
            }
        });
        finish(&mut batch);
        lock().push(cache);
        ids
    }
}

/// The ids that a post-processor puts before and behind a text.
fn around(post_processor: &Value) -> Option<[Vec<u32>; 2]> {
    if post_processor.is_null() {
        return Some(<[Vec<u32>; 2]>::default());
    }
    match post_processor["type"].as_str()? {
        // It moves offsets only.
        "ByteLevel" => Some(<[Vec<u32>; 2]>::default()),
        "Sequence" => {
            let mut all = <[Vec<u32>; 2]>::default();
            for processor in post_processor["processors"].as_array()? {
                let [before, behind] = around(processor)?;
                all[0].splice(0..0, before);
                all[1].extend(behind);
            }
            Some(all)
        }
        "TemplateProcessing" => {
            let mut sides = <[Vec<u32>; 2]>::default();
            let mut side = 0;
            for piece in post_processor["single"].as_array()? {
                if let Some(token) = piece["SpecialToken"]["id"].as_str() {
                    let ids = post_processor["special_tokens"][token]["ids"].as_array()?;
                    for id in ids {
                        sides.get_mut(side)?.push(u32::try_from(id.as_u64()?).ok()?);
                    }
                } else if piece["Sequence"]["id"] == "A" {
                    side += 1;
                } else {
                    return None;
                }
            }
            (side == 1).then_some(sides)
        }
        _ => None,
    }
}

/// Whether `text` is in the normal form for certain, found faster than by normalizing it.
fn is_unchanged(normalizer: &NormalizerWrapper, text: &str) -> bool {
    matches!(normalizer, NormalizerWrapper::NFKC(_))
        && is_nfkc_quick(text.chars()) == IsNormalized::Yes
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use std::path::Path;
    use unicode_normalization::UnicodeNormalization;

    use crate::config_file::ConfigFile;
    use crate::pattern::GPT2;
    use crate::{Algorithm, Tokenizer, TokenizerConfig, train};

    const TEXT: &str = "GPU를 3월에 두 개 쓰면 학습이 빨라진다. ﬁ ㎏ 한글 \u{1112}\u{1161}\u{11AB} e\u{301}  don't DON'T we'LL\n\n \
        제12조의2(벌칙) 1,250원 x=f(y);\r\n\t<tool> 漢字 नमस्ते 😀👍 ㅋㅋㅋㅋ";

    /// A file as this one, with other parts.
    fn document(parts: &[(&str, serde_json::Value)]) -> serde_json::Value {
        let trained = train([TEXT.repeat(3)], &TokenizerConfig::with_vocab_size(500)).unwrap();
        let mut document = trained.to_json().unwrap();
        for (pointer, value) in parts {
            *document.pointer_mut(pointer).unwrap() = value.clone();
        }
        document
    }

    fn tokenizer(parts: &[(&str, serde_json::Value)]) -> Tokenizer {
        let settings = ConfigFile::read(Path::new("no such folder")).unwrap();
        Tokenizer::from_document(document(parts), settings, Path::new("tokenizer.json")).unwrap()
    }

    /// Windows of the text at every place, and some that repeat.
    fn texts() -> impl Iterator<Item = String> {
        let characters: Vec<char> = TEXT.chars().collect();
        let windows = (0..characters.len()).flat_map(move |start| {
            let characters = characters.clone();
            [1, 2, 3, 5, 9, 17, 200].into_iter().map(move |len| {
                let end = (start + len).min(characters.len());
                characters[start..end].iter().collect::<String>()
            })
        });
        let words = ["가나", "=", "abcde", "\u{301}"].map(|word| word.repeat(300));
        windows.chain(words).chain([String::new()])
    }

    #[test]
    fn ids_are_those_of_the_library() {
        let bytes = |regex| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
        let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let sequence = |parts: &[_]| json!({"type": "Sequence", "pretokenizers": parts});
        let digits = json!({"type": "Digits", "individual_digits": true});
        let cut = "/pre_tokenizer";
        for parts in [
            vec![],
            vec![("/normalizer", json!(null))],
            vec![("/normalizer", json!({"type": "NFKC"}))],
            vec![("/normalizer", json!({"type": "NFD"})), (cut, bytes(true))],
            vec![(cut, bytes(false)), ("/model/ignore_merges", json!(true))],
            vec![(cut, sequence(&[digits, bytes(true)]))],
            vec![(cut, sequence(&[split(r"\p{N}"), split(GPT2), bytes(false)]))],
            vec![("/added_tokens/3/special", json!(false))],
        ] {
            let tokenizer = tokenizer(&parts);
            let encoder = tokenizer.encoder().expect("all parts are known");
            for text in texts() {
                let library = tokenizer.library().encode_fast(&*text, false).unwrap();
                let expected = library.get_ids();
                assert_eq!(
                    tokenizer.encode(&text).unwrap(),
                    expected,
                    "{parts:?} {text:?}"
                );
                // The library was not asked, but for text with one of its tokens.
                let normal: String = if parts.iter().any(|(part, _)| *part == "/normalizer") {
                    text
                } else {
                    text.nfc().collect()
                };
                assert_eq!(encoder.encode(&normal).unwrap(), expected, "{normal:?}");
            }
        }
    }

    #[test]
    fn what_a_post_processor_adds_is_that_of_the_library() {
        let special = |id| json!({"SpecialToken": {"id": id, "type_id": 0}});
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        let template = |single: &[serde_json::Value]| {
            json!({"type": "TemplateProcessing", "single": single, "pair": single,
                "special_tokens": {
                    "s": {"id": "s", "ids": [1, 5], "tokens": ["<|bos|>", "<|assistant|>"]},
                    "e": {"id": "e", "ids": [2], "tokens": ["<|eos|>"]}}})
        };
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true});
        let both = template(&[special("s"), text.clone(), special("e")]);
        for (post_processor, is_known) in [
            (json!(null), true),
            (bytes.clone(), true),
            (both.clone(), true),
            (template(std::slice::from_ref(&text)), true),
            (
                json!({"type": "Sequence", "processors": [bytes, both]}),
                true,
            ),
            (
                json!({"type": "BertProcessing", "sep": ["<|eos|>", 2], "cls": ["<|bos|>", 1]}),
                false,
            ),
        ] {
            let tokenizer = tokenizer(&[("/post_processor", post_processor.clone())]);
            for text in ["", "GPU를 3월에"] {
                let library = tokenizer.library().encode_fast(text, true).unwrap();
                let got = tokenizer.encode_with_post_processor(text).unwrap();
                assert_eq!(got, library.get_ids(), "{post_processor}");
                let own = tokenizer
                    .encoder()
                    .unwrap()
                    .encode_with_post_processor(text);
                assert_eq!(own.is_some(), is_known, "{post_processor}");
            }
        }
    }

    #[test]
    fn ids_of_a_unigram_model_are_those_of_the_library() {
        let config = TokenizerConfig {
            algorithm: Algorithm::Unigram,
            ..TokenizerConfig::with_vocab_size(420)
        };
        let tokenizer = train([TEXT.repeat(3)], &config).unwrap();
        let encoder = tokenizer.encoder().expect("all parts are known");
        for text in texts() {
            let library = tokenizer.library().encode_fast(&*text, false).unwrap();
            let normal: String = text.nfc().collect();
            assert_eq!(
                encoder.encode(&normal).unwrap(),
                library.get_ids(),
                "{text:?}"
            );
            assert_eq!(tokenizer.decode(library.get_ids()).unwrap(), normal);
        }
        // Control tokens are in the vocabulary, and no text is one.
        let ids = tokenizer.encode("<|bos|><|reserved_3|>").unwrap();
        assert!(ids.iter().all(|id| !tokenizer.is_special(*id)));
    }

    #[test]
    fn a_file_with_a_part_of_its_own_stays_with_the_library() {
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true});
        let removed = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": GPT2}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]});
        for part in [
            ("/pre_tokenizer", bytes),
            ("/pre_tokenizer", removed),
            ("/model/end_of_word_suffix", json!("</w>")),
        ] {
            let document = document(std::slice::from_ref(&part));
            assert!(super::Encoder::new(&document).is_none(), "{part:?}");
        }
        // Its normal form is found in normalized text, and not as it is spelled here.
        let token = |content: &str, id| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": true, "special": false})
        };
        let mut composed = document(&[("/normalizer", json!({"type": "NFKC"}))]);
        let next = composed["model"]["vocab"].as_object().unwrap().len();
        composed["added_tokens"]
            .as_array_mut()
            .unwrap()
            .push(token("①", next));
        assert!(super::Encoder::new(&composed).is_none());
        let lowercase = ("/normalizer", json!({"type": "Lowercase"}));
        assert!(super::Encoder::new(&document(&[lowercase])).is_none());
        let added = tokenizer(&[("/added_tokens/3/special", json!(false))]);
        assert_eq!(added.encoder().unwrap().encode("<|system|>가"), None);
        assert_eq!(added.encode("<|system|>").unwrap(), [3]);
    }
}
