//! The memory plan of a run: bytes by owner before it starts, and the measured peak after it. The
//! memory that the machine gives is in `machine_memory.rs`.

use std::fs;

use jikji_model::{DecoderConfig, Group, Layout};
use jikji_ops::head_chunk_tokens;
use jikji_optim::OptimizerConfig;

use crate::config::{ActivationCheckpointing, TrainConfig};
use crate::run::PREFETCH;

/// Memory of every run, whatever its size: stacks, packed operands of the threads, slack of the
/// allocator.
const WORKING_SET: u128 = 12_000_000;

/// The settings of a step that decide its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepSize {
    /// Sequences at a time.
    pub micro_batch_size: usize,
    /// Sequences of an update.
    pub global_batch_size: usize,
    /// Tokens of a sequence.
    pub seq_len: usize,
    /// Which activations the forward pass keeps for the backward pass.
    pub activation_checkpointing: ActivationCheckpointing,
    /// Whether hidden matrices have one moment (Muon) instead of two (AdamW).
    pub muon: bool,
}

impl StepSize {
    /// The step of a run.
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

/// Memory of a run by owner, computed from sizes alone.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPlan {
    /// Bytes per owner, in the order the plan prints them.
    pub owners: Vec<(&'static str, u64)>,
}

impl MemoryPlan {
    /// The peak during training; `resident` is what the process holds before the training state
    /// exists.
    pub fn new(config: &DecoderConfig, layout: &Layout, step: StepSize, resident: u64) -> Self {
        // u128: an absurd size must not wrap around to a small sum that passes the check.
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
        // A block's graph holds: inputs of its products and norms, q, k, v before and after norm
        // and rotation, attention's output, gate, up and their product.
        let block = tokens * (4 * hidden + 3 * q + 3 * kv + 3 * ffn);
        let layers = config.num_hidden_layers() as u128;
        let activations = match step.activation_checkpointing {
            ActivationCheckpointing::None => layers * block,
            ActivationCheckpointing::Blocks => layers * tokens * hidden + block,
        };
        // Gradients of activations that exist at the same time in the block that backward works on.
        let gradients_of_activations = tokens * (3 * ffn + 3 * hidden + 2 * q + 2 * kv);
        // A chunk of logits, the input of the output projection and its gradient. The weight's
        // gradient is written to its buffer directly.
        let vocab = config.vocab_size as u128;
        let chunk = (head_chunk_tokens(config.vocab_size) as u128).min(tokens / F32);
        let head = chunk * vocab * F32 + 2 * tokens * hidden;
        // Five columns of each batch: one in use, PREFETCH in the queue, one being made.
        let batches = step.global_batch_size as u128 * seq_len * 5 * F32;
        let owners = [
            ("weights", all),
            ("gradients", trained),
            ("optimizer state", moments),
            ("activations", activations),
            // The head's backward ends before that of the blocks begins.
            ("backward", gradients_of_activations.max(head)),
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

    /// The largest owner; an error about memory names it.
    pub fn largest(&self) -> (&'static str, u64) {
        self.owners
            .iter()
            .copied()
            .max_by_key(|(_, bytes)| *bytes)
            .unwrap_or(("nothing", 0))
    }
}

/// Resident bytes of this process; `None` if the system does not report them.
pub fn resident_bytes() -> Option<u64> {
    status_field("VmRSS:")
}

/// Peak of the resident bytes since the process started or since [`reset_peak`].
pub fn peak_resident_bytes() -> Option<u64> {
    status_field("VmHWM:")
}

/// Resets the peak, so that it measures training without the preparation before it. If the system
/// cannot reset it, the peak remains that of the whole process.
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
