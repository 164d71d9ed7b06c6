//! The log of one run: every record is given once and reaches each file that wants it.
//!
//! | file | what |
//! | --- | --- |
//! | `metrics.jsonl` | what the recipe determines; equal runs write equal bytes |
//! | `timing.jsonl` | what the machine decides |
//! | `tensorboard/` | both, as curves, and texts |
//! | `samples/step-NNNNNNNN.md` | sampled text |

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jikji_durable::sync_parent;
use serde::Serialize;

use crate::append_file::AppendFile;
use crate::json_lines::{self, METRICS_FILE, TIMING_FILE};
use crate::records::{
    MetricsLine, SampleMetrics, SaveTiming, TimedStep, TimedValidation, TimingLine,
};
use crate::{StepRecord, TelemetryError, TensorBoard, ValidationRecord, aside, wall_clock};

const TENSORBOARD_FOLDER: &str = "tensorboard";
const SAMPLES_FOLDER: &str = "samples";

/// A killed process loses at most this much timing; metrics are never held back.
const TIMING_WRITE_EVERY: Duration = Duration::from_secs(2);

/// Writes the log of a run. No method fails: see [`RunLog::take_warnings`].
#[derive(Debug)]
pub struct RunLog {
    run_dir: PathBuf,
    metrics: AppendFile,
    timing: AppendFile,
    tensorboard: TensorBoard,
    last_step: Option<u64>,
    last_validation: Option<u64>,
    /// Last step whose samples an earlier process logged.
    sampled_before: Option<u64>,
    /// How many samples of which step this log has taken.
    samples: Option<(u64, u32)>,
    samples_failing: bool,
    warnings: Vec<String>,
}

impl RunLog {
    /// Starts the log of a run that begins at step 0, creating the folder. What an earlier run logged there is
    /// kept under `*.old-N` names, and a warning says so.
    ///
    /// # Errors
    /// A file of the log cannot be created.
    pub fn create(run_dir: impl AsRef<Path>) -> Result<Self, TelemetryError> {
        let run_dir = run_dir.as_ref();
        fs::create_dir_all(run_dir).map_err(TelemetryError::file("create", run_dir))?;
        let mut warnings = Vec::new();
        for name in [
            METRICS_FILE,
            TIMING_FILE,
            TENSORBOARD_FOLDER,
            SAMPLES_FOLDER,
        ] {
            if let Some(kept) = aside::set_aside(&run_dir.join(name))? {
                warnings.push(format!("an earlier log was moved to `{}`", kept.display()));
            }
        }
        let mut log = Self::open(
            run_dir,
            TensorBoard::create(run_dir.join(TENSORBOARD_FOLDER))?,
        )?;
        log.warnings = warnings;
        Ok(log)
    }

    /// Continues the log of a run after `last_step`, the step of the checkpoint that was loaded: what was logged of
    /// later steps is removed, durably, before the first new record.
    ///
    /// What is on file already may be reported again; it is not written twice.
    ///
    /// # Errors
    /// A file of the log cannot be read, replaced or opened.
    pub fn resume(run_dir: impl AsRef<Path>, last_step: u64) -> Result<Self, TelemetryError> {
        let run_dir = run_dir.as_ref();
        fs::create_dir_all(run_dir).map_err(TelemetryError::file("create", run_dir))?;
        let metrics = json_lines::keep_until(&run_dir.join(METRICS_FILE), last_step)?;
        let timing = json_lines::keep_until(&run_dir.join(TIMING_FILE), last_step)?;
        remove_samples_after(&run_dir.join(SAMPLES_FOLDER), last_step)?;
        let mut log = Self::open(
            run_dir,
            TensorBoard::resume(run_dir.join(TENSORBOARD_FOLDER), last_step)?,
        )?;
        log.last_step = metrics.last_step;
        log.last_validation = metrics.last_validation;
        log.sampled_before = metrics.last_sample;
        log.warnings = metrics.warning.into_iter().chain(timing.warning).collect();
        Ok(log)
    }

    /// Reports an update.
    pub fn step(&mut self, record: &StepRecord) {
        let step = record.step;
        if self.last_step.is_some_and(|last| step <= last) {
            return;
        }
        self.last_step = Some(step);
        append_line(&mut self.metrics, &MetricsLine::Step(record.into()));
        let timed = TimedStep {
            step,
            wall_time: wall_clock::seconds_since_epoch(),
            timing: record.timing.clone(),
        };
        append_line(&mut self.timing, &TimingLine::Step(timed));

        let board = &mut self.tensorboard;
        board.scalar("train/loss", step, record.loss);
        board.scalar("train/gradient_norm", step, record.gradient_norm);
        board.scalar("train/learning_rate", step, record.learning_rate);
        board.scalar(
            "speed/tokens_per_second",
            step,
            record.timing.tokens_per_second,
        );
        if let Some(share) = record.timing.matrix_share {
            board.scalar("speed/matrix_share", step, share);
        }
        for (source, epoch) in &record.data {
            board.scalar(&format!("data/{source}_epoch"), step, *epoch);
        }
    }

    /// Reports a pass over the validation documents.
    pub fn validation(&mut self, record: &ValidationRecord) {
        let step = record.step;
        if self.last_validation.is_some_and(|last| step <= last) {
            return;
        }
        self.last_validation = Some(step);
        append_line(&mut self.metrics, &MetricsLine::Validation(record.into()));
        let timed = TimedValidation {
            step,
            wall_time: wall_clock::seconds_since_epoch(),
            seconds: record.seconds,
        };
        append_line(&mut self.timing, &TimingLine::Validation(timed));

        self.tensorboard
            .scalar("validation/loss", step, record.loss);
        self.tensorboard
            .scalar("validation/bits_per_byte", step, record.bits_per_byte);
        for (source, bits_per_byte) in &record.per_source {
            self.tensorboard.scalar(
                &format!("validation/{source}_bits_per_byte"),
                step,
                *bits_per_byte,
            );
        }
        self.tensorboard.flush();
    }

    /// Reports text that the model wrote. Several prompts of one step share a file; TensorBoard shows the first
    /// under `samples`, the others under `samples/2`, `samples/3`, ...
    pub fn sample(&mut self, step: u64, prompt: &str, text: &str) {
        if self.sampled_before.is_some_and(|last| step <= last) {
            return;
        }
        let number = match self.samples {
            Some((of, count)) if of == step => count + 1,
            _ => 1,
        };
        self.samples = Some((step, number));
        let sample = SampleMetrics {
            step,
            prompt: prompt.to_owned(),
            text: text.to_owned(),
        };
        append_line(&mut self.metrics, &MetricsLine::Sample(sample));
        let markdown = format!("**{}**\n\n{}\n", as_heading(prompt), as_code(text));
        let tag = if number == 1 {
            "samples".to_owned()
        } else {
            format!("samples/{number}")
        };
        self.tensorboard.text(&tag, step, &markdown);
        self.tensorboard.flush();

        let path = self
            .run_dir
            .join(SAMPLES_FOLDER)
            .join(format!("step-{step:08}.md"));
        match write_sample(&path, step, number, &markdown) {
            Ok(()) => self.samples_failing = false,
            Err(error) if !self.samples_failing => {
                self.samples_failing = true;
                self.warnings.push(format!(
                    "failed to write `{}`: {error}; the run goes on",
                    path.display()
                ));
            }
            Err(_) => {}
        }
    }

    /// Adds a text to TensorBoard, such as the resolved recipe under the tag `recipe`.
    pub fn text(&mut self, tag: &str, step: u64, markdown: &str) {
        self.tensorboard.text(tag, step, markdown);
        self.tensorboard.flush();
    }

    /// Reports a finished save: how long it took and how much it wrote.
    pub fn save(&mut self, step: u64, seconds: f64, bytes: u64) {
        let saved = SaveTiming {
            step,
            wall_time: wall_clock::seconds_since_epoch(),
            seconds,
            bytes,
        };
        append_line(&mut self.timing, &TimingLine::Save(saved));
        self.tensorboard.scalar("speed/save_seconds", step, seconds);
    }

    /// Hands everything to the operating system.
    pub fn flush(&mut self) {
        self.metrics.flush();
        self.timing.flush();
        self.tensorboard.flush();
    }

    /// Makes everything logged so far durable. To be called before a checkpoint is published: otherwise a loss of
    /// power can leave a checkpoint whose log is shorter than its step, and the resumed run's metrics have a gap.
    pub fn sync(&mut self) {
        self.metrics.sync();
        self.timing.sync();
        self.tensorboard.sync();
    }

    /// What went wrong since the last call, each trouble once, in words for the user.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.append(&mut self.metrics.take_warnings());
        warnings.append(&mut self.timing.take_warnings());
        warnings.append(&mut self.tensorboard.take_warnings());
        warnings
    }

    fn open(run_dir: &Path, tensorboard: TensorBoard) -> Result<Self, TelemetryError> {
        let metrics_path = run_dir.join(METRICS_FILE);
        let log = Self {
            run_dir: run_dir.to_owned(),
            metrics: AppendFile::open(&metrics_path, Duration::ZERO)?,
            timing: AppendFile::open(&run_dir.join(TIMING_FILE), TIMING_WRITE_EVERY)?,
            tensorboard,
            last_step: None,
            last_validation: None,
            sampled_before: None,
            samples: None,
            samples_failing: false,
            warnings: Vec::new(),
        };
        sync_parent(&metrics_path)?;
        Ok(log)
    }
}

fn append_line(file: &mut AppendFile, line: &impl Serialize) {
    let mut bytes =
        serde_json::to_vec(line).expect("records hold only numbers, strings and string keys");
    bytes.push(b'\n');
    file.append(&bytes);
}

/// The first sample of a step replaces what an interrupted run may have left in the file.
fn write_sample(path: &Path, step: u64, number: u32, markdown: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if number == 1 {
        fs::write(path, format!("# Samples at step {step}\n\n{markdown}"))
    } else {
        OpenOptions::new()
            .append(true)
            .open(path)?
            .write_all(format!("\n{markdown}").as_bytes())
    }
}

fn remove_samples_after(folder: &Path, last_step: u64) -> Result<(), TelemetryError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(TelemetryError::file("list", folder))?,
    };
    let mut later = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(TelemetryError::file("list", folder))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name
            .strip_prefix("step-")
            .and_then(|name| name.strip_suffix(".md"));
        if let Some(step) = number.and_then(|digits| digits.parse::<u64>().ok())
            && step > last_step
        {
            later.insert(step, path);
        }
    }
    for path in later.values() {
        fs::remove_file(path).map_err(TelemetryError::file("remove", path))?;
    }
    Ok(())
}

/// One line in which Markdown finds nothing to interpret.
fn as_heading(text: &str) -> String {
    let mut heading = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => heading.push(' '),
            _ if character.is_ascii_punctuation() => heading.extend(['\\', character]),
            _ => heading.push(character),
        }
    }
    heading
}

/// Indented, so that no text can end the block the way it could end a fence.
fn as_code(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StepTiming, read_metrics, read_timings};

    fn step(step: u64) -> StepRecord {
        StepRecord {
            step,
            tokens_total: step * 4096,
            counted_targets: 4000.5,
            loss: 9.0 / (step as f64).sqrt(),
            gradient_norm: 1.0 / 3.0,
            clipped: step.is_multiple_of(3),
            learning_rate: 3e-4,
            data: vec![("prose".into(), step as f64 / 7.0), ("law".into(), 0.1)],
            timing: StepTiming {
                seconds: 0.5,
                tokens_per_second: 8192.0,
                ..StepTiming::default()
            },
        }
    }

    fn validation(step: u64) -> ValidationRecord {
        ValidationRecord {
            step,
            loss: 5.0,
            bits_per_byte: 2.5,
            tokens: 100,
            bytes: 400,
            per_source: vec![("prose".into(), 2.4)],
            seconds: 1.5,
        }
    }

    fn train(log: &mut RunLog, steps: std::ops::RangeInclusive<u64>) {
        for number in steps {
            log.step(&step(number));
            if number % 2 == 0 {
                log.validation(&validation(number));
                log.sample(number, "옛날 옛적에", &format!("step {number}"));
                log.save(number, 0.25, 1000);
            }
        }
    }

    fn metrics_bytes(dir: &Path) -> Vec<u8> {
        fs::read(dir.join(METRICS_FILE)).unwrap()
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = RunLog::create(dir.path()).unwrap();
        train(&mut log, 1..=4);
        assert_eq!(log.take_warnings(), [""; 0]);
        drop(log);
        let metrics = read_metrics(dir.path()).unwrap();
        assert_eq!(
            metrics.steps,
            (1..=4)
                .map(|number| (&step(number)).into())
                .collect::<Vec<_>>()
        );
        assert_eq!(
            metrics.validations,
            [(&validation(2)).into(), (&validation(4)).into()]
        );
        let timings = read_timings(dir.path()).unwrap();
        assert_eq!(timings.steps[3].timing, step(4).timing);
        assert_eq!(
            timings
                .saves
                .iter()
                .map(|save| save.step)
                .collect::<Vec<_>>(),
            [2, 4]
        );
        insta::assert_snapshot!(fs::read_to_string(dir.path().join("samples/step-00000002.md")).unwrap(), @r"
        # Samples at step 2

        **옛날 옛적에**

            step 2
        ");
    }

    #[test]
    fn resumed_metrics_equal_uninterrupted_ones_at_every_step() {
        let whole = tempfile::tempdir().unwrap();
        train(&mut RunLog::create(whole.path()).unwrap(), 1..=8);
        for killed in 1..=8 {
            for saved in 0..=killed {
                let dir = tempfile::tempdir().unwrap();
                train(&mut RunLog::create(dir.path()).unwrap(), 1..=killed);
                let torn = [metrics_bytes(dir.path()), br#"{"kind":"st"#.to_vec()].concat();
                fs::write(dir.path().join(METRICS_FILE), torn).unwrap();
                train(
                    &mut RunLog::resume(dir.path(), saved).unwrap(),
                    saved + 1..=8,
                );
                assert!(
                    metrics_bytes(dir.path()) == metrics_bytes(whole.path()),
                    "killed {killed}, saved {saved}"
                );
            }
        }
    }

    #[test]
    fn reporting_the_resumed_step_again_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        train(&mut RunLog::create(dir.path()).unwrap(), 1..=4);
        let before = metrics_bytes(dir.path());
        train(&mut RunLog::resume(dir.path(), 4).unwrap(), 3..=4);
        assert_eq!(metrics_bytes(dir.path()), before);
    }

    #[test]
    fn samples_of_later_steps_are_removed_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        train(&mut RunLog::create(dir.path()).unwrap(), 1..=6);
        fs::write(dir.path().join("samples/mine.md"), "kept").unwrap();
        drop(RunLog::resume(dir.path(), 3).unwrap());
        let mut names = fs::read_dir(dir.path().join("samples"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>();
        names.sort();
        assert_eq!(names, ["mine.md", "step-00000002.md"]);
    }

    #[test]
    fn several_prompts_share_a_file_and_cannot_break_its_markdown() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = RunLog::create(dir.path()).unwrap();
        log.sample(0, "**굵게**", "```\n# not a title");
        log.sample(0, "둘째", "둘");
        insta::assert_snapshot!(fs::read_to_string(dir.path().join("samples/step-00000000.md")).unwrap(), @r"
        # Samples at step 0

        **\*\*굵게\*\***

            ```
            # not a title

        **둘째**

            둘
        ");
    }

    #[test]
    fn a_new_run_in_an_old_folder_keeps_the_old_log() {
        let dir = tempfile::tempdir().unwrap();
        train(&mut RunLog::create(dir.path()).unwrap(), 1..=2);
        let old = metrics_bytes(dir.path());
        let mut log = RunLog::create(dir.path()).unwrap();
        assert_eq!(log.take_warnings().len(), 4);
        assert_eq!(
            fs::read(dir.path().join("metrics.jsonl.old-1")).unwrap(),
            old
        );
        assert!(metrics_bytes(dir.path()).is_empty());
    }

    #[test]
    fn full_disk_costs_the_log_and_not_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let full = Path::new("/dev/full");
        let mut log = RunLog::create(dir.path()).unwrap();
        log.metrics = AppendFile::open(full, Duration::ZERO).unwrap();
        log.timing = AppendFile::open(full, Duration::ZERO).unwrap();
        log.tensorboard = TensorBoard::on_file(full).unwrap();
        fs::write(
            dir.path().join(SAMPLES_FOLDER),
            "a file where the folder should be",
        )
        .unwrap();
        train(&mut log, 1..=100);
        log.sync();
        let warnings = log.take_warnings();
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        train(&mut log, 101..=200);
        assert_eq!(log.take_warnings(), [""; 0]);
    }
}
