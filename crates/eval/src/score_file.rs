//! Scoring a file: one JSON object a line in, one a line out, in the same order.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use jikji_checkpoint::durable;
use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::score::{check_ids, score_ids};
use jikji_interop::LoadedModel;

/// What a line may hold; other fields are the caller's own.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `ids` or `text`")]
struct InputLine {
    ids: Option<Vec<u32>>,
    text: Option<String>,
}

#[derive(Debug, Serialize)]
struct OutputLine<'a> {
    ids: &'a [u32],
    logprobs: &'a [f32],
    loss: f64,
}

/// What a file came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreReport {
    /// Lines.
    pub rows: usize,
    /// Tokens that have a log-probability.
    pub tokens: usize,
    /// Their negative mean over the file, in nats; `None` for an empty file.
    pub loss: Option<f64>,
}

/// Scores each line of `input`, which has `ids` or `text`, and writes `ids`, `logprobs` and `loss` to `output`.
///
/// Text is encoded as the tokenizer's own post-processor says. All lines are read, encoded and checked before the first is
/// scored, and `output` appears when it is complete.
///
/// # Errors
/// The first line that cannot be scored, by file and number; a file that cannot be read or written.
pub fn score_file(
    model: &LoadedModel,
    input: &Path,
    output: &Path,
) -> Result<ScoreReport, EvalError> {
    let rows = read_rows(model, input)?;
    let mut report = ScoreReport {
        rows: rows.len(),
        tokens: 0,
        loss: None,
    };
    let (mut nats, mut failed) = (0.0, None);
    let written = durable::write_file_with(output, |out| {
        for (index, ids) in rows.iter().enumerate() {
            let scored = score_ids(model, ids).map_err(|error| {
                failed = Some(at_line(input, index, error));
                std::io::Error::other("a line could not be scored")
            })?;
            report.tokens += scored.logprobs.len();
            nats += scored.loss * scored.logprobs.len() as f64;
            let line = OutputLine {
                ids,
                logprobs: &scored.logprobs,
                loss: scored.loss,
            };
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    });
    if let Some(error) = failed {
        return Err(error);
    }
    written?;
    report.loss = (report.tokens > 0).then(|| nats / report.tokens as f64);
    Ok(report)
}

fn read_rows(model: &LoadedModel, input: &Path) -> Result<Vec<Vec<u32>>, EvalError> {
    let read = |source| EvalError::Read {
        path: input.to_owned(),
        source,
    };
    let lines = BufReader::new(File::open(input).map_err(read)?).lines();
    let lines = lines
        .enumerate()
        .map(|(index, line)| line.map_err(|error| at_line(input, index, read(error))));
    let mut lines = lines.collect::<Result<Vec<_>, _>>()?;
    // What editors leave behind is no line: a mark of UTF-8 at the start, empty lines at the end.
    if let Some(first) = lines.first_mut() {
        *first = first.trim_start_matches('\u{feff}').to_owned();
    }
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| read_row(model, line).map_err(|error| at_line(input, index, error)))
        .collect()
}

fn read_row(model: &LoadedModel, line: &str) -> Result<Vec<u32>, EvalError> {
    let line: InputLine =
        serde_json::from_str(line).map_err(|source| EvalError::LineFields { source })?;
    let ids = match (line.ids, line.text) {
        (Some(ids), None) => ids,
        (None, Some(text)) => model
            .require_tokenizer()?
            .encode_with_post_processor(&text)?,
        (Some(_), Some(_)) => return Err(EvalError::LineChoice { got: "both" }),
        (None, None) => return Err(EvalError::LineChoice { got: "neither" }),
    };
    check_ids(&model.decoder, &ids)?;
    Ok(ids)
}

fn at_line(path: &Path, index: usize, error: EvalError) -> EvalError {
    EvalError::Line {
        path: path.to_owned(),
        line: index + 1,
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::*;
    use jikji_interop::testing::{EXAONE4, ids, model, tokenizer};

    fn score(model: &LoadedModel, input: &str) -> Result<(ScoreReport, String), EvalError> {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("in.jsonl"), dir.path().join("out.jsonl"));
        fs::write(&from, input).unwrap();
        let scored = score_file(model, &from, &to);
        assert_eq!(
            to.exists(),
            scored.is_ok(),
            "output appears exactly when it is complete"
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1 + usize::from(scored.is_ok())
        );
        Ok((scored?, fs::read_to_string(&to).unwrap()))
    }

    #[test]
    fn lines_come_back_in_order_with_their_numbers() {
        let mut model = model(EXAONE4);
        model.tokenizer = Some(tokenizer());
        let text_ids = tokenizer().encode_with_post_processor("말이 서로").unwrap();
        let long = ids(40, 300);
        let input = format!(
            "\u{feff}{{\"ids\": {long:?}, \"name\": \"x\"}}\n{{\"text\": \"말이 서로\"}}\n\n \n"
        );
        let (report, output) = score(&model, &input).unwrap();
        let lines: Vec<Value> = output
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        let mut nats = 0.0;
        for (line, ids) in lines.iter().zip([&long, &text_ids]) {
            assert_eq!(line["ids"], serde_json::json!(ids));
            let scored = score_ids(&model, ids).unwrap();
            let logprobs: Vec<f32> = serde_json::from_value(line["logprobs"].clone()).unwrap();
            assert_eq!(logprobs, scored.logprobs);
            assert_eq!(
                line["loss"].as_f64().unwrap().to_bits(),
                scored.loss.to_bits()
            );
            nats += scored.loss * logprobs.len() as f64;
        }
        assert_eq!((report.rows, report.tokens), (2, 38 + text_ids.len()));
        assert!((report.loss.unwrap() - nats / report.tokens as f64).abs() < 1e-12);
    }

    #[test]
    fn a_bad_line_is_named_and_nothing_is_written() {
        let model = model(EXAONE4);
        for (input, line, expected) in [
            ("{\"ids\": [1, 2]}\n{\"ids\": [1]}\n", 2, "got `1` ids"),
            ("{\"ids\": [1, 400]}\n", 1, "id `400` at position `1`"),
            (
                "{\"ids\": [1, 2], \"text\": \"a\"}\n",
                1,
                "either `ids` or `text`, got both",
            ),
            (
                "{\"id\": [1, 2]}\n",
                1,
                "either `ids` or `text`, got neither",
            ),
            ("{\"ids\": [1, -2]}\n", 1, "expected a JSON object"),
            (
                "{\"ids\": [1, 2]}\n\n{\"ids\": [1, 2]}\n",
                2,
                "expected a JSON object",
            ),
            ("{\"text\": \"a b\"}\n", 1, "has no `tokenizer.json`"),
        ] {
            let error = score(&model, input).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("in.jsonl:{line}` cannot be scored")),
                "{error}"
            );
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains(expected), "{source}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn an_empty_file_gives_an_empty_file() {
        let (report, output) = score(&model(EXAONE4), "").unwrap();
        assert_eq!((report.rows, report.loss, output.as_str()), (0, None, ""));
    }
}
