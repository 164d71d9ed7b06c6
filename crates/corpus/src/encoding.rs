//! Names of text encodings, as a recipe or a command line gives them.

use std::fmt;
use std::str::FromStr;

use encoding_rs::Encoding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An encoding of text, read from its name: `utf-8`, `cp949` (also `euc-kr`, `uhc`), `utf-16le`,
/// `utf-32be`, `shift_jis`, `gb18030` and whatever else the Encoding Standard of the WHATWG knows.
///
/// ```
/// let encoding: jikji_corpus::TextEncoding = "EUC-KR".parse().unwrap();
/// assert_eq!(encoding.to_string(), "cp949");
/// assert!("johab".parse::<jikji_corpus::TextEncoding>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TextEncoding(pub(crate) Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Utf8,
    /// EUC-KR with the extensions of Windows: every Hangul syllable.
    Cp949,
    Utf16 {
        big_endian: bool,
    },
    Utf32 {
        big_endian: bool,
    },
    Other(&'static Encoding),
}

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase().replace('_', "-");
        let kind = match name.as_str() {
            "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii" => Kind::Utf8,
            "cp949" | "ms949" | "uhc" | "windows-949" | "949" => Kind::Cp949,
            "utf-16le" | "utf16le" | "utf-16-le" => Kind::Utf16 { big_endian: false },
            "utf-16be" | "utf16be" | "utf-16-be" => Kind::Utf16 { big_endian: true },
            "utf-32le" | "utf32le" | "utf-32-le" => Kind::Utf32 { big_endian: false },
            "utf-32be" | "utf32be" | "utf-32-be" => Kind::Utf32 { big_endian: true },
            "utf-16" | "utf16" | "utf-32" | "utf32" => {
                return Err(format!(
                    "`{text}` leaves the order of bytes open: files that begin with a byte order mark are read without \
                     naming an encoding, others are `{name}le` or `{name}be`"
                ));
            }
            "cp932" | "ms932" => Kind::Other(encoding_rs::SHIFT_JIS),
            "cp936" | "gb2312" => Kind::Other(encoding_rs::GBK),
            "latin-1" => Kind::Other(encoding_rs::WINDOWS_1252),
            _ => {
                let known = [text.trim().to_ascii_lowercase(), name.clone()]
                    .iter()
                    .find_map(|label| Encoding::for_label(label.as_bytes()));
                match known {
                    Some(found) if found == encoding_rs::EUC_KR => Kind::Cp949,
                    Some(found) if found == encoding_rs::UTF_8 => Kind::Utf8,
                    // The standard's name for encodings that are dangerous to read.
                    Some(found) if found != encoding_rs::REPLACEMENT => Kind::Other(found),
                    _ => {
                        return Err(format!(
                            "`{text}` is no encoding that is read; `utf-8`, `cp949`, `utf-16le`, `shift_jis` and `gb18030` \
                             are some that are"
                        ));
                    }
                }
            }
        };
        Ok(Self(kind))
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            Kind::Utf8 => "utf-8",
            Kind::Cp949 => "cp949",
            Kind::Utf16 { big_endian: false } => "utf-16le",
            Kind::Utf16 { big_endian: true } => "utf-16be",
            Kind::Utf32 { big_endian: false } => "utf-32le",
            Kind::Utf32 { big_endian: true } => "utf-32be",
            Kind::Other(encoding) => return f.write_str(&encoding.name().to_ascii_lowercase()),
        };
        f.write_str(name)
    }
}

impl TryFrom<String> for TextEncoding {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TextEncoding> for String {
    fn from(encoding: TextEncoding) -> Self {
        encoding.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_aliases_and_read_back() {
        for (written, name) in [
            ("UTF-8", "utf-8"),
            ("CP949", "cp949"),
            ("euc_kr", "cp949"),
            ("ks_c_5601-1987", "cp949"),
            ("Shift_JIS", "shift_jis"),
            ("cp932", "shift_jis"),
            ("GB18030", "gb18030"),
            ("big5", "big5"),
            ("utf-16-le", "utf-16le"),
            ("UTF-32BE", "utf-32be"),
            ("latin1", "windows-1252"),
        ] {
            let encoding: TextEncoding = written.parse().unwrap();
            assert_eq!(encoding.to_string(), name);
            assert_eq!(name.parse(), Ok(encoding));
        }
        for unknown in ["", "johab", "utf-16", "iso-2022-kr", "auto"] {
            assert!(unknown.parse::<TextEncoding>().is_err(), "{unknown}");
        }
    }
}
