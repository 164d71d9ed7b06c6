//! Files that hold anything: an error, or a file that the reference reader accepts too; never a panic.

use std::fs;
use std::path::Path;
use std::time::Instant;

use half::bf16;
use jikji_checkpoint::gguf::{GgufArray, GgufFile, GgufTensor, GgufType, GgufValue, write_gguf};
use jikji_checkpoint::{FloatType, ModelFiles, write_model};
use safetensors::SafeTensors;

use crate::case::{Cost, SINGLE, assert_clear, read_all, whole};
use crate::index::INDEX;
use crate::random::Random;

const MUTATIONS: usize = 1_000;

/// Damages the first `head` bytes most, since that is where a file says what it is.
fn mutate(seed: &[u8], head: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(3) {
        let bound = if random.below(4) == 0 {
            bytes.len()
        } else {
            head.min(bytes.len())
        };
        let at = random.below(bound);
        match random.below(9) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            3 => bytes.insert(at, b"0123456789[]{},:\"-e."[random.below(20)]),
            4 if !bytes.is_empty() => drop(bytes.remove(at)),
            5 => {
                let end = (at + random.below(40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            6 => {
                if let Some(digit) = (at..bytes.len()).find(|&i| bytes[i].is_ascii_digit()) {
                    let number =
                        [0, 1, u64::from(u32::MAX), u64::MAX, random.next()][random.below(5)];
                    bytes.splice(digit..=digit, number.to_string().into_bytes());
                }
            }
            7 => {
                let length =
                    [0, 1, head as u64, u64::MAX, 100_000_000, random.next()][random.below(6)];
                let end = (at + 8).min(bytes.len());
                bytes.splice(at..end, length.to_le_bytes());
            }
            _ => {
                let length =
                    [0, 1, head as u64, u64::MAX, 16 << 20, random.next()][random.below(6)];
                bytes.splice(0..bytes.len().min(8), length.to_le_bytes());
            }
        }
    }
    bytes
}

/// The message names the file, and in it a place or a thing.
fn assert_placed(name: &str, message: &str, file: &str) {
    assert_clear(name, message);
    let is_placed = ["byte", "tensor `", "key `"]
        .iter()
        .any(|what| message.contains(what));
    assert!(message.contains(file) && is_placed, "{name}: {message}");
}

fn header_bytes(file: &[u8]) -> usize {
    8 + u64::from_le_bytes(*file.first_chunk().unwrap()) as usize
}

/// A file to damage: its name in messages, its type, and its tensors with their shapes.
type Seed<'a> = (&'a str, FloatType, &'a [(&'a str, &'a [usize])]);

#[test]
fn single_files() {
    let data: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let layers: Vec<String> = (0..40)
        .map(|layer| format!("model.layers.{layer}.mlp.up_proj.weight"))
        .collect();
    let many: Vec<(&str, &[usize])> = layers
        .iter()
        .map(|name| (name.as_str(), &[4_usize, 3][..]))
        .collect();
    let seeds: [Seed<'_>; 5] = [
        (
            "f32",
            FloatType::F32,
            &[
                ("model.embed_tokens.weight", &[8, 4]),
                ("model.norm.weight", &[4]),
            ],
        ),
        ("many bf16", FloatType::BF16, &many),
        (
            "scalars and empty ones",
            FloatType::F16,
            &[("a", &[]), ("b", &[0]), ("c", &[2, 0]), ("가", &[64])],
        ),
        ("no tensor", FloatType::F32, &[]),
        (
            "strange names",
            FloatType::F32,
            &[
                ("x", &[1]),
                ("x.y", &[1, 1]),
                ("z\"\\", &[3]),
                ("\u{0}", &[5, 0]),
            ],
        ),
    ];
    let seeds_of = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut random, mut cost, start) = (Random(3), Cost::default(), Instant::now());
    let mut accepted = 0;
    for (seed_name, float, seed) in seeds {
        let tensors = seed
            .iter()
            .map(|(name, shape)| (*name, *shape, &data[..shape.iter().product()]));
        write_model(seeds_of.path(), tensors, float, u64::MAX).unwrap();
        let seed = fs::read(seeds_of.path().join(SINGLE)).unwrap();
        for number in 0..MUTATIONS {
            let name = format!("{seed_name} {number}");
            let mutated = mutate(&seed, header_bytes(&seed), &mut random);
            fs::write(dir.path().join(SINGLE), &mutated).unwrap();
            match cost.count(&name, 0, || ModelFiles::open(dir.path())) {
                Ok(model) => {
                    accepted += 1;
                    read_all(&model);
                    // What one reader takes and another does not is how two programs see two models in one file.
                    assert!(SafeTensors::deserialize(&mutated).is_ok(), "{name}");
                }
                Err(error) => {
                    assert_placed(&name, &whole(&error), SINGLE);
                    assert!(error.hint().is_some());
                }
            }
        }
    }
    assert!((100..2_500).contains(&accepted), "{accepted} accepted");
    finish("mutated_safetensors", &cost, start);
}

#[test]
fn sharded_folders() {
    let seeds_of = tempfile::tempdir().unwrap();
    let data: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let names: Vec<String> = (0..9)
        .map(|number| format!("layers.{number}.weight"))
        .collect();
    let tensors = names
        .iter()
        .map(|name| (name.as_str(), vec![6_usize, 4], data.as_slice()));
    write_model(seeds_of.path(), tensors, FloatType::BF16, 150).unwrap();
    let files: Vec<(String, Vec<u8>)> = fs::read_dir(seeds_of.path())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    assert_eq!(files.len(), 4);
    let index = files.iter().find(|(name, _)| name == INDEX).unwrap();
    let shard = files.iter().find(|(name, _)| name != INDEX).unwrap();
    let (mut random, mut cost, start) = (Random(4), Cost::default(), Instant::now());
    let mut accepted = 0;
    for (file, seed) in [index, shard] {
        let head = if file == INDEX {
            seed.len()
        } else {
            header_bytes(seed)
        };
        let dir = seeds_of.path();
        for number in 0..MUTATIONS {
            let name = format!("{file} {number}");
            fs::write(dir.join(file), mutate(seed, head, &mut random)).unwrap();
            match cost.count(&name, 0, || ModelFiles::open(dir)) {
                Ok(model) => {
                    accepted += 1;
                    read_all(&model);
                }
                Err(error) => assert_placed(&name, &whole(&error), &dir.display().to_string()),
            }
        }
        fs::write(dir.join(file), seed).unwrap();
    }
    assert!((20..1_000).contains(&accepted), "{accepted} accepted");
    finish("mutated_folders", &cost, start);
}

#[test]
fn gguf_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    let seed = gguf_seed(&path);
    let (mut random, mut cost, start) = (Random(5), Cost::default(), Instant::now());
    let mut accepted = 0;
    for number in 0..2 * MUTATIONS {
        let name = format!("gguf {number}");
        fs::write(&path, mutate(&seed, 600, &mut random)).unwrap();
        match cost.count(&name, 0, || GgufFile::open(&path)) {
            Ok(file) => {
                accepted += 1;
                for tensor in file.tensors() {
                    let elements = tensor.shape.iter().product();
                    let mut out = vec![0.0; elements];
                    file.read_f32(&tensor.name, 0, &mut out).unwrap();
                }
            }
            Err(error) => {
                assert_placed(&name, &whole(&error), "model.gguf");
                assert!(error.hint().is_some());
            }
        }
    }
    assert!((100..1_500).contains(&accepted), "{accepted} accepted");
    finish("mutated_gguf", &cost, start);
}

fn gguf_seed(path: &Path) -> Vec<u8> {
    let metadata = [
        ("general.architecture", GgufValue::Text("llama".to_owned())),
        ("llama.block_count", GgufValue::U32(2)),
        ("llama.rope.freq_base", GgufValue::F32(1e4)),
        ("tokenizer.ggml.add_bos_token", GgufValue::Bool(false)),
        (
            "tokenizer.ggml.tokens",
            GgufValue::Array(GgufArray::Text(vec!["Ġ나라".to_owned(), String::new()])),
        ),
        (
            "tokenizer.ggml.token_type",
            GgufValue::Array(GgufArray::I32(vec![1, 3])),
        ),
        (
            "flags",
            GgufValue::Array(GgufArray::Bool(vec![true, false])),
        ),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let tensors = [
        ("token_embd.weight", vec![2, 32], GgufType::Q8_0),
        ("output_norm.weight", vec![5], GgufType::F32),
        ("blk.0.attn_q.weight", vec![2, 3], GgufType::BF16),
        ("blk.1.attn_q.weight", vec![2, 3], GgufType::F16),
    ]
    .map(|(name, shape, number)| GgufTensor {
        name: name.to_owned(),
        shape,
        number,
    });
    write_gguf(path, &metadata, &tensors, |_, start, out| {
        for (at, value) in out.iter_mut().enumerate() {
            *value = bf16::from_f32((start + at) as f32).to_f32();
        }
        Ok(())
    })
    .unwrap();
    fs::read(path).unwrap()
}

/// The time for one file is bounded by the time for all: a bound for each would fail on a busy machine.
fn finish(name: &str, cost: &Cost, start: Instant) {
    cost.report(name);
    assert!(
        start.elapsed().as_secs() < 50,
        "{name}: {:?}",
        start.elapsed()
    );
}
