//! `jikji tokenizer`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use jikji_corpus::{OnError, TextEncoding};

use super::Share;
use crate::output::file_value;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenizerCommand {
    /// Train a tokenizer: byte-level BPE, with or without superwords, or Unigram
    #[command(after_help = "Examples:
  jikji tokenizer train --input 'texts/**/*.jsonl' --vocab-size 32000 --output my-tokenizer
  jikji tokenizer train --input law=law/*.jsonl news=news/*.jsonl --weight law=2 --vocab-size 32000 \\
      --set tokenizer.superword_share=0.2 --output my-superwords

The settings are those of a recipe's table [tokenizer] (docs/reference/recipe.md). The result does not
depend on the number of threads, the memory limit or the order of the files. Counts that exceed
tokenizer.memory_bytes are stored on disk beside the output.")]
    Train(TrainTokenizer),
    /// Measure how much text each token carries, for one or more tokenizers
    #[command(after_help = "Example:
  jikji tokenizer measure --tokenizer my-tokenizer published/qwen2 --input law=held/law.jsonl \\
      medicine=held/medicine.jsonl --svg tokenizers.svg --endings")]
    Measure(MeasureTokenizers),
    /// Adapt the vocabulary of a published model to a language: replace rarely used tokens, or add
    /// new ones
    #[command(after_help = "Example:
  jikji tokenizer extend --model Qwen2.5-0.5B --input 'korean/**/*.jsonl' \\
      --keep-input 'english/*.jsonl' --replace 20% --output qwen-ko

The output folder holds tokenizer and weights. Ids that are kept have the same token and bit-identical
weights; this is verified, and so is that every text that was read still decodes to itself.
lineage.json lists the new tokens. Train the new rows before using the model: see recipes/extend.")]
    Extend(ExtendArguments),
    /// Encode JSON lines with `text` to JSON lines with `ids`
    Encode(EncodeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct EncodeArguments {
    /// Tokenizer folder
    #[arg(long)]
    pub(crate) tokenizer: PathBuf,
    /// JSON lines
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// JSON lines with `ids`; an existing file is replaced, `-` is stdout
    #[arg(long, value_parser = file_value(), value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Field that holds the text
    #[arg(long, default_value = "text")]
    pub(crate) text_field: String,
}

/// Texts for a command that trains or measures tokenizers.
#[derive(Debug, Clone, Args)]
pub(crate) struct Texts {
    /// Files, folders or globs of text files (.txt .md .jsonl .ndjson .json .csv .tsv, also in .gz
    /// .zst .lz4 .br, and .parquet). To measure domains separately, put a name in front:
    /// law=law/*.jsonl
    #[arg(long, num_args = 1.., required = true, value_name = "[NAME=]GLOB")]
    pub(crate) input: Vec<String>,
    /// Fields of a row that hold text; they are joined by newlines
    #[arg(long, num_args = 1.., default_value = "text")]
    pub(crate) text_field: Vec<String>,
    /// Encoding of text files without a byte order mark, such as cp949 [default: detected for each
    /// file]
    #[arg(long)]
    pub(crate) encoding: Option<TextEncoding>,
    /// Rows and files that cannot be read: `stop` lists all of them, `skip` leaves them out and
    /// counts them
    #[arg(long, value_name = "stop|skip", default_value_t)]
    pub(crate) on_error: OnError,
}

#[derive(Debug, Args)]
pub(crate) struct TrainTokenizer {
    #[command(flatten)]
    pub(crate) texts: Texts,
    /// Number of tokens, including special tokens and the 256 bytes; required unless --config sets
    /// it
    #[arg(long, required_unless_present = "config")]
    pub(crate) vocab_size: Option<usize>,
    /// TOML file with a table [tokenizer], such as configs/tokenizers/ko-32k.toml
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Override one setting of the config; may be repeated
    #[arg(long, value_name = "tokenizer.KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Count the documents of this domain TIMES times; the default is 1
    #[arg(long, num_args = 1.., value_name = "NAME=TIMES")]
    pub(crate) weight: Vec<String>,
    /// New folder for tokenizer.json and tokenizer_config.json
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureTokenizers {
    /// Tokenizer folders
    #[arg(long, num_args = 1.., required = true)]
    pub(crate) tokenizer: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) texts: Texts,
    /// Also show how much text fits into a context of this many tokens
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<u64>,
    /// Also show the cost of a million eojeol at this price per million tokens
    #[arg(long)]
    pub(crate) price: Option<f64>,
    /// Also show how the most common particles and endings are split
    #[arg(long)]
    pub(crate) endings: bool,
    /// Also show how token borders agree with morpheme borders. FILE has JSON lines with `text` and
    /// `words`, a list of [form, morphemes joined by +]
    #[arg(long, value_name = "FILE")]
    pub(crate) morphemes: Option<PathBuf>,
    /// Also write the table as CSV; `-` is stdout
    #[arg(long, value_name = "FILE", value_parser = file_value(), value_hint = ValueHint::FilePath)]
    pub(crate) csv: Option<PathBuf>,
    /// Also draw bytes per token as a bar chart; `-` is stdout
    #[arg(long, value_name = "FILE", value_parser = file_value(), value_hint = ValueHint::FilePath)]
    pub(crate) svg: Option<PathBuf>,
    /// Print a JSON list instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExtendArguments {
    /// Model folder with a byte-level BPE tokenizer
    #[arg(long)]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) texts: Texts,
    /// Texts that the model must keep encoding well: tokens they use are not replaced
    #[arg(long, num_args = 1.., value_name = "[NAME=]GLOB")]
    pub(crate) keep_input: Vec<String>,
    /// Number of old tokens to replace by new ones, or a share of the vocabulary such as 20%
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "add",
        requires = "keep_input"
    )]
    pub(crate) replace: Option<Share>,
    /// Number of new tokens to add at the end, or a share of the vocabulary
    #[arg(long, value_name = "N")]
    pub(crate) add: Option<Share>,
    /// Initial embedding rows of the new tokens
    #[arg(long, value_enum, default_value_t = NewRowsArgument::Similar)]
    pub(crate) init: NewRowsArgument,
    /// Seed for the random part of --init
    #[arg(long, default_value_t = 1377)]
    pub(crate) seed: u64,
    /// Merge a pair of tokens only if it occurs at least this often
    #[arg(long, default_value_t = 2)]
    pub(crate) min_frequency: u64,
    /// Memory for counts, in bytes; what exceeds it is stored on disk beside the output
    #[arg(long, default_value_t = 1 << 30)]
    pub(crate) memory_bytes: u64,
    /// Skip comparing the logits of both models, which takes the memory of one model in f32
    #[arg(long)]
    pub(crate) no_logits: bool,
    /// Folder to write; a model in it is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewRowsArgument {
    /// Mean of the rows of the old tokens that spell the new one
    Mean,
    /// The mean plus noise, so that no two new rows are equal
    NoisyMean,
    /// Mean weighted by bytes, scaled so that the token's expected probability matches its
    /// frequency
    Weighted,
    /// Half `weighted`, half the rows of tokens that occur in similar contexts
    Similar,
    /// Random with the standard deviation of the old rows: a baseline for comparison
    Random,
}
