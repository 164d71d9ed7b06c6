//! `jikji tokenizer measure`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use jikji_checkpoint::durable;
use jikji_telemetry::{BarGroup, bars_svg};
use jikji_tokenizer::Tokenizer;
use jikji_tokenizer::measure::{Endings, Measure, MorphemeBorders, Word};
use serde_json::{Value, json};

use super::TextFile;
use crate::arguments::MeasureTokenizers;
use crate::console;
use crate::exit;
use crate::failure::Failure;

/// Endings shown for each tokenizer.
const SHOWN_ENDINGS: usize = 24;

/// One tokenizer on one domain or file, or on all of them.
struct Row {
    tokenizer: String,
    input: String,
    measure: Measure,
    /// For the total, if there are sentences with morphemes.
    borders: Option<MorphemeBorders>,
}

type Figure = dyn Fn(&Row) -> Option<f64>;

/// A figure of a row: its name in JSON and CSV, its heading, and its digits behind the point.
struct Column {
    name: &'static str,
    heading: String,
    digits: usize,
    value: Box<Figure>,
}

pub(super) fn run(arguments: &MeasureTokenizers) -> Result<(), Failure> {
    let files = super::files(&arguments.texts)?;
    let sentences = match &arguments.morphemes {
        Some(path) => read_sentences(path)?,
        None => Vec::new(),
    };
    let (mut rows, mut all_endings) = (Vec::new(), Vec::new());
    for dir in &arguments.tokenizer {
        let tokenizer = Tokenizer::load(dir)?;
        let name = dir.display().to_string();
        let mut endings = arguments.endings.then(Endings::default);
        rows.extend(measure(
            &tokenizer,
            &name,
            &files,
            &sentences,
            endings.as_mut(),
        )?);
        all_endings.extend(endings.map(|endings| (name, endings)));
    }
    let columns = columns(arguments);
    if let Some(path) = &arguments.csv {
        durable::write_file(path, csv(&rows, &columns).as_bytes())?;
    }
    if let Some(path) = &arguments.svg {
        durable::write_file(path, chart(arguments, &rows).as_bytes())?;
    }
    if arguments.json {
        let list: Vec<Value> = rows.iter().map(|row| to_json(row, &columns)).collect();
        console::data(serde_json::to_string_pretty(&list).expect("numbers and names are JSON"));
        return Ok(());
    }
    for line in table(&rows, &columns) {
        console::data(line);
    }
    for (name, endings) in &all_endings {
        console::data(format!(
            "\n{name}: particles and endings, `|` where a token ends\n{:>8}  {:>10}  ending  commonest word",
            "words", "cut before"
        ));
        for ending in endings.commonest().iter().take(SHOWN_ENDINGS) {
            console::data(format!(
                "{:>8}  {:>9.1}%  {}  {}",
                ending.words,
                ending.cut_before * 100.0,
                ending.ending,
                ending.example
            ));
        }
    }
    Ok(())
}

fn measure(
    tokenizer: &Tokenizer,
    name: &str,
    files: &[TextFile],
    sentences: &[(String, Vec<Word>)],
    mut endings: Option<&mut Endings>,
) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    let mut total = Measure::default();
    for file in files {
        let mut measure = Measure::default();
        for document in file.documents()? {
            let text = document?.text;
            measure.add(tokenizer, &text)?;
            if let Some(endings) = &mut endings {
                endings.add(tokenizer, &text)?;
            }
        }
        total.merge(&measure);
        match rows.iter_mut().find(|row| row.input == file.label) {
            Some(row) => row.measure.merge(&measure),
            None => rows.push(Row {
                tokenizer: name.to_owned(),
                input: file.label.clone(),
                measure,
                borders: None,
            }),
        }
    }
    let mut borders = MorphemeBorders::default();
    for (sentence, words) in sentences {
        borders.add(tokenizer, sentence, words)?;
    }
    rows.push(Row {
        tokenizer: name.to_owned(),
        input: "total".to_owned(),
        measure: total,
        borders: (!sentences.is_empty()).then_some(borders),
    });
    Ok(rows)
}

fn columns(arguments: &MeasureTokenizers) -> Vec<Column> {
    fn column(
        name: &'static str,
        heading: &str,
        digits: usize,
        value: impl Fn(&Row) -> Option<f64> + 'static,
    ) -> Column {
        Column {
            name,
            heading: heading.to_owned(),
            digits,
            value: Box::new(value),
        }
    }
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    let mut columns = vec![
        column("bytes_per_token", "bytes/token", 3, |row| {
            row.measure.bytes_per_token()
        }),
        column("tokens_per_eojeol", "tokens/eojeol", 3, |row| {
            row.measure.tokens_per_eojeol()
        }),
        column("tokens_per_syllable", "tokens/syllable", 3, |row| {
            row.measure.tokens_per_syllable()
        }),
        column("single_byte_percent", "single bytes %", 2, move |row| {
            percent(row.measure.single_byte_share())
        }),
        column("superword_percent", "superwords %", 2, move |row| {
            percent(row.measure.superword_share())
        }),
        column("bytes_per_word_token", "bytes/token in words", 3, |row| {
            row.measure.bytes_per_word_token()
        }),
    ];
    if let Some(context) = arguments.context {
        let eojeol = move |row: &Row| Some(context as f64 / row.measure.tokens_per_eojeol()?);
        columns.push(column(
            "eojeol_per_context",
            &format!("eojeol in {context} tokens"),
            0,
            eojeol,
        ));
    }
    if let Some(price) = arguments.price {
        let cost = move |row: &Row| Some(price * row.measure.tokens_per_eojeol()?);
        columns.push(column(
            "cost_per_million_eojeol",
            "cost of 1M eojeol",
            4,
            cost,
        ));
    }
    if arguments.morphemes.is_some() {
        let precision = move |row: &Row| percent(row.borders?.precision());
        let recall = move |row: &Row| percent(row.borders?.recall());
        columns.push(column(
            "borders_at_morphemes_percent",
            "borders at morphemes %",
            1,
            precision,
        ));
        columns.push(column(
            "morphemes_at_borders_percent",
            "morphemes at borders %",
            1,
            recall,
        ));
    }
    columns
}

fn to_json(row: &Row, columns: &[Column]) -> Value {
    let mut json = json!({"tokenizer": row.tokenizer, "input": row.input});
    for column in columns {
        json[column.name] = json!((column.value)(row));
    }
    for (name, count) in [
        ("bytes", row.measure.bytes),
        ("tokens", row.measure.tokens),
        ("eojeol", row.measure.eojeol),
    ] {
        json[name] = json!(count);
    }
    json
}

fn table(rows: &[Row], columns: &[Column]) -> Vec<String> {
    let cells = |row: &Row| {
        let cells = columns.iter().map(|column| {
            let text = (column.value)(row).map_or_else(
                || "-".to_owned(),
                |value| format!("{value:.digits$}", digits = column.digits),
            );
            format!("{text:>width$}", width = column.heading.len())
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    let headings: Vec<&str> = columns
        .iter()
        .map(|column| column.heading.as_str())
        .collect();
    let mut lines = vec![format!("{}  tokenizer, input", headings.join("  "))];
    lines.extend(
        rows.iter()
            .map(|row| format!("{}  {}, {}", cells(row), row.tokenizer, row.input)),
    );
    lines
}

fn csv(rows: &[Row], columns: &[Column]) -> String {
    // RFC 4180
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut text = format!("tokenizer,input,{}\n", names.join(","));
    for row in rows {
        let values = columns.iter().map(|column| {
            let value = (column.value)(row);
            value.map_or_else(String::new, |value| value.to_string())
        });
        let cells: Vec<String> = [quoted(&row.tokenizer), quoted(&row.input)]
            .into_iter()
            .chain(values)
            .collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

fn chart(arguments: &MeasureTokenizers, rows: &[Row]) -> String {
    let series: Vec<String> = arguments
        .tokenizer
        .iter()
        .map(|dir| dir.display().to_string())
        .collect();
    let mut groups: Vec<BarGroup> = Vec::new();
    for row in rows {
        let value = row.measure.bytes_per_token();
        match groups.iter_mut().find(|group| group.label == row.input) {
            Some(group) => group.values.push(value),
            None => groups.push(BarGroup {
                label: row.input.clone(),
                values: vec![value],
            }),
        }
    }
    bars_svg("bytes per token", &series, &groups)
}

/// Sentences with the morphemes of their words.
fn read_sentences(path: &Path) -> Result<Vec<(String, Vec<Word>)>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            exit::DATA,
            format!("failed to read `{}`: {error}", path.display()),
        )
    };
    let file = File::open(path).map_err(failed)?;
    let is_compressed = path.extension().is_some_and(|extension| extension == "zst");
    let file: Box<dyn Read> = if is_compressed {
        Box::new(zstd::Decoder::new(file).map_err(failed)?)
    } else {
        Box::new(file)
    };
    let mut sentences = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(failed)?;
        if line.trim().is_empty() {
            continue;
        }
        let sentence = serde_json::from_str(&line)
            .ok()
            .and_then(|row: Value| sentence(&row));
        sentences.push(sentence.ok_or_else(|| {
            let message = format!(
                "`{}` line {}: expected `text`, and `words` as a list of [form, morphemes joined by +]",
                path.display(),
                index + 1
            );
            Failure::new(exit::DATA, message)
        })?);
    }
    Ok(sentences)
}

fn sentence(row: &Value) -> Option<(String, Vec<Word>)> {
    let words = row.get("words")?.as_array()?.iter().map(|word| {
        let form = word.get(0)?.as_str()?.to_owned();
        let morphemes = word
            .get(1)?
            .as_str()?
            .split('+')
            .map(str::to_owned)
            .collect();
        Some(Word { form, morphemes })
    });
    Some((
        row.get("text")?.as_str()?.to_owned(),
        words.collect::<Option<_>>()?,
    ))
}
