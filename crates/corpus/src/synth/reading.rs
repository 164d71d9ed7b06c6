//! How digits, units and Latin words end when a Korean reader says them aloud: numbers as Sino-Korean numerals, capitals
//! by letter name, other words by a rule of spelling with a list of those that break it.

use super::hangul::FinalSound::{self, Consonant, Rieul, Vowel};

/// Words whose Korean reading the spelling rule below would miss.
const EXCEPTIONS: [(&str, FinalSound); 31] = [
    ("app", Consonant),
    ("book", Consonant),
    ("budget", Consonant),
    ("chat", Consonant),
    ("check", Vowel),
    ("code", Vowel),
    ("desk", Vowel),
    ("draft", Vowel),
    ("feedback", Consonant),
    ("group", Consonant),
    ("habit", Consonant),
    ("internet", Consonant),
    ("laptop", Consonant),
    ("link", Vowel),
    ("map", Consonant),
    ("note", Vowel),
    ("playlist", Vowel),
    ("pop", Consonant),
    ("report", Vowel),
    ("robot", Consonant),
    ("set", Vowel),
    ("snack", Consonant),
    ("stock", Consonant),
    ("template", Consonant),
    ("test", Vowel),
    ("type", Consonant),
    ("update", Vowel),
    ("upgrade", Vowel),
    ("work", Vowel),
    ("workshop", Consonant),
    ("format", Consonant),
];

/// The sound at the end of `text`, whose last character `last` is not a Hangul syllable.
pub(super) fn final_sound(text: &str, last: char) -> Option<FinalSound> {
    match last {
        // 퍼센트, 도, 제곱미터; 이, 사, 오, 구.
        '%' | '℃' | '°' | '㎡' | '㎝' | '㎞' | '2' | '4' | '5' | '9' => Some(Vowel),
        // 그램; 0 is 영, and every power of ten (십, 백, 천, 만, 억) is closed too.
        '㎏' | '㎎' | '0' | '3' | '6' => Some(Consonant),
        '1' | '7' | '8' => Some(Rieul),
        'a'..='z' | 'A'..='Z' => Some(latin(text)),
        _ => None,
    }
}

fn latin(text: &str) -> FinalSound {
    let start = text
        .rfind(|c: char| !c.is_ascii_alphabetic())
        .map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        });
    let word = &text[start..];
    if text[..start].ends_with(|c: char| c.is_ascii_digit()) {
        match word {
            "kg" | "g" | "mg" => return Consonant,
            "L" | "mL" | "m" | "cm" | "mm" | "km" => return Vowel,
            _ => {}
        }
    }
    if word.bytes().all(|b| b.is_ascii_uppercase()) {
        return match word.bytes().next_back() {
            Some(b'L' | b'R') => Rieul,
            Some(b'M' | b'N') => Consonant,
            _ => Vowel,
        };
    }
    let lower = word.to_ascii_lowercase();
    if let Some((_, sound)) = EXCEPTIONS.iter().find(|(known, _)| *known == lower) {
        return *sound;
    }
    if lower.ends_with("le") || lower.ends_with('l') {
        Rieul
    } else if ["m", "n", "ng", "me", "ne"]
        .iter()
        .any(|end| lower.ends_with(end))
    {
        Consonant
    } else {
        Vowel
    }
}
