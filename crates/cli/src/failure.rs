//! What a command ends with when it cannot go on: message, way out, exit code.

use std::error::Error;

use crate::exit;

/// One failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// A library's error with everything under it, on one line.
    pub(crate) fn from_error(code: u8, error: &dyn Error, hint: Option<String>) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Transparent errors repeat their source's words.
            if !message.contains(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self {
            code,
            message,
            hint,
        }
    }
}

/// Errors of the libraries, each with its exit code.
macro_rules! failure_from {
    ($($error:ty => $code:expr),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::from_error($code, &error, error.hint())
            }
        })*
    };
}

failure_from! {
    jikji_recipe::RecipeError => exit::RECIPE,
    jikji_model::ModelError => exit::RECIPE,
    jikji_corpus::CorpusError => exit::DATA,
    jikji_tokenizer::TokenizerError => exit::DATA,
    jikji_tokenizer::chat::ChatError => exit::MODEL,
    jikji_loader::PrepareError => exit::DATA,
    jikji_loader::LoaderError => exit::DATA,
    jikji_loader::ShardError => exit::DATA,
    jikji_checkpoint::CheckpointError => exit::RUN_FOLDER,
    jikji_checkpoint::LockError => exit::RUN_FOLDER,
    jikji_checkpoint::durable::DurableError => exit::RUN_FOLDER,
    jikji_telemetry::TelemetryError => exit::RUN_FOLDER,
    jikji_interop::InteropError => exit::MODEL,
    jikji_eval::EvalError => exit::MODEL,
    jikji_train::verify::VerifyError => exit::MODEL,
}

impl From<jikji_train::TrainError> for Failure {
    fn from(error: jikji_train::TrainError) -> Self {
        use jikji_train::TrainError;
        let code = match &error {
            TrainError::NonFinite(_) | TrainError::WeightNotFinite { .. } => exit::NOT_FINITE,
            TrainError::Loader(_) | TrainError::NothingToLearn { .. } => exit::DATA,
            TrainError::SavesFailed { .. } => exit::SAVES_FAILED,
            TrainError::Checkpoint(_) | TrainError::DoesNotFit { .. } => exit::RUN_FOLDER,
        };
        Self::from_error(code, &error, error.hint())
    }
}
