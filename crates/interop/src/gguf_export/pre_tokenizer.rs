//! Which of llama.cpp's built-in ways to cut text is that of a `tokenizer.json`.
//!
//! llama.cpp reads no regular expression from the file: it has a list of them, each under the names of the models that use it.

use jikji_tokenizer::Digits;
use jikji_tokenizer::pattern::{self, K_EXAONE, LLAMA3, O200K, QWEN2};
use serde_json::{Value, json};

use super::no_form;
use crate::error::InteropError;

/// A name of llama.cpp's list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PreTokenizer {
    /// The value of `tokenizer.ggml.pre`.
    pub(super) name: &'static str,
    /// In what it differs, if it does.
    pub(super) difference: Option<&'static str>,
}

/// `superbpe` cuts numbers from everything else and into threes from the right, and nothing more. Where a piece is longer there, ids
/// are the same all the same, for merges learned here stay within our pieces.
const OWN_DIFFERENCE: &str = "llama.cpp has no pre-tokenizer that cuts text exactly as this tokenizer does; with the one \
    named in `tokenizer.ggml.pre`, ids may differ in numbers of other digits than 0-9 or of more than 27, and, rarely, where blanks stand \
    beside newlines";

const SUPERWORDS_DIFFERENCE: &str = "llama.cpp has no pre-tokenizer that cuts text exactly as this tokenizer does; with the one \
    named in `tokenizer.ggml.pre`, ids may differ in numbers of other digits than 0-9 or of more than 27, and, rarely, where blanks stand \
    before numbers or beside newlines";

/// Older builds find changes of case among the letters A to Z only.
const O200K_DIFFERENCE: &str = "builds of llama.cpp differ in how they cut text at changes of case: ids may differ in words with capital \
    letters other than A-Z, and in combining marks";

/// The entry of the list for a file's `pre_tokenizer`; `ignore_merges` is that of its model.
///
/// # Errors
/// If there is none.
pub(super) fn pre_tokenizer(
    component: &Value,
    ignore_merges: bool,
) -> Result<PreTokenizer, InteropError> {
    let same = |name| PreTokenizer {
        name,
        difference: None,
    };
    let near = |name, difference| PreTokenizer {
        name,
        difference: Some(difference),
    };
    let found = match shape(component) {
        Some(Shape::Gpt2) => Some(same("gpt-2")),
        Some(Shape::DigitsThenGpt2) => Some(same("exaone")),
        Some(Shape::Pattern(QWEN2)) => Some(same("qwen2")),
        Some(Shape::Pattern(LLAMA3)) if ignore_merges => return Ok(same("llama-bpe")),
        Some(Shape::Pattern(LLAMA3)) => Some(same("smaug-bpe")),
        Some(Shape::Pattern(K_EXAONE)) => Some(same("exaone-moe")),
        Some(Shape::Pattern(O200K)) => Some(near("gpt-4o", O200K_DIFFERENCE)),
        // The pieces are longer there, but merges learned here stay within ours.
        Some(Shape::Pattern(pattern)) if pattern == pattern::k_exaone_words() => {
            Some(same("exaone-moe"))
        }
        Some(Shape::Pattern(pattern)) if is_one_of(pattern::korean, pattern) => {
            Some(near("superbpe", OWN_DIFFERENCE))
        }
        Some(Shape::Pattern(pattern)) if is_one_of(pattern::korean_superwords, pattern) => {
            Some(near("superbpe", SUPERWORDS_DIFFERENCE))
        }
        Some(Shape::Pattern(_)) | None => None,
    };
    match found {
        Some(_) if ignore_merges => {
            let reason = "llama.cpp applies the merges with every pre-tokenizer of this kind";
            Err(no_form("model.ignore_merges", reason))
        }
        Some(found) => Ok(found),
        None => {
            let reason = "llama.cpp has no pre-tokenizer of this form that is known here";
            Err(no_form("pre_tokenizer", reason))
        }
    }
}

fn is_one_of(own: fn(Digits) -> String, pattern: &str) -> bool {
    let digits = [Digits::Single, Digits::UpToThree];
    digits.into_iter().any(|digits| pattern == own(digits))
}

/// Whether a file's `pre_tokenizer` is that of the Qwen2 models.
pub(crate) fn cuts_as_qwen2(component: &Value) -> bool {
    matches!(shape(component), Some(Shape::Pattern(QWEN2)))
}

/// The forms in which byte-level files say how they cut.
enum Shape<'a> {
    Gpt2,
    DigitsThenGpt2,
    Pattern(&'a str),
}

fn shape(component: &Value) -> Option<Shape<'_>> {
    if is_byte_level(component, true) {
        return Some(Shape::Gpt2);
    }
    let steps = component.get("pretokenizers")?.as_array()?;
    let [first, second] = &steps[..] else {
        return None;
    };
    let kind = first.get("type")?.as_str()?;
    let isolated = first.get("behavior") == Some(&json!("Isolated"))
        && first.get("invert") == Some(&json!(false));
    match kind {
        "Digits" if first.get("individual_digits") == Some(&json!(true)) => {
            is_byte_level(second, true).then_some(Shape::DigitsThenGpt2)
        }
        "Split" if isolated => {
            let pattern = first.get("pattern")?.get("Regex")?.as_str()?;
            if is_byte_level(second, false) {
                Some(Shape::Pattern(pattern))
            } else {
                (pattern == r"\p{N}" && is_byte_level(second, true))
                    .then_some(Shape::DigitsThenGpt2)
            }
        }
        _ => None,
    }
}

/// `uses_pattern`: whether the component also cuts by GPT-2's expression.
fn is_byte_level(component: &Value, uses_pattern: bool) -> bool {
    let is = |key, value: Value| component.get(key) == Some(&value);
    is("type", json!("ByteLevel"))
        && is("add_prefix_space", json!(false))
        && component.get("use_regex").unwrap_or(&json!(true)) == &json!(uses_pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pattern: &str) -> Value {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]})
    }

    #[test]
    fn published_forms_are_known() {
        let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        let digits = json!({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, byte_level]});
        for (component, ignore_merges, expected) in [
            (byte_level.clone(), false, "gpt-2"),
            (digits, false, "exaone"),
            (split(QWEN2), false, "qwen2"),
            (split(LLAMA3), true, "llama-bpe"),
            (split(LLAMA3), false, "smaug-bpe"),
            (split(K_EXAONE), false, "exaone-moe"),
            (split(&pattern::k_exaone_words()), false, "exaone-moe"),
        ] {
            let found = pre_tokenizer(&component, ignore_merges).unwrap();
            assert_eq!((found.name, found.difference), (expected, None));
        }
    }

    #[test]
    fn forms_that_llama_cpp_has_nearly_are_named_with_the_difference() {
        for digits in [Digits::Single, Digits::UpToThree] {
            for (pattern, difference) in [
                (pattern::korean(digits), OWN_DIFFERENCE),
                (pattern::korean_superwords(digits), SUPERWORDS_DIFFERENCE),
            ] {
                let found = pre_tokenizer(&split(&pattern), false).unwrap();
                assert_eq!(
                    (found.name, found.difference),
                    ("superbpe", Some(difference))
                );
            }
        }
        let found = pre_tokenizer(&split(O200K), false).unwrap();
        assert_eq!(
            (found.name, found.difference),
            ("gpt-4o", Some(O200K_DIFFERENCE))
        );
    }

    #[test]
    fn what_is_not_on_the_list_is_refused() {
        let prefix = json!({"type": "ByteLevel", "add_prefix_space": true, "use_regex": true});
        for component in [
            split(r"\w+"),
            prefix,
            json!({"type": "Metaspace"}),
            Value::Null,
        ] {
            let error = pre_tokenizer(&component, false).unwrap_err().to_string();
            assert!(
                error.starts_with("`pre_tokenizer` cannot be exported to GGUF"),
                "{error}"
            );
        }
        let error = pre_tokenizer(&split(QWEN2), true).unwrap_err().to_string();
        assert!(error.starts_with("`model.ignore_merges`"), "{error}");
    }
}
