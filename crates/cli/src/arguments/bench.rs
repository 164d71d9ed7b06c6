//! `jikji bench`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Texts;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time a training step on random tokens, and its matrix products alone
    #[command(after_help = "Example:
  jikji bench train-step --model configs/models/quickstart.toml --batch 8 --seq 256")]
    TrainStep {
        #[command(flatten)]
        sizes: BenchSizes,
        /// Activations to recompute in the backward pass
        #[arg(long, value_enum, default_value = "none")]
        activation_checkpointing: CheckpointingArgument,
        /// Number of timed steps, after warm-up
        #[arg(long, default_value = "7")]
        steps: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Time each operation of a model, and compare it with the machine's arithmetic and memory
    /// limits
    #[command(after_help = "Example:
  jikji bench ops --model configs/models/quickstart.toml --batch 8 --seq 256 --name attention

A share above 100 % means that the operation's tensors stay in the cache.")]
    Ops {
        #[command(flatten)]
        sizes: BenchSizes,
        /// Run only operations whose name contains this
        #[arg(long, default_value = "")]
        name: String,
        /// Number of timed calls, after one untimed call
        #[arg(long, default_value = "15")]
        repeats: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Time token-by-token generation with random weights, and the time to read the weights once
    /// per token
    #[command(after_help = "Example:
  jikji bench decode --model configs/models/quickstart.toml --prompt 32 --tokens 128")]
    Decode {
        /// Model config, TOML or JSON
        #[arg(long)]
        model: PathBuf,
        /// Tokens of the prompt
        #[arg(long, default_value = "32")]
        prompt: NonZeroUsize,
        /// Tokens to generate
        #[arg(long, default_value = "128")]
        tokens: NonZeroUsize,
        /// Number format of matrix products
        #[arg(long, value_enum, default_value = "f32")]
        precision: PrecisionArgument,
        /// Number of timed texts, after warm-up
        #[arg(long, default_value = "5")]
        repeats: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Time a tokenizer on your text, on one thread
    #[command(after_help = "Example:
  jikji bench encode --tokenizer my-tokenizer --input 'texts/**/*.jsonl'")]
    Encode {
        /// Tokenizer folder
        #[arg(long)]
        tokenizer: PathBuf,
        #[command(flatten)]
        texts: Texts,
        /// Number of timed passes over all texts, after one untimed pass
        #[arg(long, default_value = "5")]
        repeats: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BenchSizes {
    /// Model config, TOML or JSON
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Sequences per step
    #[arg(long)]
    pub(crate) batch: NonZeroUsize,
    /// Tokens per sequence
    #[arg(long)]
    pub(crate) seq: NonZeroUsize,
    /// Number format of matrix products
    #[arg(long, value_enum, default_value = "f32")]
    pub(crate) precision: PrecisionArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArgument {
    F32,
    Bf16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckpointingArgument {
    None,
    Blocks,
}
