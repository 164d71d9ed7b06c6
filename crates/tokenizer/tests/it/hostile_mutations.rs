//! Files of several shapes, altered at random by the same seed each time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hostile::{files, templates, words};
use crate::mutation_seeds::{Seed, seeds};

/// Runs one mutation: whether it was refused, or what is wrong with how it ended.
fn attempt(seed: &Seed, bytes: &[u8], folder: &Path, what: &str) -> Result<bool, String> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| {
        if seed.file == "chat_template.jinja" {
            let text = String::from_utf8_lossy(bytes);
            return templates::render(&text)
                .map(drop)
                .map_err(|error| words(&error));
        }
        std::fs::write(folder.join(seed.file), bytes).unwrap();
        files::use_folder(folder)
    }));
    let taken = start.elapsed();
    let complaint = match result {
        Err(_) => "a panic came through".to_owned(),
        Ok(_) if taken > Duration::from_secs(10) => format!("it took {taken:?}"),
        Ok(Err(words)) if !names_a_place(&words) => format!("refused without a place: {words}"),
        Ok(result) => return Ok(result.is_err()),
    };
    let kept = std::env::temp_dir().join(format!("jikji-mutation-{}", seed.file));
    let _ = std::fs::write(&kept, bytes);
    Err(format!("{what}: {complaint}, kept in {}", kept.display()))
}

fn names_a_place(words: &str) -> bool {
    let places = [
        "field `",
        "line ",
        "limit of",
        "names the chat templates",
        "refuses this conversation",
    ];
    places.iter().any(|place| words.contains(place))
}

/// Mutations of every seed in turn, until `done` says so: how many, how many of them were refused, and the slowest.
fn run(random: &mut Random, done: impl Fn(usize) -> bool) -> (usize, usize, Duration) {
    let seeds = seeds();
    let folders: Vec<_> = seeds.iter().map(|_| tempfile::tempdir().unwrap()).collect();
    for (seed, folder) in seeds.iter().zip(&folders) {
        let valid = files::valid().to_string();
        std::fs::write(folder.path().join("tokenizer.json"), valid).unwrap();
        let unaltered = attempt(seed, seed.text.as_bytes(), folder.path(), seed.name);
        if seed.file != "chat_template.jinja" {
            assert_eq!(unaltered, Ok(false), "the seed `{}` works", seed.name);
        }
    }
    let documents: Vec<Option<Value>> = seeds
        .iter()
        .map(|seed| serde_json::from_str(&seed.text).ok())
        .collect();
    let (mut count, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    let mut wrong = Vec::new();
    while !done(count) && wrong.len() < 5 {
        let at = count % seeds.len();
        let seed = &seeds[at];
        let bytes = match &documents[at] {
            Some(document) if random.below(5) > 0 => {
                let mut document = document.clone();
                for _ in 0..=random.below(3) {
                    if random.below(4) == 0 {
                        swap_values(&mut document, random);
                    } else {
                        mutate_value(&mut document, random);
                    }
                }
                document.to_string().into_bytes()
            }
            _ => {
                let mut bytes = seed.text.clone().into_bytes();
                for _ in 0..=random.below(4) {
                    let other = &seeds[random.below(seeds.len())].text;
                    mutate_bytes(&mut bytes, other, random);
                }
                bytes
            }
        };
        let what = format!("mutation {count} of `{}`", seed.name);
        let start = Instant::now();
        match attempt(seed, &bytes, folders[at].path(), &what) {
            Ok(is_refused) => refused += usize::from(is_refused),
            Err(complaint) => wrong.push(complaint),
        }
        slowest = slowest.max(start.elapsed());
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (count, refused, slowest)
}

#[test]
fn five_thousand_mutations_are_refused_by_name_or_work() {
    let (count, refused, slowest) = run(&mut Random(20_261_122), |count| count == 5_000);
    println!("{count} mutations, {refused} refused, slowest {slowest:?}");
    assert!(
        refused > 1_500,
        "only {refused} were refused: the mutations hit nothing"
    );
    assert!(
        refused < 4_500,
        "{refused} were refused: nothing was put to use"
    );
}

/// As long as `JIKJI_FUZZ_SECONDS` says, from `JIKJI_FUZZ_SEED` on, or from a seed of the clock's.
#[test]
#[ignore = "runs as long as it is told: cargo test --release -p jikji-tokenizer random_mutations -- --ignored --nocapture"]
fn random_mutations() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = number("JIKJI_FUZZ_SECONDS").unwrap_or(60);
    let clock = || {
        std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_nanos() as u64)
    };
    let seed = number("JIKJI_FUZZ_SEED").unwrap_or_else(clock);
    println!("JIKJI_FUZZ_SEED={seed}");
    let start = Instant::now();
    let (count, refused, slowest) =
        run(&mut Random(seed), |_| start.elapsed().as_secs() >= seconds);
    println!("{count} mutations, {refused} refused, slowest {slowest:?}");
}

fn mutate_bytes(bytes: &mut Vec<u8>, other: &str, random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(b'{');
    }
    let at = random.below(bytes.len());
    match random.below(7) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = b"0123456789\"{}[],:\\tf-.%#|*"[random.below(26)],
        2 => drop(bytes.drain(at..(at + 1 + random.below(9)).min(bytes.len()))),
        3 => {
            let from = random.below(bytes.len());
            let copy = bytes[from..(from + 12).min(bytes.len())].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => {
            let from = random.below(other.len());
            let to = (from + random.below(60)).min(other.len());
            bytes.splice(at..at, other.as_bytes()[from..to].iter().copied());
        }
        5 if random.below(4) == 0 => bytes.truncate(at),
        _ => {
            let is_digit = |byte: &u8| byte.is_ascii_digit();
            if let Some(found) = bytes[at..].iter().position(is_digit) {
                let start = at + found;
                let length = bytes[start..]
                    .iter()
                    .take_while(|byte| is_digit(byte))
                    .count();
                let numbers = [
                    "0",
                    "1",
                    "-1",
                    "255",
                    "65536",
                    "1048576",
                    "4294967295",
                    "18446744073709551616",
                    "1e9",
                    "0.5",
                ];
                let number = numbers[random.below(numbers.len())];
                bytes.splice(start..start + length, number.bytes());
            }
        }
    }
}

/// Two values somewhere change places.
fn swap_values(document: &mut Value, random: &mut Random) {
    let mut pointers = Vec::new();
    collect(document, "", &mut pointers);
    if pointers.is_empty() {
        return;
    }
    let first = pointers[random.below(pointers.len())].clone();
    let second = pointers[random.below(pointers.len())].clone();
    let values = (
        document.pointer(&first).cloned(),
        document.pointer(&second).cloned(),
    );
    let (Some(a), Some(b)) = values else { return };
    for (pointer, value) in [(first, b), (second, a)] {
        if let Some(place) = document.pointer_mut(&pointer) {
            *place = value;
        }
    }
}

/// Pointers to all values but single tokens and merges, of which there are too many.
fn collect(value: &Value, pointer: &str, found: &mut Vec<String>) {
    if pointer.ends_with("/vocab") || pointer.ends_with("/merges") {
        return;
    }
    let members: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    for (name, value) in members {
        let pointer = format!("{pointer}/{name}");
        found.push(pointer.clone());
        collect(value, &pointer, found);
    }
}

/// Changes a value somewhere inside, more likely outside the vocabulary than its size would have it.
fn mutate_value(value: &mut Value, random: &mut Random) {
    let descend = random.below(8) > 0;
    match value {
        Value::Object(fields) if descend && !fields.is_empty() => {
            let index = random.below(fields.len());
            let name = fields.keys().nth(index).unwrap().clone();
            if random.below(12) == 0 {
                let moved = fields.shift_remove(&name).unwrap();
                fields.insert(format!("{name}x"), moved);
            } else {
                mutate_value(&mut fields[&name], random);
            }
        }
        Value::Array(items) if descend && !items.is_empty() => {
            let index = random.below(items.len());
            match random.below(6) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => mutate_value(&mut items[index], random),
            }
        }
        Value::String(text) if random.below(2) == 0 => {
            let tails = ["", " ", "한", "é", "\u{0}", "ab", "(", "+", "{3}", "<0x41>"];
            text.push_str(tails[random.below(tails.len())]);
            if random.below(3) == 0 {
                *text = text.chars().skip(1).collect();
            }
        }
        other => {
            let values = [
                json!(null),
                json!(true),
                json!(false),
                json!(0),
                json!(1),
                json!(279),
                json!(280),
                json!(-1),
                json!(1 << 20),
                json!(u32::MAX),
                json!(u64::MAX),
                json!(1.5),
                json!(""),
                json!("a"),
                json!("ByteLevel"),
                json!("NFC"),
                json!([]),
                json!({}),
                json!(["a", "b"]),
                json!({"type": "Fuse"}),
            ];
            *other = values[random.below(values.len())].clone();
        }
    }
}

/// SplitMix64: the same mutations each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
