//! `jikji corpus`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};
use jikji_corpus::{OnError, TextEncoding};

use crate::output::file_value;

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Read raw files, clean them, and write the documents with their provenance
    #[command(after_help = "Example:
  jikji corpus build --input /data/korean --output corpus")]
    Build {
        /// Files, folders or globs; each becomes a source
        #[arg(long, num_args = 1.., required = true)]
        input: Vec<String>,
        /// Glob to leave out, relative to an input folder; may be repeated
        #[arg(long)]
        exclude: Vec<String>,
        /// Encoding of text files without a byte order mark, such as cp949 [default: detected for
        /// each file]
        #[arg(long)]
        encoding: Option<TextEncoding>,
        /// Rows and files that cannot be read: `stop` lists all of them and builds nothing, `skip`
        /// leaves them out and counts them
        #[arg(long, value_name = "stop|skip", default_value_t)]
        on_error: OnError,
        /// Folder for the documents; an interrupted build continues in it
        #[arg(long)]
        output: PathBuf,
        /// Drop documents with fewer characters than this
        #[arg(long, default_value_t = 1)]
        min_chars: usize,
    },
    /// Generate synthetic Korean documents from a grammar
    #[command(after_help = "Example:
  jikji corpus synth --documents 1000 --seed 7 --output synthetic.jsonl")]
    Synth {
        /// Number of documents
        #[arg(long)]
        documents: usize,
        /// Seed of the generator
        #[arg(long, default_value_t = 1377)]
        seed: u64,
        /// Generate only this topic; may be repeated
        #[arg(long)]
        topic: Vec<String>,
        /// JSON lines with `text`, `topic`, `synthetic`; an existing file is replaced [default:
        /// stdout]
        #[arg(long, value_parser = file_value(), value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
}
