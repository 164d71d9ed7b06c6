//! Published models in, the published numbers out: the fixtures that `scripts/parity/make_fixtures.py` made with transformers.

pub(crate) mod fixture;

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;

use jikji_eval::{GenerateConfig, Generator};
use jikji_interop::LoadedModel;
use jikji_ops::Precision;
use serde_json::{Value, json};

use self::fixture::{Fixture, fixtures, parity_folder};
use crate::lab::{Ended, Lab};

fn verify(lab: &Lab, model: &str, reference: &str) -> Ended {
    lab.jikji_args(&[
        "model",
        "verify",
        "--model",
        model,
        "--reference",
        reference,
    ])
    .ends()
}

#[test]
fn every_fixture_is_computed_as_published() {
    let lab = Lab::empty();
    let (mut families, mut wrong) = (BTreeSet::new(), Vec::new());
    for fixture in fixtures() {
        families.insert(fixture.config()["model_type"].to_string());
        let ended = verify(&lab, &fixture.path(""), &fixture.path("reference.json"));
        if ended.code != Some(0) {
            wrong.push(format!(
                "{}\n{}{}",
                fixture.name, ended.stdout, ended.stderr
            ));
        }
        assert_eq!(
            ended.stdout.matches("worst difference").count(),
            3,
            "{}",
            ended.stdout
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(families.len(), 7, "{families:?}");
}

#[test]
fn the_fixtures_stay_small() {
    fn bytes(path: &std::path::Path) -> u64 {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                let meta = entry.metadata().unwrap();
                if meta.is_dir() {
                    bytes(&entry.path())
                } else {
                    meta.len()
                }
            })
            .sum()
    }
    let total = bytes(&parity_folder().join("fixtures")) + bytes(&parity_folder().join("training"));
    assert!(total <= 1_000_000, "{total} bytes");
}

/// Rows of a tensor in another order: what an import does that takes one layout of heads for another.
#[test]
fn a_permuted_head_is_found() {
    let lab = Lab::empty();
    for (name, tensor) in [
        ("llama", "model.layers.1.self_attn.q_proj.weight"),
        ("exaone4-hybrid", "model.layers.0.self_attn.k_proj.weight"),
        ("exaone", "transformer.h.0.attn.attention.q_proj.weight"),
    ] {
        let copy = Fixture::copied(&lab, name);
        copy.change_tensor(tensor, |rows| rows.swap(0, 1));
        let ended = verify(&lab, &copy.path(""), &copy.path("reference.json"));
        assert_eq!(ended.code, Some(11), "{name}: {}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("log-probabilities, loss, gradient norms out of bounds"),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    }
}

/// Each key that a port gets wrong, a little wrong: the fixtures must be able to tell.
#[test]
fn a_key_that_is_misread_is_found() {
    let lab = Lab::empty();
    let (full, sliding) = ("full_attention", "sliding_attention");
    let cases: [(&str, &str, Value); 19] = [
        ("llama", "rope_theta", json!(520.0)),
        ("llama", "rms_norm_eps", json!(1e-3)),
        ("llama-llama3", "rope_scaling", Value::Null),
        ("llama-llama3", "rope_scaling.low_freq_factor", json!(1.3)),
        ("llama-llama3", "rope_scaling.high_freq_factor", json!(3.5)),
        ("llama-yarn", "rope_scaling.beta_fast", json!(32.0)),
        ("llama-yarn", "rope_scaling.mscale", json!(0.9)),
        ("qwen2-yarn", "rope_scaling.attention_factor", json!(1.0)),
        ("qwen2-yarn", "rope_scaling.factor", json!(2.0)),
        ("mistral-window", "sliding_window", json!(8)),
        ("qwen2-window", "sliding_window", json!(5)),
        ("qwen2-window", "max_window_layers", json!(2)),
        (
            "qwen3-window",
            "layer_types",
            json!([full, sliding, sliding]),
        ),
        ("exaone4-hybrid", "sliding_window", json!(7)),
        ("exaone4-period", "sliding_window_pattern", json!(3)),
        ("exaone4-unrotated", "sliding_window", Value::Null),
        ("hyperclovax-peri", "logits_scaling", json!(1.0 / 0.6)),
        ("hyperclovax-peri", "residual_multiplier", json!(1.0)),
        ("hyperclovax-pre", "attention_multiplier", Value::Null),
    ];
    for (name, key, value) in cases {
        let copy = Fixture::copied(&lab, name);
        copy.change_config(key, value);
        let ended = verify(&lab, &copy.path(""), &copy.path("reference.json"));
        assert_eq!(ended.code, Some(11), "{name} {key}: {}", ended.stderr);
    }
}

#[test]
fn a_reference_without_norms_is_compared_without_them() {
    let lab = Lab::empty();
    let copy = Fixture::copied(&lab, "qwen2");
    copy.change_reference(|fields| drop(fields.remove("grad_norms")));
    let ended = verify(&lab, &copy.path(""), &copy.path("reference.json"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("gradient norms     not in the reference"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_reference_that_cannot_be_compared_with_is_refused() {
    let lab = Lab::empty();
    let message = |change: &dyn Fn(&Fixture)| {
        let copy = Fixture::copied(&lab, "qwen2");
        change(&copy);
        let ended = lab
            .jikji("model verify --model qwen2 --reference qwen2/reference.json")
            .fails(10);
        assert_eq!(ended.stdout, "");
        lab.redact(ended.error())
    };
    insta::assert_snapshot!(message(&|copy| copy.write("reference.json", "{\"loss\": NaN}")), @r"
    error: `qwen2/reference.json` is not a JSON object: expected value at line 1 column 10
    hint: a reference is one object with `ids`, `logprobs`, `loss` and, if wanted, `grad_norms`; JSON has no NaN
    ");
    insta::assert_snapshot!(
        message(&|copy| copy.change_reference(|fields| fields["ids"][1][3] = json!(67))), @r"
    error: `qwen2/reference.json`, field `ids[1][3]`: id `67` is outside the vocabulary: `vocab_size` is `67`
    hint: check that the file was made with this model and its tokenizer
    ");
    insta::assert_snapshot!(
        message(&|copy| copy.change_reference(|fields| fields["grad_norms"]["lm_head.bias"] = json!(1.0))), @r"
    error: `qwen2/reference.json`, field `grad_norms.lm_head.bias`: a `qwen2` model of this config has no such tensor
    hint: give published names; a head that is tied to the embedding counts as the embedding
    ");
}

#[test]
fn greedy_continuations_are_those_of_transformers() {
    for fixture in fixtures() {
        let model = LoadedModel::load(&fixture.dir, Precision::F32).unwrap();
        let greedy = fixture.json("greedy.json");
        let rows = greedy["greedy"].as_array().unwrap();
        assert_eq!(rows.len(), 3);
        for row in rows {
            let ids = |key: &str| -> Vec<u32> { serde_json::from_value(row[key].clone()).unwrap() };
            let expected = ids("continuation");
            assert_eq!(expected.len(), 24);
            let config = GenerateConfig {
                max_new_tokens: expected.len(),
                temperature: 0.0,
                ..GenerateConfig::default()
            };
            let got = Generator::of(&model)
                .generate(&ids("prompt"), &config, |_| ControlFlow::Continue(()))
                .unwrap();
            assert_eq!(got.ids, expected, "{}: {:?}", fixture.name, ids("prompt"));
        }
    }
}

/// In and out again changes no bit of any tensor, and not what the config says.
#[test]
fn import_then_export_is_the_identity() {
    let lab = Lab::empty();
    let again = |command: &str, from: &str, to: &str| {
        lab.jikji_args(&["model", command, "--model", from, "--output", to])
            .succeeds();
    };
    for fixture in fixtures() {
        let (imported, exported) = (lab.path("imported"), lab.path("exported"));
        again("import", &fixture.path(""), "imported");
        again("export", "imported", "exported");
        assert!(imported.join("lineage.json").exists());
        let exported = Fixture::at(&exported);
        let (before, after) = (fixture.tensors(), exported.tensors());
        assert!(before.keys().eq(after.keys()), "{}", fixture.name);
        for (name, tensor) in &before {
            assert!(tensor == &after[name], "{}: {name}", fixture.name);
        }
        assert_eq!(exported.dtype(), fixture.dtype());
        let ended = verify(&lab, &exported.path(""), &fixture.path("reference.json"));
        assert_eq!(ended.code, Some(0), "{}: {}", fixture.name, ended.stderr);
    }
}
