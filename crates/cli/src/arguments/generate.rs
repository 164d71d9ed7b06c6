//! `jikji generate`, `jikji chat`, `jikji score`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::output::file_value;

#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// Model folder, such as runs/NAME/export
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Text that the model continues
    #[arg(long)]
    pub(crate) prompt: String,
    /// Send the prompt as a user message through the chat template, and print only the answer
    #[arg(long)]
    pub(crate) chat: bool,
    #[command(flatten)]
    pub(crate) sampling: SamplingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArguments {
    /// Model folder with a chat template
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// System message, sent before all others
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    #[command(flatten)]
    pub(crate) sampling: SamplingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SamplingArguments {
    /// Maximum number of tokens to generate, 128 if not given; the model's context is a limit too
    #[arg(long, value_name = "N")]
    pub(crate) max_new_tokens: Option<usize>,
    /// Sampling temperature; 0 always takes the most likely token
    #[arg(long, default_value_t = 0.8)]
    pub(crate) temperature: f64,
    /// Sample from the most likely tokens whose probabilities add up to this
    #[arg(long, default_value_t = 0.95)]
    pub(crate) top_p: f64,
    /// Seed of the sampler
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// Model folder
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// JSON lines with `ids` or `text`
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// JSON lines with `ids`, `logprobs`, `loss`; an existing file is replaced, `-` is stdout
    #[arg(long, value_parser = file_value(), value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Score lines of any length in windows of so many tokens; the model's context if only --stride
    /// is given
    #[arg(long, value_name = "TOKENS")]
    pub(crate) window: Option<usize>,
    /// Tokens by which the window moves on; half the window if only --window is given
    #[arg(long, value_name = "TOKENS")]
    pub(crate) stride: Option<usize>,
}
