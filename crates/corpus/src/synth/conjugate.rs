//! Conjugation computed on syllables: stem + class + ending gives the surface form.
//!
//! An ending is written as in a grammar book, joined by `+` where pre-final endings precede it: `시+었+다`. Endings that
//! begin with `어` harmonize with the stem, those with `으` lose it after a vowel, `는`-endings have their adjective forms.
//! Sentence-final codes (`다`, `까`, `라`, ...) are spelled out per speech level by [`Ending::parse`].

pub use super::ending::{Ending, Level};

use super::ending::{Kind, Suffix, TAIL_B, TAIL_L, TAIL_M, TAIL_N, TAIL_SS};
use super::hangul::{Syllable, compose, decompose};

/// How a predicate takes present-tense endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordClass {
    /// 먹다: 먹는다, 먹는.
    Verb,
    /// 좋다: 좋다, 좋은.
    Adjective,
    /// 있다, 없다 and their compounds: 있다, 있는.
    Existential,
    /// 이다 after a noun that ends in a consonant.
    CopulaClosed,
    /// 이다 after a noun that ends in a vowel.
    CopulaOpen,
}

/// The irregular classes. ㄹ-dropping, ㅡ-dropping and 하다 follow from the spelling and need no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Irregular {
    /// No change beyond the general rules.
    None,
    /// 덥다, 더워.
    Bieup,
    /// 듣다, 들어.
    Digeut,
    /// 짓다, 지어.
    Siot,
    /// 흐르다, 흘러.
    Reu,
    /// 이르다 (reach), 이르러.
    Reo,
    /// 푸다, 퍼.
    U,
    /// 빨갛다, 빨개.
    Hieut,
}

/// A predicate: its stem (dictionary form without 다), class and irregularity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predicate<'a> {
    /// Dictionary form without 다: `먹`, `가깝`.
    pub stem: &'a str,
    /// How it takes present-tense endings.
    pub class: WordClass,
    /// Its irregular class.
    pub irregular: Irregular,
}

/// Ends of stems that hold 시 already, so that 어요 makes 세요 (계세요, 주세요) where 마시다 and 모시다 have 셔요.
const HONORIFIC: [&str; 5] = ["계시", "드시", "주무시", "하시", "주시"];

const TAIL_D: u8 = 7;
const TAIL_LM: u8 = 10;
const TAIL_S: u8 = 19;
const TAIL_H: u8 = 27;
const LEAD_L: u8 = 5;
const NO_LEAD: u8 = 11;

const A: u8 = 0;
const AE: u8 = 1;
const YA: u8 = 2;
const YAE: u8 = 3;
const EO: u8 = 4;
const E: u8 = 5;
const YEO: u8 = 6;
const YE: u8 = 7;
const O: u8 = 8;
const WA: u8 = 9;
const WAE: u8 = 10;
const OE: u8 = 11;
const U: u8 = 13;
const WO: u8 = 14;
const EU: u8 = 18;
const I: u8 = 20;

/// The surface form of `predicate` with `ending`.
pub fn conjugate(predicate: Predicate<'_>, ending: &Ending) -> String {
    let mut out = String::with_capacity(predicate.stem.len() + 24);
    conjugate_into(&mut out, predicate, ending);
    out
}

/// Appends the surface form to `out`, which may already hold the words before.
pub(super) fn conjugate_into(out: &mut String, predicate: Predicate<'_>, ending: &Ending) {
    let mut state = State {
        start: out.len(),
        class: predicate.class,
        irregular: predicate.irregular,
        tensed: false,
        honorific: HONORIFIC.iter().any(|end| predicate.stem.ends_with(end)),
    };
    out.push_str(predicate.stem);
    for suffix in &ending.suffixes {
        state.apply(out, suffix);
    }
}

struct State {
    /// Where the predicate's stem begins in the output.
    start: usize,
    class: WordClass,
    irregular: Irregular,
    /// After 었 or 겠: always 어, never 는다.
    tensed: bool,
    /// After 시, which makes 세요 with 어요.
    honorific: bool,
}

impl State {
    fn apply(&mut self, out: &mut String, suffix: &Suffix) {
        match suffix.kind {
            Kind::Harmonic { tail, casual } => self.harmonic(out, tail, casual, &suffix.rest),
            Kind::Eu => {
                self.soften(out);
                match last(out) {
                    Some(s) if s.tail == TAIL_L && self.irregular != Irregular::Digeut => {
                        if suffix.rest.starts_with(['니', '시', '세', '십', '오']) {
                            set_last(out, Syllable { tail: 0, ..s });
                        }
                    }
                    Some(s) if s.tail == 0 && !self.keeps_eu() => {}
                    _ => out.push('으'),
                }
            }
            Kind::EuTail(tail) => {
                self.soften(out);
                match last(out) {
                    Some(s) if s.tail == TAIL_L && self.irregular != Irregular::Digeut => {
                        let tail = if tail == TAIL_M { TAIL_LM } else { tail };
                        set_last(out, Syllable { tail, ..s });
                    }
                    Some(s) if s.tail == 0 && !self.keeps_eu() => {
                        set_last(out, Syllable { tail, ..s });
                    }
                    _ => out.push(
                        compose(Syllable {
                            lead: NO_LEAD,
                            vowel: EU,
                            tail,
                        })
                        .unwrap_or('으'),
                    ),
                }
            }
            Kind::Seum => self.joined_or(out, TAIL_B, "습"),
            Kind::Nda => {
                if self.class == WordClass::CopulaOpen && !self.tensed && !self.honorific {
                    out.pop();
                }
                if self.class == WordClass::Verb && !self.tensed {
                    self.joined_or(out, TAIL_N, "는");
                }
                out.push('다');
            }
            Kind::Neun | Kind::NeunDropped if !self.takes_neun() => {
                if suffix.kind == Kind::Neun {
                    self.apply(
                        out,
                        &Suffix {
                            kind: Kind::EuTail(TAIL_N),
                            rest: String::new(),
                        },
                    );
                } else {
                    out.push_str(suffix.rest.strip_prefix('는').unwrap_or(&suffix.rest));
                    return;
                }
            }
            Kind::Neun => {
                drop_rieul(out);
                out.push('는');
            }
            Kind::NeunDropped | Kind::Nasal => drop_rieul(out),
            Kind::Plain => {}
        }
        out.push_str(&suffix.rest);
        self.advance(suffix);
    }

    fn advance(&mut self, suffix: &Suffix) {
        let is_guess = suffix.kind == Kind::Plain && suffix.rest == "겠";
        if is_guess || matches!(suffix.kind, Kind::Harmonic { tail: TAIL_SS, .. }) {
            self.tensed = true;
        }
        if suffix.kind == Kind::Eu && suffix.rest == "시" {
            self.honorific = true;
        }
        self.irregular = Irregular::None;
    }

    fn takes_neun(&self) -> bool {
        self.tensed || matches!(self.class, WordClass::Verb | WordClass::Existential)
    }

    /// ㅅ-irregular stems have lost their consonant and still behave as closed: 지으면.
    fn keeps_eu(&self) -> bool {
        self.irregular == Irregular::Siot
    }

    /// The stem before an ending that begins with a vowel.
    fn soften(&self, out: &mut String) {
        let Some(s) = last(out) else { return };
        match self.irregular {
            Irregular::Bieup if s.tail == TAIL_B => {
                set_last(out, Syllable { tail: 0, ..s });
                out.push('우');
            }
            Irregular::Digeut if s.tail == TAIL_D => set_last(out, Syllable { tail: TAIL_L, ..s }),
            Irregular::Siot if s.tail == TAIL_S => set_last(out, Syllable { tail: 0, ..s }),
            Irregular::Hieut if s.tail == TAIL_H => set_last(out, Syllable { tail: 0, ..s }),
            _ => {}
        }
    }

    /// Puts `tail` under an open stem (and in place of ㄹ), or appends `closed`.
    fn joined_or(&self, out: &mut String, tail: u8, closed: &str) {
        match last(out) {
            Some(s) if !self.tensed && (s.tail == 0 || s.tail == TAIL_L) => {
                set_last(out, Syllable { tail, ..s });
            }
            _ => out.push_str(closed),
        }
    }

    fn harmonic(&self, out: &mut String, tail: u8, casual: bool, rest: &str) {
        let stem = &out[self.start..];
        match self.class {
            WordClass::CopulaClosed | WordClass::CopulaOpen if !self.tensed && !self.honorific => {
                out.pop();
                let open = self.class == WordClass::CopulaOpen;
                out.push_str(match (open, tail, casual, rest) {
                    (false, TAIL_SS, ..) => "이었",
                    (true, TAIL_SS, ..) => "였",
                    (false, _, true, "요") => "이에",
                    (true, _, true, "요") => "예",
                    (false, _, true, _) => "이야",
                    (true, _, true, _) => "야",
                    (false, ..) => "이어",
                    (true, ..) => "여",
                });
                return;
            }
            WordClass::Adjective if stem == "아니" && casual => {
                out.push_str(if rest == "요" { "에" } else { "야" });
                return;
            }
            _ => {}
        }
        let Some(s) = last(out) else { return };
        if self.tensed {
            push(out, NO_LEAD, EO, tail);
        } else if self.honorific && casual && rest == "요" {
            set_last(out, Syllable { vowel: E, ..s });
        } else if out.ends_with('하') {
            set_last(
                out,
                Syllable {
                    vowel: AE,
                    tail,
                    ..s
                },
            );
        } else {
            self.harmonic_stem(out, s, tail, casual);
        }
    }

    fn harmonic_stem(&self, out: &mut String, s: Syllable, tail: u8, casual: bool) {
        let bright = |vowel| matches!(vowel, A | YA | O);
        match self.irregular {
            Irregular::Bieup => {
                let vowel = if matches!(&out[self.start..], "돕" | "곱") {
                    WA
                } else {
                    WO
                };
                set_last(out, Syllable { tail: 0, ..s });
                push(out, NO_LEAD, vowel, tail);
            }
            Irregular::Digeut => {
                set_last(out, Syllable { tail: TAIL_L, ..s });
                push(out, NO_LEAD, if bright(s.vowel) { A } else { EO }, tail);
            }
            Irregular::Siot => {
                set_last(out, Syllable { tail: 0, ..s });
                push(out, NO_LEAD, if bright(s.vowel) { A } else { EO }, tail);
            }
            Irregular::Reu => {
                out.pop();
                let before = last(out).unwrap_or(s);
                set_last(
                    out,
                    Syllable {
                        tail: TAIL_L,
                        ..before
                    },
                );
                push(out, LEAD_L, if bright(before.vowel) { A } else { EO }, tail);
            }
            Irregular::Reo => push(out, LEAD_L, EO, tail),
            Irregular::U => set_last(
                out,
                Syllable {
                    vowel: EO,
                    tail,
                    ..s
                },
            ),
            Irregular::Hieut => {
                let pointing = ["이렇", "그렇", "저렇", "어떻"].contains(&&out[self.start..]);
                let vowel = match s.vowel {
                    YA => YAE,
                    YEO => YE,
                    EO if !pointing => E,
                    _ => AE,
                };
                set_last(out, Syllable { vowel, tail, ..s });
            }
            Irregular::None if s.tail != 0 => {
                push(out, NO_LEAD, if bright(s.vowel) { A } else { EO }, tail);
            }
            Irregular::None => self.open_stem(out, s, tail, casual),
        }
    }

    fn open_stem(&self, out: &mut String, s: Syllable, tail: u8, casual: bool) {
        let single = out[self.start..].chars().count() == 1;
        let vowel = match s.vowel {
            EU => {
                let mut before = out[self.start..].chars().rev().skip(1);
                match before.next().and_then(decompose) {
                    Some(b) if matches!(b.vowel, A | O) => A,
                    _ => EO,
                }
            }
            A | EO | AE | E | YEO => s.vowel,
            O => WA,
            U => WO,
            // 되어/돼: the short form belongs to speech, the long one to writing and to connectives.
            OE if casual => WAE,
            // 피어, 기어 stay long; 져, 쳐, 쪄 do not, and neither do longer stems.
            I if &out[self.start..] == "아니" => {
                push(out, NO_LEAD, EO, tail);
                return;
            }
            I if !single || matches!(s.lead, 12..=14) => YEO,
            _ => {
                push(out, NO_LEAD, EO, tail);
                return;
            }
        };
        set_last(out, Syllable { vowel, tail, ..s });
    }
}

fn last(text: &str) -> Option<Syllable> {
    text.chars().next_back().and_then(decompose)
}

fn set_last(out: &mut String, syllable: Syllable) {
    if let Some(c) = compose(syllable) {
        out.pop();
        out.push(c);
    }
}

fn push(out: &mut String, lead: u8, vowel: u8, tail: u8) {
    out.extend(compose(Syllable { lead, vowel, tail }));
}

fn drop_rieul(out: &mut String) {
    if let Some(s) = last(out).filter(|s| s.tail == TAIL_L) {
        set_last(out, Syllable { tail: 0, ..s });
    }
}

#[cfg(test)]
#[path = "conjugate_tests.rs"]
mod tests;
