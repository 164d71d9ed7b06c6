//! What a recipe says about one source of text.

use glob::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::CorpusError;

/// Where one source's raw files are, and which of their fields are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// Name of the source: what mixtures, reports and part files call it. Letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// A file, a folder (read with everything below it) or a glob (`*`, `?`, `[...]`, `**`). A glob that matches a
    /// folder takes everything below it. Hidden files are never read.
    pub path: String,
    /// Globs of what not to read, relative to the folder of `path` (of a glob: to the folder before its first
    /// wildcard). `*` stays within one folder, `**` does not. A glob that matches a folder leaves out all below it.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Which fields of JSON Lines rows or Parquet columns are text, by file; the first entry whose glob matches
    /// counts. Where none does, the text is the field `text` and the licence the field `license`, if a row has one.
    #[serde(default)]
    pub fields: Vec<FieldMapping>,
    /// Licence of every document whose row does not state its own, for example `CC-BY-4.0`.
    #[serde(default)]
    pub license: Option<String>,
}

/// The fields that hold text in the files that a glob matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldMapping {
    /// Glob of the files this is about, relative like those of `exclude`.
    pub glob: String,
    /// Fields that make the document's text, in this order, joined by one newline; a null is left out.
    pub text: Vec<String>,
    /// Field that holds each row's licence; absent means that rows do not state one.
    #[serde(default)]
    pub license: Option<String>,
}

/// The globs of an input, compiled; made once at the border so that no later step meets a malformed one.
#[derive(Debug)]
pub(crate) struct Rules {
    exclude: Vec<PathGlob>,
    mappings: Vec<(PathGlob, FieldMapping)>,
}

impl Rules {
    /// # Errors
    /// A name that cannot be part of a file name, a malformed glob, a mapping without a text field.
    pub(crate) fn of(config: &InputConfig) -> Result<Self, CorpusError> {
        check_name(&config.name)?;
        let glob = |pattern: &str| PathGlob::new(&config.name, pattern);
        let exclude = config
            .exclude
            .iter()
            .map(|p| glob(p))
            .collect::<Result<_, _>>()?;
        let mut mappings = Vec::with_capacity(config.fields.len());
        for mapping in &config.fields {
            if mapping.text.is_empty() {
                return Err(CorpusError::NoTextField {
                    input: config.name.clone(),
                    glob: mapping.glob.clone(),
                });
            }
            mappings.push((glob(&mapping.glob)?, mapping.clone()));
        }
        Ok(Self { exclude, mappings })
    }

    pub(crate) fn excludes(&self, relative: &str) -> bool {
        self.exclude.iter().any(|glob| glob.matches(relative))
    }

    pub(crate) fn mapping(&self, relative: &str) -> FieldMapping {
        let found = self
            .mappings
            .iter()
            .find(|(glob, _)| glob.matches(relative));
        found.map_or_else(
            || FieldMapping {
                glob: "**".to_owned(),
                text: vec!["text".to_owned()],
                license: Some("license".to_owned()),
            },
            |(_, mapping)| mapping.clone(),
        )
    }
}

/// A glob over paths with `/`, matched in NFC: macOS hands out decomposed Hangul, people type composed.
#[derive(Debug)]
pub(crate) struct PathGlob(Pattern);

impl PathGlob {
    pub(crate) fn new(input: &str, pattern: &str) -> Result<Self, CorpusError> {
        let composed: String = pattern.trim_start_matches("./").nfc().collect();
        Pattern::new(&composed)
            .map(Self)
            .map_err(|source| CorpusError::Glob {
                input: input.to_owned(),
                pattern: pattern.to_owned(),
                source,
            })
    }

    pub(crate) fn matches(&self, relative: &str) -> bool {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let composed: String = relative.nfc().collect();
        self.0.matches_with(&composed, options)
    }
}

/// The nearest name that a source may have: composed, `-` for what a name may not hold, such as a space. `None` if nothing is left.
pub fn source_name(text: &str) -> Option<String> {
    let fitting = |c: char| if is_plain(c) { c } else { '-' };
    let mut name: String = text.nfc().map(fitting).collect();
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    let name = name.trim_start_matches(['.', '-']);
    (!name.is_empty()).then(|| name.to_owned())
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Bytes; they leave room for `-00000.jsonl.zst.tmp` within the 255 of common file systems.
const LONGEST_NAME: usize = 200;

/// Names become file names, so they hold nothing that a file system or a shell would read otherwise.
pub(crate) fn check_name(name: &str) -> Result<(), CorpusError> {
    let composed: String = name.nfc().collect();
    if name.is_empty()
        || name.len() > LONGEST_NAME
        || name.starts_with(['.', '-'])
        || composed != name
        || !name.chars().all(is_plain)
    {
        return Err(CorpusError::Name {
            name: name.chars().take(200).collect(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(toml: &str) -> Result<InputConfig, toml::de::Error> {
        toml::from_str(toml)
    }

    #[test]
    fn any_text_gives_a_name_that_may_be_used() {
        for (text, expected) in [
            ("law", "law"),
            ("한글 폴더", "한글-폴더"),
            ("-x-", "x-"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("a/b\0", "a-b-"),
        ] {
            let name = source_name(text).unwrap();
            assert_eq!(name, expected);
            check_name(&name).unwrap();
        }
        check_name(&source_name(&"가".repeat(300)).unwrap()).unwrap();
        assert_eq!(source_name("..."), None);
    }

    #[test]
    fn a_name_and_a_path_are_enough_and_unknown_keys_are_refused() {
        let least = config("name = 'law'\npath = 'data/law'").unwrap();
        assert!(least.exclude.is_empty() && least.fields.is_empty() && least.license.is_none());
        let error = config("name = 'law'\npath = 'x'\nexcludes = []")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("excludes") && error.contains("exclude"),
            "{error}"
        );
    }

    #[test]
    fn the_first_mapping_that_matches_counts() {
        let config = config(
            "name = 'law'\npath = 'x'\nfields = [
                { glob = '**/*_raw_markdown*', text = ['markdown'] },
                { glob = '한국/*.jsonl', text = ['title', 'body'], license = 'terms' },
            ]",
        )
        .unwrap();
        let rules = Rules::of(&config).unwrap();
        assert_eq!(
            rules.mapping("statutes_raw_markdown.jsonl").text,
            ["markdown"]
        );
        assert_eq!(
            rules.mapping("a/b/statutes_raw_markdown.jsonl").license,
            None
        );
        // The folder's name decomposed, as macOS stores it.
        let decomposed: String = "한국/a.jsonl".nfd().collect();
        assert_eq!(rules.mapping(&decomposed).text, ["title", "body"]);
        assert_eq!(rules.mapping("한국/deep/a.jsonl").text, ["text"]);
        assert_eq!(
            rules.mapping("other.jsonl").license.as_deref(),
            Some("license")
        );
    }

    #[test]
    fn names_that_are_no_file_names_are_refused() {
        for name in [
            "", ".", "..", "../x", "a/b", "a b", ".hidden", "-flag", "a\\b", "a\u{0}", "법\n률",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["law", "법률", "ko-wiki_2024.1"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_malformed_glob_and_a_mapping_without_text_are_named() {
        let broken = config("name = 'a'\npath = 'x'\nexclude = ['a***b']").unwrap();
        assert!(
            Rules::of(&broken)
                .unwrap_err()
                .to_string()
                .contains("a***b")
        );
        let empty = config("name = 'a'\npath = 'x'\nfields = [{ glob = '*', text = [] }]").unwrap();
        assert!(matches!(
            Rules::of(&empty),
            Err(CorpusError::NoTextField { .. })
        ));
    }
}
