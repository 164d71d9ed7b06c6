//! Exit codes. Scripts may rely on them; `docs/reference/exit-codes.md` says the same. 2 is clap's too.

/// Something that should not happen; please report it.
pub(crate) const UNEXPECTED: u8 = 1;
/// Flags that contradict each other, where clap cannot tell.
pub(crate) const COMMAND_LINE: u8 = 2;
/// A recipe, model config or override.
pub(crate) const RECIPE: u8 = 3;
/// Text, tokenizer or shards.
pub(crate) const DATA: u8 = 4;
/// The run's folder: locked, already used, or a checkpoint that does not verify or fit.
pub(crate) const RUN_FOLDER: u8 = 5;
/// A loss or gradient was not finite, and no weight was changed; or a weight was not, and was not saved.
pub(crate) const NOT_FINITE: u8 = 6;
/// Too many checkpoints in a row could not be written.
pub(crate) const SAVES_FAILED: u8 = 7;
/// The plan does not fit into memory.
pub(crate) const MEMORY: u8 = 8;
/// The device is not compiled in or not there.
pub(crate) const DEVICE: u8 = 9;
/// A model folder that cannot be read, scored or written.
pub(crate) const MODEL: u8 = 10;
/// `model verify`: the model computes something else than the reference says.
pub(crate) const DIFFERS: u8 = 11;
/// A second SIGINT or SIGTERM ended the run at once.
pub(crate) const SECOND_SIGNAL: i32 = 130;
