//! The command line. Doc comments are its manual.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jikji_interop::LayerMap;

/// Trains compact language models from raw text to a checkpoint that other programs load. One binary; no network, no telemetry.
#[derive(Debug, Parser)]
#[command(
    name = "jikji",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model as a recipe says
    #[command(after_help = "Examples:
  jikji train recipes/quickstart.toml
  jikji train recipes/quickstart.toml --resume --set train.steps=600
  jikji train recipes/pretrain/small.toml --set data.path=/data/korean --dry-run")]
    Train(TrainArguments),
    /// Check, describe and list recipes
    #[command(subcommand)]
    Recipe(RecipeCommand),
    /// Train, measure and apply tokenizers
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Build documents from raw files, or make synthetic ones
    #[command(subcommand)]
    Corpus(CorpusCommand),
    /// Let a model write
    #[command(after_help = "Example:
  jikji generate --model runs/quickstart/export --prompt \"오늘 아침에는\" --max-new-tokens 80 --temperature 0.8")]
    Generate(GenerateArguments),
    /// Talk with a model through its chat template: each line of the input is a message
    #[command(after_help = "Examples:
  jikji chat --model EXAONE-4.0-1.2B
  echo \"대한민국의 수도는?\" | jikji chat --model EXAONE-4.0-1.2B --temperature 0")]
    Chat(ChatArguments),
    /// Log-probability of each token of given texts
    #[command(after_help = "Example:
  jikji score --model runs/quickstart/export --input texts.jsonl --output scores.jsonl

Each input line is an object with `ids` (token ids) or `text`; each output line has `ids`, `logprobs` (natural logarithms of
every token but the first) and `loss` (their negative mean).")]
    Score(ScoreArguments),
    /// Look at models, check, convert, deepen and merge them
    #[command(subcommand)]
    Model(ModelCommand),
    /// Measure speed on this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Write a run's report: one self-contained HTML page
    #[command(after_help = "Example:
  jikji report runs/quickstart
  jikji report runs/quickstart --curve curve.svg")]
    Report {
        /// The run's folder
        run: PathBuf,
        /// Also draw validation bits per byte, beside the baselines, as an SVG picture
        #[arg(long, value_name = "FILE.svg")]
        curve: Option<PathBuf>,
    },
    /// Say what is on this machine and what will work
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct RecipeArguments {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,
    /// Change one setting, such as train.steps=600; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Apply the recipe's [scale.NAME] overrides, such as `tiny`
    #[arg(long, value_name = "NAME")]
    pub(crate) scale: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    /// Continue from the newest checkpoint that verifies
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) resume: bool,
    /// Move an older run in the folder aside and begin anew
    #[arg(long)]
    pub(crate) fresh: bool,
    /// On resume, accept that this setting differs from the checkpoint's; may be repeated
    #[arg(long, value_name = "KEY", requires = "resume")]
    pub(crate) allow_change: Vec<String>,
    /// Where to compute: cpu (this build has no other)
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// Resolve everything, print the plan and one example with its loss mask, train nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecipeCommand {
    /// Resolve a recipe and print what a run would use
    Check(RecipeArguments),
    /// Print the JSON Schema of recipes
    Schema,
    /// List the recipes below a folder
    List {
        /// The folder
        #[arg(default_value = "recipes")]
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenizerCommand {
    /// Learn a vocabulary from text: byte-level BPE, superwords, Unigram
    #[command(after_help = "Examples:
  jikji tokenizer train --input 'texts/**/*.jsonl' --vocab-size 32000 --output my-tokenizer
  jikji tokenizer train --input law=law/*.jsonl news=news/*.jsonl --weight law=2 --vocab-size 32000 \\
      --set tokenizer.superword_share=0.2 --output my-superwords

Settings are those of the table [tokenizer] of a recipe (docs/reference/recipe.md), and the tokens do not depend on threads, memory or
the order of the files. What does not fit into tokenizer.memory_bytes is kept on disk beside the output.")]
    Train(TrainTokenizer),
    /// How much text a token carries, for any number of tokenizers side by side
    #[command(after_help = "Example:
  jikji tokenizer measure --tokenizer my-tokenizer published/qwen2 --input law=held/law.jsonl medicine=held/medicine.jsonl \\
      --svg tokenizers.svg --endings")]
    Measure(MeasureTokenizers),
    /// Fit a published model to a language: new tokens in place of those that are missed least, or beside them
    #[command(after_help = "Example:
  jikji tokenizer extend --model Qwen2.5-0.5B --input 'korean/**/*.jsonl' --keep-input 'english/*.jsonl' --replace 20% --output qwen-ko

The folder holds tokenizer and weights together. Every id that stays has its token and, to the last bit, its weights: that is
checked, as is that each text read is still encoded to itself. lineage.json lists the tokens. The rows of new tokens have to be trained
before the model is better; recipes/extend shows how.")]
    Extend(ExtendArguments),
    /// Encode JSON lines with `text` to JSON lines with `ids`
    Encode {
        /// Tokenizer folder
        #[arg(long)]
        tokenizer: PathBuf,
        /// JSON lines
        #[arg(long)]
        input: PathBuf,
        /// JSON lines
        #[arg(long)]
        output: PathBuf,
        /// Field that holds the text
        #[arg(long, default_value = "text")]
        text_field: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ExtendArguments {
    /// Model folder with a byte-level BPE tokenizer
    #[arg(long)]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) texts: Texts,
    /// Texts of what the model already knows, as --input: their tokens are missed, others make room
    #[arg(long, num_args = 1.., value_name = "[NAME=]GLOB")]
    pub(crate) keep_input: Vec<String>,
    /// Tokens whose ids go to new ones: a number, or a share of the vocabulary such as 20%
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "add",
        requires = "keep_input"
    )]
    pub(crate) replace: Option<Share>,
    /// New tokens with ids of their own: a number, or a share of the vocabulary
    #[arg(long, value_name = "N")]
    pub(crate) add: Option<Share>,
    /// How the rows of new tokens begin
    #[arg(long, value_enum, default_value_t = NewRowsArgument::Similar)]
    pub(crate) init: NewRowsArgument,
    /// For what is random in them
    #[arg(long, default_value_t = 1377)]
    pub(crate) seed: u64,
    /// A pair of tokens becomes one only if it occurs so often
    #[arg(long, default_value_t = 2)]
    pub(crate) min_frequency: u64,
    /// Memory for counts, in bytes; what does not fit is kept on disk beside the output
    #[arg(long, default_value_t = 1 << 30)]
    pub(crate) memory_bytes: u64,
    /// Do not compare the logits of both models, which takes the memory of one of them in f32
    #[arg(long)]
    pub(crate) no_logits: bool,
    /// Folder to write; an earlier model there is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
}

/// A number of tokens, or a share of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Share {
    Tokens(usize),
    Percent(f64),
}

impl Share {
    pub(crate) fn of(self, vocab_size: usize) -> usize {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Percent(percent) => (vocab_size as f64 * percent / 100.0).round() as usize,
        }
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Self::Percent),
            None => text.parse().ok().map(Self::Tokens),
        };
        let is_share = |share: &Self| !matches!(share, Self::Percent(percent) if !(0.0..=100.0).contains(percent));
        share
            .filter(is_share)
            .ok_or_else(|| "expected a number of tokens, or a share such as 20%".to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewRowsArgument {
    /// The mean of the rows of the old tokens that spell it
    Mean,
    /// That with noise, so that no two begin alike
    NoisyMean,
    /// That by the bytes of each, moved so that the token is expected as often as the texts have it
    Weighted,
    /// As weighted, half of it the rows of tokens that stand in like places in the texts
    Similar,
    /// Numbers with the deviation of the others: to compare with
    Random,
}

/// Texts for a command that trains or measures tokenizers.
#[derive(Debug, Args)]
pub(crate) struct Texts {
    /// Files, folders or globs (.txt .md .jsonl .jsonl.zst .jsonl.gz .parquet), each with the name of a domain in front if there
    /// are several: law=law/*.jsonl
    #[arg(long, num_args = 1.., required = true, value_name = "[NAME=]GLOB")]
    pub(crate) input: Vec<String>,
    /// Fields of rows that hold text, joined by newlines
    #[arg(long, num_args = 1.., default_value = "text")]
    pub(crate) text_field: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TrainTokenizer {
    #[command(flatten)]
    pub(crate) texts: Texts,
    /// Tokens, special ones and the 256 bytes among them; required unless --config says it
    #[arg(long, required_unless_present = "config")]
    pub(crate) vocab_size: Option<usize>,
    /// TOML file with a table `tokenizer`, as configs/tokenizers/*.toml
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Settings over those of the file
    #[arg(long, value_name = "tokenizer.KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// How often the documents of a domain count; 1 for those not named
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
    /// Also show how much text fits into a context of so many tokens
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<u64>,
    /// Also show what a million eojeol cost at this price for a million tokens
    #[arg(long)]
    pub(crate) price: Option<f64>,
    /// Also show how the commonest particles and endings are cut
    #[arg(long)]
    pub(crate) endings: bool,
    /// Sentences with their morphemes: JSON lines with `text` and `words`, a list of lists (form, morphemes joined by +); also show
    /// how well borders of tokens and of morphemes agree
    #[arg(long, value_name = "FILE")]
    pub(crate) morphemes: Option<PathBuf>,
    /// Write the table as comma-separated values too
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Draw bytes per token as a bar chart too
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print a JSON list instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Read raw files, clean them, and write documents with their papers
    #[command(after_help = "Example:
  jikji corpus build --input /data/korean --output corpus")]
    Build {
        /// Files, folders or globs; each becomes a source
        #[arg(long, num_args = 1.., required = true)]
        input: Vec<String>,
        /// Globs below a folder that are left out
        #[arg(long)]
        exclude: Vec<String>,
        /// Folder for the documents
        #[arg(long)]
        output: PathBuf,
        /// Documents with fewer characters are dropped
        #[arg(long, default_value_t = 1)]
        min_chars: usize,
    },
    /// Make synthetic Korean documents from a grammar
    #[command(after_help = "Example:
  jikji corpus synth --documents 1000 --seed 7 --output synthetic.jsonl")]
    Synth {
        /// How many documents
        #[arg(long)]
        documents: usize,
        /// Another seed, other documents
        #[arg(long, default_value_t = 1377)]
        seed: u64,
        /// Only these topics
        #[arg(long)]
        topic: Vec<String>,
        /// JSON lines with `text`, `topic`, `synthetic`; standard output if absent
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// A model folder, such as runs/NAME/export
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// The beginning that the model continues
    #[arg(long)]
    pub(crate) prompt: String,
    /// Take the prompt as a user's message, as the model's chat template writes it, and print the answer alone
    #[arg(long)]
    pub(crate) chat: bool,
    #[command(flatten)]
    pub(crate) sampling: SamplingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArguments {
    /// A model folder with a chat template
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// A message of the system before all others
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    #[command(flatten)]
    pub(crate) sampling: SamplingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SamplingArguments {
    /// Tokens to write at most
    #[arg(long, default_value_t = 128)]
    pub(crate) max_new_tokens: usize,
    /// 0 takes the likeliest token each time
    #[arg(long, default_value_t = 0.8)]
    pub(crate) temperature: f64,
    /// Choose among the likeliest tokens that hold this share of the probability
    #[arg(long, default_value_t = 0.95)]
    pub(crate) top_p: f64,
    /// Another seed, another text
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// A model folder
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// JSON lines with `ids` or `text`
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// JSON lines with `ids`, `logprobs`, `loss`
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Parameters, shapes and memory of a model config or folder; reads no weights
    #[command(after_help = "Example:
  jikji model info configs/models/exaone-4.0-1.2b.toml")]
    Info {
        /// A model config (TOML or JSON) or a model folder
        model: PathBuf,
        /// List every parameter
        #[arg(long)]
        parameters: bool,
    },
    /// Check a published model folder to its last number and write it as Jikji writes models
    #[command(after_help = "Example:
  jikji model import --model EXAONE-3.5-2.4B-Instruct --output models/exaone-3.5-2.4b

Every tensor keeps its number format and its bytes; tokenizer, chat template and licence go along; lineage.json records the SHA-256
of what was read. Other commands take a published folder as it is (`--model DIR`, `model.from`): import where you want that checked
and recorded once.")]
    Import(ImportArguments),
    /// Write a model in another number format, as a folder or as one GGUF file
    #[command(after_help = "Examples:
  jikji model export --model runs/quickstart/export --output quickstart-bf16 --dtype bf16
  jikji model export --model EXAONE-3.5-2.4B-Instruct --output exaone-as-llama --as llama
  jikji model export --model EXAONE-4.0-1.2B --output exaone.gguf --format gguf --dtype q8_0")]
    Export(ExportArguments),
    /// Check that a model computes what another program computed with it
    #[command(after_help = "Example:
  jikji model verify --model runs/quickstart/export --reference reference.json

FILE is a JSON object: `ids` (lists of token ids), `logprobs` (for each list, the natural logarithm of the probability of every
id but the first), `loss` (their negative mean over all lists) and, if wanted, `grad_norms` (for each tensor by its published
name, the L2 norm of the gradient of that loss). scripts/parity/reference.py writes one with transformers.

Exit code 11 if a log-probability differs by more than 1e-4, the loss by more than 1e-5, or a gradient norm by more than 0.1 %
of itself and 1e-6 of the norm of all gradients together.")]
    Verify {
        /// A model folder
        #[arg(long)]
        model: PathBuf,
        /// What the other program computed
        #[arg(long, value_name = "FILE")]
        reference: PathBuf,
    },
    /// A deeper model whose layers are copies of another one's
    #[command(after_help = "Examples:
  jikji model deepen --model Mistral-7B-v0.1 --output solar-start --remove 8
  jikji model deepen --model small --output deeper --layers 0-5,3-7

`--remove M` is depth up-scaling as SOLAR did it: two copies, the first without its last M layers, the second without its first M
(arXiv 2312.15166). The deeper model has to be trained on before it is better; recipes/upstage/solar-depth-up shows how.")]
    Deepen(DeepenArguments),
    /// One model of several with the same shapes
    #[command(after_help = "Examples:
  jikji model merge --method linear --model a --model b --output mean
  jikji model merge --method slerp --model a --model b --t 0.3 --output between
  jikji model merge --method task-arithmetic --base pretrained --model law --model finance --weight 0.7 --weight 0.5 --output both
  jikji model merge --method ties --base pretrained --model law --model finance --density 0.2 --output both

linear: the weighted mean (arXiv 2203.05482). slerp: along the arc from the first model to the second. task-arithmetic: the base plus
the weighted changes of each model (arXiv 2212.04089). ties: the base plus the mean of the largest changes that agree in sign
(arXiv 2306.01708), trimmed a tensor at a time. Config, tokenizer and number formats are those of the base or, without one, of the
first model.")]
    Merge(MergeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Model folder as published
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder to write; an earlier model there is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DeepenArguments {
    /// Model folder
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder to write; an earlier model there is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) layers: DeepenLayers,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DeepenLayers {
    /// Layers that each of two copies loses: the first its last, the second its first
    #[arg(long, value_name = "M")]
    pub(crate) remove: Option<usize>,
    /// The layers to copy in their new order, from 0, both ends counted: 0-23,8-31
    #[arg(long, value_name = "MAP")]
    pub(crate) layers: Option<LayerMap>,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// How the numbers are merged
    #[arg(long, value_enum)]
    pub(crate) method: MergeMethodArgument,
    /// A model folder to merge; several times
    #[arg(long = "model", required = true)]
    pub(crate) models: Vec<PathBuf>,
    /// The weight of each model, in the same order [default: 1 each]
    #[arg(long = "weight", value_name = "W", allow_negative_numbers = true)]
    pub(crate) weights: Vec<f64>,
    /// The model that all others came from; task-arithmetic and ties
    #[arg(long)]
    pub(crate) base: Option<PathBuf>,
    /// From 0, the first model, to 1, the second; slerp [default: 0.5]
    #[arg(long)]
    pub(crate) t: Option<f64>,
    /// Share of each model's changes that is kept; ties [default: 0.2]
    #[arg(long)]
    pub(crate) density: Option<f64>,
    /// Factor on the merged change; ties [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) scale: Option<f64>,
    /// Folder to write; an earlier model there is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MergeMethodArgument {
    Linear,
    Slerp,
    TaskArithmetic,
    Ties,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Model folder
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder to write, or the file with `--format gguf`; an earlier model there is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value = "safetensors")]
    pub(crate) format: ExportFormat,
    /// Number format of the matrices; q8_0 in GGUF only [default: as the model's files have it]
    #[arg(long, value_enum)]
    pub(crate) dtype: Option<ExportDtype>,
    /// Write the model as this family, if it computes the same; exaone has no class in transformers, llama has
    #[arg(long = "as", value_enum, value_name = "FAMILY")]
    pub(crate) family: Option<FamilyArgument>,
    /// Most bytes of tensors in a file, such as 5GB or 500MB; safetensors only [default: 5GB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_shard_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FamilyArgument {
    Llama,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// config.json, model*.safetensors and the tokenizer's files: transformers, vLLM, Jikji
    Safetensors,
    /// One file: llama.cpp and its relatives
    Gguf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportDtype {
    F32,
    F16,
    Bf16,
    /// 8-bit integers, 32 to a scale
    #[value(name = "q8_0")]
    Q8_0,
}

/// A number of bytes with an optional unit: KB, MB and GB count in thousands, as file sizes of published models do.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let expected = || format!("expected a number of bytes such as `5GB` or `500MB`, got `{text}`");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(expected()),
    };
    let number: u64 = digits.parse().map_err(|_| expected())?;
    number
        .checked_mul(unit)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(expected)
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

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// A training step on made-up tokens, beside its matrix products alone
    #[command(after_help = "Example:
  jikji bench train-step --model configs/models/quickstart.toml --batch 8 --seq 256")]
    TrainStep {
        #[command(flatten)]
        sizes: BenchSizes,
        /// What forward leaves for backward
        #[arg(long, value_enum, default_value = "none")]
        activation_checkpointing: CheckpointingArgument,
        /// Steps counted, after warm-up
        #[arg(long, default_value = "7")]
        steps: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Each operation of a model alone, beside what this machine's arithmetic and memory allow; above 100 % where its tensors
    /// stay in the cache
    #[command(after_help = "Example:
  jikji bench ops --model configs/models/quickstart.toml --batch 8 --seq 256 --name attention")]
    Ops {
        #[command(flatten)]
        sizes: BenchSizes,
        /// Only operations whose name contains this
        #[arg(long, default_value = "")]
        name: String,
        /// Calls counted, after one that is not
        #[arg(long, default_value = "15")]
        repeats: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Writing one text with random weights, token after token, beside the time to read the weights
    #[command(after_help = "Example:
  jikji bench decode --model configs/models/quickstart.toml --prompt 32 --tokens 128")]
    Decode {
        /// A model config, TOML or JSON
        #[arg(long)]
        model: PathBuf,
        /// Tokens of the prompt
        #[arg(long, default_value = "32")]
        prompt: NonZeroUsize,
        /// Tokens written after it
        #[arg(long, default_value = "128")]
        tokens: NonZeroUsize,
        /// Number format of matrix products
        #[arg(long, value_enum, default_value = "f32")]
        precision: PrecisionArgument,
        /// Texts counted, after warm-up
        #[arg(long, default_value = "5")]
        repeats: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// A tokenizer on your text, on one thread
    #[command(after_help = "Example:
  jikji bench encode --tokenizer my-tokenizer --input 'texts/**/*.jsonl'")]
    Encode {
        /// Tokenizer folder
        #[arg(long)]
        tokenizer: PathBuf,
        #[command(flatten)]
        texts: Texts,
        /// Times that all texts are encoded, after once that does not count
        #[arg(long, default_value = "5")]
        repeats: NonZeroUsize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BenchSizes {
    /// A model config, TOML or JSON
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Sequences of a step
    #[arg(long)]
    pub(crate) batch: NonZeroUsize,
    /// Tokens of a sequence
    #[arg(long)]
    pub(crate) seq: NonZeroUsize,
    /// Number format of matrix products
    #[arg(long, value_enum, default_value = "f32")]
    pub(crate) precision: PrecisionArgument,
}
