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
            Self::Missing { field } => Some(format!(
                "add `{field}`; `configs/models/` shows complete files"
            )),
            Self::Invalid { field, .. } => Some(format!(
                "change `{field}`; `configs/models/` shows complete files"
            )),
            Self::Unsupported { field, .. } => Some(format!(
                "remove `{field}` or choose a family that has it; docs list what each family reads"
            )),
            Self::TrainableMatchesNothing { .. } => Some(
                "`jikji model info` lists the parameters' names; patterns may use `*`".to_owned(),
            ),
        }
    }
}
