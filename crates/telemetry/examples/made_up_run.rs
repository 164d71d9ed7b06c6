//! Writes the log and the report of a run that never was: a quick look at every file, and food for
//! `scripts/check_tensorboard.py`.
//!
//! ```text
//! cargo run --release -p jikji-telemetry --example made_up_run -- DIR STEPS [RESUMED_AT]
//! ```
//! With `RESUMED_AT` the run is killed half an interval after that step and resumed from it.

use std::error::Error;
use std::path::Path;

use jikji_telemetry::report::{Baseline, DataPaper, PlanAgainstActual, Planned, SamplePair};
use jikji_telemetry::{
    Console, Progress, ProgressMode, ProgressUpdate, ReportInput, RunLog, StepRecord, StepTiming,
    ValidationRecord, write_report,
};

const VALIDATE_EVERY: u64 = 50;
const TOKENS_PER_STEP: u64 = 8192;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [dir, steps, rest @ ..] = arguments.as_slice() else {
        return Err("expected: DIR STEPS [RESUMED_AT]".into());
    };
    let (dir, steps) = (Path::new(dir), steps.parse::<u64>()?);
    let console = Console::new(ProgressMode::detect());

    let mut log = RunLog::create(dir)?;
    log.text("recipe", 0, &format!("```toml\n{RECIPE}```"));
    log.sample(0, PROMPT, BEFORE);
    validate(&mut log, 0, steps);
    let mut begin = 0;
    if let Some(resumed_at) = rest.first() {
        begin = resumed_at.parse()?;
        train(&console, &mut log, 0, begin + VALIDATE_EVERY / 2, steps);
        drop(log);
        log = RunLog::resume(dir, begin)?;
    }
    train(&console, &mut log, begin, steps, steps);
    log.sample(steps, PROMPT, AFTER);
    for warning in log.take_warnings() {
        console.warn(warning);
    }
    drop(log);
    let page = write_report(dir, &report(steps))?;
    console.say(format!("report: {}", page.display()));
    Ok(())
}

fn train(console: &Console, log: &mut RunLog, after: u64, until: u64, total: u64) {
    let mut progress = Progress::on(console, total);
    for step in after + 1..=until {
        let record = step_record(step, total);
        progress.update(&ProgressUpdate {
            step,
            loss: record.loss,
            tokens_per_second: record.timing.tokens_per_second,
            matrix_share: record.timing.matrix_share,
        });
        log.step(&record);
        if step % VALIDATE_EVERY == 0 {
            validate(log, step, total);
            log.save(step, 0.4 + noise(step, 5), 41_000_000);
        }
    }
}

fn step_record(step: u64, total: u64) -> StepRecord {
    let warmup = (total / 20).max(1);
    let rise = (step as f64 / warmup as f64).min(1.0);
    let fall = (step.saturating_sub(warmup) as f64 / total as f64 * std::f64::consts::PI)
        .cos()
        .mul_add(0.45, 0.55);
    let gradient_norm = 6.0 / (step as f64).powf(0.35) * (1.0 + noise(step, 1).powi(8) * 6.0);
    let tokens_per_second = 2900.0 + 160.0 * noise(step, 2)
        - if step % VALIDATE_EVERY == 1 {
            900.0
        } else {
            0.0
        };
    let seconds = TOKENS_PER_STEP as f64 / tokens_per_second;
    StepRecord {
        step,
        tokens_total: step * TOKENS_PER_STEP,
        counted_targets: 8120.0,
        loss: curve(step, total, 3.1, 9.0) + 0.22 * (noise(step, 3) - 0.5),
        gradient_norm,
        clipped: gradient_norm > 1.0,
        learning_rate: 1e-3 * rise * fall,
        data: vec![
            ("prose".to_owned(), step as f64 / total as f64 * 9.4),
            ("synthetic".to_owned(), step as f64 / total as f64 * 0.8),
        ],
        timing: StepTiming {
            seconds,
            forward_seconds: seconds * 0.31,
            backward_seconds: seconds * 0.6,
            update_seconds: seconds * 0.07,
            data_wait_seconds: seconds * 0.002,
            tokens_per_second,
            matrix_share: Some(0.58 + 0.08 * noise(step, 4)),
            resident_bytes: 640_000_000,
        },
    }
}

fn validate(log: &mut RunLog, step: u64, total: u64) {
    let bits_per_byte = curve(step, total, 2.1, 5.9);
    log.validation(&ValidationRecord {
        step,
        loss: bits_per_byte * 1.6,
        bits_per_byte,
        tokens: 21_000,
        bytes: 71_000,
        per_source: vec![
            ("prose".to_owned(), bits_per_byte + 0.1),
            ("law".to_owned(), bits_per_byte - 0.2),
        ],
        seconds: 2.4,
    });
}

fn curve(step: u64, total: u64, last: f64, first: f64) -> f64 {
    last + (first - last) * (-6.0 * step as f64 / total as f64).exp()
}

/// Between 0 and 1, the same for the same arguments.
fn noise(step: u64, stream: u64) -> f64 {
    let mut bits = (step * 8 + stream).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

const PROMPT: &str = "오늘 아침 시장에는";
const BEFORE: &str = "니다 규정 ㅏ 서를를 은행 7 했다면 이 <i> 의 의 고";
const AFTER: &str = "오늘 아침 시장에는 사람이 많았다. 어머니는 생선 두 마리와 무 한 개를 사서 천천히 집으로 걸어가셨다.\n\n\
                     “값이 많이 올랐네요.” 하고 내가 말하자 어머니는 웃으며 고개를 끄덕이셨다.";
const RECIPE: &str = "[train]\nsteps = 1000\nseq_len = 256\nglobal_batch_size = 32\n\n[data]\nsources = [\"prose\", \"synthetic\"]\n";

fn report(steps: u64) -> ReportInput {
    let tokens = steps * TOKENS_PER_STEP;
    ReportInput {
        title: "A run that never was".to_owned(),
        result: "validation 5.9 → 2.1 bits/byte (unigram 4.4, trigram 2.6)".to_owned(),
        notes: vec![
            "Every number on this page is made up; it shows what a report looks like.".to_owned(),
        ],
        baselines: vec![
            Baseline {
                name: "unigram".to_owned(),
                bits_per_byte: 4.4,
            },
            Baseline {
                name: "trigram".to_owned(),
                bits_per_byte: 2.6,
            },
        ],
        samples: vec![SamplePair {
            prompt: PROMPT.to_owned(),
            before: Some(BEFORE.to_owned()),
            after: Some(AFTER.to_owned()),
        }],
        samples_language: "ko".to_owned(),
        data: [
            ("prose", 210, 64_000, 19_000, false),
            ("synthetic", 4200, 1_400_000, 420_000, true),
        ]
        .map(|(source, documents, bytes, tokens, synthetic)| DataPaper {
            source: source.to_owned(),
            documents,
            bytes,
            tokens,
            licence: "CC0-1.0".to_owned(),
            synthetic,
        })
        .to_vec(),
        plan: Some(PlanAgainstActual {
            memory_bytes: Planned {
                planned: Some(612_000_000),
                actual: Some(640_000_000),
            },
            steps: Planned {
                planned: Some(steps),
                actual: Some(steps),
            },
            tokens: Planned {
                planned: Some(tokens),
                actual: Some(tokens),
            },
            seconds: Planned {
                planned: Some(tokens as f64 / 3100.0),
                actual: Some(tokens as f64 / 2960.0),
            },
        }),
        resolved_recipe: Some(RECIPE.to_owned()),
        environment: vec![
            ("processor".to_owned(), "2 cores, AVX-512".to_owned()),
            ("memory".to_owned(), "8 GB".to_owned()),
            ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ],
        ..ReportInput::default()
    }
}
