//! Safetensors files that hold anything: an error or a file that the reference reader accepts too, never a panic.

use std::fs;
use std::time::Instant;

use jikji_checkpoint::{FloatType, ModelFiles, write_model};
use safetensors::SafeTensors;

use crate::support::{Random, report};

fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let header = 8 + u64::from_le_bytes(*seed.first_chunk().unwrap()) as usize;
    for _ in 0..=random.below(3) {
        // Most of what can go wrong is in the header.
        let bound = if random.below(4) == 0 {
            bytes.len()
        } else {
            header.min(bytes.len())
        };
        let at = random.below(bound);
        match random.below(8) {
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
            _ => {
                let length =
                    [0, 1, header as u64, u64::MAX, 100_000_000, random.next()][random.below(6)];
                bytes.splice(0..bytes.len().min(8), length.to_le_bytes());
            }
        }
    }
    bytes
}

#[test]
fn mutated_files_never_panic() {
    let start = Instant::now();
    let seeds_of = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let data: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let seeds: [&[(&str, &[usize])]; 5] = [
        &[],
        &[("a", &[])],
        &[
            ("model.embed_tokens.weight", &[8, 4]),
            ("model.norm.weight", &[4]),
        ],
        &[("a", &[0]), ("b", &[2, 2, 2]), ("가", &[64])],
        &[
            ("x", &[1]),
            ("x.y", &[1, 1]),
            ("z\"\\", &[3]),
            ("\u{0}", &[5, 0]),
        ],
    ];
    let (mut cases, mut accepted, mut random) = (0, 0, Random(3));
    for (number, seed) in seeds.iter().enumerate() {
        let tensors = seed
            .iter()
            .map(|(name, shape)| (*name, *shape, &data[..shape.iter().product()]));
        let float = [FloatType::F32, FloatType::BF16, FloatType::F16][number % 3];
        write_model(seeds_of.path(), tensors, float, u64::MAX).unwrap();
        let seed = fs::read(seeds_of.path().join("model.safetensors")).unwrap();
        for _ in 0..1_000 {
            let mutated = mutate(&seed, &mut random);
            fs::write(&path, &mutated).unwrap();
            match ModelFiles::open(dir.path()) {
                Ok(model) => {
                    accepted += 1;
                    assert!(
                        SafeTensors::deserialize(&mutated).is_ok(),
                        "{:?}",
                        String::from_utf8_lossy(&mutated)
                    );
                    for name in model.names() {
                        let mut out = vec![0.0; model.shape(name).unwrap().iter().product()];
                        let _ = model.read_f32(name, 0, &mut out);
                    }
                }
                Err(error) => {
                    assert!(error.to_string().contains("model.safetensors"), "{error}");
                    assert!(error.hint().is_some());
                }
            }
            cases += 1;
        }
    }
    assert!(
        accepted > 0 && accepted < cases / 2,
        "{accepted} of {cases} accepted"
    );
    report("mutated_safetensors", cases, start);
}
