//! Settings of the run's course: `[train]`, `[checkpoint]`, `[log]`.

use std::num::{NonZeroU64, NonZeroUsize};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the model learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Each token from those before it in its document.
    #[default]
    NextToken,
}

/// Number format of matrix products; weights, sums and optimizer states are f32 in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrecisionConfig {
    /// 32-bit operands.
    #[default]
    F32,
    /// Operands rounded to bfloat16: twice as fast where the processor has such products (AVX512-BF16), a GPU run's numbers at
    /// f32's speed where it has not.
    Bf16,
}

impl From<PrecisionConfig> for jikji_ops::Precision {
    fn from(config: PrecisionConfig) -> Self {
        match config {
            PrecisionConfig::F32 => Self::F32,
            PrecisionConfig::Bf16 => Self::Bf16,
        }
    }
}

/// What forward leaves for backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationCheckpointing {
    /// Everything: fastest.
    #[default]
    None,
    /// Each block's input; the rest is computed again: about a third more time, far less memory.
    Blocks,
}

/// How long, how wide, in which format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What the model learns.
    #[serde(default)]
    pub objective: Objective,
    /// Optimizer updates in all; with 0 the model is validated, sampled and exported as it starts.
    pub steps: u64,
    /// Tokens of a sequence.
    pub seq_len: NonZeroUsize,
    /// Sequences of an update, over all ranks and micro-steps.
    pub global_batch_size: NonZeroUsize,
    /// Sequences of one forward-backward; `global_batch_size` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<NonZeroUsize>,
    /// Number format of matrix products.
    #[serde(default)]
    pub precision: PrecisionConfig,
    /// The loss grows by this much of each target's squared log-sum-exp of logits, which keeps logits small; absent means not at
    /// all, 1e-4 is common. The loss that is logged has it in it, validation has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z_loss: Option<f64>,
    /// Published parameter names (globs) that are trained; the others stay as they are.
    #[serde(default = "train_everything")]
    pub trainable: Vec<String>,
    /// What forward leaves for backward.
    #[serde(default)]
    pub activation_checkpointing: ActivationCheckpointing,
    /// Steps between validations; absent means only before the first and after the last step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_every_steps: Option<NonZeroU64>,
    /// Tokens of a validation at most.
    #[serde(default = "default_validation_tokens")]
    pub validation_tokens: u64,
}

impl TrainConfig {
    /// Sequences of one forward-backward.
    pub fn micro_batch_size(&self) -> usize {
        self.micro_batch_size
            .unwrap_or(self.global_batch_size)
            .get()
    }
}

fn train_everything() -> Vec<String> {
    vec!["*".to_owned()]
}

fn default_validation_tokens() -> u64 {
    1_000_000
}

/// When the run is saved and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Steps between checkpoints; the last step is always saved.
    pub every_steps: NonZeroU64,
    /// Checkpoints kept; older ones are removed once a newer one verifies.
    #[serde(default = "default_keep")]
    pub keep: NonZeroUsize,
    /// Failed saves in a row after which the run stops.
    #[serde(default = "default_max_failed_saves")]
    pub max_failed_saves: NonZeroUsize,
    /// Whether training goes on while a checkpoint is written. If not, a crash at any moment costs at most one interval; if so,
    /// one in the middle of a save costs that save's interval too.
    #[serde(default)]
    pub async_save: bool,
}

fn default_keep() -> NonZeroUsize {
    NonZeroUsize::new(2).expect("two is not zero")
}

fn default_max_failed_saves() -> NonZeroUsize {
    NonZeroUsize::new(3).expect("three is not zero")
}

/// What is logged and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Steps between records in the metrics and TensorBoard.
    #[serde(default = "default_log_every")]
    pub every_steps: NonZeroU64,
    /// Steps between samples; absent means only before the first and after the last step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_every_steps: Option<NonZeroU64>,
    /// Beginnings that samples continue.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Tokens of a sample at most.
    #[serde(default = "default_sample_tokens")]
    pub sample_tokens: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            every_steps: default_log_every(),
            sample_every_steps: None,
            prompts: Vec::new(),
            sample_tokens: default_sample_tokens(),
        }
    }
}

fn default_log_every() -> NonZeroU64 {
    NonZeroU64::MIN
}

fn default_sample_tokens() -> usize {
    64
}
