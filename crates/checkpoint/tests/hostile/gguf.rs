//! GGUF files whose counts lie. What single fields say is checked beside the reader.

use std::fs;

use jikji_checkpoint::gguf::GgufFile;

use crate::case::{Cost, End};

use End::{Read, Refused};

fn text(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text].concat()
}

fn head(tensors: u64, keys: u64) -> Vec<u8> {
    [
        b"GGUF".as_slice(),
        &3_u32.to_le_bytes(),
        &tensors.to_le_bytes(),
        &keys.to_le_bytes(),
    ]
    .concat()
}

/// A key with a list of `count` entries of a type.
fn list(code: u32, count: u64, entries: &[u8]) -> Vec<u8> {
    [
        text(b"k").as_slice(),
        &9_u32.to_le_bytes(),
        &code.to_le_bytes(),
        &count.to_le_bytes(),
        entries,
    ]
    .concat()
}

fn open(cost: &mut Cost, name: &str, end: End, bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    if let Some(file) = cost.open(name, bytes.len(), end, || GgufFile::open(&path)) {
        for tensor in file.tensors() {
            let elements = tensor.shape.iter().product();
            file.read_f32(&tensor.name, 0, &mut vec![0.0; elements])
                .unwrap();
        }
    }
}

#[test]
fn large_lies() {
    let tensor = |at: u64| {
        [
            text(format!("{at:x}").as_bytes()).as_slice(),
            &1_u32.to_le_bytes(),
            &1_u64.to_le_bytes(),
            &0_u32.to_le_bytes(),
            &(at * 32).to_le_bytes(),
        ]
        .concat()
    };
    let tensors = |count: u64| {
        let mut bytes = head(count, 0);
        (0..count).for_each(|at| bytes.extend(tensor(at)));
        bytes.resize(bytes.len().next_multiple_of(32) + 32 * count as usize, 0);
        bytes
    };
    let keys = |count: u64| {
        let mut bytes = head(0, count);
        for at in 0..count {
            bytes.extend(text(format!("{at:x}").as_bytes()));
            bytes.extend([0; 5]);
        }
        bytes
    };
    let listed = |code: u32, count: u64, width: usize| {
        [
            head(0, 1),
            list(code, count, &vec![0; count as usize * width]),
        ]
        .concat()
    };
    let twice = |count: u64| {
        let first = list(8, count, &vec![0; count as usize * 8]);
        let mut second = first.clone();
        second[8] = b'l';
        [head(0, 2), first, second].concat()
    };
    let long_key = [head(0, 1), text(&vec![b'k'; 70_000]), vec![0; 5]].concat();
    let steering = [
        head(0, 1),
        text(b"\x1b[2J"),
        99_u32.to_le_bytes().to_vec(),
        vec![0; 9],
    ]
    .concat();
    let cases: Vec<(&str, Vec<u8>, End)> = vec![
        (
            "an empty file",
            vec![],
            Refused("ends at byte 0 inside the magic"),
        ),
        ("as many tensors as are read", tensors(65_536), Read),
        (
            "a tensor too many",
            tensors(65_537),
            Refused("has 65537 tensors, more than the 65536 that are read"),
        ),
        ("as many keys as are read", keys(65_536), Read),
        (
            "a key too many",
            keys(65_537),
            Refused("has 65537 keys, more than the 65536 that are read"),
        ),
        ("many truth values", listed(7, 30 << 20, 1), Read),
        ("many bytes", listed(0, 60 << 20, 1), Read),
        ("many empty texts", listed(8, 2_000_000, 8), Read),
        (
            "too many empty texts",
            listed(8, 2_000_001, 8),
            Refused("has 2000001 texts in lists, more than the 2000000"),
        ),
        (
            "too many empty texts in two lists",
            twice(1_200_000),
            Refused("has 2400000 texts in lists"),
        ),
        (
            "a header that is too long",
            listed(0, 65 << 20, 1),
            Refused("key `k`: its header has more than the 67108864 bytes that are read"),
        ),
        (
            "a long key",
            long_key,
            Refused("the key at byte 24 has 70000 bytes"),
        ),
        (
            "a key that clears the terminal",
            steering,
            Refused("key `\\u{1b}[2J`: its type is 99"),
        ),
    ];
    let mut cost = Cost::default();
    for (name, bytes, end) in cases {
        open(&mut cost, name, end, &bytes);
    }
    cost.report("hostile_gguf");
}
