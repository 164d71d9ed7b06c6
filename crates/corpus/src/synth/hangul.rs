//! Hangul syllables as lead, vowel and tail, and the particles that depend on the sound before them.
//!
//! What a digit or a Latin word sounds like at its end is answered by `reading`.

use super::reading;

const BASE: u32 = 0xAC00;
const LAST: u32 = 0xD7A3;
const TAILS: u32 = 28;
const VOWELS: u32 = 21;

/// A precomposed syllable taken apart. Values are the indices of Unicode's conjoining jamo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syllable {
    /// Leading consonant, `0..19` (ㄱ = 0, ㅇ = 11).
    pub lead: u8,
    /// Vowel, `0..21` (ㅏ = 0, ㅣ = 20).
    pub vowel: u8,
    /// Final consonant, `0..28`; 0 is none, 8 is ㄹ.
    pub tail: u8,
}

/// Takes a precomposed syllable apart; `None` for every other character.
pub fn decompose(c: char) -> Option<Syllable> {
    let code = c as u32;
    if !(BASE..=LAST).contains(&code) {
        return None;
    }
    let offset = code - BASE;
    Some(Syllable {
        lead: (offset / (VOWELS * TAILS)) as u8,
        vowel: (offset / TAILS % VOWELS) as u8,
        tail: (offset % TAILS) as u8,
    })
}

/// Puts a syllable together; `None` when an index is out of range.
pub fn compose(syllable: Syllable) -> Option<char> {
    let Syllable { lead, vowel, tail } = syllable;
    if lead >= 19 || u32::from(vowel) >= VOWELS || u32::from(tail) >= TAILS {
        return None;
    }
    char::from_u32(BASE + (u32::from(lead) * VOWELS + u32::from(vowel)) * TAILS + u32::from(tail))
}

/// The sound a word ends in, as far as particles care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalSound {
    /// No final consonant: 나무, 2, A.
    Vowel,
    /// Final ㄹ, which takes 로 and otherwise the consonant forms: 서울, 1, L.
    Rieul,
    /// Any other final consonant: 집, 3, N.
    Consonant,
}

/// The final sound of `text` as it is read aloud; closing quotes and a closing bracket with what it encloses are skipped.
/// `None` when nothing readable stands at the end.
pub fn final_sound(text: &str) -> Option<FinalSound> {
    let text = skip_closers(text);
    let last = text.chars().next_back()?;
    if let Some(syllable) = decompose(last) {
        return Some(match syllable.tail {
            0 => FinalSound::Vowel,
            8 => FinalSound::Rieul,
            _ => FinalSound::Consonant,
        });
    }
    reading::final_sound(text, last)
}

/// Whether `text` ends in a final consonant as read aloud. `None` as in [`final_sound`].
pub fn has_batchim(text: &str) -> Option<bool> {
    final_sound(text).map(|sound| sound != FinalSound::Vowel)
}

fn skip_closers(mut text: &str) -> &str {
    loop {
        let Some(last) = text.chars().next_back() else {
            return text;
        };
        match last {
            '\'' | '"' | '’' | '”' | '」' | '』' | '》' | '〉' => {
                text = &text[..text.len() - last.len_utf8()];
            }
            ')' => match text.rfind('(') {
                Some(open) if open > 0 => text = &text[..open],
                _ => return text,
            },
            _ => return text,
        }
    }
}

/// A particle with two forms, named by its form after a consonant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Josa {
    /// 이 / 가
    I,
    /// 은 / 는
    Eun,
    /// 을 / 를
    Eul,
    /// 과 / 와
    Gwa,
    /// 으로 / 로 (로 after ㄹ too)
    Euro,
    /// 이나 / 나
    Ina,
    /// 이라 / 라
    Ira,
    /// 이랑 / 랑
    Irang,
    /// 이든 / 든
    Ideun,
    /// 아 / 야
    A,
}

impl Josa {
    /// All particles, the longer spellings before their own beginnings.
    pub const ALL: [Self; 10] = [
        Self::Euro,
        Self::Ina,
        Self::Irang,
        Self::Ira,
        Self::Ideun,
        Self::I,
        Self::Eun,
        Self::Eul,
        Self::Gwa,
        Self::A,
    ];

    /// The form after `sound`.
    pub fn after(self, sound: FinalSound) -> &'static str {
        let (closed, open) = self.forms();
        match (self, sound) {
            (_, FinalSound::Vowel) | (Self::Euro, FinalSound::Rieul) => open,
            _ => closed,
        }
    }

    /// The forms after a consonant and after a vowel.
    pub fn forms(self) -> (&'static str, &'static str) {
        match self {
            Self::I => ("이", "가"),
            Self::Eun => ("은", "는"),
            Self::Eul => ("을", "를"),
            Self::Gwa => ("과", "와"),
            Self::Euro => ("으로", "로"),
            Self::Ina => ("이나", "나"),
            Self::Ira => ("이라", "라"),
            Self::Irang => ("이랑", "랑"),
            Self::Ideun => ("이든", "든"),
            Self::A => ("아", "야"),
        }
    }
}

/// The form of `particle` that follows `word`; words without a readable end take the form after a vowel.
pub fn josa(word: &str, particle: Josa) -> &'static str {
    particle.after(final_sound(word).unwrap_or(FinalSound::Vowel))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn particles_follow_the_sound() {
        let table = [
            ("사과", "가 는 를 와 로 나 라 야"),
            ("밥", "이 은 을 과 으로 이나 이라 아"),
            ("서울", "이 은 을 과 로 이나 이라 아"),
            ("길", "이 은 을 과 로 이나 이라 아"),
            ("1", "이 은 을 과 로 이나 이라 아"),
            ("2", "가 는 를 와 로 나 라 야"),
            ("3", "이 은 을 과 으로 이나 이라 아"),
            ("1,200", "이 은 을 과 으로 이나 이라 아"),
            ("10", "이 은 을 과 으로 이나 이라 아"),
            ("7", "이 은 을 과 로 이나 이라 아"),
            ("4.5", "가 는 를 와 로 나 라 야"),
            ("35%", "가 는 를 와 로 나 라 야"),
            ("20℃", "가 는 를 와 로 나 라 야"),
            ("3kg", "이 은 을 과 으로 이나 이라 아"),
            ("15km", "가 는 를 와 로 나 라 야"),
            ("URL", "이 은 을 과 로 이나 이라 아"),
            ("GDP", "가 는 를 와 로 나 라 야"),
            ("PDF", "가 는 를 와 로 나 라 야"),
            ("email", "이 은 을 과 로 이나 이라 아"),
            ("file", "이 은 을 과 로 이나 이라 아"),
            ("server", "가 는 를 와 로 나 라 야"),
            ("team", "이 은 을 과 으로 이나 이라 아"),
            ("data", "가 는 를 와 로 나 라 야"),
            ("‘봄’", "이 은 을 과 으로 이나 이라 아"),
            ("임차인(이하 ‘을’)", "이 은 을 과 으로 이나 이라 아"),
        ];
        for (word, expected) in table {
            let all = [
                Josa::I,
                Josa::Eun,
                Josa::Eul,
                Josa::Gwa,
                Josa::Euro,
                Josa::Ina,
                Josa::Ira,
                Josa::A,
            ];
            let forms: Vec<_> = all
                .into_iter()
                .map(|particle| josa(word, particle))
                .collect();
            assert_eq!(forms.join(" "), expected, "after {word}");
        }
    }

    #[test]
    fn nothing_readable_has_no_sound() {
        assert_eq!(final_sound(""), None);
        assert_eq!(final_sound("…"), None);
        assert_eq!(has_batchim("(값)"), None);
        assert_eq!(
            compose(Syllable {
                lead: 19,
                vowel: 0,
                tail: 0
            }),
            None
        );
    }

    proptest! {
        #[test]
        fn compose_undoes_decompose(code in BASE..=LAST) {
            let c = char::from_u32(code).expect("in the syllable block");
            prop_assert_eq!(decompose(c).and_then(compose), Some(c));
        }

        #[test]
        fn any_text_has_an_answer(text in "\\PC*") {
            let _ = final_sound(&text);
        }
    }
}
