//! What a run saves: atomic, checksummed, resumable at any layout; weights in safetensors under their published names.
//!
//! This crate knows names, shapes and host slices of `f32`; it knows neither tensors of a backend nor devices. A checkpoint is a
//! folder `step-00001000` that appears whole or not at all:
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | format version, step, size and BLAKE3 of each file, and of each state its shape and where it lies |
//! | `model.safetensors` | weights under their published names, `F32` |
//! | `optimizer.safetensors` | the other states, as `m.<name>`, `v.<name>` |
//! | `run.json` | the [`RunState`]: what must match on resume, and where the run is |
//! | others | files that the run added, such as `config.json` |
//!
//! What is read is verified first: a torn or altered checkpoint is named and passed over for the newest that verifies.

mod run_lock;

mod bounded;
mod shown;

mod error;
mod manifest;
mod snapshot;
mod tensor_file;

mod discover;
mod load;
mod retain;
mod saver;
mod verify;
mod write;

mod published;

pub mod gguf;

pub use jikji_durable as durable;

pub use self::discover::{Discovery, Verified, discover};
pub use self::error::{BadFile, CheckpointError, FileProblem};
pub use self::load::Loaded;
pub use self::manifest::{FORMAT_VERSION, FileEntry, Manifest, StateEntry};
pub use self::published::{ModelFiles, PublishedError, TensorInfo, write_model, write_model_with};
pub use self::retain::retain;
pub use self::run_lock::{Holder, LockError, RunLock, StaleLock, StaleReason};
pub use self::saver::{SaveOutcome, Saver};
pub use self::snapshot::{
    Difference, RunState, Snapshot, StateKind, StateTensor, compare_identity,
};
pub use self::tensor_file::{FloatType, TensorFileError};
pub use self::verify::verify;
pub use self::write::write;
