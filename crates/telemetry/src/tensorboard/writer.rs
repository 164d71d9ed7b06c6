//! The writer that the run log holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tensorboard_proto::event::Event;

use super::{event_file, event_record};
use crate::append_file::AppendFile;
use crate::{TelemetryError, wall_clock};

/// How old an event gets before TensorBoard can see it.
const WRITE_EVERY: Duration = Duration::from_secs(3);

/// Buckets of a histogram; TensorBoard shows 30 and interpolates.
const HISTOGRAM_BUCKETS: usize = 64;

/// Writes events to a folder that TensorBoard watches.
///
/// Steps of a tag only rise: an event at a step that its tag already has, or an earlier one, is ignored. That is
/// what lets a resumed run report the step it starts from again without a second point on the curve.
///
/// A failed write is a warning ([`TensorBoard::take_warnings`]), never an error. Events reach the file within a few
/// seconds, on [`TensorBoard::flush`], and when the writer is dropped.
#[derive(Debug)]
pub struct TensorBoard {
    file: AppendFile,
    last_steps: BTreeMap<String, u64>,
    warnings: Vec<String>,
}

impl TensorBoard {
    /// Starts a curve in `dir`, creating the folder.
    ///
    /// # Errors
    /// The folder or the event file cannot be created.
    pub fn create(dir: impl AsRef<Path>) -> Result<Self, TelemetryError> {
        let mut board = Self::open_next(dir.as_ref())?;
        board.write(&event_record::file_version(
            wall_clock::seconds_since_epoch(),
        ));
        board.flush();
        Ok(board)
    }

    /// Continues the curves in `dir` after `last_step`: events of later steps are removed from the files there,
    /// then a further file is begun.
    ///
    /// It is a further file because a TensorBoard that is running follows names, not replaced contents; it also
    /// gets the mark that makes it forget the removed steps.
    ///
    /// # Errors
    /// The folder cannot be read or an event file cannot be replaced.
    pub fn resume(dir: impl AsRef<Path>, last_step: u64) -> Result<Self, TelemetryError> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(TelemetryError::file("create", dir))?;
        let kept = event_file::keep_until(dir, last_step)?;
        let mut board = Self::open_next(dir)?;
        board.last_steps = kept.last_steps;
        board.warnings = kept.warnings;
        let now = wall_clock::seconds_since_epoch();
        board.write(&event_record::file_version(now));
        board.write(&event_record::session_start(
            now,
            last_step.saturating_add(1),
        ));
        board.flush();
        Ok(board)
    }

    /// Adds a point to the curve `tag`.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) {
        if self.is_new(tag, step) {
            self.write(&event_record::scalar(
                wall_clock::seconds_since_epoch(),
                step,
                tag,
                value,
            ));
        }
    }

    /// Adds an entry to the TEXT tab.
    pub fn text(&mut self, tag: &str, step: u64, markdown: &str) {
        if self.is_new(tag, step) {
            self.write(&event_record::text(
                wall_clock::seconds_since_epoch(),
                step,
                tag,
                markdown,
            ));
        }
    }

    /// Adds the distribution of `values` to the HISTOGRAMS tab; values that are not finite are left out, and
    /// nothing is written when none is finite.
    pub fn histogram(&mut self, tag: &str, step: u64, values: &[f32]) {
        if let Some((limits, counts)) = buckets(values)
            && self.is_new(tag, step)
        {
            let now = wall_clock::seconds_since_epoch();
            self.write(&event_record::histogram(
                now, step, tag, values, &limits, &counts,
            ));
        }
    }

    /// Hands everything written so far to the operating system, where TensorBoard sees it.
    pub fn flush(&mut self) {
        self.file.flush();
    }

    /// As [`TensorBoard::flush`], and returns only when the events survive a loss of power.
    pub fn sync(&mut self) {
        self.file.sync();
    }

    /// What went wrong since the last call, each trouble once, in words for the user.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.append(&mut self.file.take_warnings());
        warnings
    }

    fn open_next(dir: &Path) -> Result<Self, TelemetryError> {
        fs::create_dir_all(dir).map_err(TelemetryError::file("create", dir))?;
        let path = event_file::next_path(dir, wall_clock::seconds_since_epoch())?;
        Self::on_file(&path)
    }

    pub(crate) fn on_file(path: &Path) -> Result<Self, TelemetryError> {
        let file = AppendFile::open(path, WRITE_EVERY)?;
        Ok(Self {
            file,
            last_steps: BTreeMap::new(),
            warnings: Vec::new(),
        })
    }

    fn is_new(&mut self, tag: &str, step: u64) -> bool {
        match self.last_steps.get_mut(tag) {
            Some(last) if step <= *last => return false,
            Some(last) => *last = step,
            None => drop(self.last_steps.insert(tag.to_owned(), step)),
        }
        true
    }

    fn write(&mut self, event: &Event) {
        self.file.append(&event_record::to_record(event));
    }
}

/// Upper edges and counts of equal buckets between the smallest and the largest finite value.
fn buckets(values: &[f32]) -> Option<(Vec<f64>, Vec<f64>)> {
    let finite = || {
        values
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .map(f64::from)
    };
    let low = finite().reduce(f64::min)?;
    let high = finite().reduce(f64::max)?;
    let width = ((high - low) / HISTOGRAM_BUCKETS as f64).max(f64::MIN_POSITIVE);
    let limits = (1..=HISTOGRAM_BUCKETS)
        .map(|edge| low + width * edge as f64)
        .collect();
    let mut counts = vec![0.0; HISTOGRAM_BUCKETS];
    for value in finite() {
        let bucket = (((value - low) / width) as usize).min(HISTOGRAM_BUCKETS - 1);
        counts[bucket] += 1.0;
    }
    Some((limits, counts))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::tensorboard::event_record::{NextRecord, RecordReader, parse};

    /// Every (tag, step) of the folder in the order in which TensorBoard reads them.
    fn points(dir: &Path) -> Vec<(String, i64)> {
        let mut points = Vec::new();
        for path in files(dir) {
            let bytes = fs::read(path).unwrap();
            let mut records = RecordReader::new(bytes.as_slice(), bytes.len() as u64);
            loop {
                match records.next_record().unwrap() {
                    NextRecord::Payload(payload) => {
                        let event = parse(&payload).unwrap();
                        for value in event.get_summary().get_value() {
                            points.push((value.get_tag().to_owned(), event.get_step()));
                        }
                    }
                    NextRecord::End => break,
                    NextRecord::Broken { bytes } => panic!("{bytes} broken bytes"),
                }
            }
        }
        points
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>();
        files.sort();
        files
    }

    fn log(board: &mut TensorBoard, steps: std::ops::RangeInclusive<u64>) {
        for step in steps {
            board.scalar("train/loss", step, 1.0 / step as f64);
            if step % 2 == 0 {
                board.text("samples", step, "하나 <둘>");
            }
        }
    }

    fn expected(last: i64) -> Vec<(String, i64)> {
        (1..=last)
            .flat_map(|step| {
                let loss = Some(("train/loss".to_owned(), step));
                loss.into_iter()
                    .chain((step % 2 == 0).then(|| ("samples".to_owned(), step)))
            })
            .collect()
    }

    #[test]
    fn resume_repeats_no_step_wherever_the_file_was_torn() {
        let original = tempfile::tempdir().unwrap();
        log(&mut TensorBoard::create(original.path()).unwrap(), 1..=6);
        let file = files(original.path()).remove(0);
        let bytes = fs::read(&file).unwrap();
        // Where the record of step 4's text ends, everything up to step 4 is on file.
        let complete = (0..=bytes.len()).find(|&cut| {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(file.file_name().unwrap()), &bytes[..cut]).unwrap();
            let kept = event_file::keep_until(dir.path(), 4).unwrap();
            kept.last_steps == BTreeMap::from([("samples".into(), 4), ("train/loss".into(), 4)])
        });
        let complete = complete.expect("the whole file holds step 4");
        for cut in 0..=bytes.len() {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(file.file_name().unwrap()), &bytes[..cut]).unwrap();
            let mut board = TensorBoard::resume(dir.path(), 4).unwrap();
            // The step resumed from is reported again, as a trainer may.
            log(&mut board, 4..=7);
            drop(board);
            let found = points(dir.path());
            let mut unique = found.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), found.len(), "cut at {cut}");
            if cut >= complete {
                assert_eq!(found, expected(7), "cut at {cut}");
            }
        }
    }

    #[test]
    fn resume_at_every_step_continues_the_curve() {
        for last in 0..=6 {
            let dir = tempfile::tempdir().unwrap();
            log(&mut TensorBoard::create(dir.path()).unwrap(), 1..=6);
            let mut board = TensorBoard::resume(dir.path(), last).unwrap();
            log(&mut board, last + 1..=8);
            drop(board);
            log(&mut TensorBoard::resume(dir.path(), 8).unwrap(), 9..=10);
            assert_eq!(points(dir.path()), expected(10));
        }
    }

    #[test]
    fn files_without_later_steps_are_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        log(&mut TensorBoard::create(dir.path()).unwrap(), 1..=6);
        let file = files(dir.path()).remove(0);
        let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
        let before = inode(&file);
        drop(TensorBoard::resume(dir.path(), 6).unwrap());
        assert_eq!(inode(&file), before);
        drop(TensorBoard::resume(dir.path(), 5).unwrap());
        assert_ne!(inode(&file), before);
    }

    #[test]
    fn full_disk_is_one_warning() {
        let mut board = TensorBoard::on_file(Path::new("/dev/full")).unwrap();
        for step in 1..100 {
            board.scalar("train/loss", step, 1.0);
            board.flush();
        }
        assert_eq!(board.take_warnings().len(), 1);
        assert_eq!(board.take_warnings().len(), 0);
    }

    #[test]
    fn histogram_counts_every_finite_value() {
        let (limits, counts) = buckets(&[1.0, 2.0, f32::NAN, 3.0, f32::INFINITY, 3.0]).unwrap();
        assert_eq!(limits.len(), counts.len());
        assert_eq!(counts.iter().sum::<f64>(), 4.0);
        assert_eq!(counts[0], 1.0);
        assert_eq!(counts[HISTOGRAM_BUCKETS - 1], 2.0);
        assert_eq!(buckets(&[f32::NAN]), None);
        assert_eq!(buckets(&[0.5, 0.5]).unwrap().1.iter().sum::<f64>(), 2.0);
    }
}
