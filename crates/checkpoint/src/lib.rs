//! Checkpoints: atomic, checksummed, and readable in any sharding layout. Weights are stored as
//! safetensors under their published names.
//!
//! This crate works with names, shapes and host slices of `f32`. It does not know the tensors or
//! devices of a backend. A checkpoint is a folder such as `step-00001000`. It is created
//! atomically: after a crash it is either complete or absent.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | version, step, size and BLAKE3 of files, shape and location of states |
//! | `model.safetensors` | weights under their published names, `F32` |
//! | `optimizer.safetensors` | the other states, as `m.<name>`, `v.<name>` |
//! | `run.json` | the [`RunState`]: settings that must match on resume, and progress |
//! | others | files that the run added, such as `config.json` |
//!
//! Reading verifies a checkpoint first. [`discover`] skips a torn or altered checkpoint, reports
//! it, and returns the newest valid one.
//!
//! # Example
//!
//! Save a small state, find it again and load it:
//!
//! ```
//! use jikji_checkpoint::{Loaded, RunState, Snapshot, StateKind, StateTensor, discover, write};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let checkpoints = folder.path();
//! let weight = StateTensor {
//!     name: "model.norm.weight".to_owned(),
//!     kind: StateKind::Weight,
//!     shape: vec![2, 2],
//!     data: vec![1.0, 2.0, 3.0, 4.0],
//! };
//! let run = RunState {
//!     format_version: 1,
//!     code_version: "0.1.0".to_owned(),
//!     identity: [("train.seq_len".to_owned(), 256.into())].into(),
//!     progress: [("tokens".to_owned(), 2048.into())].into(),
//! };
//! let snapshot = Snapshot { step: 8, tensors: vec![weight], run, extra_files: vec![] };
//! let path = write(checkpoints, &snapshot)?;
//! assert!(path.ends_with("step-00000008"));
//!
//! let newest = discover(checkpoints).newest.ok_or("no valid checkpoint")?;
//! let loaded = Loaded::open_verified(newest)?;
//! let mut values = [0.0; 4];
//! loaded.read("model.norm.weight", &StateKind::Weight, &mut values)?;
//! assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
//! assert_eq!(loaded.run().progress["tokens"], 2048);
//! # Ok(())
//! # }
//! ```

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
pub use self::run_lock::{Holder, LockError, LockState, RunLock, StaleLock, StaleReason};
pub use self::saver::{SaveOutcome, Saver};
pub use self::snapshot::{
    Difference, RunState, Snapshot, StateKind, StateTensor, compare_identity,
};
pub use self::tensor_file::{FloatType, TensorFileError};
pub use self::verify::verify;
pub use self::write::write;
