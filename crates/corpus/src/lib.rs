//! Raw files in, clean documents and their papers out.
//!
//! ```text
//!  InputConfig ──discover──▶ InputFile ──read──▶ Document ──build──▶ Corpus
//!  (path, globs,             (kind, size,        (text, licence,     (parts of JSON Lines, and a manifest:
//!   field mapping)            time)               origin)             what came in, what was dropped, hashes)
//! ```
//!
//! - [`InputConfig`] says where one source lies and which fields of its rows are text;
//! - [`discover`] lists the files that will be read and those that will not, each with its reason;
//! - [`read`] streams one file as [`Document`]s in bounded memory, whatever its format, compression
//!   and encoding;
//! - [`probe`] reads the beginning of every file and lists all that is wrong;
//! - [`build`] cleans, filters and de-duplicates all sources into a folder, and continues where it was interrupted;
//! - [`Corpus`] opens that folder; [`CorpusManifest`] is its papers.
//!
//! - [`synth`] writes Korean from a grammar, for corpora that are too small.
//!
//! Nothing outside the named paths is read, and the same inputs give the same bytes.

mod clean;
mod config;
mod discover;
mod document;
mod encoding;
mod error;
mod own_output;

mod panic_border;
mod read;

mod manifest;
mod part;

mod build;
mod corpus;
mod probe;
mod remarks;

pub mod synth;

pub use build::{
    BuildConfig, BuildProgress, MakeDocuments, SyntheticInput, build, build_below, fingerprint,
};
pub use clean::clean;
pub use config::{
    BELOW_FOLDERS, FieldMapping, InputConfig, NotRead, OnError, source_name, unused_name,
};
pub use corpus::Corpus;
pub use discover::{
    Compression, InputFile, InputFormat, Inputs, READ_ENDINGS, Skipped, Stamp, describe, discover,
    list_files,
};
pub use document::{Document, DocumentHash, InvalidDocumentHash};
pub use encoding::TextEncoding;
pub use error::CorpusError;
/// Paths as people type them, for whoever names inputs.
pub use jikji_durable::user_path;
pub use manifest::{CorpusManifest, Dropped, FileReport, PartEntry, SourceReport};
pub use own_output::why_not_text;
pub use part::PartDocuments;
pub use probe::{Probe, probe};
pub use read::{Documents, Fault, FaultList, Faults, read};
pub use remarks::Remarks;
