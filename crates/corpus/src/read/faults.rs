//! What could not be read, counted, with the first of it in words.

use std::fmt;

use crate::CorpusError;

/// Messages kept of one file; of more only the number is known.
const KEPT_OF_A_FILE: usize = 3;

/// Files named in a message; a list beyond that helps nobody on a terminal.
const SHOWN_FILES: usize = 200;

/// The faults of one file.
#[derive(Debug, Default)]
pub struct Faults {
    /// Rows that cannot be read.
    pub rows: u64,
    /// The first of them.
    kept: Vec<CorpusError>,
    /// What ended the file before its end.
    broken: Option<CorpusError>,
}

impl Faults {
    /// The faults of a file that cannot be opened.
    pub(crate) fn of(error: CorpusError) -> Self {
        let mut faults = Self::default();
        faults.add(error);
        faults
    }

    pub(crate) fn add(&mut self, error: CorpusError) {
        if !error.is_of_row() {
            self.broken = Some(error);
            return;
        }
        self.rows += 1;
        if self.kept.len() < KEPT_OF_A_FILE {
            self.kept.push(error);
        }
    }

    /// Whether everything could be read.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.broken.is_none()
    }

    /// Whether `on_error = "skip"` passes over all of them.
    pub(crate) fn may_be_skipped(&self) -> bool {
        self.broken.as_ref().is_none_or(CorpusError::may_be_skipped)
    }

    /// What ended the file before its end, in words.
    pub fn broken(&self) -> Option<String> {
        self.broken.as_ref().map(with_cause)
    }

    /// The first faults in words, and how many more there are.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.kept.iter().map(with_cause).collect();
        let more = self.rows - self.kept.len() as u64;
        if more > 0 {
            lines.push(format!("and {more} more rows of this file"));
        }
        lines.extend(self.broken());
        lines
    }

    /// As one entry of a list, if there is any fault.
    pub(crate) fn into_fault(self) -> Option<Fault> {
        (!self.is_empty()).then_some(Fault(self))
    }
}

/// A file that cannot be read as it is.
#[derive(Debug)]
pub struct Fault(Faults);

impl Fault {
    /// The error alone, if there is but one.
    fn only(self) -> Result<CorpusError, Self> {
        if self.0.rows + u64::from(self.0.broken.is_some()) > 1 {
            return Err(self);
        }
        let Faults { kept, broken, .. } = self.0;
        let mut all = kept.into_iter().chain(broken);
        all.next().ok_or_else(|| Self(Faults::default()))
    }

    /// The first error, for its hint.
    fn first(&self) -> Option<&CorpusError> {
        self.0.kept.first().or(self.0.broken.as_ref())
    }
}

/// One error of all faults: the fault itself where it is the only one.
pub(crate) fn error_of(mut faults: Vec<Fault>) -> Option<CorpusError> {
    if faults.len() == 1 {
        return Some(match faults.pop()?.only() {
            Ok(error) => error,
            Err(fault) => CorpusError::Unreadable {
                list: Box::new(FaultList(vec![fault])),
            },
        });
    }
    (!faults.is_empty()).then(|| CorpusError::Unreadable {
        list: Box::new(FaultList(faults)),
    })
}

/// Every file that cannot be read as it is, in the order of reading.
#[derive(Debug)]
pub struct FaultList(Vec<Fault>);

impl FaultList {
    /// The hints of the faults, each once.
    pub(crate) fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        for hint in self.0.iter().filter_map(|fault| fault.first()?.hint()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    }
}

impl fmt::Display for FaultList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.0.len();
        let rows: u64 = self.0.iter().map(|fault| fault.0.rows).sum();
        match files {
            1 => f.write_str("1 file cannot be read whole")?,
            _ => write!(f, "{files} files cannot be read whole")?,
        }
        if rows > 0 {
            let rows_are = if rows == 1 { "row is" } else { "rows are" };
            write!(f, " ({rows} {rows_are} damaged)")?;
        }
        for fault in self.0.iter().take(SHOWN_FILES) {
            for line in fault.0.lines() {
                write!(f, "\n  {line}")?;
            }
        }
        if files > SHOWN_FILES {
            write!(f, "\n  and {} more files", files - SHOWN_FILES)?;
        }
        Ok(())
    }
}

/// An error and what caused it, on one line.
pub(crate) fn with_cause(error: &CorpusError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
