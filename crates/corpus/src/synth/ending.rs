//! Endings as data: what a grammar book writes, resolved for a speech level into suffixes that `conjugate` applies.

/// The four speech levels a text can keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 해라체, the plain written style: 간다.
    Haera,
    /// 해요체: 가요.
    Haeyo,
    /// 합쇼체: 갑니다.
    Hapsyo,
    /// 해체: 가.
    Hae,
}

impl Level {
    /// All levels, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Haera, Self::Haeyo, Self::Hapsyo, Self::Hae];

    /// Parses the Korean name without 체: `해라`, `해요`, `합쇼`, `해`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "해라" => Self::Haera,
            "해요" => Self::Haeyo,
            "합쇼" => Self::Hapsyo,
            "해" => Self::Hae,
            _ => return None,
        })
    }
}

/// An ending with its pre-final endings, resolved for one speech level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub(super) suffixes: Vec<Suffix>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suffix {
    pub(super) kind: Kind,
    /// What follows the syllable that the kind handles.
    pub(super) rest: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 어..., with the tail of the first syllable (0, or ㅆ for 었).
    Harmonic { tail: u8, casual: bool },
    /// 으...: the vowel is dropped after a vowel and after ㄹ.
    Eu,
    /// 은, 을, 음: the consonant joins an open stem.
    EuTail(u8),
    /// 습니다 / ㅂ니다.
    Seum,
    /// ㄴ다 / 는다, and 다 for what is not a verb.
    Nda,
    /// 는..., with adjective form 은.
    Neun,
    /// 는구나, 는군요: adjectives have no 는.
    NeunDropped,
    /// 니, 네, 느라: only ㄹ drops.
    Nasal,
    /// Everything else: nothing changes.
    Plain,
}

// Tails of Unicode's conjoining jamo.
pub(super) const TAIL_N: u8 = 4;
pub(super) const TAIL_L: u8 = 8;
pub(super) const TAIL_M: u8 = 16;
pub(super) const TAIL_B: u8 = 17;
pub(super) const TAIL_SS: u8 = 20;

impl Ending {
    /// Parses an ending for `level`. Sentence-final codes: `다` (statement), `까` (question), `ㄹ까` (wondering), `자`
    /// (let us), `라` (request), `ㄹ것` (will), `ㄹ게` (promise), `죠` (as you know), `네` (finding out). `다고`, `ㄴ다`
    /// and every connective or modifier are the same at each level. Never fails: what is no code is a suffix.
    pub fn parse(text: &str, level: Level) -> Self {
        let mut suffixes = Vec::new();
        let mut parts = text.split('+').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_some() {
                suffixes.push(Suffix::parse(match part {
                    "시" => "으시",
                    other => other,
                }));
                continue;
            }
            match part {
                "었다" | "겠다" | "었까" | "겠까" | "었죠" | "었네" | "겠죠" | "겠네"
                | "었다고" | "었다는" => {
                    let split = part.char_indices().nth(1).map_or(part.len(), |(at, _)| at);
                    suffixes.push(Suffix::parse(&part[..split]));
                    suffixes.push(Suffix::parse(at_level(&part[split..], level)));
                }
                other => suffixes.push(Suffix::parse(at_level(other, level))),
            }
        }
        Self { suffixes }
    }
}

fn at_level(code: &str, level: Level) -> &str {
    let forms = match code {
        "다" => ["ㄴ다", "어요", "습니다", "어!"],
        "까" => ["는가", "어요", "습니까", "어!"],
        "ㄹ까" => ["을까", "을까요", "을까요", "을까"],
        "자" => ["자", "어요", "읍시다", "자"],
        "라" => ["어라", "으세요", "으십시오", "어!"],
        "ㄹ것" => ["을 것이다", "을 거예요", "을 것입니다", "을 거야"],
        "ㄹ게" => ["겠다", "을게요", "겠습니다", "을게"],
        "죠" => ["지", "지요", "지요", "지"],
        "네" => ["는구나", "네요", "는군요", "네"],
        "다고" => ["ㄴ다고"; 4],
        "다는" => ["ㄴ다는"; 4],
        other => return other,
    };
    forms[level as usize]
}

impl Suffix {
    fn parse(text: &str) -> Self {
        let make = |kind, rest: &str| Self {
            kind,
            rest: rest.to_owned(),
        };
        let casual = text.starts_with("어요") || text == "어!";
        let text = text.trim_end_matches('!');
        let strip = |prefix| text.strip_prefix(prefix);
        if let Some(rest) = strip("었") {
            return make(
                Kind::Harmonic {
                    tail: TAIL_SS,
                    casual: false,
                },
                rest,
            );
        }
        if let Some(rest) = strip("어") {
            return make(Kind::Harmonic { tail: 0, casual }, rest);
        }
        if let Some(rest) = strip("습") {
            return make(Kind::Seum, rest);
        }
        if let Some(rest) = strip("ㄴ다") {
            return make(Kind::Nda, rest);
        }
        for (start, tail) in [
            ("은", TAIL_N),
            ("을", TAIL_L),
            ("음", TAIL_M),
            ("읍", TAIL_B),
        ] {
            if let Some(rest) = strip(start) {
                return make(Kind::EuTail(tail), rest);
            }
        }
        if let Some(rest) = strip("으") {
            return make(Kind::Eu, rest);
        }
        if text.starts_with("는구") || text.starts_with("는군") {
            return make(Kind::NeunDropped, text);
        }
        if let Some(rest) = strip("는") {
            return make(Kind::Neun, rest);
        }
        if text.starts_with(['니', '네', '느']) {
            return make(Kind::Nasal, text);
        }
        make(Kind::Plain, text)
    }
}
