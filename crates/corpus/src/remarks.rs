//! What a user should know about the files of a source: what is left out and why, what was
//! converted, what could not be read.

use crate::discover::Skipped;
use crate::{SourceReport, TextEncoding};

/// Lines of one kind that are said; the manifest has all of them.
const SHOWN: usize = 20;

/// Remarks on one source.
#[derive(Debug, Default, Clone)]
pub struct Remarks {
    /// Its name.
    pub source: String,
    /// Files that are not read.
    pub skipped: Vec<Skipped>,
    /// Hidden entries passed over.
    pub hidden: u64,
    /// Entries that `exclude` names.
    pub excluded: u64,
    /// Files in another encoding than UTF-8, by relative path.
    pub converted: Vec<(String, TextEncoding)>,
    /// What is odd about files, by relative path.
    pub notes: Vec<(String, String)>,
    /// Rows that could not be read and were left out.
    pub unreadable: u64,
}

impl From<&SourceReport> for Remarks {
    fn from(report: &SourceReport) -> Self {
        let files = || report.files_read.iter();
        Self {
            source: report.name.clone(),
            skipped: report.skipped.clone(),
            hidden: report.hidden,
            excluded: report.excluded,
            converted: files()
                .filter_map(|file| Some((file.path.clone(), file.encoding?)))
                .collect(),
            notes: files()
                .flat_map(|file| {
                    file.notes
                        .iter()
                        .map(|note| (file.path.clone(), note.clone()))
                })
                .collect(),
            unreadable: report.dropped.unreadable,
        }
    }
}

impl Remarks {
    /// The remarks as lines, the most important first; of many of one kind the first ones and their
    /// number.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let source = &self.source;
        if self.unreadable > 0 {
            let rows = self.unreadable;
            lines.push(format!(
                "left out {rows} rows of `{source}` that cannot be read"
            ));
        }
        some(
            &mut lines,
            &self.notes,
            "more notes on files",
            |(path, note)| {
                // A fault's own words name the file.
                if note.starts_with("is ") || note.starts_with("has ") {
                    format!("`{path}` of `{source}` {note}")
                } else {
                    format!("in `{source}`: {note}")
                }
            },
        );
        some(
            &mut lines,
            &self.converted,
            "more files converted",
            |(path, encoding)| format!("converted `{path}` of `{source}` from {encoding}"),
        );
        lines.extend(left_out(source, &self.skipped));
        for (count, why) in [
            (self.hidden, "hidden"),
            (self.excluded, "named by `exclude`"),
        ] {
            if count > 0 {
                lines.push(format!("skipped {count} of `{source}`: {why}"));
            }
        }
        lines
    }
}

/// What is not read of a place, as lines; of many the first ones and their number.
pub(crate) fn left_out(place: &str, skipped: &[Skipped]) -> Vec<String> {
    let mut lines = Vec::new();
    some(&mut lines, skipped, "more files skipped", |skipped| {
        format!(
            "skipped `{}` of `{place}`: {}",
            skipped.path, skipped.reason
        )
    });
    lines
}

fn some<T>(lines: &mut Vec<String>, items: &[T], more: &str, line: impl Fn(&T) -> String) {
    lines.extend(items.iter().take(SHOWN).map(line));
    if items.len() > SHOWN {
        lines.push(format!("and {} {more}", items.len() - SHOWN));
    }
}
