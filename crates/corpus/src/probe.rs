//! A look at the beginning of every file, with the code that reads them whole: what a dry run can
//! know.

use crate::discover::{Skipped, discover};
use crate::read::{self, Extent, Fault, Faults, error_of};
use crate::remarks::{Remarks, left_out};
use crate::{BuildConfig, CorpusError, CorpusManifest, InputConfig, InputFile, OnError};

/// Rows that are read of each file.
const ROWS: usize = 32;

/// What the beginnings of all files say.
#[derive(Debug, Default)]
pub struct Probe {
    /// Remarks on each source that is read.
    pub sources: Vec<Remarks>,
    /// What lies around them and belongs to none.
    pub left_out: Vec<Skipped>,
}

impl Probe {
    pub(crate) fn of(manifest: &CorpusManifest) -> Self {
        Self {
            sources: manifest.sources.iter().map(Remarks::from).collect(),
            left_out: manifest.left_out.clone(),
        }
    }

    /// Everything that is left out, converted or odd, as lines for people.
    pub fn lines(&self) -> Vec<String> {
        let around = left_out("data.path", &self.left_out);
        self.sources
            .iter()
            .flat_map(Remarks::lines)
            .chain(around)
            .collect()
    }
}

/// Reads the beginning of every file of the inputs.
///
/// # Errors
/// Everything that [`build`](crate::build) would refuse for it, all of it in one error: files in an
/// encoding that is not known, damaged archives and rows, sources without a file that fits.
pub fn probe(config: &BuildConfig) -> Result<Probe, CorpusError> {
    let mut probe = Probe {
        left_out: config.left_out.clone(),
        ..Probe::default()
    };
    let mut faults = Vec::new();
    for input in &config.inputs {
        let inputs = discover(input)?;
        let mut remarks = Remarks {
            source: input.name.clone(),
            skipped: inputs.skipped,
            hidden: inputs.hidden,
            excluded: inputs.excluded,
            ..Remarks::default()
        };
        for file in &inputs.files {
            faults.extend(look_at(input, file, &mut remarks));
        }
        remarks
            .skipped
            .sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        probe.sources.push(remarks);
    }
    match error_of(faults) {
        Some(error) => Err(error),
        None => Ok(probe),
    }
}

fn look_at(input: &InputConfig, file: &InputFile, remarks: &mut Remarks) -> Option<Fault> {
    let mut skip = |reason: String| {
        remarks.skipped.push(Skipped {
            path: file.relative.clone(),
            reason,
            blake3: None,
        });
    };
    let mut documents = match read::open(input, file, Extent::Beginning, OnError::Stop) {
        Ok(documents) => documents,
        Err(CorpusError::DoesNotFit { reason, .. }) => {
            skip(reason);
            return None;
        }
        Err(error) => {
            let faults = Faults::of(error);
            if input.on_error == OnError::Stop || !faults.may_be_skipped() {
                return faults.into_fault();
            }
            skip(faults.lines().join("; "));
            return None;
        }
    };
    let mut faults = Faults::default();
    for document in documents.by_ref().take(ROWS) {
        if let Err(error) = document {
            faults.add(error);
        }
    }
    let path = || file.relative.clone();
    remarks.converted.extend(
        documents
            .converted_from()
            .map(|encoding| (path(), encoding)),
    );
    remarks
        .notes
        .extend(documents.notes().iter().map(|note| (path(), note.clone())));
    if input.on_error == OnError::Stop || !faults.may_be_skipped() {
        return faults.into_fault();
    }
    remarks.unreadable += faults.rows;
    remarks
        .notes
        .extend(faults.lines().into_iter().map(|line| (path(), line)));
    None
}
