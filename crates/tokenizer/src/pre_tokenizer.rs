//! The pre-tokenizer of a `tokenizer.json`, without the library: where text is cut before merging.

use serde_json::Value;

use crate::pattern;
use crate::scan::Scanner;

/// The steps of a pre-tokenizer whose pieces are merged as bytes; each cuts the pieces of the one before.
#[derive(Debug)]
pub(crate) struct PreTokenizer {
    cuts: Vec<Cut>,
}

#[derive(Debug)]
enum Cut {
    Pattern(Scanner),
    /// Each numeric character by itself.
    Digits,
}

impl PreTokenizer {
    /// Of the JSON of one; `None` where it does something that is not known here.
    pub(crate) fn new(json: &Value) -> Option<Self> {
        let parts = match json["type"].as_str()? {
            "Sequence" => json["pretokenizers"].as_array()?.as_slice(),
            _ => std::slice::from_ref(json),
        };
        let (bytes, parts) = parts.split_last()?;
        if bytes["type"] != "ByteLevel" || bytes["add_prefix_space"] != false {
            return None;
        }
        let mut cuts: Vec<Cut> = parts.iter().map(Cut::new).collect::<Option<_>>()?;
        if bytes["use_regex"] != false {
            cuts.push(Cut::Pattern(Scanner::new(pattern::GPT2)?));
        }
        Some(Self { cuts })
    }

    /// Calls `piece` with each piece of `text`, none of them empty.
    pub(crate) fn cut<'a>(&self, text: &'a str, mut piece: impl FnMut(&'a str)) {
        // Most have one step, which needs no room for pieces of pieces.
        if let [Cut::Pattern(scanner)] = &self.cuts[..] {
            return scanner.cut(text, piece);
        }
        cut_by(&self.cuts, text, &mut piece);
    }
}

fn cut_by<'a>(cuts: &[Cut], text: &'a str, piece: &mut dyn FnMut(&'a str)) {
    match cuts.split_first() {
        None if text.is_empty() => {}
        None => piece(text),
        Some((Cut::Pattern(scanner), cuts)) => scanner.cut(text, |text| cut_by(cuts, text, piece)),
        Some((Cut::Digits, cuts)) => cut_digits(text, |text| cut_by(cuts, text, piece)),
    }
}

impl Cut {
    fn new(part: &Value) -> Option<Self> {
        match part["type"].as_str()? {
            "Split" if part["behavior"] == "Isolated" && part["invert"] == false => {
                Scanner::new(part["pattern"]["Regex"].as_str()?).map(Self::Pattern)
            }
            "Digits" if part["individual_digits"] == true => Some(Self::Digits),
            _ => None,
        }
    }
}

fn cut_digits<'a>(mut text: &'a str, mut piece: impl FnMut(&'a str)) {
    while let Some((at, digit)) = text.char_indices().find(|(_, c)| c.is_numeric()) {
        let (before, from) = text.split_at(at);
        let (digit, behind) = from.split_at(digit.len_utf8());
        if !before.is_empty() {
            piece(before);
        }
        piece(digit);
        text = behind;
    }
    if !text.is_empty() {
        piece(text);
    }
}
