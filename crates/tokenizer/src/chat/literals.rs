//! Lists, mappings, tuples and products inside of a template's expression, as the engine is to see them.
//!
//! A literal that is made anew each time goes through [`BOUNDED`], which makes a [counted](super::counted) value of it: it is
//! the only way in which a value gets into another one twice. A product becomes a call of [`PRODUCT`], which multiplies
//! numbers and repeats texts: a list that is repeated would hold the same text a million times, which nothing pays for.

use super::lexical::{is_name, leading_name, leading_number, string_length};
use super::source::{BOUNDED, OPERATOR_WORDS, PRODUCT};

/// Where an expression begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// With an operand.
    Plain,
    /// With the names of a loop, up to the word `in`.
    Targets,
    /// With the names in brackets that a call block gives its macro.
    Parameters,
}

/// What stands before the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Operand,
    Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The whole expression.
    Whole,
    /// Brackets behind an operand: a call or a subscript.
    Behind,
    /// A list or a mapping.
    Literal,
    /// Round brackets: a tuple if there is a comma in them.
    Round,
}

struct Frame {
    kind: Kind,
    open: usize,
    has_comma: bool,
    is_constant: bool,
    term: usize,
    stars: Vec<usize>,
    divides: bool,
}

impl Frame {
    fn new(kind: Kind, open: usize, term: usize) -> Self {
        Self {
            kind,
            open,
            has_comma: false,
            is_constant: true,
            term,
            stars: Vec::new(),
            divides: false,
        }
    }
}

/// The expression with its literals and products wrapped; the error says what is not supported. An expression that is not
/// Jinja comes back as it is, for the engine to report.
pub(super) fn rewrite(text: &str, begins: Begins) -> Result<String, &'static str> {
    let mut scan = Scan {
        out: String::with_capacity(text.len()),
        frames: vec![Frame::new(Kind::Whole, 0, 0)],
        before: Before::Operator,
        in_targets: begins == Begins::Targets,
    };
    if begins == Begins::Parameters {
        scan.before = Before::Operand;
    }
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let width = match c {
            '"' | '\'' => string_length(rest),
            c if c.is_ascii_digit() => leading_number(rest).len().max(1),
            c if is_name(c) => leading_name(rest).len(),
            '*' if rest.starts_with("**") => 2,
            '/' if rest.starts_with("//") => 2,
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(width);
        if scan.token(c, token)?.is_none() {
            return Ok(text.to_owned());
        }
        rest = behind;
    }
    if scan.frames.len() != 1 {
        return Ok(text.to_owned());
    }
    scan.end_term()?;
    Ok(scan.out)
}

struct Scan {
    out: String,
    frames: Vec<Frame>,
    before: Before,
    in_targets: bool,
}

impl Scan {
    /// Takes one token; nothing if the brackets do not match.
    fn token(&mut self, c: char, token: &str) -> Result<Option<()>, &'static str> {
        match c {
            c if c.is_whitespace() => self.out.push_str(token),
            '"' | '\'' => self.operand(token),
            c if c.is_ascii_digit() => self.operand(token),
            c if is_name(c) && OPERATOR_WORDS.contains(&token) => {
                self.in_targets &= token != "in";
                self.lowers(token)?;
            }
            c if is_name(c) => {
                let constant =
                    matches!(token, "true" | "false" | "none" | "True" | "False" | "None");
                self.operand(token);
                self.varies(!constant);
            }
            '(' | '[' | '{' => {
                let kind = match (self.before, c) {
                    _ if self.in_targets => Kind::Behind,
                    (Before::Operand, '(' | '[') => Kind::Behind,
                    (_, '(') => Kind::Round,
                    _ => Kind::Literal,
                };
                self.varies(kind == Kind::Behind);
                let open = self.out.len();
                self.out.push_str(token);
                self.frames.push(Frame::new(kind, open, self.out.len()));
                self.before = Before::Operator;
            }
            ')' | ']' | '}' => return self.close(token),
            ',' => {
                self.lowers(token)?;
                self.frame().has_comma = true;
            }
            ':' | '=' => self.lowers(token)?,
            '*' if token == "*" && self.before == Before::Operand => {
                let at = self.out.len();
                self.frame().stars.push(at);
                self.operator(token);
            }
            '/' | '%' => {
                self.frame().divides = true;
                self.operator(token);
            }
            '+' | '-' if self.before == Before::Operator => self.out.push_str(token),
            '+' | '-' | '~' | '<' | '>' | '!' => {
                self.lowers(token)?;
                self.varies(true);
            }
            _ => self.operator(token),
        }
        Ok(Some(()))
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames
            .last_mut()
            .expect("the whole expression is never closed")
    }

    fn varies(&mut self, varies: bool) {
        self.frame().is_constant &= !varies;
    }

    fn operand(&mut self, token: &str) {
        self.out.push_str(token);
        self.before = Before::Operand;
    }

    /// An operator that binds as a product does, or tighter.
    fn operator(&mut self, token: &str) {
        self.varies(true);
        self.out.push_str(token);
        self.before = Before::Operator;
    }

    /// An operator that binds less than a product.
    fn lowers(&mut self, token: &str) -> Result<(), &'static str> {
        self.end_term()?;
        self.out.push_str(token);
        self.before = Before::Operator;
        let end = self.out.len();
        self.frame().term = end;
        Ok(())
    }

    fn end_term(&mut self) -> Result<(), &'static str> {
        let end = self.out.trim_end().len();
        let frame = self.frame();
        let (term, divides) = (frame.term, std::mem::take(&mut frame.divides));
        let stars = std::mem::take(&mut frame.stars);
        // A product without its last factor is left for the engine to report.
        if stars.is_empty() || self.before == Before::Operator {
            return Ok(());
        }
        if divides {
            return Err("a product and a quotient without brackets around one of them");
        }
        for star in stars {
            self.out.replace_range(star..=star, ",");
        }
        let blanks = self.out[term..].len() - self.out[term..].trim_start().len();
        self.out.insert(end.max(term + blanks), ')');
        self.out.insert_str(term + blanks, &format!("{PRODUCT}("));
        Ok(())
    }

    fn close(&mut self, token: &str) -> Result<Option<()>, &'static str> {
        if self.frames.len() == 1 {
            return Ok(None);
        }
        self.end_term()?;
        let frame = self.frames.pop().expect("there are two at least");
        self.out.push_str(token);
        let is_literal =
            frame.kind == Kind::Literal || frame.kind == Kind::Round && frame.has_comma;
        // What is directly inside of a list is reached from there.
        if is_literal && !frame.is_constant && self.frame().kind != Kind::Literal {
            self.out.push(')');
            self.out.insert_str(frame.open, &format!("{BOUNDED}("));
        }
        self.varies(!frame.is_constant);
        self.before = Before::Operand;
        Ok(Some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, begins: Begins, expected: &str) {
        let expected = expected
            .replace("B(", "__jikji_bounded(")
            .replace("P(", "__jikji_product(");
        assert_eq!(rewrite(text, begins).unwrap(), expected, "{text}");
    }

    #[test]
    fn literals_that_vary_are_wrapped() {
        for (text, expected) in [
            (" x in ['a', 'b', -1, true] ", " x in ['a', 'b', -1, true] "),
            (" x in [a, 'b'] ", " x in B([a, 'b']) "),
            ("f([x, [x]], y[0])", "f(B([x, [x]]), y[0])"),
            ("[f([x])]", "B([f(B([x]))])"),
            ("{'a': x}.items()", "B({'a': x}).items()"),
            ("(a, b)[0] + (a)", "B((a, b))[0] + (a)"),
            ("['x' ~ 'y']|join", "B(['x' ~ 'y'])|join"),
            ("a['b'][1:] if [] else {}", "a['b'][1:] if [] else {}"),
            ("x ]", "x ]"),
            ("[x", "[x"),
        ] {
            check(text, Begins::Plain, expected);
        }
        check(" (a, b) in [x] ", Begins::Targets, " (a, b) in B([x]) ");
        check("(a, b) f([x])", Begins::Parameters, "(a, b) f(B([x]))");
    }

    #[test]
    fn products_are_calls() {
        for (text, expected) in [
            (" a * b ", " P(a , b) "),
            ("1 + 2*x|f(3) - 1", "1 + P(2,x|f(3)) - 1"),
            ("f(*x, **y) * -2 ** 2", "P(f(*x, **y) , -2 ** 2)"),
            (
                "a if b*2 == 4 else 'x' * n",
                "a if P(b,2) == 4 else P('x' , n)",
            ),
            ("[a*2, 3]", "B([P(a,2), 3])"),
            ("a / b % c", "a / b % c"),
        ] {
            check(text, Begins::Plain, expected);
        }
        assert!(rewrite("a * b / c", Begins::Plain).is_err());
        check("(a * b) / c", Begins::Plain, "(P(a , b)) / c");
    }
}
