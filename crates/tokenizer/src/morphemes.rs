//! Borders of morphemes from a dictionary that the user supplies: merges learned between them stay within morphemes.
//!
//! Text is cut at them while a vocabulary is learned, and only then: the tokenizer needs no dictionary afterwards.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::TokenizerError;
use crate::char_class::{HANGUL, next, table};

/// Longer entries are compounds and phrases.
const LONGEST_ENTRY: usize = 16;

/// Entries of larger dictionaries would not fit into the memory of a laptop.
const MOST_ENTRIES: usize = 8 << 20;

/// Morphemes with their costs; the rarer, the dearer.
#[derive(Debug, Clone)]
pub(crate) struct Morphemes {
    costs: Arc<FxHashMap<Box<str>, i64>>,
}

/// The best way to cut what stands before a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Best {
    /// Syllables of no morpheme.
    unknown: u32,
    morphemes: u32,
    cost: i64,
    /// Where the last morpheme begins.
    start: usize,
}

impl Morphemes {
    /// Of the `.csv` files of a folder (as MeCab's dictionaries: surface, two context ids, cost, tag, ...) and its `.txt` files (a
    /// morpheme a line, and after a tab its cost if there is one).
    ///
    /// # Errors
    /// A folder without such files, a file that cannot be read, a line that is not as described, or too many of them.
    pub(crate) fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let read_error = |source| TokenizerError::Read {
            path: folder.to_owned(),
            source,
        };
        let mut costs = FxHashMap::default();
        let mut paths: Vec<_> = fs::read_dir(folder)
            .map_err(read_error)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(read_error)?;
        paths.sort_unstable();
        for path in &paths {
            let separator = match path.extension().and_then(|extension| extension.to_str()) {
                Some("csv") => ',',
                Some("txt") => '\t',
                _ => continue,
            };
            add_file(&mut costs, path, separator)?;
        }
        if costs.is_empty() {
            return Err(TokenizerError::Field {
                path: folder.to_owned(),
                field: "(folder)".to_owned(),
                expected: "a dictionary: .csv or .txt files with a morpheme of Hangul a line"
                    .to_owned(),
                got: format!("{} files without one", paths.len()),
            });
        }
        Ok(Self {
            costs: Arc::new(costs),
        })
    }

    /// Calls `part` with the parts of a piece. Each run of Hangul is cut so that as few syllables as possible are of no morpheme,
    /// then into as few morphemes as possible, then into the cheapest ones.
    pub(crate) fn cut<'a>(&self, piece: &'a str, part: &mut dyn FnMut(&'a str)) {
        let (table, bytes) = (table(), piece.as_bytes());
        let (mut start, mut at) = (0, 0);
        while let Some((classes, after)) = next(table, bytes, at) {
            if classes & HANGUL == 0 {
                at = after;
                continue;
            }
            let run = at;
            while let Some((classes, after)) = next(table, bytes, at)
                && classes & HANGUL != 0
            {
                at = after;
            }
            // What stands around the run stays with its first and its last morpheme.
            for border in self.borders(&piece[run..at]) {
                part(&piece[start..run + border]);
                start = run + border;
            }
        }
        if start < piece.len() {
            part(&piece[start..]);
        }
    }

    /// The borders within a run of Hangul.
    fn borders(&self, run: &str) -> Vec<usize> {
        let places: Vec<usize> = run
            .char_indices()
            .map(|(at, _)| at)
            .chain([run.len()])
            .collect();
        let mut best: Vec<Best> = vec![Best {
            unknown: 0,
            morphemes: 0,
            cost: 0,
            start: 0,
        }];
        for end in 1..places.len() {
            let from = end.saturating_sub(LONGEST_ENTRY);
            let known = (from..end).filter_map(|start| {
                let cost = self.costs.get(&run[places[start]..places[end]])?;
                let before = best[start];
                Some(Best {
                    unknown: before.unknown,
                    morphemes: before.morphemes + 1,
                    cost: before.cost.saturating_add(*cost),
                    start,
                })
            });
            let before = best[end - 1];
            let unknown = Best {
                unknown: before.unknown + 1,
                morphemes: before.morphemes + 1,
                cost: before.cost,
                start: end - 1,
            };
            best.push(known.chain([unknown]).min().unwrap_or(unknown));
        }
        let mut borders = Vec::new();
        let mut end = places.len() - 1;
        let is_known = |end: usize| best[end].unknown == best[best[end].start].unknown;
        while end > 0 {
            let start = best[end].start;
            // Syllables of no morpheme stay together.
            if start > 0 && (is_known(end) || is_known(start)) {
                borders.push(places[start]);
            }
            end = start;
        }
        borders.reverse();
        borders
    }
}

fn add_file(
    costs: &mut FxHashMap<Box<str>, i64>,
    path: &Path,
    separator: char,
) -> Result<(), TokenizerError> {
    let read_error = |source| TokenizerError::Read {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(read_error)?;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(read_error)?;
        let refused = |expected: &str, got: &str| TokenizerError::Field {
            path: path.to_owned(),
            field: format!("line {}", index + 1),
            expected: expected.to_owned(),
            got: format!("`{}`", got.chars().take(80).collect::<String>()),
        };
        let mut fields = line.trim_start_matches('\u{feff}').split(separator);
        let surface = fields.next().unwrap_or_default().trim();
        let cost = match separator {
            ',' => Some(
                fields
                    .nth(2)
                    .ok_or_else(|| refused("surface,left id,right id,cost", &line))?,
            ),
            _ => fields.next(),
        };
        let cost = match cost.map(str::trim) {
            None | Some("") => 0,
            Some(cost) => cost
                .parse::<i32>()
                .map_err(|_| refused("a whole number for a cost", cost))?,
        };
        let is_hangul = surface.chars().all(|c| {
            next(table(), c.encode_utf8(&mut [0; 4]).as_bytes(), 0)
                .is_some_and(|(classes, _)| classes & HANGUL != 0)
        });
        if surface.is_empty() || !is_hangul || surface.chars().count() > LONGEST_ENTRY {
            continue;
        }
        let cost = i64::from(cost);
        let known = costs.entry(surface.into()).or_insert(cost);
        *known = cost.min(*known);
        if costs.len() > MOST_ENTRIES {
            return Err(refused("at most 8388608 morphemes in all", &line));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn morphemes(files: &[(&str, &str)]) -> Result<Morphemes, TokenizerError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Morphemes::read(folder.path())
    }

    fn check(morphemes: &Morphemes, piece: &str, expected: &str) {
        let mut parts = Vec::new();
        morphemes.cut(piece, &mut |part| parts.push(part));
        assert_eq!(parts.join("|"), expected);
    }

    #[test]
    fn hangul_is_cut_into_the_fewest_and_cheapest_morphemes() {
        let csv = "학교,1,2,100,NNG,*\n에서,1,2,50,JKB,*\n에,1,2,10,JKB,*\n서,1,2,10,JX,*\n는,1,2,5,JX,*\n";
        let morphemes = morphemes(&[("a.csv", csv), ("b.txt", "학생\n서는\t1\n")]).unwrap();
        check(&morphemes, " 학교에서는", " 학교|에|서는");
        check(&morphemes, " \"학교에서\".\n", " \"학교|에서\".\n");
        check(&morphemes, "뷁뷁학교뷁뷁", "뷁뷁|학교|뷁뷁");
        check(&morphemes, "에는(학생)", "에|는(학생)");
        check(&morphemes, "GPU", "GPU");
    }

    #[test]
    fn a_folder_that_is_no_dictionary_is_refused() {
        let refusal = |files: &[(&str, &str)]| {
            let error = morphemes(files).unwrap_err().to_string();
            error[error.find("field").unwrap()..].to_owned()
        };
        insta::assert_snapshot!(refusal(&[("a.md", "학교")]), @"field `(folder)`: expected a dictionary: .csv or .txt files with a morpheme of Hangul a line, got 1 files without one");
        insta::assert_snapshot!(refusal(&[("a.csv", "학교,1\n")]), @"field `line 1`: expected surface,left id,right id,cost, got `학교,1`");
        insta::assert_snapshot!(refusal(&[("a.txt", "가\n학교\tx\n")]), @"field `line 2`: expected a whole number for a cost, got `x`");
    }
}
