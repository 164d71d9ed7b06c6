//! `jikji bench encode`.

use std::path::Path;
use std::time::Instant;

use jikji_ops::median;
use jikji_tokenizer::Tokenizer;

use super::tokenizer::all_texts;
use crate::arguments::Texts;
use crate::console;
use crate::failure::Failure;

/// Encodes all texts `repeats` times on one thread, after once that does not count.
pub(super) fn run(dir: &Path, texts: &Texts, repeats: usize, json: bool) -> Result<(), Failure> {
    let tokenizer = Tokenizer::load(dir)?;
    let texts = all_texts(texts)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    let encode_all = || {
        let clock = Instant::now();
        let mut tokens = 0;
        for text in &texts {
            tokens += tokenizer.encode(text)?.len();
        }
        Ok::<_, Failure>((tokens, clock.elapsed().as_secs_f64()))
    };
    let (tokens, _) = encode_all()?;
    let seconds: Vec<f64> = (0..repeats)
        .map(|_| encode_all().map(|(_, seconds)| seconds))
        .collect::<Result<_, _>>()?;
    let median = median(seconds.clone());
    if json {
        let report = serde_json::json!({
            "bytes": bytes,
            "tokens": tokens,
            "encode_seconds": median,
            "encode_seconds_all": seconds,
            "bytes_per_second": bytes as f64 / median,
        });
        console::data(serde_json::to_string_pretty(&report).expect("numbers are JSON"));
        return Ok(());
    }
    console::data(format!(
        "{:.1} MB/s on one thread: {} texts of {:.1} MB, {:.2} bytes/token, in {median:.3} s",
        bytes as f64 / median / 1e6,
        texts.len(),
        bytes as f64 / 1e6,
        bytes as f64 / tokens as f64,
    ));
    Ok(())
}
