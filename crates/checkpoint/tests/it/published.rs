//! Published model folders, written and read.

use std::fs;

use half::{bf16, f16};
use jikji_checkpoint::{FloatType, ModelFiles, PublishedError, write_model};
use safetensors::SafeTensors;

use crate::support::entries;

fn model() -> Vec<(String, Vec<usize>, Vec<f32>)> {
    (0..12)
        .map(|layer| {
            let data = (0..600)
                .map(|i| (i as f32 - 300.0) * 0.37 * (layer + 1) as f32)
                .collect();
            (
                format!("model.layers.{layer}.self_attn.q_proj.weight"),
                vec![20, 30],
                data,
            )
        })
        .collect()
}

fn save(dir: &std::path::Path, float: FloatType, max_shard_bytes: u64) -> Vec<String> {
    let model = model();
    let tensors = model
        .iter()
        .map(|(name, shape, data)| (name.as_str(), shape.as_slice(), data.as_slice()));
    let files = write_model(dir, tensors, float, max_shard_bytes).unwrap();
    files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn comes_back_in_every_type_whole_or_in_shards() {
    let rounded = |float: FloatType, value: f32| match float {
        FloatType::F32 => value,
        FloatType::BF16 => bf16::from_f32(value).to_f32(),
        FloatType::F16 => f16::from_f32(value).to_f32(),
    };
    for float in [FloatType::F32, FloatType::BF16, FloatType::F16] {
        for (max_shard_bytes, shards) in [
            (u64::MAX, 1),
            (5_000, if float == FloatType::F32 { 6 } else { 3 }),
            (1, 12),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let files = save(dir.path(), float, max_shard_bytes);
            assert_eq!(
                files.len(),
                if shards == 1 { 1 } else { shards + 1 },
                "{files:?}"
            );
            let read = ModelFiles::open(dir.path()).unwrap();
            assert_eq!(read.names().count(), 12);
            for (name, shape, data) in model() {
                assert_eq!(read.shape(&name), Some(shape.as_slice()));
                assert_eq!(read.expect(&name, &shape).unwrap(), float);
                let mut out = vec![0.0; 600];
                read.read_f32(&name, 0, &mut out).unwrap();
                assert!(
                    out.iter()
                        .zip(&data)
                        .all(|(got, value)| *got == rounded(float, *value)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn files_are_what_other_readers_expect() {
    let dir = tempfile::tempdir().unwrap();
    let files = save(dir.path(), FloatType::BF16, 8_000);
    let expected = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ];
    assert_eq!(files, expected);
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join(expected[2])).unwrap()).unwrap();
    assert_eq!(index["metadata"]["total_size"], 12 * 600 * 2);
    assert_eq!(
        index["weight_map"]["model.layers.0.self_attn.q_proj.weight"],
        expected[0]
    );
    let bytes = fs::read(dir.path().join(expected[0])).unwrap();
    let (header_bytes, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header_bytes % 8, 0);
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
}

#[test]
fn an_earlier_sharding_does_not_remain() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("model-card.md"), b"").unwrap();
    save(dir.path(), FloatType::F32, 1);
    save(dir.path(), FloatType::F32, 20_000);
    assert_eq!(entries(dir.path()).len(), 4);
    save(dir.path(), FloatType::F32, u64::MAX);
    assert_eq!(entries(dir.path()), ["model-card.md", "model.safetensors"]);
}

#[test]
fn what_is_wrong_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = |error: PublishedError| {
        error
            .to_string()
            .replace(&dir.path().display().to_string(), "DIR")
    };
    let open = || ModelFiles::open(dir.path());
    assert_eq!(
        text(open().unwrap_err()),
        "`DIR` has neither `model.safetensors` nor `model.safetensors.index.json`"
    );
    let twice = [("a", [1_usize], &[0.0_f32][..]), ("a", [1], &[0.0])];
    assert_eq!(
        text(write_model(dir.path(), twice, FloatType::F32, 9).unwrap_err()),
        "tensor `a` cannot be written: the name comes twice"
    );
    let short = [("a", [2_usize], &[0.0_f32][..])];
    assert_eq!(
        text(write_model(dir.path(), short, FloatType::F32, 9).unwrap_err()),
        "tensor `a` cannot be written: it has 1 elements, which is not its shape [2]"
    );
    assert_eq!(entries(dir.path()).len(), 0);

    save(dir.path(), FloatType::F32, 15_000);
    let model = open().unwrap();
    let name = "model.layers.0.self_attn.q_proj.weight";
    assert_eq!(
        text(model.read_f32("b", 0, &mut []).unwrap_err()),
        "`DIR` has no tensor `b`"
    );
    assert_eq!(
        text(model.read_f32(name, 599, &mut [0.0; 2]).unwrap_err()),
        format!(
            "tensor `{name}` in `DIR/model-00001-of-00002.safetensors` has 600 elements, expected 601"
        )
    );
    assert_eq!(
        text(model.expect(name, &[30, 20]).unwrap_err()),
        format!("tensor `{name}` in `DIR` has shape [20, 30], expected [30, 20]")
    );
    let index = dir.path().join("model.safetensors.index.json");
    let whole = fs::read_to_string(&index).unwrap();
    for (change, expected) in [
        (
            whole.replace("q_proj", "k_proj"),
            "should lie in `model-00001-of-00002.safetensors`, which lacks it",
        ),
        (
            whole.replace("model-00001-of", "../model-00001-of"),
            "which is not a plain file name",
        ),
        (
            whole.replace("weight_map", "map"),
            "missing field `weight_map`",
        ),
        (
            whole.replace("-00001-of-", "-00007-of-"),
            "lies in `model-00007-of-00002.safetensors`, which is not there",
        ),
    ] {
        fs::write(&index, change).unwrap();
        let error = text(open().unwrap_err());
        assert!(error.contains(expected), "`{error}` lacks `{expected}`");
    }
    let integers = r#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    let file = [
        &(integers.len() as u64).to_le_bytes(),
        integers.as_bytes(),
        &[0; 8],
    ]
    .concat();
    fs::write(dir.path().join("model.safetensors"), file).unwrap();
    assert_eq!(
        text(open().unwrap().expect("a", &[1]).unwrap_err()),
        "tensor `a` in `DIR/model.safetensors` has type `I64`, expected `F32`, `BF16` or `F16`"
    );
}
