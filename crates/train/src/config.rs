//! Settings of the run's course: `[train]`, `[checkpoint]`, `[log]`.

use std::num::{NonZeroU64, NonZeroUsize};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the model learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Predict each token from those before it in its document.
    #[default]
    NextToken,
}

/// Number format of the operands of matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrecisionConfig {
    /// 32-bit operands.
    #[default]
    F32,
    /// Operands rounded to bfloat16, sums in f32. `jikji doctor` shows the speed of both formats on
    /// a machine.
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

/// Which activations the forward pass keeps for the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationCheckpointing {
    /// All of them: fastest.
    #[default]
    None,
    /// The input of each block; the rest is computed again. Takes about a third more time and far
    /// less memory.
    Blocks,
}

/// How long a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Horizon {
    /// So many optimizer updates.
    Steps(u64),
    /// So many passes over the training text; the number of steps follows once the text is
    /// prepared.
    Epochs(f64),
}

/// How long to train, on how many tokens a step, in which number format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What the model learns.
    #[serde(default)]
    pub objective: Objective,
    /// Length of the run in optimizer updates; just one of `steps` and `epochs`. With 0 steps the
    /// model is validated, sampled and exported as it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Length of the run in passes over the training text, above 0, such as `3` or `0.5`; instead
    /// of `steps`. Without weights this is the number of passes over every source. With weights,
    /// the run ends when every source that the last stage reads has been read at least this often.
    /// The number of steps is rounded up and settled once the text is prepared. A resumed run keeps
    /// that number, also if text was added, unless `epochs` itself changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Tokens of a sequence; at most `model.max_position_embeddings`.
    pub seq_len: NonZeroUsize,
    /// Sequences of an optimizer update. A step has `global_batch_size * seq_len` tokens.
    pub global_batch_size: NonZeroUsize,
    /// Sequences of one forward and backward pass; `global_batch_size` if absent. Gradient
    /// accumulation follows: a step takes `global_batch_size / micro_batch_size` passes, rounded
    /// up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<NonZeroUsize>,
    /// Number format of the operands of matrix products. Weights, sums and optimizer states are
    /// always f32.
    #[serde(default)]
    pub precision: PrecisionConfig,
    /// Weight of the z-loss: this times the squared log-sum-exp of the logits is added to the loss
    /// of each target, which keeps logits small. 1e-4 is common; none if absent. The logged
    /// training loss includes it, validation does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z_loss: Option<f64>,
    /// Globs over published parameter names. Parameters that match are trained, the others stay
    /// frozen.
    #[serde(default = "train_everything")]
    pub trainable: Vec<String>,
    /// Which activations the forward pass keeps for the backward pass.
    #[serde(default)]
    pub activation_checkpointing: ActivationCheckpointing,
    /// Steps between validations. If absent, the run validates before the first and after the last
    /// step only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_every_steps: Option<NonZeroU64>,
    /// The most tokens of one validation, divided among the sources by their size.
    #[serde(default = "default_validation_tokens")]
    pub validation_tokens: u64,
}

impl TrainConfig {
    /// Sequences of one forward and backward pass.
    pub fn micro_batch_size(&self) -> usize {
        self.micro_batch_size
            .unwrap_or(self.global_batch_size)
            .get()
    }

    /// How long the run is, as written.
    pub fn horizon(&self) -> Horizon {
        match (self.steps, self.epochs) {
            (Some(steps), _) => Horizon::Steps(steps),
            (None, epochs) => Horizon::Epochs(epochs.unwrap_or(0.0)),
        }
    }

    /// Steps of a run whose length is settled; 0 where only `epochs` is known.
    pub fn total_steps(&self) -> u64 {
        self.steps.unwrap_or(0)
    }

    /// Tokens of a step.
    pub fn tokens_per_step(&self) -> u64 {
        (self.global_batch_size.get() as u64).saturating_mul(self.seq_len.get() as u64)
    }
}

fn train_everything() -> Vec<String> {
    vec!["*".to_owned()]
}

fn default_validation_tokens() -> u64 {
    1_000_000
}

/// When checkpoints are written and how many are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Steps between checkpoints. The last step is always saved.
    pub every_steps: NonZeroU64,
    /// Checkpoints to keep. An older one is removed once a newer one has been verified.
    #[serde(default = "default_keep")]
    pub keep: NonZeroUsize,
    /// The run stops after this many failed saves in a row.
    #[serde(default = "default_max_failed_saves")]
    pub max_failed_saves: NonZeroUsize,
    /// Whether training continues while a checkpoint is written. If `false`, a crash costs at most
    /// one interval; if `true`, a crash during a save costs up to two.
    #[serde(default)]
    pub async_save: bool,
    /// What SIGUSR1 does, which cluster schedulers send some time before a job ends
    /// (`--signal=USR1@300` of Slurm).
    #[serde(default)]
    pub on_usr1: OnUsr1,
}

/// What SIGUSR1 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUsr1 {
    /// The run finishes its step, saves and ends, as on SIGTERM.
    #[default]
    Stop,
    /// The run saves after its step and goes on.
    Save,
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
    /// Steps between records in `metrics.jsonl` and TensorBoard.
    #[serde(default = "default_log_every")]
    pub every_steps: NonZeroU64,
    /// Steps between samples. If absent, the model is sampled before the first and after the last
    /// step only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_every_steps: Option<NonZeroU64>,
    /// Prompts that samples continue, with a fixed seed: two samples of a prompt differ by the
    /// weights alone.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// The most tokens of one sample.
    #[serde(default = "default_sample_tokens")]
    pub sample_tokens: usize,
    /// Keeps text private. Prompts, samples and rows of the training text are then written nowhere
    /// in the run's folder and not to the terminal: logs, samples, TensorBoard, report and the
    /// example of a dry run show their length and a hash. The prepared folder, the tokenizer and
    /// the model still hold what they were made from.
    #[serde(default)]
    pub private: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            every_steps: default_log_every(),
            sample_every_steps: None,
            prompts: Vec::new(),
            sample_tokens: default_sample_tokens(),
            private: false,
        }
    }
}

fn default_log_every() -> NonZeroU64 {
    NonZeroU64::MIN
}

fn default_sample_tokens() -> usize {
    64
}
