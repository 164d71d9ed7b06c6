//! The work of a build: rows in, parts out, every row accounted for.

use std::collections::HashSet;
use std::path::Path;

use super::journal::{Cursor, Entry, Journal};
use super::plan::{Plan, PlannedSource};
use super::{BuildConfig, BuildProgress, Limits, SyntheticInput};
use crate::manifest::FORMAT_VERSION;
use crate::part::{self, PartDocuments, PartWriter};
use crate::{
    CorpusError, CorpusManifest, Document, DocumentHash, FileReport, InputConfig, InputFile,
    PartEntry, Skipped, SourceReport, clean, read,
};

/// A licence nobody named, as the manifest counts it.
const LICENSE_NOT_STATED: &str = "not stated";

pub(super) struct Assembly<'a> {
    plan: &'a Plan<'a>,
    min_chars: usize,
    dir: &'a Path,
    limits: Limits,
    progress: &'a mut dyn FnMut(BuildProgress),
    journal: Journal,
    parts: Vec<PartEntry>,
    /// What the journal knows, by place in the plan.
    recorded: Vec<SourceReport>,
    /// What came since its last entry.
    recent: Vec<SourceReport>,
    cursor: Cursor,
    /// Hashes of the documents kept; absent where duplicates are.
    seen: Option<HashSet<DocumentHash>>,
    writer: Option<PartWriter>,
    input_bytes: u64,
    input_bytes_done: u64,
}

impl<'a> Assembly<'a> {
    /// Takes the folder and finds out how far an earlier build came.
    pub(super) fn start(
        config: &'a BuildConfig,
        plan: &'a Plan<'a>,
        dir: &'a Path,
        limits: Limits,
        progress: &'a mut dyn FnMut(BuildProgress),
    ) -> Result<Self, CorpusError> {
        let (journal, entries) = Journal::open(dir, &plan.fingerprint)?;
        let blank = |source: &PlannedSource<'_>| SourceReport {
            name: source.name().to_owned(),
            synthetic: source.synthetic(),
            ..SourceReport::default()
        };
        let files = plan.sources.iter().flat_map(|source| match source {
            PlannedSource::Read(_, inputs) => inputs.files.as_slice(),
            PlannedSource::Made(_) => &[],
        });
        let mut assembly = Self {
            plan,
            min_chars: config.min_chars,
            dir,
            limits,
            progress,
            journal,
            parts: Vec::new(),
            recorded: plan.sources.iter().map(blank).collect(),
            recent: plan.sources.iter().map(blank).collect(),
            cursor: Cursor::default(),
            seen: config.drop_exact_duplicates.then(HashSet::new),
            writer: None,
            input_bytes: files.map(|file| file.bytes).sum(),
            input_bytes_done: 0,
        };
        assembly.take_up(entries)?;
        Ok(assembly)
    }

    /// Accepts the entries up to the first whose part is not as recorded; that one and all after it are made again.
    fn take_up(&mut self, mut entries: Vec<Entry>) -> Result<(), CorpusError> {
        let mut whole = 0;
        for entry in &entries {
            if part::verify(self.dir, &entry.part).is_err() {
                break;
            }
            if let Some(seen) = &mut self.seen {
                for document in PartDocuments::open(self.dir, &entry.part)? {
                    seen.insert(document?.hash());
                }
            }
            whole += 1;
        }
        entries.truncate(whole);
        self.journal.keep(&entries, &self.plan.fingerprint)?;
        for entry in entries {
            for (place, report) in entry.reports {
                if let Some(recorded) = self.recorded.get_mut(place) {
                    recorded.absorb(report);
                }
            }
            self.cursor = entry.cursor;
            self.parts.push(entry.part);
        }
        Ok(())
    }

    /// Goes through the sources from the cursor to the end.
    pub(super) fn run(&mut self) -> Result<(), CorpusError> {
        let plan = self.plan;
        for (place, source) in plan.sources.iter().enumerate() {
            if place < self.cursor.source {
                if let PlannedSource::Read(_, inputs) = source {
                    self.input_bytes_done +=
                        inputs.files.iter().map(|file| file.bytes).sum::<u64>();
                }
                continue;
            }
            if place > self.cursor.source {
                self.cursor = Cursor {
                    source: place,
                    ..Cursor::default()
                };
            }
            match source {
                PlannedSource::Read(config, inputs) => {
                    for (index, file) in inputs.files.iter().enumerate() {
                        if index >= self.cursor.file {
                            self.file(config, file)?;
                            self.cursor = Cursor {
                                file: index + 1,
                                rows: 0,
                                documents: 0,
                                ..self.cursor
                            };
                        }
                        self.input_bytes_done += file.bytes;
                        self.report_progress(source.name(), &file.relative);
                    }
                }
                PlannedSource::Made(made) => {
                    if self.cursor.file == 0 {
                        self.made(made)?;
                        self.cursor = Cursor {
                            file: 1,
                            rows: 0,
                            documents: 0,
                            ..self.cursor
                        };
                    }
                    self.report_progress(source.name(), "");
                }
            }
            self.close_part()?;
        }
        Ok(())
    }

    /// Reads one file from the cursor's row on; one that does not fit is listed instead.
    fn file(&mut self, config: &InputConfig, file: &InputFile) -> Result<(), CorpusError> {
        let mut documents = match read(config, file) {
            Ok(documents) => documents,
            Err(CorpusError::DoesNotFit { reason, .. }) => {
                self.recent_report().skipped.push(Skipped {
                    path: file.relative.clone(),
                    reason,
                });
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut rows = 0;
        // Rows before the cursor are read again and passed over: the file's hash needs its bytes anyway.
        for document in &mut documents {
            let document = document?;
            rows += 1;
            if rows > self.cursor.rows {
                self.row(document, &file.relative)?;
            }
        }
        let digest = documents.digest();
        if digest.bytes() != file.bytes {
            return Err(CorpusError::Changed {
                path: file.path.clone(),
                expected: file.bytes,
                got: digest.bytes(),
            });
        }
        let report = FileReport {
            path: file.relative.clone(),
            bytes: file.bytes,
            blake3: digest.blake3(),
            rows,
            documents: self.cursor.documents,
        };
        self.recent_report().files_read.push(report);
        Ok(())
    }

    fn made(&mut self, made: &SyntheticInput) -> Result<(), CorpusError> {
        let mut number = 0;
        for text in (made.documents)() {
            number += 1;
            if number <= self.cursor.rows {
                continue;
            }
            let document = Document {
                text,
                source: made.name.clone(),
                license: Some(made.license.clone()),
                origin: format!("{}:{number}", made.name),
                synthetic: true,
            };
            self.row(document, "")?;
        }
        Ok(())
    }

    /// Cleans one row and keeps or drops it.
    fn row(&mut self, document: Document, file: &str) -> Result<(), CorpusError> {
        self.cursor.rows += 1;
        let text = clean(&document.text);
        let min_chars = self.min_chars;
        let is_empty = text.is_empty();
        // Short texts are counted to `min_chars` at most, long ones never to their end.
        let too_short = min_chars > 0 && text.chars().nth(min_chars - 1).is_none();
        let is_duplicate = !is_empty
            && !too_short
            && self
                .seen
                .as_mut()
                .is_some_and(|seen| !seen.insert(DocumentHash::of(&text)));

        let report = self.recent_report();
        report.rows += 1;
        if is_empty {
            report.dropped.empty += 1;
        } else if too_short {
            report.dropped.too_short += 1;
        } else if is_duplicate {
            report.dropped.duplicate += 1;
        } else {
            self.keep(Document { text, ..document })?;
        }
        if self.cursor.rows.is_multiple_of(self.limits.progress_rows) {
            let name = self
                .plan
                .sources
                .get(self.cursor.source)
                .map_or("", PlannedSource::name);
            self.report_progress(name, file);
        }
        Ok(())
    }

    fn keep(&mut self, document: Document) -> Result<(), CorpusError> {
        let license = document
            .license
            .as_deref()
            .unwrap_or(LICENSE_NOT_STATED)
            .to_owned();
        let bytes = document.text.len() as u64;
        let report = self.recent_report();
        report.documents += 1;
        report.bytes += bytes;
        *report.licenses.entry(license).or_default() += 1;
        self.cursor.documents += 1;

        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => PartWriter::create(self.dir, &self.part_name())?,
        };
        writer.push(document)?;
        let full = writer.bytes() >= self.limits.part_bytes;
        self.writer = Some(writer);
        if full { self.close_part() } else { Ok(()) }
    }

    /// Makes the open part, if any, and all that is known so far durable.
    fn close_part(&mut self) -> Result<(), CorpusError> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let source = self.recent_report();
        let (name, synthetic) = (source.name.clone(), source.synthetic);
        let part = writer.commit(self.part_name(), &name, synthetic)?;
        self.cursor.part += 1;

        let mut reports = Vec::new();
        for (place, (recorded, recent)) in
            self.recorded.iter_mut().zip(&mut self.recent).enumerate()
        {
            let blank = SourceReport {
                name: recent.name.clone(),
                synthetic: recent.synthetic,
                ..SourceReport::default()
            };
            if *recent != blank {
                let report = std::mem::replace(recent, blank);
                recorded.absorb(report.clone());
                reports.push((place, report));
            }
        }
        self.parts.push(part.clone());
        self.journal.append(&Entry {
            part,
            reports,
            cursor: self.cursor,
        })
    }

    fn part_name(&self) -> String {
        let name = self
            .plan
            .sources
            .get(self.cursor.source)
            .map_or("", PlannedSource::name);
        format!("{name}-{:05}.jsonl.zst", self.cursor.part)
    }

    fn recent_report(&mut self) -> &mut SourceReport {
        let place = self.cursor.source;
        self.recent
            .get_mut(place)
            .expect("the cursor stays within the plan, which has a report a source")
    }

    fn report_progress(&mut self, source: &str, file: &str) {
        let both = || self.recorded.iter().chain(&self.recent);
        let report = BuildProgress {
            source: source.to_owned(),
            file: file.to_owned(),
            input_bytes_done: self.input_bytes_done,
            input_bytes: self.input_bytes,
            documents: both().map(|report| report.documents).sum(),
            text_bytes: both().map(|report| report.bytes).sum(),
        };
        (self.progress)(report);
    }

    /// The papers of what was built.
    pub(super) fn into_manifest(self) -> CorpusManifest {
        let mut sources = self.recorded;
        for (source, recent) in sources.iter_mut().zip(self.recent) {
            source.absorb(recent);
        }
        for (source, planned) in sources.iter_mut().zip(&self.plan.sources) {
            if let PlannedSource::Read(_, inputs) = planned {
                source.skipped.extend(inputs.skipped.iter().cloned());
                source
                    .skipped
                    .sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
            }
        }
        CorpusManifest {
            format_version: FORMAT_VERSION,
            fingerprint: self.plan.fingerprint.clone(),
            sources,
            parts: self.parts,
        }
    }
}
