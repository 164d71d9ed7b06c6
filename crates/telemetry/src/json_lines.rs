//! `metrics.jsonl` and `timing.jsonl`: reading them, and cutting them back to the step that a run resumes from.
//!
//! A line without its newline is what a killed process leaves; readers pass over it and resuming removes it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::records::{
    MetricsLine, SampleMetrics, SaveTiming, StepMetrics, TimedStep, TimingLine, ValidationMetrics,
};
use crate::{TelemetryError, aside};

pub(crate) const METRICS_FILE: &str = "metrics.jsonl";
pub(crate) const TIMING_FILE: &str = "timing.jsonl";

/// What `metrics.jsonl` holds, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    /// One entry for each logged step.
    pub steps: Vec<StepMetrics>,
    /// One entry for each validation.
    pub validations: Vec<ValidationMetrics>,
    /// One entry for each prompt of each sampled step.
    pub samples: Vec<SampleMetrics>,
}

/// What `timing.jsonl` holds, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timings {
    /// One entry for each logged step.
    pub steps: Vec<TimedStep>,
    /// One entry for each saved checkpoint.
    pub saves: Vec<SaveTiming>,
}

/// Reads `metrics.jsonl` of a run folder; a torn last line is passed over.
///
/// # Errors
/// The file is absent or unreadable, or a complete line is not a record.
pub fn read_metrics(run_dir: &Path) -> Result<Metrics, TelemetryError> {
    let mut metrics = Metrics::default();
    read_lines(
        &run_dir.join(METRICS_FILE),
        "a step, validation or sample object",
        |line| match line {
            MetricsLine::Step(step) => metrics.steps.push(step),
            MetricsLine::Validation(validation) => metrics.validations.push(validation),
            MetricsLine::Sample(sample) => metrics.samples.push(sample),
        },
    )?;
    Ok(metrics)
}

/// Reads `timing.jsonl` of a run folder; a torn last line is passed over.
///
/// # Errors
/// As [`read_metrics`].
pub fn read_timings(run_dir: &Path) -> Result<Timings, TelemetryError> {
    let mut timings = Timings::default();
    read_lines(
        &run_dir.join(TIMING_FILE),
        "a step, validation or save object",
        |line| match line {
            TimingLine::Step(step) => timings.steps.push(step),
            TimingLine::Save(save) => timings.saves.push(save),
            TimingLine::Validation(_) => {}
        },
    )?;
    Ok(timings)
}

/// What stays of a file after [`keep_until`].
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) last_step: Option<u64>,
    pub(crate) last_validation: Option<u64>,
    pub(crate) last_sample: Option<u64>,
    pub(crate) warning: Option<String>,
}

/// Removes every line of a later step than `last_step`, and lines that are not records, durably. An absent file
/// stays absent.
pub(crate) fn keep_until(path: &Path, last_step: u64) -> Result<Kept, TelemetryError> {
    #[derive(Deserialize)]
    struct Head {
        kind: String,
        step: u64,
    }

    let mut kept = Kept::default();
    let (mut unreadable, mut changed) = (0_u64, false);
    let head = |line: &[u8]| {
        line.strip_suffix(b"\n")
            .and_then(|line| serde_json::from_slice::<Head>(line).ok())
    };
    let Some(reader) = open(path)? else {
        return Ok(kept);
    };
    for_each_line(reader, |line, is_last| {
        match head(line) {
            Some(Head { step, .. }) if step > last_step => changed = true,
            Some(Head { kind, step }) => match kind.as_str() {
                "step" => kept.last_step = Some(step),
                "validation" => kept.last_validation = Some(step),
                "sample" => kept.last_sample = Some(step),
                _ => {}
            },
            None => {
                changed = true;
                unreadable += u64::from(!is_last);
            }
        }
        Ok(())
    })
    .map_err(TelemetryError::file("read", path))?;

    if changed && let Some(reader) = open(path)? {
        aside::replace(path, |out| {
            for_each_line(reader, |line, _| match head(line) {
                Some(Head { step, .. }) if step <= last_step => out.write_all(line),
                _ => Ok(()),
            })
        })?;
    }
    if unreadable > 0 {
        kept.warning = Some(format!(
            "`{}` held {unreadable} unreadable lines, which were removed",
            path.display()
        ));
    }
    Ok(kept)
}

fn read_lines<T: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
    mut each: impl FnMut(T),
) -> Result<(), TelemetryError> {
    let file = File::open(path).map_err(TelemetryError::file("open", path))?;
    let (mut number, mut bad) = (0, None);
    for_each_line(BufReader::new(file), |line, is_last| {
        number += 1;
        let torn = is_last && !line.ends_with(b"\n");
        match serde_json::from_slice(line) {
            _ if torn => {}
            Ok(record) => each(record),
            // A lost block of the disk can leave a last line that has its newline and nonsense before it.
            Err(_) if is_last => {}
            Err(source) => bad = bad.take().or(Some((number, source))),
        }
        Ok(())
    })
    .map_err(TelemetryError::file("read", path))?;
    match bad {
        None => Ok(()),
        Some((line, source)) => Err(TelemetryError::Line {
            path: path.to_owned(),
            line,
            expected,
            source,
        }),
    }
}

fn open(path: &Path) -> Result<Option<BufReader<File>>, TelemetryError> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TelemetryError::file("open", path)(error)),
    }
}

/// Calls `each` with every line, its newline included, and whether it is the last.
fn for_each_line(
    mut reader: impl BufRead,
    mut each: impl FnMut(&[u8], bool) -> io::Result<()>,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_last = reader.fill_buf()?.is_empty();
        each(&line, is_last)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        r#"{"kind":"validation","step":0,"loss":9.0,"bits_per_byte":5.9,"tokens":10,"bytes":40,"per_source":{}}"#,
        "\n",
        r#"{"kind":"step","step":1,"tokens_total":64,"counted_targets":60.0,"loss":null,"gradient_norm":1.5,"#,
        r#""clipped":true,"learning_rate":0.001,"data":{"나":0.5,"가":0.25}}"#,
        "\n",
        r#"{"kind":"step","step":2,"tokens_total":128,"counted_targets":60.0,"loss":3.5,"gradient_norm":1.5,"#,
        r#""clipped":false,"learning_rate":0.001,"data":{}}"#,
        "\n",
    );

    #[test]
    fn reading_survives_every_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(METRICS_FILE);
        for cut in 0..=LINES.len() {
            std::fs::write(&path, &LINES.as_bytes()[..cut]).unwrap();
            let whole = LINES
                .match_indices('\n')
                .filter(|(end, _)| *end < cut)
                .count();
            let metrics = read_metrics(folder.path()).unwrap();
            assert_eq!(
                metrics.steps.len() + metrics.validations.len(),
                whole,
                "cut at {cut}"
            );
        }
        let metrics = read_metrics(folder.path()).unwrap();
        assert!(metrics.steps[0].loss.is_nan());
        assert_eq!(
            metrics.steps[0].data,
            [("나".to_owned(), 0.5), ("가".to_owned(), 0.25)]
        );
    }

    #[test]
    fn bad_line_in_the_middle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(METRICS_FILE),
            LINES.replace(r#""step":1"#, r#""step":"one""#),
        )
        .unwrap();
        let error = read_metrics(folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of "), "{error}");
        assert!(error.hint().unwrap().starts_with("delete line 2"));
    }

    #[test]
    fn keeping_until_a_step_survives_every_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(METRICS_FILE);
        let first_two = LINES.split_inclusive('\n').take(2).collect::<String>();
        for cut in 0..=LINES.len() {
            std::fs::write(&path, &LINES.as_bytes()[..cut]).unwrap();
            let kept = keep_until(&path, 1).unwrap();
            let content = std::fs::read_to_string(&path).unwrap();
            assert!(
                first_two.starts_with(&content) && (content.is_empty() || content.ends_with('\n')),
                "cut at {cut}"
            );
            assert_eq!(
                content.len() == first_two.len(),
                cut >= first_two.len(),
                "cut at {cut}"
            );
            assert_eq!(kept.last_step.is_some(), cut >= first_two.len());
            assert!(kept.warning.is_none());
        }
    }

    #[test]
    fn absent_file_is_nothing_to_keep_but_an_error_to_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            keep_until(&folder.path().join(METRICS_FILE), 5)
                .unwrap()
                .last_step
                .is_none()
        );
        let error = read_metrics(folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("failed to open `"), "{error}");
        assert!(error.hint().is_some());
    }
}
