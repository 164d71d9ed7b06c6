//! Columns of tokens on disk -> deterministic, seekable, packed batches.
//!
//! ```text
//! documents ── ShardSetBuilder ──► shards/NAME/{manifest.json, UNIT.SPLIT.tokens, UNIT.SPLIT.documents}
//!                                      │ ShardSet (memory mapped)
//!   global index ── mixture ──► (source, local number) ── permutation ──► sequence of the source's stream
//!                                      │ packing
//!                                      ▼
//!                  Loader::batch / ValidationSet::batch ── Prefetcher ──► training thread
//! ```
//!
//! What a run reads is a pure function of the shard set, the [`LoaderConfig`] and the global sequence
//! index: no state is saved, any index is reached in constant time, and ranks only divide the indices
//! of a step among themselves ([`rank_share`]). A run whose text grows reads another shard set from
//! that step on: [`DataHistory`] records the stages, [`RunData`] reads them.

mod error;

// Shards on disk.
mod builder;
mod document_table;
mod hashed_file;
mod journal;
mod manifest;
mod mapped;
mod shard;
mod shard_set;
mod split;

// Which sequence comes when.
mod mixture;
mod permutation;
mod rank_share;
mod stream;

// What a sequence holds.
mod batch;
mod packing;

// Where they come from.
mod prepare;
mod prepare_lock;

// Who asks for them.
mod data_history;
mod loader;
mod prefetch;
mod run_data;
mod validation;

#[cfg(test)]
mod testing;

pub use batch::{Batch, DocumentSpan, Sequence};
pub use builder::{EncodedDocument, ShardSetBuilder};
pub use data_history::{Change, DataHistory, DataStage, OrderSettings, StagedSource, WeightStage};
pub use error::{LoaderError, ShardError, WriteUnitError};
pub use loader::{Loader, LoaderConfig, SourcePosition, Stage};
pub use manifest::{ColumnEntry, Dtype, FileEntry, Manifest, ShardEntry, ShardSetSpec};
pub use prefetch::Prefetcher;
pub use prepare::{
    PrepareConfig, PrepareError, PrepareProgress, Prepared, TokenizerPlan, ValidationSplit, prepare,
};
pub use rank_share::rank_share;
pub use run_data::{RunData, StagedLoader};
pub use shard_set::{ShardSet, SourceStats};
pub use split::{Split, split_of};
pub use validation::ValidationSet;
