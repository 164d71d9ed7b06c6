//! Between a run's state and its checkpoints.

use std::collections::BTreeMap;

use jikji_checkpoint::{Loaded, RunState, Snapshot, StateKind, StateTensor};
use jikji_model::Store;
use serde_json::json;

use crate::error::TrainError;
use crate::state::TrainState;

/// A copy of everything that decides the next step.
pub fn snapshot(
    state: &TrainState,
    run: &RunState,
    extra_files: Vec<(String, Vec<u8>)>,
) -> Snapshot {
    let stores = [
        (StateKind::Weight, &state.weights),
        (StateKind::M, &state.optimizer.m),
        (StateKind::V, &state.optimizer.v),
    ];
    let parameters = state.weights.layout().table().parameters();
    let mut tensors = Vec::with_capacity(3 * parameters.len());
    for (kind, store) in stores {
        for (index, parameter) in parameters.iter().enumerate() {
            if let Some(values) = store.values(index) {
                tensors.push(StateTensor {
                    name: parameter.name.clone(),
                    kind: kind.clone(),
                    shape: parameter.shape.clone(),
                    data: values.to_vec(),
                });
            }
        }
    }
    let mut run = run.clone();
    run.progress = BTreeMap::from([
        ("step".to_owned(), json!(state.step)),
        (
            "optimizer_updates".to_owned(),
            json!(state.optimizer.updates),
        ),
        ("tokens".to_owned(), json!(state.tokens)),
    ]);
    Snapshot {
        step: state.step,
        tensors,
        run,
        extra_files,
    }
}

/// Puts a checkpoint's numbers into a state of the same layout.
pub fn restore(state: &mut TrainState, checkpoint: &Loaded) -> Result<(), TrainError> {
    read_store(&mut state.weights, &StateKind::Weight, checkpoint)?;
    read_store(&mut state.optimizer.m, &StateKind::M, checkpoint)?;
    read_store(&mut state.optimizer.v, &StateKind::V, checkpoint)?;
    let progress = |key: &str| {
        checkpoint
            .run()
            .progress
            .get(key)
            .and_then(serde_json::Value::as_u64)
            .ok_or_else(|| TrainError::DoesNotFit {
                path: checkpoint.dir().to_owned(),
                reason: format!("`progress.{key}` is missing or not a number"),
            })
    };
    state.step = progress("step")?;
    state.optimizer.updates = progress("optimizer_updates")?;
    state.tokens = progress("tokens")?;
    Ok(())
}

fn read_store(store: &mut Store, kind: &StateKind, checkpoint: &Loaded) -> Result<(), TrainError> {
    let layout = store.layout().clone();
    for (index, parameter) in layout.table().parameters().iter().enumerate() {
        if store.values(index).is_some() {
            checkpoint.read_shaped(
                &parameter.name,
                kind,
                &parameter.shape,
                store.values_mut(index),
            )?;
        }
    }
    Ok(())
}
