//! How much memory a run will take, by owner, and how much it took.

use std::fs;

use jikji_model::{DecoderConfig, Group, Layout};
use jikji_ops::head_chunk_tokens;
use jikji_optim::OptimizerConfig;

use crate::config::{ActivationCheckpointing, TrainConfig};
use crate::run::PREFETCH;

/// What a run takes beside its plan whatever its size: stacks, packed operands of the threads, the allocator's slack.
const WORKING_SET: u128 = 12_000_000;

/// What of a step decides its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepSize {
    /// Sequences at a time.
    pub micro_batch_size: usize,
    /// Sequences of an update.
    pub global_batch_size: usize,
    /// Tokens of a sequence.
    pub seq_len: usize,
    /// What forward leaves for backward.
    pub activation_checkpointing: ActivationCheckpointing,
    /// Whether hidden matrices have one moment instead of two.
    pub muon: bool,
}

impl StepSize {
    /// That of a run.
    pub fn of(train: &TrainConfig, optimizer: &OptimizerConfig) -> Self {
        Self {
            micro_batch_size: train.micro_batch_size(),
            global_batch_size: train.global_batch_size.get(),
            seq_len: train.seq_len.get(),
            activation_checkpointing: train.activation_checkpointing,
            muon: optimizer.muon.is_some(),
        }
    }
}

/// Bytes by owner, from sizes alone.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPlan {
    /// Owner and bytes, largest idea first.
    pub owners: Vec<(&'static str, u64)>,
}

impl MemoryPlan {
    /// The peak of a run's training: `resident` is what the process holds before the state exists.
    pub fn new(config: &DecoderConfig, layout: &Layout, step: StepSize, resident: u64) -> Self {
        // Sizes may be absurd, and a sum that wrapped would let the run through: wide numbers, cut off at the end.
        const F32: u128 = 4;
        let all = layout.table().num_elements() as u128 * F32;
        let trained = layout.num_trainable() as u128 * F32;
        let matrices = layout.lens().get(&Group::Matrix).copied().unwrap_or(0) as u128 * F32;
        let moments = 2 * trained - if step.muon { matrices } else { 0 };
        let seq_len = step.seq_len as u128;
        let tokens = step.micro_batch_size as u128 * seq_len * F32;
        let hidden = config.hidden_size as u128;
        let ffn = config.intermediate_size as u128;
        let q = (config.num_attention_heads * config.head_dim) as u128;
        let kv = (config.num_key_value_heads * config.head_dim) as u128;
        // What a block's graph holds: inputs of its products and norms, q, k, v before and after norm and rotation,
        // attention's output, gate, up and their product.
        let block = tokens * (4 * hidden + 3 * q + 3 * kv + 3 * ffn);
        let layers = config.num_hidden_layers() as u128;
        let activations = match step.activation_checkpointing {
            ActivationCheckpointing::None => layers * block,
            ActivationCheckpointing::Blocks => layers * tokens * hidden + block,
        };
        // Derivatives alive at once inside the block that backward works on.
        let derivatives = tokens * (3 * ffn + 3 * hidden + 2 * q + 2 * kv);
        // A chunk of logits, the input of the output projection and its derivative; the weight's goes to the buffer at once.
        let vocab = config.vocab_size as u128;
        let chunk = (head_chunk_tokens(config.vocab_size) as u128).min(tokens / F32);
        let head = chunk * vocab * F32 + 2 * tokens * hidden;
        // Five columns of global batches: in the step's hand, in the queue, and in the hand of who makes the next.
        let batches = step.global_batch_size as u128 * seq_len * 5 * F32;
        let owners = [
            ("weights", all),
            ("gradients", trained),
            ("optimizer state", moments),
            ("activations", activations),
            // The head works before the blocks' derivatives exist.
            ("backward", derivatives.max(head)),
            ("checkpoint copy", all + moments),
            ("batches", batches * (PREFETCH as u128 + 2)),
            ("program and data", u128::from(resident) + WORKING_SET),
        ];
        Self {
            owners: owners
                .into_iter()
                .map(|(owner, bytes)| (owner, u64::try_from(bytes).unwrap_or(u64::MAX)))
                .collect(),
        }
    }

    /// The bytes of one owner.
    pub fn bytes_of(&self, owner: &str) -> u64 {
        let found = self.owners.iter().find(|(name, _)| *name == owner);
        found.map_or(0, |(_, bytes)| *bytes)
    }

    /// All owners together.
    pub fn total(&self) -> u64 {
        self.owners
            .iter()
            .fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// The owner of most bytes, for the sentence that says what to change.
    pub fn largest(&self) -> (&'static str, u64) {
        self.owners
            .iter()
            .copied()
            .max_by_key(|(_, bytes)| *bytes)
            .unwrap_or(("nothing", 0))
    }
}

/// Bytes of this process in memory now; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    status_field("VmRSS:")
}

/// The most bytes this process held since it started, or since [`reset_peak`].
pub fn peak_resident_bytes() -> Option<u64> {
    status_field("VmHWM:")
}

/// Starts the peak anew, so that it speaks of training and not of the preparation before it. Where the system cannot, the
/// peak stays that of the whole process.
pub fn reset_peak() {
    // Documented in proc(5): 5 resets the high-water mark.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn status_field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
