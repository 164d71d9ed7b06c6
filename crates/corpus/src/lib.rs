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
//! - [`read`] streams one file as [`Document`]s in bounded memory;
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
mod error;

mod panic_border;
mod read;

mod manifest;
mod part;

mod build;
mod corpus;

pub mod synth;

pub use build::{BuildConfig, BuildProgress, MakeDocuments, SyntheticInput, build, fingerprint};
pub use clean::clean;
pub use config::{FieldMapping, InputConfig, source_name};
pub use corpus::Corpus;
pub use discover::{InputFile, InputFormat, Inputs, Skipped, discover};
pub use document::{Document, DocumentHash, InvalidDocumentHash};
pub use error::CorpusError;
pub use manifest::{CorpusManifest, Dropped, FileReport, PartEntry, SourceReport};
pub use part::PartDocuments;
pub use read::{Documents, read};
