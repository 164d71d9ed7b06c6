//! What can be wrong with a model's description.

use crate::config::ModelType;

/// A model config that contradicts itself or asks for what the decoder does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// A required key is absent.
    #[error("model config: `{field}` is missing")]
    Missing {
        /// The published key.
        field: &'static str,
    },
    /// A value that no decoder can have.
    #[error("model config: `{field}` is {got}, expected {expected}")]
    Invalid {
        /// The published key.
        field: &'static str,
        /// What stands there.
        got: String,
        /// What may stand there.
        expected: String,
    },
    /// A valid value that is not built.
    #[error("model config: `{field} = {got}` is not supported for `model_type = \"{model_type}\"`")]
    Unsupported {
        /// The published key.
        field: &'static str,
        /// What stands there.
        got: String,
        /// The family.
        model_type: String,
    },
    /// A pattern of `train.trainable` that names nothing.
    #[error(
        "`train.trainable`: the pattern `{pattern}` matches none of the model's {parameters} parameters"
    )]
    TrainableMatchesNothing {
        /// The pattern.
        pattern: String,
        /// How many there are.
        parameters: usize,
    },
}

impl ModelError {
    pub(crate) fn invalid(
        field: &'static str,
        got: &dyn std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field,
            got: format!("`{got}`"),
            expected: expected.into(),
        }
    }

    pub(crate) fn unsupported(
        model_type: ModelType,
        field: &'static str,
        got: &dyn std::fmt::Display,
    ) -> Self {
        Self::Unsupported {
            field,
            got: got.to_string(),
            model_type: model_type.name().to_owned(),
        }
    }

    /// The way out, in one sentence.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing {
                field: "rope_scaling.rope_type",
            } => Some(
                "name the rule that the model was trained with; the publisher's own program says which it takes"
                    .to_owned(),
            ),
            Self::Missing { field } => Some(format!(
                "add `{field}` as the model was made; `configs/models/` shows complete files"
            )),
            Self::Invalid { field, .. } => Some(format!(
                "correct `{field}`: a published model's own file has the right value, and `configs/models/` shows complete files"
            )),
            Self::Unsupported { field, .. } => Some(unsupported_hint(field)),
            Self::TrainableMatchesNothing { .. } => Some(
                "`jikji model info` lists the parameters' names; patterns may use `*`".to_owned(),
            ),
        }
    }
}

/// No way out may lead to a model that computes something else than its file asks for.
fn unsupported_hint(field: &str) -> String {
    match field {
        "hidden_act" => {
            "the activations that are built are `silu` and `swish`, which are the same; this model cannot be run here".to_owned()
        }
        "rope_scaling.rope_type" => {
            "the rules that are built are `default`, `linear`, `dynamic`, `llama3` and `yarn`; this model cannot be run here".to_owned()
        }
        _ => format!(
            "check `model_type`: the family that has `{field}` computes something else than one that passes it over"
        ),
    }
}
