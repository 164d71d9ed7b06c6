//! Depth up-scaling at its tiny scale: the stacked model against a control that starts from nothing with the same compute.

use std::fs;

use serde_json::Value;

use crate::lab::Lab;

const RECIPES: &str = "recipes/upstage/solar-depth-up";

/// Trains at tiny scale and gives the bits per byte before the first step and after the last.
fn train(lab: &Lab, name: &str) -> (f64, f64) {
    lab.jikji(&format!(
        "train {RECIPES}/{name}.toml --scale tiny --set data.path=data/korean"
    ))
    .succeeds();
    let metrics = fs::read_to_string(lab.path(&format!("runs/{name}-tiny/metrics.jsonl"))).unwrap();
    let bits: Vec<f64> = metrics
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|record| record["bits_per_byte"].as_f64())
        .collect();
    (bits[0], bits[bits.len() - 1])
}

#[test]
fn the_stacked_model_beats_a_control_of_the_same_compute() {
    let lab = Lab::repository();
    let (_, base) = train(&lab, "solar-base");
    lab.jikji("model deepen --model runs/solar-base-tiny/export --output runs/solar-stacked-tiny --remove 2")
        .succeeds();
    let (stacked, trained_on) = train(&lab, "solar-depth-up");
    let (_, control) = train(&lab, "solar-control");
    println!(
        "base {base:.3}, stacked {stacked:.3}, trained on {trained_on:.3}, control {control:.3}"
    );
    assert!(
        (stacked - base).abs() < 0.1,
        "stacking keeps most of what was learned: {base} before, {stacked} after"
    );
    assert!(trained_on < base, "{trained_on}, before {base}");
    assert!(trained_on < control, "{trained_on}, control {control}");
}
