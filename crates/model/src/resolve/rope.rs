//! Rotary frequencies: which rule, and numbers that it can be computed with.

use super::numbers::positive;
use crate::config::{ModelConfig, RopeScaling};
use crate::decoder_config::RopeConfig;
use crate::error::ModelError;
use crate::rope::Scaling;

pub(super) fn resolve_rope(config: &ModelConfig) -> Result<RopeConfig, ModelError> {
    let scaling = config.rope_scaling.clone().unwrap_or_default();
    let theta = scaling.rope_theta.or(config.rope_theta).unwrap_or(10_000.0);
    if let Some(beside) = config.rope_theta.filter(|beside| *beside != theta) {
        return Err(ModelError::invalid(
            "rope_theta",
            &beside,
            format!("{theta}, as `rope_scaling.rope_theta` says"),
        ));
    }
    if !(theta > 1.0 && theta.is_finite()) {
        return Err(ModelError::invalid(
            "rope_theta",
            &theta,
            "a number above 1".to_owned(),
        ));
    }
    Ok(RopeConfig {
        theta,
        scaling: resolve_scaling(config, &scaling)?,
    })
}

fn resolve_scaling(config: &ModelConfig, scaling: &RopeScaling) -> Result<Scaling, ModelError> {
    let plain = RopeScaling {
        rope_type: scaling.rope_type.clone(),
        rope_theta: scaling.rope_theta,
        ..RopeScaling::default()
    };
    let kind = match scaling.rope_type.as_deref() {
        None | Some("default") if *scaling == plain => return Ok(Scaling::None),
        None => {
            return Err(ModelError::Missing {
                field: "rope_scaling.rope_type",
            });
        }
        Some("default") => {
            return Err(ModelError::invalid(
                "rope_scaling.rope_type",
                &"default",
                "`llama3` or `yarn`, or no key beside it but `rope_theta`".to_owned(),
            ));
        }
        Some(kind) => kind,
    };
    let above = |field, value: Option<f64>, least: f64| match value {
        None => Err(ModelError::Missing { field }),
        Some(value) if value > least && value.is_finite() => Ok(value),
        Some(value) => Err(ModelError::invalid(
            field,
            &value,
            format!("a number above {least}"),
        )),
    };
    let original = |given: Option<usize>| {
        let field = "rope_scaling.original_max_position_embeddings";
        positive(field, given.ok_or(ModelError::Missing { field })?)
    };
    let factor = || match scaling.factor {
        Some(factor) if factor < 1.0 => Err(ModelError::invalid(
            "rope_scaling.factor",
            &factor,
            "a number of at least 1".to_owned(),
        )),
        factor => above("rope_scaling.factor", factor, 0.0),
    };
    match kind {
        "llama3" => {
            let low = above("rope_scaling.low_freq_factor", scaling.low_freq_factor, 0.0)?;
            Ok(Scaling::Llama3 {
                factor: factor()?,
                low_freq_factor: low,
                high_freq_factor: above(
                    "rope_scaling.high_freq_factor",
                    scaling.high_freq_factor,
                    low,
                )?,
                original: original(scaling.original_max_position_embeddings)?,
            })
        }
        "yarn" => {
            let factor = factor()?;
            let slow = scaling.beta_slow.unwrap_or(1.0);
            let slow = above("rope_scaling.beta_slow", Some(slow), 0.0)?;
            let fast = scaling.beta_fast.unwrap_or(32.0);
            let given = scaling.original_max_position_embeddings;
            Ok(Scaling::Yarn {
                factor,
                original: original(given.or(Some(config.max_position_embeddings)))?,
                beta_fast: above("rope_scaling.beta_fast", Some(fast), slow)?,
                beta_slow: slow,
                attention_factor: above(
                    "rope_scaling.attention_factor",
                    Some(yarn_attention_factor(scaling, factor)),
                    0.0,
                )?,
            })
        }
        other => Err(ModelError::unsupported(
            config.model_type,
            "rope_scaling.rope_type",
            &other,
        )),
    }
}

/// transformers' rule: `m(mscale) / m(mscale_all_dim)` where both are given and not 0, else `m(1)`, with
/// `m(s) = 0.1 s ln(factor) + 1`.
fn yarn_attention_factor(scaling: &RopeScaling, factor: f64) -> f64 {
    let m = |s: f64| {
        if factor <= 1.0 {
            1.0
        } else {
            0.1 * s * factor.ln() + 1.0
        }
    };
    let given = |value: Option<f64>| value.filter(|value| *value != 0.0);
    scaling.attention_factor.unwrap_or_else(|| {
        match (given(scaling.mscale), given(scaling.mscale_all_dim)) {
            (Some(mscale), Some(all_dim)) => m(mscale) / m(all_dim),
            _ => m(1.0),
        }
    })
}
