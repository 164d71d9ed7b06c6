//! Numbers that a decoder can have.

use crate::error::ModelError;

/// Far above any published model, low enough that no product of sizes leaves 64 bits.
pub(super) const MAX_SIZE: usize = 1 << 22;
const MAX_LAYERS: usize = 1 << 12;
const MAX_POSITIONS: usize = 1 << 40;

/// A size within what the decoder can count.
pub(super) fn positive(field: &'static str, value: usize) -> Result<usize, ModelError> {
    let most = match field {
        "num_hidden_layers" => MAX_LAYERS,
        "max_position_embeddings" | "rope_scaling.original_max_position_embeddings" => {
            MAX_POSITIONS
        }
        _ => MAX_SIZE,
    };
    if value == 0 {
        Err(ModelError::invalid(field, &0, "at least 1".to_owned()))
    } else if value > most {
        Err(ModelError::invalid(
            field,
            &value,
            format!("at most {most}"),
        ))
    } else {
        Ok(value)
    }
}

/// A constant that numbers are multiplied by: anything but a positive 32-bit number leaves nothing to train.
pub(super) fn factor(
    field: &'static str,
    value: Option<f64>,
    default: f64,
) -> Result<f64, ModelError> {
    let value = value.unwrap_or(default);
    if value as f32 > 0.0 && (value as f32).is_finite() {
        Ok(value)
    } else {
        Err(ModelError::invalid(
            field,
            &value,
            "a positive number".to_owned(),
        ))
    }
}
