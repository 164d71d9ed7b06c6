//! The filter `wordwrap`: Python's `textwrap.wrap`, line by line.

use crate::chat::jinja::call::Args;
use crate::chat::jinja::fault::{Res, failed, unsupported};
use crate::chat::jinja::interpreter::Interpreter;
use crate::chat::jinja::str_split::lines;
use crate::chat::jinja::unicode::{is_decimal, is_settled, is_space, is_word};
use crate::chat::jinja::value::Value;

pub(super) fn wordwrap(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let parameters = [
        "width",
        "break_long_words",
        "wrapstring",
        "break_on_hyphens",
    ];
    let [width, break_long_words, wrapstring, break_on_hyphens] =
        args.bind("wordwrap", parameters)?;
    let width = interpreter.integer_or(width.as_ref(), 79)?;
    let break_long_words = interpreter.flag_or(break_long_words.as_ref(), true)?;
    let break_on_hyphens = interpreter.flag_or(break_on_hyphens.as_ref(), true)?;
    let Value::Str(text) = value else {
        return match value {
            Value::Undefined(undefined) => failed(undefined.words()),
            other => failed(format!(
                "'{}' object has no attribute 'splitlines'",
                other.type_name()
            )),
        };
    };
    let wrapstring = match &wrapstring {
        None | Some(Value::None) => "\n",
        Some(Value::Str(given)) => &*given.text,
        Some(_) => return failed("`wordwrap` with a wrapstring that is no text"),
    };
    if text.is_safe {
        return unsupported("`wordwrap` of a text that is marked as safe");
    }
    if let Some(c) = text.text.chars().find(|c| !is_settled(*c)) {
        return unsupported(format!("`wordwrap` of the character `{c}`"));
    }
    interpreter.meter.make(text.text.len().saturating_mul(32))?;
    let mut wrapped = Vec::new();
    for line in lines(&text.text, false) {
        if width <= 0 {
            return failed(format!("invalid width {width} (must be > 0)"));
        }
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        let chars: Vec<char> = line.chars().collect();
        let chunks = split(&chars, break_on_hyphens);
        let broken = wrap(&chars, chunks, width, break_long_words, break_on_hyphens);
        let length: usize = broken
            .iter()
            .map(|line| line.len() + wrapstring.len())
            .sum();
        interpreter.meter.make(length)?;
        wrapped.push(broken.join(wrapstring));
    }
    interpreter
        .meter
        .make(wrapped.len().saturating_mul(wrapstring.len()))?;
    interpreter.made_text(wrapped.join(wrapstring), false)
}

/// The white space that `textwrap` knows.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// A piece that a line is put together from, as a range of the text's characters.
type Chunk = std::ops::Range<usize>;

/// Puts chunks together to lines.
fn wrap(
    chars: &[char],
    mut chunks: Vec<Chunk>,
    width: usize,
    break_long_words: bool,
    break_on_hyphens: bool,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    chunks.reverse();
    let is_blank = |chunk: &Chunk| chars[chunk.clone()].iter().all(|c| is_space(*c));
    while !chunks.is_empty() {
        let mut line: Vec<Chunk> = Vec::new();
        let mut length = 0;
        if !lines.is_empty() && chunks.last().is_some_and(is_blank) {
            chunks.pop();
        }
        while let Some(chunk) = chunks.pop() {
            if length + chunk.len() > width {
                chunks.push(chunk);
                break;
            }
            length += chunk.len();
            line.push(chunk);
        }
        if let Some(chunk) = chunks.pop_if(|chunk| chunk.len() > width) {
            if break_long_words {
                let mut end = chunk.start + width - length;
                if break_on_hyphens {
                    let fits = &chars[chunk.start..end];
                    let hyphen = fits.iter().rposition(|c| *c == '-').unwrap_or(0);
                    if fits[..hyphen].iter().any(|c| *c != '-') {
                        end = chunk.start + hyphen + 1;
                    }
                }
                line.push(chunk.start..end);
                chunks.push(end..chunk.end);
            } else if line.is_empty() {
                line.push(chunk);
            } else {
                chunks.push(chunk);
            }
        }
        line.pop_if(|chunk| is_blank(chunk));
        if !line.is_empty() {
            lines.push(line.into_iter().flat_map(|chunk| &chars[chunk]).collect());
        }
    }
    lines
}

/// Words, white space, and pieces of words behind hyphens and dashes.
fn split(chars: &[char], break_on_hyphens: bool) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let blanks = chars[at..].iter().take_while(|c| is_blank(**c)).count();
        let length = if blanks > 0 {
            blanks
        } else if break_on_hyphens {
            let dashes = dash_length(chars, at);
            if dashes > 0 {
                dashes
            } else {
                word_length(chars, at)
            }
        } else {
            chars[at..].iter().take_while(|c| !is_blank(**c)).count()
        };
        chunks.push(at..at + length);
        at += length;
    }
    chunks
}

/// A character that ends what a dash may stand behind.
fn is_punctuated(c: char) -> bool {
    is_word(c) || matches!(c, '!' | '"' | '\'' | '&' | '.' | ',' | '?')
}

/// The dash at a place: two hyphens or more, between words.
fn dash_length(chars: &[char], at: usize) -> usize {
    let hyphens = chars[at..].iter().take_while(|c| **c == '-').count();
    let follows = chars.get(at + hyphens).is_some_and(|c| is_word(*c));
    let precedes = at > 0 && is_punctuated(chars[at - 1]);
    if hyphens >= 2 && follows && precedes {
        hyphens
    } else {
        0
    }
}

fn is_letter(c: char) -> bool {
    is_word(c) && !is_decimal(c)
}

/// The word at a place, as far as it is not broken: at the first place where a hyphen inside, a
/// white space, or a dash ends it.
fn word_length(chars: &[char], at: usize) -> usize {
    let has = |at: usize, is: fn(char) -> bool| chars.get(at).is_some_and(|c| is(*c));
    let is_hyphen = |c: char| c == '-';
    for end in at + 1..=chars.len() {
        if is_blank(chars[end - 1]) {
            return end - 1 - at;
        }
        // A hyphen behind two letters, or behind a letter that stands behind a hyphen, and in front
        // of two.
        if has(end, is_hyphen) {
            let letters = end >= 2 && is_letter(chars[end - 1]) && is_letter(chars[end - 2]);
            let single = end >= 3
                && is_letter(chars[end - 1])
                && chars[end - 2] == '-'
                && is_letter(chars[end - 3]);
            let two_follow = has(end + 1, is_letter) && has(end + 2, is_letter);
            let one_follows =
                has(end + 1, is_letter) && has(end + 2, is_hyphen) && has(end + 3, is_letter);
            if (letters || single) && (two_follow || one_follows) {
                return end + 1 - at;
            }
        }
        let ends = end == chars.len() || is_blank(chars[end]);
        if ends || is_punctuated(chars[end - 1]) && dash_length(chars, end) > 0 {
            return end - at;
        }
    }
    chars.len() - at
}
