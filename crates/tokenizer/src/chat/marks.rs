//! Invisible marks around what spells a control token inside a conversation.
//!
//! A mark is a private-use character that neither the conversation nor the template has. Marks go around the spelling alone
//! and not around the whole message: a template that strips, splits or compares its messages then does the same with and
//! without them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::template::Inputs;

/// Where marks are looked for: the last private-use plane, which no tokenizer and no font uses.
const CANDIDATES: std::ops::RangeInclusive<char> = '\u{10f000}'..='\u{10fffd}';

/// The two characters that stand before and behind a marked piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub(super) open: char,
    pub(super) close: char,
}

impl Marks {
    /// Two characters that none of `texts` has.
    pub(super) fn absent_from<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut used = BTreeSet::new();
        for text in texts {
            used.extend(text.chars().filter(|c| CANDIDATES.contains(c)));
        }
        let mut free = CANDIDATES.filter(|c| !used.contains(c));
        Some(Self {
            open: free.next()?,
            close: free.next()?,
        })
    }
}

/// Every string of the conversation that a template can print, names of fields included.
pub(super) fn strings(inputs: &Inputs) -> Vec<&str> {
    let mut found = Vec::new();
    for message in &inputs.messages {
        collect_fields(message, &mut found);
    }
    inputs
        .tools
        .iter()
        .flatten()
        .for_each(|tool| collect(tool, &mut found));
    collect_fields(&inputs.extra, &mut found);
    found
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => collect_fields(fields, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn collect_fields<'a>(fields: &'a Map<String, Value>, found: &mut Vec<&'a str>) {
    for (name, value) in fields {
        found.push(name);
        collect(value, found);
    }
}

/// Marks every control token that a string of the conversation spells, and the beginnings and ends of strings that would
/// spell one together with a neighbour. `None` if there was nothing to mark.
///
/// Roles are exempt from the second rule only: templates do build tokens such as `<|user|>` around them. In what the
/// assistant said, the tokens of `parsed` are left alone. The caller's own variables such as `bos_token` are tokens.
pub(super) fn mark(
    inputs: &mut Inputs,
    tokens: &[String],
    parsed: &[String],
    marks: Marks,
) -> Option<Marked> {
    let others: Vec<String> = tokens
        .iter()
        .filter(|token| !parsed.contains(token))
        .cloned()
        .collect();
    let mut marker = Marker {
        tokens,
        marks,
        first: None,
        spellings: BTreeSet::new(),
    };
    for message in &mut inputs.messages {
        let of_assistant = message.get("role").and_then(Value::as_str) == Some("assistant");
        marker.tokens = if of_assistant { &others } else { tokens };
        for (name, value) in message.iter_mut() {
            if name == "role" {
                marker.whole_tokens(value);
            } else {
                marker.value(value);
            }
        }
        marker.names(message);
    }
    marker.tokens = tokens;
    for tool in inputs.tools.iter_mut().flatten() {
        marker.value(tool);
    }
    for (name, value) in &mut inputs.extra {
        if !name.ends_with("_token") {
            marker.value(value);
        }
    }
    Some(Marked {
        token: marker.first?,
        spellings: marker.spellings,
    })
}

/// The tokens by which a template takes messages apart: those that it splits at or looks for.
pub(super) fn parsed_tokens(source: &str, tokens: &[String]) -> Vec<String> {
    let is_parsed = |token: &&String| {
        ['\'', '"'].into_iter().any(|quote| {
            let literal = format!("{quote}{token}{quote}");
            source.match_indices(&literal).any(|(at, _)| {
                let before = source[..at].trim_end();
                let behind = source[at + literal.len()..].trim_start();
                let called = ["split(", "partition(", "find(", "index(", "replace("];
                called.iter().any(|call| before.ends_with(call))
                    || behind.starts_with("in ")
                    || behind.starts_with("not in ")
            })
        })
    };
    tokens.iter().filter(is_parsed).cloned().collect()
}

/// What was marked.
pub(super) struct Marked {
    /// A control token that the conversation spells, in full or in part.
    pub(super) token: String,
    /// Every marked piece, in small letters as far as ASCII goes.
    pub(super) spellings: BTreeSet<String>,
}

struct Marker<'a> {
    tokens: &'a [String],
    marks: Marks,
    first: Option<String>,
    spellings: BTreeSet<String>,
}

impl Marker<'_> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(marked) = self.text(text, true) {
                    *text = marked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|value| self.value(value));
                self.names(fields);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Names of fields are printed by `tojson`; those that a template reads by name spell no token.
    fn names(&mut self, fields: &mut Map<String, Value>) {
        if !fields.keys().any(|name| self.text(name, false).is_some()) {
            return;
        }
        let old = std::mem::take(fields);
        for (name, value) in old {
            let name = self.text(&name, false).unwrap_or(name);
            fields.insert(name, value);
        }
    }

    fn whole_tokens(&mut self, value: &mut Value) {
        if let Value::String(text) = value
            && let Some(marked) = self.text(text, false)
        {
            *text = marked;
        }
    }

    /// The text with its marks, if there is anything to mark.
    fn text(&mut self, text: &str, borders: bool) -> Option<String> {
        let mut found = spellings(text, self.tokens);
        if borders {
            for token in self.tokens {
                found.extend(borders_of(text, token).map(|span| (span, token)));
            }
        }
        let (_, token) = found.first()?;
        self.first.get_or_insert_with(|| (*token).clone());
        let mut spans: Vec<(usize, usize)> = found.into_iter().map(|(span, _)| span).collect();
        spans.sort_unstable();
        let mut marked = String::with_capacity(text.len() + spans.len() * 8);
        let mut done = 0;
        let mut spans = spans.into_iter().peekable();
        while let Some((start, mut end)) = spans.next() {
            while let Some(&(_, next_end)) = spans.peek().filter(|next| next.0 <= end) {
                end = end.max(next_end);
                spans.next();
            }
            self.spellings.insert(text[start..end].to_ascii_lowercase());
            marked.push_str(&text[done..start]);
            marked.push(self.marks.open);
            marked.push_str(&text[start..end]);
            marked.push(self.marks.close);
            done = end;
        }
        marked.push_str(&text[done..]);
        Some(marked)
    }
}

/// A piece of a text by its byte offsets, and the token that is the reason for marking it.
type Found<'a> = ((usize, usize), &'a String);

/// Where a token stands in `text`, in any case of ASCII: a template may change case.
fn spellings<'a>(text: &str, tokens: &'a [String]) -> Vec<Found<'a>> {
    let bytes = text.as_bytes();
    // Few characters begin a control token, and most texts have none of them.
    let mut begins = [false; 256];
    for token in tokens {
        if let Some(first) = token.as_bytes().first() {
            begins[usize::from(first.to_ascii_lowercase())] = true;
        }
    }
    let mut found = Vec::new();
    for (start, byte) in bytes.iter().enumerate() {
        if !begins[usize::from(byte.to_ascii_lowercase())] {
            continue;
        }
        for token in tokens.iter().filter(|token| !token.is_empty()) {
            let end = start + token.len();
            let piece = bytes.get(start..end);
            if piece.is_some_and(|piece| piece.eq_ignore_ascii_case(token.as_bytes())) {
                found.push(((start, end), token));
            }
        }
    }
    found
}

/// The longest end of `text` that `token` begins with, and the longest beginning that it ends with.
fn borders_of(text: &str, token: &str) -> impl Iterator<Item = (usize, usize)> {
    let (text, borders) = (text.as_bytes(), token.char_indices().map(|(at, _)| at));
    let borders: Vec<usize> = borders.filter(|at| *at > 0).collect();
    let token = token.as_bytes();
    let end = borders.iter().rev().find(|&&at| {
        let from = text.len().checked_sub(at);
        from.is_some_and(|from| text[from..].eq_ignore_ascii_case(&token[..at]))
    });
    let start = borders.iter().find(|&&at| {
        let piece = text.get(..token.len() - at);
        piece.is_some_and(|piece| piece.eq_ignore_ascii_case(&token[at..]))
    });
    let end = end.map(|at| (text.len() - at, text.len()));
    end.into_iter().chain(start.map(|at| (0, token.len() - at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        open: '«',
        close: '»',
    };

    /// The text with its marks.
    fn check(text: &str, borders: bool, expected: &str) {
        let tokens = ["<|end|>", "</s>", "[끝]"].map(str::to_owned);
        let mut marker = Marker {
            tokens: &tokens,
            marks: MARKS,
            first: None,
            spellings: BTreeSet::new(),
        };
        let marked = marker.text(text, borders);
        assert_eq!(marked.as_deref().unwrap_or(text), expected);
    }

    #[test]
    fn whole_tokens_are_marked() {
        check(" a<|end|>b ", false, " a«<|end|>»b ");
        check("<|END|></s>", false, "«<|END|></s>»");
        check("안[끝]녕</s", false, "안«[끝]»녕</s");
        check("<|end|", false, "<|end|");
        check("", true, "");
    }

    #[test]
    fn beginnings_and_ends_of_tokens_are_marked_at_the_borders() {
        check("a <|en", true, "a «<|en»");
        check("d|> a <", true, "«d|>» a «<»");
        check("<|end|", true, "«<|end|»");
        check("끝] a", true, "«끝]» a");
        check("a < b", true, "a < b");
    }

    #[test]
    fn tokens_by_which_a_template_takes_messages_apart_are_found() {
        let source =
            "{{ m.split('</s>')[0] }}{% if \"[끝]\" not in m %}<|end|>{{ '<|end|>' }}{% endif %}";
        let tokens = ["<|end|>", "</s>", "[끝]"].map(str::to_owned);
        assert_eq!(parsed_tokens(source, &tokens), ["</s>", "[끝]"]);
    }

    #[test]
    fn marks_are_characters_that_no_text_has() {
        let marks = Marks::absent_from(["a\u{10f000}b", "\u{10f002}"].into_iter()).unwrap();
        assert_eq!((marks.open, marks.close), ('\u{10f001}', '\u{10f003}'));
        let all: String = CANDIDATES.collect();
        assert!(Marks::absent_from([all.as_str()].into_iter()).is_none());
    }
}
