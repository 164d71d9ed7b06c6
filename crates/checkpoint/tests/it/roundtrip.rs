//! What is saved is what is loaded.

use std::collections::BTreeMap;

use jikji_checkpoint::{
    CheckpointError, Loaded, RunState, Snapshot, StateKind, StateTensor, discover, write,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{holds, snapshot};

fn kinds() -> impl Strategy<Value = StateKind> {
    prop_oneof![
        Just(StateKind::Weight),
        Just(StateKind::M),
        Just(StateKind::V),
        "[a-z0-9_]{1,6}".prop_map(StateKind::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(|n| json!(n)),
        any::<u64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        ".*".prop_map(|text| json!({"text": text}))
    ]
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let shape = prop::collection::vec(0_usize..5, 0..4);
    let tensors = prop::collection::btree_map((".{1,20}", kinds()), (shape, any::<u32>()), 0..8);
    let run = prop::collection::btree_map(".*", values(), 0..5);
    (
        any::<u64>(),
        tensors,
        run,
        prop::collection::vec(any::<u8>(), 0..50),
    )
        .prop_map(|(step, tensors, run, file)| {
            let tensor =
                |((name, kind), (shape, bits)): ((String, StateKind), (Vec<usize>, u32))| {
                    let elements: usize = shape.iter().product();
                    // Every bit pattern, NaN payloads included, must come back.
                    let data = (0..elements as u32)
                        .map(|i| f32::from_bits(bits.wrapping_mul(i | 1)))
                        .collect();
                    StateTensor {
                        name,
                        kind,
                        shape,
                        data,
                    }
                };
            let state = RunState {
                format_version: 1,
                code_version: String::new(),
                identity: run.clone(),
                progress: run,
            };
            let extra_files = vec![("한글 이름.bin".to_owned(), file)];
            Snapshot {
                step,
                tensors: tensors.into_iter().map(tensor).collect(),
                run: state,
                extra_files,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn save_then_load_is_identity(saved in snapshots()) {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), &saved).unwrap();
        prop_assert!(holds(&Loaded::open(&path).unwrap(), &saved));
    }
}

#[test]
fn equal_snapshots_give_equal_files() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = snapshot(5, 1, 500);
    let mut other = one.clone();
    other.tensors.reverse();
    let [a, b] = [
        write(dirs[0].path(), &one).unwrap(),
        write(dirs[1].path(), &other).unwrap(),
    ];
    for file in [
        "manifest.json",
        "model.safetensors",
        "optimizer.safetensors",
        "run.json",
        "config.json",
    ] {
        assert_eq!(
            std::fs::read(a.join(file)).unwrap(),
            std::fs::read(b.join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn a_wrong_partner_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = Loaded::open(&write(dir.path(), &snapshot(5, 1, 20)).unwrap()).unwrap();
    let text = |result: Result<(), CheckpointError>| {
        let error = result.unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error
            .to_string()
            .replace(&dir.path().display().to_string(), "DIR")
    };
    let norm = "model.norm.weight";
    assert_eq!(
        text(loaded.read_shaped(norm, &StateKind::M, &[8], &mut [0.0; 8])),
        "state `m` of `model.norm.weight` in `DIR/step-00000005` has shape [7], expected [8]"
    );
    assert_eq!(
        text(loaded.read(norm, &StateKind::Weight, &mut [0.0; 6])),
        "state `weight` of `model.norm.weight` in `DIR/step-00000005` has 7 elements, expected 6"
    );
    assert_eq!(
        text(loaded.read_range(norm, &StateKind::Weight, 6, &mut [0.0; 2])),
        "state `weight` of `model.norm.weight` in `DIR/step-00000005` has 7 elements, expected 8"
    );
    assert_eq!(
        text(loaded.read(
            "lm_head.weight",
            &StateKind::from("momentum".to_owned()),
            &mut []
        )),
        "`DIR/step-00000005` has no state `momentum` of `lm_head.weight`"
    );
    assert!(
        loaded
            .file("tokenizer.json")
            .unwrap_err()
            .to_string()
            .ends_with("has no file `tokenizer.json`")
    );
}

#[test]
fn snapshots_that_contradict_themselves_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut Snapshot), text: &str| {
        let mut snapshot = snapshot(5, 1, 20);
        change(&mut snapshot);
        let error = write(dir.path(), &snapshot).expect_err(text).to_string();
        assert!(error.contains(text), "`{error}` lacks `{text}`");
    };
    refused(
        &|s| s.tensors[0].shape.push(3),
        "has 20 elements, which is not its shape [10, 2, 3]",
    );
    refused(
        &|s| s.tensors[0].name = "__metadata__".into(),
        "reserves that name",
    );
    refused(
        &|s| s.tensors[0].kind = StateKind::Other("m.x".into()),
        "lower-case ASCII",
    );
    // The same state in disguise.
    refused(
        &|s| s.tensors[0].kind = StateKind::Other("m".into()),
        "comes twice",
    );
    for name in [
        "../x",
        "a/b",
        "",
        "..",
        "manifest.json",
        "run.json",
        "config.json",
        "x.tmp.1.0",
    ] {
        refused(
            &|s| s.extra_files.push((name.into(), vec![])),
            &format!("`{name}` cannot be the name"),
        );
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let empty = BTreeMap::new();
    let run = RunState {
        format_version: 1,
        code_version: String::new(),
        identity: empty.clone(),
        progress: empty,
    };
    let nothing = Snapshot {
        step: 0,
        tensors: vec![],
        run,
        extra_files: vec![],
    };
    assert!(holds(
        &Loaded::open(&write(dir.path(), &nothing).unwrap()).unwrap(),
        &nothing
    ));
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut large = snapshot(10, 1, 100);
    let text = json!("n".repeat(1 << 20));
    large.run.progress.insert("notes".to_owned(), text);
    let error = write(dir.path(), &large).unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("more than 1048576"), "{error}: {reason}");

    let mut deep = snapshot(20, 1, 100);
    deep.tensors[0].shape.extend([1; 16]);
    let error = write(dir.path(), &deep).unwrap_err().to_string();
    assert!(error.contains("model.safetensors"), "{error}");
    assert!(discover(dir.path()).newest.is_none());
}
