//! The sections of a report; each is empty when there is nothing to show.

use std::fmt::Write;

use super::html::{Cell, escape, table};
use super::input::{DataPaper, PlanAgainstActual, Planned, ReportInput, SamplePair};
use crate::ValidationMetrics;
use crate::human_units::{human_bytes, human_count, human_duration, with_separators};

/// More validations than this are thinned in the table; the curve has them all.
const MAX_VALIDATION_ROWS: usize = 12;

pub(super) fn result(input: &ReportInput) -> String {
    let mut out = String::new();
    if !input.result.is_empty() {
        add(
            &mut out,
            format_args!("<p class=\"result\">{}</p>", escape(&input.result)),
        );
    }
    for note in &input.notes {
        add(
            &mut out,
            format_args!("<p class=\"note\">{}</p>", escape(note)),
        );
    }
    out
}

/// `charts`: title and picture of each.
pub(super) fn charts(charts: &[(String, String)]) -> String {
    if charts.is_empty() {
        return "<h2>Curves</h2>\n<p>No step was recorded.</p>\n".to_owned();
    }
    let mut out = String::from("<h2>Curves</h2>\n<div class=\"charts\">\n");
    for (title, svg) in charts {
        add(
            &mut out,
            format_args!(
                "<figure><figcaption>{}</figcaption>\n{svg}</figure>",
                escape(title)
            ),
        );
    }
    out.push_str("</div>\n");
    out
}

pub(super) fn validations(records: &[ValidationMetrics]) -> String {
    let every = records.len().div_ceil(MAX_VALIDATION_ROWS).max(1);
    let rows = records
        .iter()
        .enumerate()
        .filter(|(place, _)| place % every == 0 || place + 1 == records.len())
        .map(|(_, record)| {
            vec![
                Cell::Number(with_separators(record.step)),
                Cell::Number(format!("{:.4}", record.loss)),
                Cell::Number(format!("{:.4}", record.bits_per_byte)),
            ]
        })
        .collect::<Vec<_>>();
    let mut out = section(
        "Validation",
        &["step", "loss (nats per target)", "bits per byte"],
        &rows,
    );
    if let Some(last) = records.last().filter(|record| record.per_source.len() > 1) {
        let rows = last
            .per_source
            .iter()
            .map(|(source, bits)| {
                vec![
                    Cell::Text(source.clone()),
                    Cell::Number(format!("{bits:.4}")),
                ]
            })
            .collect::<Vec<_>>();
        let heading = format!("bits per byte at step {}", with_separators(last.step));
        out.push_str(&table(&["source", &heading], &rows));
    }
    out
}

pub(super) fn samples(input: &ReportInput) -> String {
    if input.samples.is_empty() {
        return String::new();
    }
    let language = match input.samples_language.as_str() {
        "" => String::new(),
        tag => format!(" lang=\"{}\"", escape(tag)),
    };
    let mut out = String::from("<h2>Samples</h2>\n");
    for SamplePair {
        prompt,
        before,
        after,
    } in &input.samples
    {
        add(
            &mut out,
            format_args!(
                "<div class=\"sample\"><h3{language}>{}</h3><div class=\"pair\">",
                escape(prompt)
            ),
        );
        for (when, said) in [("before training", before), ("after training", after)] {
            if let Some(said) = said {
                let said = escape(said);
                add(
                    &mut out,
                    format_args!(
                        "<div><h4>{when}</h4><p class=\"said\"{language}>{said}</p></div>"
                    ),
                );
            }
        }
        out.push_str("</div></div>\n");
    }
    out
}

pub(super) fn data(papers: &[DataPaper]) -> String {
    let rows = papers
        .iter()
        .map(|paper| {
            vec![
                Cell::Text(paper.source.clone()),
                Cell::Number(with_separators(paper.documents)),
                Cell::Number(human_bytes(paper.bytes)),
                Cell::Number(human_count(paper.tokens)),
                Cell::Text(paper.licence.clone()),
                Cell::Text(if paper.synthetic { "yes" } else { "no" }.to_owned()),
            ]
        })
        .collect::<Vec<_>>();
    section(
        "Data papers",
        &[
            "source",
            "documents",
            "text",
            "tokens",
            "licence",
            "synthetic",
        ],
        &rows,
    )
}

pub(super) fn plan(plan: Option<&PlanAgainstActual>) -> String {
    let Some(PlanAgainstActual {
        memory_bytes,
        steps,
        tokens,
        seconds,
    }) = plan
    else {
        return String::new();
    };
    let rows = [
        planned("memory at its peak", *memory_bytes, human_bytes, |bytes| {
            bytes as f64
        }),
        planned("steps", *steps, with_separators, |steps| steps as f64),
        planned("tokens", *tokens, human_count, |tokens| tokens as f64),
        planned("time", *seconds, human_duration, |seconds| seconds),
    ];
    let rows = rows.into_iter().flatten().collect::<Vec<_>>();
    section(
        "Plan against actual",
        &["what", "planned", "actual", "of plan"],
        &rows,
    )
}

pub(super) fn environment(environment: &[(String, String)]) -> String {
    let rows = environment
        .iter()
        .map(|(name, value)| vec![Cell::Text(name.clone()), Cell::Text(value.clone())])
        .collect::<Vec<_>>();
    section("Environment", &["what", "value"], &rows)
}

pub(super) fn recipe(resolved: Option<&str>) -> String {
    resolved.map_or_else(String::new, |toml| {
        format!(
            "<h2>Recipe</h2>\n<details><summary>The resolved recipe, enough to repeat the run</summary>\
             <pre>{}</pre></details>\n",
            escape(toml)
        )
    })
}

fn planned<T: Copy>(
    what: &str,
    Planned { planned, actual }: Planned<T>,
    word: impl Fn(T) -> String,
    number: impl Fn(T) -> f64,
) -> Option<Vec<Cell>> {
    if planned.is_none() && actual.is_none() {
        return None;
    }
    let share = planned
        .zip(actual)
        .map(|(planned, actual)| number(actual) / number(planned));
    Some(vec![
        Cell::Text(what.to_owned()),
        Cell::number(planned.map(&word)),
        Cell::number(actual.map(&word)),
        Cell::number(
            share
                .filter(|share| share.is_finite())
                .map(|share| format!("{:.0} %", share * 100.0)),
        ),
    ])
}

fn section(title: &str, headings: &[&str], rows: &[Vec<Cell>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("<h2>{}</h2>\n{}", escape(title), table(headings, rows))
}

fn add(out: &mut String, part: std::fmt::Arguments<'_>) {
    writeln!(out, "{part}").expect("a String takes any text");
}
