//! Source to tokens, with Jinja's control of white space.
//!
//! As transformers sets it: the first line end behind a statement or comment goes (`trim_blocks`),
//! and so does white space between the beginning of a line and a statement or comment
//! (`lstrip_blocks`), unless the tag begins with `+`.

use super::ast::Const;
use super::fault::{Fault, Res, unsupported_fault};
use super::literal;
use super::unicode::is_space;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Text outside of tags.
    Data(String),
    PrintBegin,
    PrintEnd,
    BlockBegin,
    BlockEnd,
    Name(String),
    Str(String),
    Number(Const),
    Op(&'static str),
    End,
}

impl Token {
    /// The token as an error names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Data(_) => "text".to_owned(),
            Self::PrintBegin => "begin of print statement".to_owned(),
            Self::PrintEnd => "end of print statement".to_owned(),
            Self::BlockBegin => "begin of statement block".to_owned(),
            Self::BlockEnd => "end of statement block".to_owned(),
            Self::Name(name) => name.clone(),
            Self::Str(_) => "string".to_owned(),
            Self::Number(Const::Float(_)) => "float".to_owned(),
            Self::Number(_) => "integer".to_owned(),
            Self::Op(sign) => (*sign).to_owned(),
            Self::End => "end of template".to_owned(),
        }
    }
}

/// Tokens of a template: what they and their tree take of the memory is a multiple of the source.
/// Published templates have below 30,000.
const MAX_TOKENS: usize = 250_000;

/// Longest first.
const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";",
];

/// The tokens of a source, each with its line.
pub(super) fn tokenize(source: &str) -> Res<Vec<(u32, Token)>> {
    let mut source = source.replace("\r\n", "\n").replace('\r', "\n");
    if source.ends_with('\n') {
        source.pop();
    }
    let mut lexer = Lexer {
        source: &source,
        at: 0,
        line: 1,
        line_starts: true,
        tokens: Vec::new(),
    };
    lexer.run()?;
    let end = lexer.line;
    let mut tokens = lexer.tokens;
    tokens.push((end, Token::End));
    Ok(tokens)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: u32,
    /// Whether the last thing read ended with a line end.
    line_starts: bool,
    tokens: Vec<(u32, Token)>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token) {
        self.tokens.push((self.line, token));
    }

    /// Moves over `length` bytes.
    fn advance(&mut self, length: usize) {
        let passed = &self.rest()[..length];
        self.line += passed.matches('\n').count() as u32;
        self.line_starts = passed.ends_with('\n');
        self.at += length;
    }

    fn skip_space(&mut self) {
        let length = self.rest().len() - self.rest().trim_start_matches(is_space).len();
        self.advance(length);
    }

    fn run(&mut self) -> Res<()> {
        loop {
            let rest = self.rest();
            let begins =
                |at: &usize| matches!(rest.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#'));
            let found = rest.match_indices('{').map(|(at, _)| at).find(begins);
            let Some(found) = found else {
                self.data(rest, rest.len());
                return Ok(());
            };
            let tag = &rest[found..found + 2];
            let sign = sign_of(&rest[found + 2..]);
            self.data(self.kept(&rest[..found], sign, tag == "{{"), found);
            let line = self.line;
            match tag {
                "{#" => {
                    self.advance(2 + sign.len());
                    self.comment(line)?;
                }
                "{{" => {
                    self.push(Token::PrintBegin);
                    self.advance(2 + sign.len());
                    self.tag(true)?;
                }
                _ => match raw_begin(self.rest()) {
                    Some(length) => {
                        self.advance(length);
                        self.raw(line)?;
                    }
                    None => {
                        self.push(Token::BlockBegin);
                        self.advance(2 + sign.len());
                        self.tag(false)?;
                    }
                },
            }
        }
    }

    /// Text in front of a tag, without the white space that the tag takes away.
    fn kept(&self, text: &'a str, sign: &str, is_print: bool) -> &'a str {
        if sign == "-" {
            return text.trim_end_matches(is_space);
        }
        if sign == "+" || is_print {
            return text;
        }
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        if (line > 0 || self.line_starts) && text[line..].chars().all(is_space) {
            return &text[..line];
        }
        text
    }

    /// Takes `length` bytes, of which `kept` is text of the template.
    fn data(&mut self, kept: &str, length: usize) {
        if !kept.is_empty() {
            self.push(Token::Data(kept.to_owned()));
        }
        self.advance(length);
    }

    fn comment(&mut self, line: u32) -> Res<()> {
        if self.rest().is_empty() {
            // Jinja's rule for what is not closed wants a character.
            return Ok(());
        }
        let Some(end) = self.rest().find("#}") else {
            return Err(Fault::syntax(line, "missing end of comment tag"));
        };
        let sign = &self.rest()[..end];
        let sign = if sign.ends_with(['-', '+']) {
            &sign[end - 1..]
        } else {
            ""
        };
        self.advance(end + 2);
        self.behind_tag(sign);
        Ok(())
    }

    /// What the end of a statement or comment takes away behind it.
    fn behind_tag(&mut self, sign: &str) {
        match sign {
            "-" => {
                let length = self.rest().len() - self.rest().trim_start_matches(is_space).len();
                if length > 0 {
                    self.advance(length);
                }
            }
            "+" => {}
            _ if self.rest().starts_with('\n') => self.advance(1),
            _ => {}
        }
    }

    /// The text up to the `endraw` tag.
    fn raw(&mut self, line: u32) -> Res<()> {
        let rest = self.rest();
        for (found, _) in rest.match_indices("{%") {
            let sign = sign_of(&rest[found + 2..]);
            let inside = rest[found + 2 + sign.len()..].trim_start_matches(is_space);
            let Some(inside) = inside.strip_prefix("endraw") else {
                continue;
            };
            let inside = inside.trim_start_matches(is_space);
            let end_sign = sign_of(inside);
            let Some(behind) = inside[end_sign.len()..].strip_prefix("%}") else {
                continue;
            };
            let kept = self.kept(&rest[..found], sign, false);
            self.data(kept, found);
            let length = self.rest().len() - behind.len();
            self.advance(length);
            self.behind_tag(end_sign);
            return Ok(());
        }
        if rest.is_empty() {
            return Ok(());
        }
        Err(Fault::syntax(line, "missing end of raw directive"))
    }

    /// The inside of a print or statement tag, with its end.
    fn tag(&mut self, is_print: bool) -> Res<()> {
        let end = if is_print { "}}" } else { "%}" };
        let mut open: Vec<&str> = Vec::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                return Ok(());
            };
            if open.is_empty() {
                let sign = match c {
                    '-' => "-",
                    '+' if !is_print => "+",
                    _ => "",
                };
                if rest[sign.len()..].starts_with(end) {
                    self.push(if is_print {
                        Token::PrintEnd
                    } else {
                        Token::BlockEnd
                    });
                    self.advance(sign.len() + 2);
                    if !is_print || sign == "-" {
                        self.behind_tag(sign);
                    }
                    return Ok(());
                }
            }
            if self.tokens.len() > MAX_TOKENS {
                let what = format!("a template of more than `{MAX_TOKENS}` tokens");
                return Err(unsupported_fault(what).at(self.line));
            }
            if is_space(c) {
                self.skip_space();
            } else if let Some((length, is_float)) =
                literal::number_length(rest, self.is_behind_dot())
            {
                let number = literal::number(&rest[..length], is_float, self.line)?;
                self.push(Token::Number(number));
                self.advance(length);
            } else if c == '_' || c.is_alphanumeric() {
                self.name()?;
            } else if let ('\'' | '"', Some(length)) = (c, string_length(rest)) {
                let text = literal::text(&rest[1..length - 1], self.line)?;
                self.push(Token::Str(text));
                self.advance(length);
            } else {
                self.operator(c, &mut open)?;
            }
        }
    }

    fn is_behind_dot(&self) -> bool {
        self.source[..self.at].ends_with('.')
    }

    fn name(&mut self) -> Res<()> {
        let rest = self.rest();
        let length = rest
            .find(|c: char| c != '_' && !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let name = &rest[..length];
        if !name.starts_with(|c: char| c == '_' || c.is_alphabetic()) {
            return Err(Fault::syntax(self.line, "invalid character in identifier"));
        }
        self.push(Token::Name(name.to_owned()));
        self.advance(length);
        Ok(())
    }

    fn operator(&mut self, c: char, open: &mut Vec<&'static str>) -> Res<()> {
        let rest = self.rest();
        let Some(sign) = OPERATORS.into_iter().find(|sign| rest.starts_with(sign)) else {
            let reason = format!("unexpected character `{}`", c.escape_debug());
            return Err(Fault::syntax(self.line, reason));
        };
        match sign {
            "(" => open.push(")"),
            "[" => open.push("]"),
            "{" => open.push("}"),
            ")" | "]" | "}" => match open.pop() {
                Some(expected) if expected == sign => {}
                Some(expected) => {
                    let reason = format!("unexpected `{sign}`, expected `{expected}`");
                    return Err(Fault::syntax(self.line, reason));
                }
                None => return Err(Fault::syntax(self.line, format!("unexpected `{sign}`"))),
            },
            _ => {}
        }
        self.push(Token::Op(sign));
        self.advance(sign.len());
        Ok(())
    }
}

fn sign_of(rest: &str) -> &str {
    rest.get(..1)
        .filter(|sign| matches!(*sign, "-" | "+"))
        .unwrap_or_default()
}

/// Length of the tag `raw` that `rest` begins with.
fn raw_begin(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix("{%")?;
    let inside = inside[sign_of(inside).len()..].trim_start_matches(is_space);
    let inside = inside.strip_prefix("raw")?.trim_start_matches(is_space);
    let behind = match inside.strip_prefix("-%}") {
        Some(behind) => behind.trim_start_matches(is_space),
        None => inside.strip_prefix("%}")?,
    };
    Some(rest.len() - behind.len())
}

/// Length of the string that `rest` begins with, quotes included; nothing if it is not closed.
fn string_length(rest: &str) -> Option<usize> {
    let quote = rest.as_bytes().first()?;
    let mut escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let ends = byte == *quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text tokens, with `·` for each tag.
    fn check(source: &str, expected: &str) {
        let tokens = tokenize(source).unwrap();
        let shown: String = tokens
            .iter()
            .map(|(_, token)| match token {
                Token::Data(text) => text.as_str(),
                Token::PrintBegin | Token::BlockBegin => "·",
                _ => "",
            })
            .collect();
        assert_eq!(shown, expected, "{source}");
    }

    #[test]
    fn white_space_around_tags_is_jinjas() {
        check("a\r\nb\rc\n\n", "a\nb\nc\n");
        check("  {% x %}\n  y", "·  y");
        check("a  {% x %} \n", "a  · ");
        check(" {%+ x +%}\n", " ·");
        check(" {%+ x +%}\na", " ·\na");
        check("  {{ x }}\n", "  ·");
        check(" a {{- x -}} \n b", " a·b");
        check("\n  {# c #}\n {#- d +#}\n", "\n");
        check("{% raw %} {{ x }}\n  {% endraw %}\nb", " {{ x }}\nb");
        check("{{ '}}' }}{{ {'a': {}} }}", "··");
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for source in [
            "{# x",
            "{% raw %}x",
            "{{ 'x }}",
            "{{ (] }}",
            "{{ ) }}",
            "{{ ! }}",
        ] {
            assert!(tokenize(source).is_err(), "{source}");
        }
    }
}
