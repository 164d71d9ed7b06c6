//! What is written is read back; what lies is refused.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::header::parse;
use super::*;

fn metadata() -> Vec<(String, GgufValue)> {
    let values = [
        GgufValue::U8(200),
        GgufValue::I8(-7),
        GgufValue::U16(60_000),
        GgufValue::I16(-3),
        GgufValue::U32(4_000_000_000),
        GgufValue::I32(-1),
        GgufValue::U64(u64::MAX),
        GgufValue::I64(i64::MIN),
        GgufValue::F32(1e-5),
        GgufValue::F64(0.1),
        GgufValue::Bool(true),
        GgufValue::Text("뜻 글월".to_owned()),
        GgufValue::Array(GgufArray::U8(vec![1, 2])),
        GgufValue::Array(GgufArray::I8(vec![-1])),
        GgufValue::Array(GgufArray::U16(vec![1])),
        GgufValue::Array(GgufArray::I16(vec![-1, 1])),
        GgufValue::Array(GgufArray::U32(vec![])),
        GgufValue::Array(GgufArray::I32(vec![3, -4])),
        GgufValue::Array(GgufArray::U64(vec![5])),
        GgufValue::Array(GgufArray::I64(vec![-5])),
        GgufValue::Array(GgufArray::F32(vec![0.5, -0.5])),
        GgufValue::Array(GgufArray::F64(vec![0.25])),
        GgufValue::Array(GgufArray::Bool(vec![true, false, true])),
        GgufValue::Array(GgufArray::Text(vec!["Ġ나라".to_owned(), String::new()])),
    ];
    let keyed = values.into_iter().enumerate();
    keyed
        .map(|(index, value)| (format!("test.key_{index}"), value))
        .collect()
}

fn tensors() -> Vec<GgufTensor> {
    let tensor = |name: &str, shape: &[usize], number| GgufTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        number,
    };
    vec![
        tensor("token_embd.weight", &[3, 64], GgufType::Q8_0),
        tensor("norm.weight", &[5], GgufType::F32),
        tensor("half.weight", &[2, 3, 7], GgufType::F16),
        tensor("brain.weight", &[4, 2], GgufType::BF16),
    ]
}

/// A number that all of the types store exactly: with 127 in each block, the scale of `Q8_0` is 1.
fn element(tensor: usize, at: usize) -> f32 {
    if at.is_multiple_of(32) {
        127.0
    } else {
        ((at * 5 + tensor) % 100) as f32 - 50.0
    }
}

fn write(
    path: &Path,
    metadata: &[(String, GgufValue)],
    tensors: &[GgufTensor],
) -> Result<(), GgufError> {
    write_gguf(path, metadata, tensors, |index, start, out| {
        for (at, value) in out.iter_mut().enumerate() {
            *value = element(index, start + at);
        }
        Ok(())
    })
}

fn bytes_of_a_file() -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gguf");
        write(&path, &metadata(), &tensors()).unwrap();
        std::fs::read(path).unwrap()
    });
    BYTES.clone()
}

#[test]
fn every_type_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    write(&path, &metadata(), &tensors()).unwrap();
    let file = GgufFile::open(&path).unwrap();
    assert_eq!(
        file.metadata()[0],
        (ALIGNMENT_KEY.to_owned(), GgufValue::U32(32))
    );
    assert_eq!(file.metadata()[1..], metadata());
    assert_eq!(
        file.get("test.key_11").and_then(GgufValue::as_text),
        Some("뜻 글월")
    );
    assert_eq!(file.get("test.key_1").and_then(GgufValue::as_u64), None);
    assert_eq!(
        file.get("test.key_4").and_then(GgufValue::as_u64),
        Some(4_000_000_000)
    );
    assert!(file.tensors().eq(tensors().iter()));
    for (index, tensor) in tensors().iter().enumerate() {
        let mut values = vec![0.0; tensor.num_elements().unwrap()];
        file.read_f32(&tensor.name, 0, &mut values).unwrap();
        let expected: Vec<f32> = (0..values.len()).map(|at| element(index, at)).collect();
        assert_eq!(values, expected, "{}", tensor.name);
    }
    let mut part = [0.0; 32];
    file.read_f32("token_embd.weight", 160, &mut part).unwrap();
    assert_eq!(part[1], element(0, 161));
}

#[test]
fn a_tensor_larger_than_the_buffer_is_asked_for_in_whole_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    let tensor = GgufTensor {
        name: "a".to_owned(),
        shape: vec![40, 9_000],
        number: GgufType::F32,
    };
    let mut calls = Vec::new();
    write_gguf(&path, &[], &[tensor], |_, start, out| {
        calls.push((start, out.len()));
        out.fill(start as f32);
        Ok(())
    })
    .unwrap();
    assert!(
        calls.len() > 1
            && calls
                .iter()
                .all(|(start, len)| start % 9_000 == 0 && len % 9_000 == 0)
    );
    assert_eq!(calls.iter().map(|(_, len)| len).sum::<usize>(), 360_000);
    let mut last = [0.0];
    GgufFile::open(&path)
        .unwrap()
        .read_f32("a", 359_999, &mut last)
        .unwrap();
    assert_eq!(last[0], calls.last().unwrap().0 as f32);
}

#[test]
fn what_the_format_cannot_hold_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    let refusal = |metadata: &[(String, GgufValue)], tensor: Option<(&str, &[usize], GgufType)>| {
        let tensors: Vec<_> = tensor
            .map(|(name, shape, number)| GgufTensor {
                name: name.to_owned(),
                shape: shape.to_vec(),
                number,
            })
            .into_iter()
            .collect();
        write(&path, metadata, &tensors).unwrap_err().to_string()
    };
    let key = |key: &str| (key.to_owned(), GgufValue::Bool(true));
    assert_eq!(
        refusal(&[key("a"), key("a")], None),
        "key `a` cannot be written: it comes twice"
    );
    assert_eq!(
        refusal(&[key(ALIGNMENT_KEY)], None),
        "key `general.alignment` cannot be written: it comes twice"
    );
    assert_eq!(
        refusal(&[], Some(("a", &[2, 48], GgufType::Q8_0))),
        "tensor `a` cannot be written: its rows of 48 elements are not whole blocks of 32, or there are too many"
    );
    assert!(refusal(&[], Some(("a", &[1; 5], GgufType::F32))).contains("1 to 4 dimensions"));
    assert!(refusal(&[], Some(("a", &[3, 0], GgufType::F32))).contains("above 0"));
    assert!(
        refusal(&[], Some((&"a".repeat(64), &[3], GgufType::F32)))
            .ends_with("a name has 1 to 63 bytes")
    );
    assert!(refusal(&[], Some(("a", &[usize::MAX, 3], GgufType::F32))).contains("too many"));
    assert!(!path.exists());
}

#[test]
fn lies_are_named() {
    let bytes = bytes_of_a_file();
    let place_of = |text: &str| {
        bytes
            .windows(text.len())
            .position(|window| window == text.as_bytes())
            .unwrap()
    };
    let problem = |at: usize, with: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + with.len()].copy_from_slice(with);
        parse(&changed).unwrap_err()
    };
    let huge = u64::MAX.to_le_bytes();
    assert_eq!(problem(0, b"GGML"), "its first 4 bytes are not `GGUF`");
    assert_eq!(
        problem(4, &2_u32.to_le_bytes()),
        "its version at byte 4 is 2, expected 3"
    );
    assert!(problem(4, &3_u32.to_be_bytes()).contains("big-endian"));
    assert!(problem(8, &huge).contains("18446744073709551615 tensors follow"));
    assert!(problem(16, &huge).contains("18446744073709551615 keys follow"));
    assert!(problem(24, &huge).contains("bytes of text follow"));
    assert!(problem(place_of("test.key_23") + 11 + 4 + 4, &huge).contains("texts follow"));
    assert!(problem(place_of("test.key_20") + 11 + 4 + 4, &huge).contains("entries follow"));
    assert!(problem(place_of("test.key_12") + 11 + 4, &[9]).contains("list of lists"));
    assert!(problem(place_of("test.key_10") + 11 + 4, &[2]).contains("expected 0 or 1"));
    assert!(problem(place_of("test.key_1") + 9, b"0").contains("comes twice"));
    assert!(problem(place_of("뜻"), &[0xFF]).contains("not UTF-8"));
    assert!(
        problem(place_of(ALIGNMENT_KEY) + ALIGNMENT_KEY.len() + 4, &[33]).contains("power of two")
    );
    let tensor = place_of("norm.weight") + 11;
    assert!(problem(tensor, &[7]).contains("has 7 dimensions"));
    assert!(problem(tensor + 4, &huge).contains("too many"));
    assert!(
        problem(tensor + 4, &6_000_u64.to_le_bytes()).contains("ends behind the end of the file")
    );
    assert!(problem(tensor + 12, &[12]).contains("has type 12, expected 0 (F32), 1 (F16)"));
    assert!(problem(tensor + 16, &[1]).contains("expected 224 by the tensors before it"));
    let longer = [&bytes[..], &[0; 32]].concat();
    assert!(parse(&longer).unwrap_err().contains("expected at most"));
}

proptest! {
    #[test]
    fn cut_and_changed_files_are_errors_or_files(cut in 0_usize..4_000, changes in prop::collection::vec((0_usize..1_400, any::<u8>()), 0..4)) {
        let mut bytes = bytes_of_a_file();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        if let Ok(header) = parse(&bytes) {
            for (tensor, begin) in header.tensors {
                prop_assert!(begin + tensor.num_bytes().unwrap() <= bytes.len());
            }
        }
    }

    #[test]
    fn any_bytes_behind_a_good_start_are_errors_or_files(rest in prop::collection::vec(any::<u8>(), 0..300), keys in 0_u64..4, tensors in 0_u64..3) {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(keys.to_le_bytes());
        bytes.extend(rest);
        if let Ok(header) = parse(&bytes) {
            prop_assert_eq!(header.metadata.len() as u64, keys);
        }
    }
}
