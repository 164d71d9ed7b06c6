//! `jikji model merge`.

use jikji_interop::{
    Export, Lineage, MergeMethod, Merged, ModelFolder, check_not_itself, export_model,
};
use serde_json::{Map, Value, json};

use super::tell;
use crate::arguments::{MergeArguments, MergeMethodArgument};
use crate::exit;
use crate::failure::Failure;

const DEFAULT_T: f64 = 0.5;

/// Of the paper: the largest fifth of the changes.
const DEFAULT_DENSITY: f64 = 0.2;

const DEFAULT_SCALE: f64 = 1.0;

pub(crate) fn run(arguments: &MergeArguments) -> Result<(), Failure> {
    let method = method(arguments)?;
    let weights = weights(arguments)?;
    let base = arguments
        .base
        .as_deref()
        .map(ModelFolder::open)
        .transpose()?;
    let models = arguments
        .models
        .iter()
        .map(|dir| ModelFolder::open(dir))
        .collect::<Result<Vec<_>, _>>()?;

    for model in &models {
        check_not_itself(&arguments.output, model.dir())?;
    }
    let merged = Merged::new(
        method,
        base.as_ref(),
        models.iter().zip(weights.iter().copied()).collect(),
    )?;
    let tokenizer = merged.model().tokenizer()?;
    let mut lineage = Lineage::new("merge", settings(method, &weights));
    if let Some(base) = &base {
        lineage.add_source("base", base)?;
    }
    for model in &models {
        lineage.add_source("model", model)?;
    }
    let export = Export {
        weights: &merged,
        lineage: Some(lineage),
        ..Export::of_folder(merged.model(), tokenizer.as_ref())
    };
    let written = export_model(&arguments.output, &export)?;
    tell(&written);
    Ok(())
}

/// The method with its settings; one that it does not have is refused.
fn method(arguments: &MergeArguments) -> Result<MergeMethod, Failure> {
    use MergeMethodArgument::{Linear, Slerp, TaskArithmetic, Ties};
    let given = [
        ("--t", arguments.t, &[Slerp][..]),
        ("--density", arguments.density, &[Ties]),
        ("--scale", arguments.scale, &[Ties]),
        (
            "--weight",
            arguments.weights.first().copied(),
            &[Linear, TaskArithmetic, Ties],
        ),
    ];
    for (flag, value, methods) in given {
        if value.is_some() && !methods.contains(&arguments.method) {
            let message = format!("`{flag}` has no meaning with this method");
            let hint =
                format!("leave `{flag}` out; `jikji model merge --help` says what each takes");
            return Err(Failure::new(exit::COMMAND_LINE, message).with_hint(hint));
        }
    }
    Ok(match arguments.method {
        Linear => MergeMethod::Linear,
        Slerp => MergeMethod::Slerp {
            t: arguments.t.unwrap_or(DEFAULT_T),
        },
        TaskArithmetic => MergeMethod::TaskArithmetic,
        Ties => MergeMethod::Ties {
            density: arguments.density.unwrap_or(DEFAULT_DENSITY),
            scale: arguments.scale.unwrap_or(DEFAULT_SCALE),
        },
    })
}

fn weights(arguments: &MergeArguments) -> Result<Vec<f64>, Failure> {
    let (given, models) = (arguments.weights.len(), arguments.models.len());
    match given {
        0 => Ok(vec![1.0; models]),
        _ if given == models => Ok(arguments.weights.clone()),
        _ => Err(Failure::new(
            exit::COMMAND_LINE,
            format!("got {given} `--weight` for {models} `--model`"),
        )
        .with_hint("give one weight a model, in the same order, or none")),
    }
}

/// What, with the sources, is enough to merge them again.
fn settings(method: MergeMethod, weights: &[f64]) -> Map<String, Value> {
    let (name, settings) = match method {
        MergeMethod::Linear => ("linear", vec![("weights", json!(weights))]),
        MergeMethod::Slerp { t } => ("slerp", vec![("t", json!(t))]),
        MergeMethod::TaskArithmetic => ("task_arithmetic", vec![("weights", json!(weights))]),
        MergeMethod::Ties { density, scale } => (
            "ties",
            vec![
                ("weights", json!(weights)),
                ("density", json!(density)),
                ("scale", json!(scale)),
            ],
        ),
    };
    let named = [("method", json!(name))].into_iter().chain(settings);
    named.map(|(key, value)| (key.to_owned(), value)).collect()
}
