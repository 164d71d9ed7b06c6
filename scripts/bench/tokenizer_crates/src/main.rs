//! `tokenizer-crates vocabulary` prints o200k's tokens in base64, in the order of their ids; `tokenizer-crates encode REPEATS
//! FILE...` encodes the `text` of JSON lines with each crate and prints seconds and tokens as JSON.

use std::error::Error;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// o200k has so many tokens that text is encoded as.
const TOKENS: u32 = 199_998;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tiktoken = tiktoken::get_encoding("o200k_base").ok_or("tiktoken knows no o200k_base")?;
    match &arguments[..] {
        [command] if command == "vocabulary" => {
            let mut out = BufWriter::new(io::stdout().lock());
            for id in 0..TOKENS {
                writeln!(out, "{}", STANDARD.encode(tiktoken.decode(&[id])))?;
            }
            out.flush()?;
        }
        [command, repeats, files @ ..] if command == "encode" => {
            let bpe = bpe_openai::o200k_base();
            let texts = texts(files)?;
            let repeats: usize = repeats.parse()?;
            let report = json!({
                "tiktoken": measured(&texts, repeats, |text| tiktoken.encode(text).len()),
                "bpe-openai": measured(&texts, repeats, |text| bpe.encode(text).len()),
            });
            println!("{report}");
        }
        _ => return Err("usage: tokenizer-crates vocabulary | encode REPEATS FILE...".into()),
    }
    Ok(())
}

fn texts(files: &[String]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut texts = Vec::new();
    for file in files {
        for line in fs::read_to_string(file)?.lines() {
            let row: Value = serde_json::from_str(line)?;
            texts.push(row["text"].as_str().ok_or("a line without `text`")?.to_owned());
        }
    }
    Ok(texts)
}

/// Seconds of each repeat, after one that does not count, and the number of tokens.
fn measured(texts: &[String], repeats: usize, encode: impl Fn(&str) -> usize) -> Value {
    let mut tokens = 0;
    let seconds: Vec<f64> = (0..=repeats)
        .map(|_| {
            let clock = Instant::now();
            tokens = texts.iter().map(|text| encode(text)).sum();
            clock.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    json!({"seconds_all": seconds, "tokens": tokens})
}
