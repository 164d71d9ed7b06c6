//! Integer expressions of a scene: what makes the numbers of a document agree with each other.

use super::rng::Rng;

/// An expression over the scene's numeric variables. `r(lo, hi)` and `r(lo, hi, step)` draw; `day()` draws a date.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Number(i64),
    Variable(usize),
    Draw(Box<[Expression; 3]>),
    Binary(u8, Box<[Expression; 2]>),
}

impl Expression {
    /// Parses `text`; `variable` turns a name into its number.
    pub(super) fn parse(
        text: &str,
        variable: &dyn Fn(&str) -> Option<usize>,
    ) -> Result<Self, String> {
        let mut parser = Parser {
            rest: text,
            variable,
        };
        let expression = parser.sum()?;
        if parser.rest.trim().is_empty() {
            Ok(expression)
        } else {
            Err(format!("unread `{}` in `{text}`", parser.rest))
        }
    }

    /// Division by zero gives zero: the grammar's tests see to it that it does not occur.
    pub(super) fn evaluate(&self, rng: &mut Rng, value: &dyn Fn(usize) -> i64) -> i64 {
        match self {
            Self::Number(n) => *n,
            Self::Variable(at) => value(*at),
            Self::Draw(parts) => {
                let [lo, hi, step] = [0, 1, 2].map(|at: usize| parts[at].evaluate(rng, value));
                let step = step.max(1);
                lo + step * rng.below(((hi - lo) / step + 1).max(1) as usize) as i64
            }
            Self::Binary(op, sides) => {
                let (a, b) = (sides[0].evaluate(rng, value), sides[1].evaluate(rng, value));
                match op {
                    b'+' => a + b,
                    b'-' => a - b,
                    b'*' => a * b,
                    b'/' => a.checked_div(b).unwrap_or(0),
                    _ => a.checked_rem(b).unwrap_or(0),
                }
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    variable: &'a dyn Fn(&str) -> Option<usize>,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(op) = self.accept(b"+-") {
            left = Expression::Binary(op, Box::new([left, self.product()?]));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.atom()?;
        while let Some(op) = self.accept(b"*/%") {
            left = Expression::Binary(op, Box::new([left, self.atom()?]));
        }
        Ok(left)
    }

    fn atom(&mut self) -> Result<Expression, String> {
        if self.accept(b"(").is_some() {
            let inner = self.sum()?;
            return self
                .accept(b")")
                .map(|_| inner)
                .ok_or_else(|| "missing `)`".to_owned());
        }
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if let Ok(n) = word.parse() {
            return Ok(Expression::Number(n));
        }
        match word {
            "r" => {
                let mut parts = Vec::new();
                let mut next = self.accept(b"(");
                while next.is_some() {
                    parts.push(self.sum()?);
                    next = self.accept(b",");
                }
                if parts.len() == 2 {
                    parts.push(Expression::Number(1));
                }
                let parts = <[Expression; 3]>::try_from(parts)
                    .map_err(|_| "`r` takes two or three values".to_owned())?;
                self.accept(b")").ok_or("missing `)`")?;
                Ok(Expression::Draw(Box::new(parts)))
            }
            "day" => {
                self.accept(b"(")
                    .and_then(|_| self.accept(b")"))
                    .ok_or("`day` takes no value")?;
                // 2021-01-01 to 2026-12-31.
                let range = [7671, 9861, 1].map(Expression::Number);
                Ok(Expression::Draw(Box::new(range)))
            }
            name => (self.variable)(name)
                .map(Expression::Variable)
                .ok_or_else(|| format!("no number `{name}`")),
        }
    }

    fn accept(&mut self, set: &[u8]) -> Option<u8> {
        self.rest = self.rest.trim_start();
        let first = *self.rest.as_bytes().first()?;
        set.contains(&first).then(|| {
            self.rest = &self.rest[1..];
            first
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_say() {
        let names = |name: &str| ["a", "b"].iter().position(|known| *known == name);
        let eval = |text: &str| {
            Expression::parse(text, &names)
                .unwrap()
                .evaluate(&mut Rng::new(1, 2, 3), &|at| [7, 3][at])
        };
        assert_eq!(eval("a + b * 2"), 13);
        assert_eq!(eval("(a + b) * 2 - 1"), 19);
        assert_eq!(eval("a / b + a % b"), 3);
        assert!((4..=6).contains(&eval("r(4, a - 1)")));
        assert!([10, 15, 20].contains(&eval("r(10, 20, 5)")));
        for wrong in ["a +", "c", "r(1)", "(a", "a b"] {
            assert!(
                Expression::parse(wrong, &names).is_err(),
                "`{wrong}` was read"
            );
        }
    }
}
