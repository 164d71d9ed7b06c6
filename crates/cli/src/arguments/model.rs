//! `jikji model`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jikji_interop::LayerMap;

use super::values::parse_bytes;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Show parameters, shapes and memory of a model config or folder, without reading weights
    #[command(after_help = "Example:
  jikji model info configs/models/exaone-4.0-1.2b.toml")]
    Info {
        /// Model config (TOML or JSON) or model folder
        model: PathBuf,
        /// List every parameter
        #[arg(long)]
        parameters: bool,
    },
    /// Check every file and number of a published model folder, and write it in Jikji's layout
    #[command(after_help = "Example:
  jikji model import --model EXAONE-3.5-2.4B-Instruct --output models/exaone-3.5-2.4b

Tensors keep their number format and their bytes. Tokenizer, chat template and licence are copied, and
lineage.json records the SHA-256 of every file that was read. The other commands read published folders
directly (`--model DIR`, `model.from`); import one to have it checked and recorded once.")]
    Import(ImportArguments),
    /// Write a model in another number format, as a folder or as one GGUF file
    #[command(after_help = "Examples:
  jikji model export --model runs/quickstart/export --output quickstart-bf16 --dtype bf16
  jikji model export --model EXAONE-3.5-2.4B-Instruct --output exaone-as-llama --as llama
  jikji model export --model EXAONE-4.0-1.2B --output exaone.gguf --format gguf --dtype q8_0")]
    Export(ExportArguments),
    /// Compare a model's log-probabilities, loss and gradients with those of another program
    #[command(after_help = "Example:
  jikji model verify --model runs/quickstart/export --reference reference.json

FILE is a JSON object: `ids` (lists of token ids), `logprobs` (for each list, the natural logarithm of
the probability of every id but the first), `loss` (their negative mean over all lists) and, optionally,
`grad_norms` (for each tensor by its published name, the L2 norm of the gradient of that loss).
scripts/parity/reference.py writes one with transformers.

Exits with 11 if a log-probability differs by more than 1e-4, the loss by more than 1e-5, or a gradient
norm by more than 0.1 % of itself plus 1e-6 of the norm of all gradients together.")]
    Verify {
        /// Model folder
        #[arg(long)]
        model: PathBuf,
        /// What the other program computed
        #[arg(long, value_name = "FILE")]
        reference: PathBuf,
    },
    /// Make a deeper model by copying layers (depth up-scaling)
    #[command(after_help = "Examples:
  jikji model deepen --model Mistral-7B-v0.1 --output solar-start --remove 8
  jikji model deepen --model small --output deeper --layers 0-5,3-7

`--remove M` is the depth up-scaling of SOLAR: two copies, the first without its last M layers, the
second without its first M (arXiv 2312.15166). Continue training before using the deeper model: see
recipes/upstage/solar-depth-up.")]
    Deepen(DeepenArguments),
    /// Merge several models of the same shape into one
    #[command(after_help = "Examples:
  jikji model merge --method linear --model a --model b --output mean
  jikji model merge --method slerp --model a --model b --t 0.3 --output between
  jikji model merge --method task-arithmetic --base pretrained --model law --model finance \\
      --weight 0.7 --weight 0.5 --output both
  jikji model merge --method ties --base pretrained --model law --model finance --density 0.2 \\
      --output both

linear: weighted mean (arXiv 2203.05482). slerp: spherical interpolation from the first model to the
second. task-arithmetic: the base plus the weighted changes of each model (arXiv 2212.04089). ties: the
base plus the mean of the largest changes that agree in sign, trimmed per tensor (arXiv 2306.01708).
Config, tokenizer and number formats come from the base or, without one, from the first model.")]
    Merge(MergeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Model folder as published
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder to write; a model in it is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DeepenArguments {
    /// Model folder
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder to write; a model in it is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) layers: DeepenLayers,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DeepenLayers {
    /// Number of layers to drop from each of two copies: the last of the first copy, the first of
    /// the second
    #[arg(long, value_name = "M")]
    pub(crate) remove: Option<usize>,
    /// Layers to copy, in their new order; counted from 0, ranges include both ends: 0-23,8-31
    #[arg(long, value_name = "MAP")]
    pub(crate) layers: Option<LayerMap>,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// Merge method
    #[arg(long, value_enum)]
    pub(crate) method: MergeMethodArgument,
    /// Model folder to merge; repeat for each model
    #[arg(long = "model", required = true)]
    pub(crate) models: Vec<PathBuf>,
    /// Weight of a model, in the order of --model; repeat for each model [default: 1]
    #[arg(long = "weight", value_name = "W")]
    pub(crate) weights: Vec<f64>,
    /// Model that the others were trained from; for task-arithmetic and ties
    #[arg(long)]
    pub(crate) base: Option<PathBuf>,
    /// Position between the first model (0) and the second (1); for slerp [default: 0.5]
    #[arg(long)]
    pub(crate) t: Option<f64>,
    /// Share of each model's changes to keep; for ties [default: 0.2]
    #[arg(long)]
    pub(crate) density: Option<f64>,
    /// Factor on the merged change; for ties [default: 1]
    #[arg(long)]
    pub(crate) scale: Option<f64>,
    /// Folder to write; a model in it is replaced
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
    /// Folder to write or, with `--format gguf`, file (`-` is stdout); a model there is replaced
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "safetensors")]
    pub(crate) format: ExportFormat,
    /// Number format of the matrices; q8_0 in GGUF only [default: that of the model's files]
    #[arg(long, value_enum)]
    pub(crate) dtype: Option<ExportDtype>,
    /// Write the model as this family if it computes the same: transformers has a class for llama,
    /// but none for exaone
    #[arg(long = "as", value_enum, value_name = "FAMILY")]
    pub(crate) family: Option<FamilyArgument>,
    /// Maximum size of a tensor file, such as 5GB or 500MB; safetensors only [default: 5GB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_shard_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FamilyArgument {
    Llama,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A folder with config.json, model*.safetensors and the tokenizer: transformers, vLLM, Jikji
    Safetensors,
    /// One file: llama.cpp and programs based on it
    Gguf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportDtype {
    F32,
    F16,
    Bf16,
    /// 8-bit integers in blocks of 32 with one scale each
    #[value(name = "q8_0")]
    Q8_0,
}
