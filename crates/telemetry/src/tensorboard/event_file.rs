//! The event files of a folder: their names, and cutting them back to the step that a run resumes from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::event_record::{NextRecord, RecordReader, frame, parse};
use crate::{TelemetryError, aside};

/// Part of the name by which TensorBoard recognises its files.
const MARK: &str = "events.out.tfevents.";

/// A name that sorts behind every event file of the folder, because TensorBoard reads them in the order of names.
pub(crate) fn next_path(dir: &Path, wall_time: f64) -> Result<PathBuf, TelemetryError> {
    let existing = list(dir)?;
    let latest = existing
        .iter()
        .filter_map(|path| seconds_in_name(path))
        .max()
        .unwrap_or(0);
    let seconds = (wall_time as u64).max(latest);
    for number in existing.len().. {
        let path = dir.join(format!("{MARK}{seconds:010}.jikji.{number:04}"));
        if fs::symlink_metadata(&path).is_err() {
            return Ok(path);
        }
    }
    unreachable!("a folder cannot hold a file for each number")
}

/// What stays of a folder's events after [`keep_until`].
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The last step of each tag.
    pub(crate) last_steps: BTreeMap<String, u64>,
    pub(crate) warnings: Vec<String>,
}

/// Removes events of later steps than `last_step`, and whatever follows a torn or altered record, durably. Files
/// that hold neither are not touched.
pub(crate) fn keep_until(dir: &Path, last_step: u64) -> Result<Kept, TelemetryError> {
    let mut kept = Kept::default();
    for path in list(dir)? {
        let mut changed = false;
        let lost_bytes = for_each_payload(&path, |payload| {
            match kept_event(payload, last_step) {
                None => changed = true,
                Some(event) => {
                    let step = u64::try_from(event.get_step()).unwrap_or(0);
                    for value in event.get_summary().get_value() {
                        let last = kept
                            .last_steps
                            .entry(value.get_tag().to_owned())
                            .or_insert(step);
                        *last = step.max(*last);
                    }
                }
            }
            Ok(())
        })?;
        if lost_bytes > 0 {
            kept.warnings.push(format!(
                "`{}` ended in {lost_bytes} bytes that are no complete events; they were removed",
                path.display()
            ));
        }
        if changed || lost_bytes > 0 {
            rewrite(&path, last_step)?;
        }
    }
    Ok(kept)
}

fn rewrite(path: &Path, last_step: u64) -> Result<(), TelemetryError> {
    let mut unreadable = None;
    aside::replace(path, |out| {
        let copied = for_each_payload(path, |payload| match kept_event(payload, last_step) {
            Some(_) => out.write_all(&frame(payload)),
            None => Ok(()),
        });
        // The reader's own error names the file that it could not read, so it is the one to report.
        copied.map(drop).map_err(|error| {
            unreadable = Some(error);
            io::Error::other("the event file changed while it was read")
        })
    })
    .map_err(|error| unreadable.unwrap_or(error))
}

fn kept_event(payload: &[u8], last_step: u64) -> Option<tensorboard_proto::event::Event> {
    parse(payload).filter(|event| u64::try_from(event.get_step()).unwrap_or(0) <= last_step)
}

/// Returns how many bytes at the end are not complete records.
fn for_each_payload(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, TelemetryError> {
    let file = File::open(path).map_err(TelemetryError::file("open", path))?;
    let mut walk = || {
        let len = file.metadata()?.len();
        let mut records = RecordReader::new(BufReader::new(&file), len);
        loop {
            match records.next_record()? {
                NextRecord::Payload(payload) => each(&payload)?,
                NextRecord::End => return Ok(0),
                NextRecord::Broken { bytes } => return Ok(bytes),
            }
        }
    };
    walk().map_err(TelemetryError::file("read", path))
}

/// The folder's event files in the order in which TensorBoard reads them.
fn list(dir: &Path) -> Result<Vec<PathBuf>, TelemetryError> {
    let entries = fs::read_dir(dir).map_err(TelemetryError::file("list", dir))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(TelemetryError::file("list", dir))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.starts_with(MARK) && !name.ends_with(aside::UNFINISHED) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn seconds_in_name(path: &Path) -> Option<u64> {
    path.file_name()?
        .to_str()?
        .strip_prefix(MARK)?
        .split('.')
        .next()?
        .parse()
        .ok()
}
