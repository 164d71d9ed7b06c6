//! The command line, one file per command. The doc comments are its manual: `docs/reference/cli.md`
//! is generated from them.

mod bench;
mod corpus;
mod generate;
mod model;
mod recipe;
mod report;
mod tokenizer;
mod train;
mod values;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use self::bench::{BenchCommand, CheckpointingArgument, PrecisionArgument};
pub(crate) use self::corpus::CorpusCommand;
pub(crate) use self::generate::{
    ChatArguments, GenerateArguments, SamplingArguments, ScoreArguments,
};
pub(crate) use self::model::{
    DeepenArguments, ExportArguments, ExportDtype, ExportFormat, FamilyArgument, ImportArguments,
    MergeArguments, MergeMethodArgument, ModelCommand,
};
pub(crate) use self::recipe::{NewArguments, RecipeArguments, RecipeCommand};
pub(crate) use self::report::ReportArguments;
pub(crate) use self::tokenizer::{
    EncodeArguments, ExtendArguments, MeasureTokenizers, NewRowsArgument, Texts, TokenizerCommand,
    TrainTokenizer,
};
pub(crate) use self::train::TrainArguments;
pub(crate) use self::values::Share;

/// Trains compact language models from raw text to a model folder that other programs load. One
/// binary; no network, no telemetry.
#[derive(Debug, Parser)]
#[command(
    name = "jikji",
    version = crate::machine::VERSION,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model from a recipe
    #[command(after_help = "Examples:
  jikji train recipes/quickstart.toml
  jikji train recipes/quickstart.toml --resume --set train.steps=600
  jikji train recipes/pretrain/small.toml --set data.path=/data/korean --dry-run

SIGINT or SIGTERM finishes the step, saves a checkpoint and exits with 0; a second one exits at
once with 130. docs/guides/resume-and-faults.md covers the other signals.")]
    Train(TrainArguments),
    /// Check, print and list recipes
    #[command(subcommand)]
    Recipe(RecipeCommand),
    /// Write a recipe of your own, based on a built-in one
    #[command(after_help = "Examples:
  jikji new my-run --from small --data MY_TEXTS
  jikji new try-out --from quickstart

Without `--data` the recipe generates its text from a grammar, so it runs as it is. Without `--from`
the built-in recipes are listed.")]
    New(NewArguments),
    /// Train, measure, extend and apply tokenizers
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Build a corpus from raw files, or generate synthetic documents
    #[command(subcommand)]
    Corpus(CorpusCommand),
    /// Generate text with a model
    #[command(after_help = "Example:
  jikji generate --model runs/quickstart/export --prompt \"오늘 아침에는\" --max-new-tokens 80")]
    Generate(GenerateArguments),
    /// Chat with a model through its chat template: each line of the input is a message
    #[command(after_help = "Examples:
  jikji chat --model EXAONE-4.0-1.2B
  echo \"대한민국의 수도는?\" | jikji chat --model EXAONE-4.0-1.2B --temperature 0")]
    Chat(ChatArguments),
    /// Compute the log-probability of each token of given texts
    #[command(after_help = "Example:
  jikji score --model runs/quickstart/export --input texts.jsonl --output scores.jsonl

Each input line is an object with `ids` (token ids) or `text`. Each output line has `ids`, `logprobs`
(natural logarithms, for every token but the first) and `loss` (their negative mean).")]
    Score(ScoreArguments),
    /// Inspect, verify, convert, deepen and merge models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Measure speed on this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// List runs: state, step, loss, bits per byte, speed, age
    #[command(after_help = "Examples:
  jikji runs
  jikji runs /data/runs --json

A run is `running` while a process holds its lock, `finished` once its report is written, `failed` if
it ended with an error or was killed, and `stopped` otherwise. The age is the time since its last
write.")]
    Runs {
        /// Folder that holds runs
        #[arg(default_value = "runs")]
        dir: PathBuf,
        /// Print a JSON list instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Write the report of a run, or compare several runs, as one self-contained HTML page
    #[command(after_help = "Examples:
  jikji report runs/quickstart
  jikji report runs/quickstart --curve curve.svg
  jikji report runs/first runs/second --output both.html

For several runs the page overlays their curves, lists the settings, data and versions that differ,
and names the first step at which their losses differ.")]
    Report(ReportArguments),
    /// Show the hardware of this machine and what this build can do on it
    Doctor,
    /// Print the completion script for a shell
    #[command(after_help = "Examples:
  jikji completions bash > ~/.local/share/bash-completion/completions/jikji
  jikji completions zsh > ~/.zfunc/_jikji
  jikji completions fish > ~/.config/fish/completions/jikji.fish")]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}
