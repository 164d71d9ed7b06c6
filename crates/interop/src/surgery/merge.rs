//! One model of several with the same shapes.

use std::cell::RefCell;

use jikji_checkpoint::FloatType;
use jikji_model::ParameterTable;
use serde_json::{Map, Value};

use super::merge_rules::{Weighted, linear, slerp, task_arithmetic, ties};
use crate::error::InteropError;
use crate::model_folder::ModelFolder;
use crate::published_config::{ControlIds, published_config};
use crate::weight_source::WeightSource;

/// How numbers are merged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MergeMethod {
    /// The weighted mean.
    Linear,
    /// From the first of two models to the second along an arc.
    Slerp {
        /// 0 is the first model, 1 the second.
        t: f64,
    },
    /// The base and the weighted changes of each model.
    TaskArithmetic,
    /// The base and the mean of the changes that agree in sign.
    Ties {
        /// Share of the changes of each model that is kept, from 0 to 1.
        density: f64,
        /// Factor on the merged change.
        scale: f64,
    },
}

impl MergeMethod {
    fn needs_base(self) -> bool {
        matches!(self, Self::TaskArithmetic | Self::Ties { .. })
    }
}

/// The merged model.
pub struct Merged<'a> {
    method: MergeMethod,
    base: Option<&'a ModelFolder>,
    models: Vec<(&'a ModelFolder, f64)>,
    /// The tensor that was merged last: it is asked for in pieces, and some rules need it whole.
    last: RefCell<Option<(usize, Vec<f32>)>>,
}

impl<'a> Merged<'a> {
    /// Merges `models`, each with its weight; with a `base` where the method counts changes.
    ///
    /// # Errors
    /// Numbers that make no sense, a base too few or too many, or models that differ in what they compute or in their tokens.
    pub fn new(
        method: MergeMethod,
        base: Option<&'a ModelFolder>,
        models: Vec<(&'a ModelFolder, f64)>,
    ) -> Result<Self, InteropError> {
        check_settings(method, base, &models)?;
        let others = models.iter().map(|(folder, _)| *folder);
        let mut all = base.into_iter().chain(others);
        let first = all
            .next()
            .ok_or_else(|| merge_error("there is no model to merge"))?;
        for other in all {
            check_same_graph(first, other)?;
            check_same_tokens(first, other)?;
        }
        Ok(Self {
            method,
            base,
            models,
            last: RefCell::new(None),
        })
    }

    /// The base, or the first model: the one whose config, tokenizer and number formats the merged model has.
    pub fn model(&self) -> &'a ModelFolder {
        self.base.unwrap_or(self.models[0].0)
    }

    fn merge(&self, parameter: usize) -> Vec<f32> {
        let elements = self.table().parameters()[parameter].num_elements();
        let whole = |folder: &ModelFolder| {
            let mut values = vec![0.0; elements];
            folder.read(parameter, 0, &mut values);
            values
        };
        let base = self.base.map(whole).unwrap_or_default();
        let values: Vec<(Vec<f32>, f64)> = self
            .models
            .iter()
            .map(|(folder, weight)| (whole(folder), *weight))
            .collect();
        let models: Vec<Weighted> = values
            .iter()
            .map(|(values, weight)| (values.as_slice(), *weight))
            .collect();
        let mut out = vec![0.0; elements];
        match self.method {
            MergeMethod::Linear => linear(&models, &mut out),
            MergeMethod::Slerp { t } => slerp(models[0].0, models[1].0, t, &mut out),
            MergeMethod::TaskArithmetic => task_arithmetic(&base, &models, &mut out),
            MergeMethod::Ties { density, scale } => {
                ties(&base, &models, density, scale, &mut out);
            }
        }
        out
    }
}

impl WeightSource for Merged<'_> {
    fn table(&self) -> &ParameterTable {
        self.model().table()
    }

    fn float(&self, parameter: usize) -> FloatType {
        self.model().float(parameter)
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        let mut last = self.last.borrow_mut();
        let is_there = last.as_ref().is_some_and(|(index, _)| *index == parameter);
        if !is_there {
            // The one before is given back first: two large tensors need not meet.
            *last = None;
            *last = Some((parameter, self.merge(parameter)));
        }
        if let Some((_, values)) = &*last {
            out.copy_from_slice(&values[start..start + out.len()]);
        }
    }
}

fn merge_error(problem: impl Into<String>) -> InteropError {
    InteropError::Merge {
        problem: problem.into(),
    }
}

fn check_settings(
    method: MergeMethod,
    base: Option<&ModelFolder>,
    models: &[(&ModelFolder, f64)],
) -> Result<(), InteropError> {
    let total: f64 = models.iter().map(|(_, weight)| weight).sum();
    let sizes: f64 = models.iter().map(|(_, weight)| weight.abs()).sum();
    let share = |value: f64| (0.0..=1.0).contains(&value);
    let problem = match method {
        _ if method.needs_base() != base.is_some() => {
            if base.is_some() {
                "this method has no base".to_owned()
            } else {
                "this method counts what each model changed, and needs the base they came from"
                    .to_owned()
            }
        }
        _ if models.iter().any(|(_, weight)| !weight.is_finite()) => {
            "a weight is not a finite number".to_owned()
        }
        MergeMethod::Linear if models.len() < 2 || total.abs() <= 1e-6 * sizes => {
            "a mean needs at least two models, whose weights do not cancel out".to_owned()
        }
        MergeMethod::Slerp { .. } if models.len() != 2 => {
            format!(
                "an arc goes from one model to another, got {}",
                models.len()
            )
        }
        MergeMethod::Slerp { t } if !share(t) => format!("`t` is {t}, expected 0 to 1"),
        MergeMethod::Ties { density, .. } if !share(density) => {
            format!("`density` is {density}, expected 0 to 1")
        }
        MergeMethod::Ties { scale, .. } if !scale.is_finite() => {
            "`scale` is not a finite number".to_owned()
        }
        MergeMethod::Ties { .. } if models.iter().any(|(_, weight)| *weight < 0.0) => {
            "a weight is negative: signs could not be elected".to_owned()
        }
        _ => return Ok(()),
    };
    Err(merge_error(problem))
}

/// Keys that may differ, since they change nothing of what is computed within the shorter context, or that follow from another.
const MAY_DIFFER: [&str; 4] = [
    "architectures",
    "dtype",
    "initializer_range",
    "max_position_embeddings",
];

fn check_same_graph(first: &ModelFolder, other: &ModelFolder) -> Result<(), InteropError> {
    let keys = |folder: &ModelFolder| -> Result<Map<String, Value>, InteropError> {
        let control = ControlIds::default();
        published_config(folder.config(), folder.decoder(), &control, FloatType::F32)
    };
    let (ours, theirs) = (keys(first)?, keys(other)?);
    let names = ours.keys().chain(theirs.keys());
    let differs =
        |key: &&String| !MAY_DIFFER.contains(&key.as_str()) && ours.get(*key) != theirs.get(*key);
    let Some(key) = names.into_iter().find(differs) else {
        if first.decoder().rope == other.decoder().rope {
            return Ok(());
        }
        // YaRN takes its original context from the longest one where a file does not say.
        return Err(merge_error(format!(
            "`max_position_embeddings` differs between `{}` and `{}`, and with it the rotation: write \
             `original_max_position_embeddings` into `rope_scaling` of both",
            first.dir().display(),
            other.dir().display()
        )));
    };
    let show = |keys: &Map<String, Value>| keys.get(key).unwrap_or(&Value::Null).to_string();
    Err(merge_error(format!(
        "`{key}` is `{}` in `{}` and `{}` in `{}`",
        show(&ours),
        first.dir().display(),
        show(&theirs),
        other.dir().display()
    )))
}

/// An id that means one token here and another there would mix their rows.
fn check_same_tokens(first: &ModelFolder, other: &ModelFolder) -> Result<(), InteropError> {
    let Some(tokenizer) = other.tokenizer()? else {
        return Ok(());
    };
    first.check_tokens(&tokenizer).map_err(|error| match error {
        InteropError::OtherTokens {
            dir,
            id,
            expected,
            got,
        } => merge_error(format!(
            "id {id} is `{expected}` in `{}` and `{got}` in `{}`",
            dir.display(),
            other.dir().display()
        )),
        other => other,
    })
}
