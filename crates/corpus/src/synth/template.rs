//! The sentence notation, compiled once.
//!
//! | notation | meaning |
//! | --- | --- |
//! | `{food}` | an entry of a lexicon class, not used before in the document where possible |
//! | `{p}` `{p.1}` | a picked entry, or its field 1 |
//! | `{n:won}` | a number in a format of `numerals` |
//! | `{먹다:었다}` `{chore:고}` | a predicate (literal, or the end of an entry) with an ending of `conjugate` |
//! | `{이다:다}` | the copula, by the sound before it |
//! | `~을` | a particle by the sound before it |
//! | `@저` `@제` `@저희` | 나 / 저, 내 / 제, 우리 / 저희 by speech level |
//! | `[a\|b\|]` | one of the alternatives |
//! | `[?x>y:a\|b]` | `a` if the comparison of two numbers holds, else `b` |
//! | `{a}` `{A}` | the English article for the word that follows |

use super::conjugate::{Ending, Irregular, Level, Predicate, WordClass, conjugate};
use super::hangul::{Josa, josa};
use super::lexicon::Lexicon;
use super::numerals::Format;

/// What a name in a scene stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    Number(usize),
    Entry(usize),
}

#[derive(Debug)]
pub(super) enum Part {
    Text(Box<str>),
    /// One text per speech level.
    Leveled([Box<str>; 4]),
    Josa(Josa),
    Copula {
        closed: [Box<str>; 4],
        open: [Box<str>; 4],
    },
    Class {
        class: usize,
        field: usize,
        ending: Option<Box<[Ending; 4]>>,
    },
    Entry {
        slot: usize,
        field: usize,
        ending: Option<Box<[Ending; 4]>>,
    },
    Number {
        slot: usize,
        format: Format,
    },
    Choice(Box<[Box<[Part]>]>),
    Compare {
        left: usize,
        op: u8,
        right: usize,
        branches: Box<[Box<[Part]>; 2]>,
    },
    Article {
        capital: bool,
    },
    /// From here on the speech level of the first or second speaker holds.
    Speaker(usize),
}

/// Compiles one sentence; `binding` answers names of the scene.
pub(super) fn compile(
    text: &str,
    lexicon: &Lexicon,
    binding: &dyn Fn(&str) -> Option<Binding>,
) -> Result<Box<[Part]>, String> {
    let mut compiler = Compiler {
        rest: text,
        lexicon,
        binding,
    };
    let parts = compiler.sequence()?;
    if compiler.rest.is_empty() {
        Ok(parts)
    } else {
        Err(format!("unread `{}` in `{text}`", compiler.rest))
    }
}

struct Compiler<'a> {
    rest: &'a str,
    lexicon: &'a Lexicon,
    binding: &'a dyn Fn(&str) -> Option<Binding>,
}

impl Compiler<'_> {
    /// Reads to the end of the text, or to the `|` or `]` that ends an alternative.
    fn sequence(&mut self) -> Result<Box<[Part]>, String> {
        let mut parts = Vec::new();
        while let Some(c) = self.rest.chars().next() {
            match c {
                '|' | ']' => break,
                '[' => parts.push(self.choice()?),
                '{' => {
                    let end = self
                        .rest
                        .find('}')
                        .ok_or_else(|| format!("`{}` is not closed", self.rest))?;
                    let inner = &self.rest[1..end];
                    self.rest = &self.rest[end + 1..];
                    let part = self.slot(inner)?;
                    self.refuse_bare_particle(&part)?;
                    parts.push(part);
                }
                '~' => {
                    self.rest = &self.rest[1..];
                    let found = Josa::ALL
                        .into_iter()
                        .find(|josa| self.rest.starts_with(josa.forms().0));
                    let josa = found.ok_or_else(|| format!("no particle at `{}`", self.rest))?;
                    self.rest = &self.rest[josa.forms().0.len()..];
                    parts.push(Part::Josa(josa));
                }
                '@' => {
                    let forms = [("저희", "우리"), ("저", "나"), ("제", "내")];
                    let rest = &self.rest[1..];
                    let (polite, plain) = forms
                        .into_iter()
                        .find(|(polite, _)| rest.starts_with(polite))
                        .ok_or_else(|| format!("no pronoun at `{rest}`"))?;
                    self.rest = &rest[polite.len()..];
                    parts.push(Part::Leveled(
                        [plain, polite, polite, plain].map(Into::into),
                    ));
                }
                _ => {
                    if let Some(Part::Choice(options)) = parts.last() {
                        self.refuse_disagreeing_particle(options)?;
                    }
                    let end = self
                        .rest
                        .find(['|', ']', '[', '{', '~', '@'])
                        .unwrap_or(self.rest.len());
                    parts.push(Part::Text(self.rest[..end].into()));
                    self.rest = &self.rest[end..];
                }
            }
        }
        Ok(parts.into())
    }

    fn choice(&mut self) -> Result<Part, String> {
        self.rest = &self.rest[1..];
        let mut compare = None;
        if let Some(rest) = self.rest.strip_prefix('?') {
            let (condition, rest) = rest.split_once(':').ok_or("a comparison needs `:`")?;
            let at = condition
                .find(['>', '<', '='])
                .ok_or_else(|| format!("no comparison in `{condition}`"))?;
            let number = |name: &str| match (self.binding)(name.trim()) {
                Some(Binding::Number(slot)) => Ok(slot),
                _ => Err(format!("no number `{name}`")),
            };
            compare = Some((
                number(&condition[..at])?,
                condition.as_bytes()[at],
                number(&condition[at + 1..])?,
            ));
            self.rest = rest;
        }
        let mut options = Vec::new();
        loop {
            options.push(self.sequence()?);
            let more = self.rest.starts_with('|');
            if self.rest.is_empty() {
                return Err("`[` is not closed".to_owned());
            }
            self.rest = &self.rest[1..];
            if !more {
                break;
            }
        }
        let Some((left, op, right)) = compare else {
            return Ok(Part::Choice(options.into()));
        };
        let branches = <[Box<[Part]>; 2]>::try_from(options)
            .map_err(|_| "a comparison has two branches".to_owned())?;
        Ok(Part::Compare {
            left,
            op,
            right,
            branches: Box::new(branches),
        })
    }

    fn slot(&self, inner: &str) -> Result<Part, String> {
        let (source, shape) = inner
            .split_once(':')
            .map_or((inner, None), |(source, shape)| (source, Some(shape)));
        match source {
            "a" | "A" if shape.is_none() && (self.binding)(source).is_none() => {
                return Ok(Part::Article {
                    capital: source == "A",
                });
            }
            "이다" => return Ok(copula(shape.unwrap_or("다"))),
            _ => {}
        }
        if !source.is_ascii() {
            let phrase = self
                .lexicon
                .phrase(source)
                .ok_or_else(|| format!("no predicate `{source}`"))?;
            let shape = shape.ok_or_else(|| format!("`{source}` has no ending"))?;
            return Ok(Part::Leveled(Level::ALL.map(|level| {
                let form = conjugate(phrase.stem.predicate(), &Ending::parse(shape, level));
                format!("{}{form}", phrase.head).into()
            })));
        }
        let (name, field) = match source.split_once('.') {
            Some((name, field)) => (
                name,
                field.parse().map_err(|_| format!("no field `{field}`"))?,
            ),
            None => (source, 0usize),
        };
        let endings = |shape: &str| Box::new(Level::ALL.map(|level| Ending::parse(shape, level)));
        match (self.binding)(name) {
            Some(Binding::Number(slot)) => {
                let format = Format::parse(shape.unwrap_or("comma"))
                    .ok_or_else(|| format!("no format in `{inner}`"))?;
                Ok(Part::Number { slot, format })
            }
            Some(Binding::Entry(slot)) => Ok(Part::Entry {
                slot,
                field,
                ending: shape.map(endings),
            }),
            None => {
                let class = self
                    .lexicon
                    .class(name)
                    .ok_or_else(|| format!("no class or variable `{name}`"))?;
                self.check_class(class, field, shape.is_some(), inner)?;
                Ok(Part::Class {
                    class,
                    field,
                    ending: shape.map(endings),
                })
            }
        }
    }

    /// Every entry of the class must have the field, and a predicate where an ending is asked for.
    fn check_class(
        &self,
        class: usize,
        field: usize,
        conjugated: bool,
        inner: &str,
    ) -> Result<(), String> {
        for &entry in &self.lexicon.classes[class] {
            let fields = &self.lexicon.entries[entry as usize];
            let found = fields
                .get(field)
                .ok_or_else(|| format!("`{}` has no field for `{inner}`", fields[0].text))?;
            if conjugated && found.predicate.is_none() {
                return Err(format!(
                    "`{}` has no known predicate for `{inner}`",
                    found.text
                ));
            }
        }
        Ok(())
    }

    /// The word at the front of the rest, if it is a particle that has two forms.
    fn bare_particle(&self) -> Option<Josa> {
        let end = self
            .rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        Josa::ALL
            .into_iter()
            .find(|josa| *josa != Josa::A && (josa.forms().0 == word || josa.forms().1 == word))
    }

    /// A particle after a choice must fit every alternative.
    fn refuse_disagreeing_particle(&self, options: &[Box<[Part]>]) -> Result<(), String> {
        let Some(particle) = self.bare_particle() else {
            return Ok(());
        };
        for option in options {
            let Some(Part::Text(text)) = option.last() else {
                continue;
            };
            if !self.rest.starts_with(josa(text, particle)) {
                return Err(format!(
                    "`{text}` disagrees with the particle at `{}`",
                    self.rest
                ));
            }
        }
        Ok(())
    }

    /// A particle written out after a noun slot would be wrong for half of its entries.
    fn refuse_bare_particle(&self, part: &Part) -> Result<(), String> {
        if !matches!(
            part,
            Part::Class { ending: None, .. }
                | Part::Entry { ending: None, .. }
                | Part::Number { .. }
        ) {
            return Ok(());
        }
        if self.bare_particle().is_some() {
            return Err(format!("bare particle at `{}`", self.rest));
        }
        Ok(())
    }
}

fn copula(shape: &str) -> Part {
    let forms = |class| {
        Level::ALL.map(|level| {
            let predicate = Predicate {
                stem: "이",
                class,
                irregular: Irregular::None,
            };
            conjugate(predicate, &Ending::parse(shape, level)).into()
        })
    };
    Part::Copula {
        closed: forms(WordClass::CopulaClosed),
        open: forms(WordClass::CopulaOpen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_a_template_are_refused() {
        let lexicon = Lexicon::built_in().unwrap();
        let binding = |name: &str| (name == "n").then_some(Binding::Number(0));
        for wrong in [
            "{fruit}을 산다.",
            "{먹다}",
            "{뭷다:고}",
            "[a|b",
            "{nothing}",
            "~x",
            "[?n>m:a|b]",
            "{n:gold}",
            "{n}은",
            "[산|바다]을",
        ] {
            assert!(
                compile(wrong, &lexicon, &binding).is_err(),
                "`{wrong}` was compiled"
            );
        }
        assert!(compile("{fruit}~을 {먹다:었다}.", &lexicon, &binding).is_ok());
    }
}
