//! The one way in which the workspace writes a file or a folder that must survive a crash.
//!
//! A file is written under another name in its own folder, flushed, renamed over the target, and the folder is flushed: after a
//! power cut the old content or the new content is there, whole. A folder is built aside the same way ([`StagedDir`]). A failed
//! flush is final: the kernel may have dropped the pages, so what was written is removed and the caller writes again from scratch.
//!
//! | name until it is whole | written by | what a killed process left of it |
//! |---|---|---|
//! | `name.tmp.<pid>.<nonce>` | [`write_file`], [`write_file_with`], [`StagedDir`] | [`sweep_stale`] removes it |
//! | `name` and a suffix of the caller's | [`AsideFile`], [`write_file_beside`], [`write_file_beside_with`] | the next writer of the file overwrites it |
//!
//! The opposite direction, a folder that a stranger made, has one rule for the whole workspace too: [`folder_file()`] says which of its
//! files may be opened.
//!
//! Every call that changes the disk passes [`fault::point`], the hook by which the tests kill or fail it. Files that only grow are
//! left to their owners.

mod error;
pub mod fault;

mod calls;
mod chunked_file;
mod temporary;

mod aside_file;
mod folder;
mod folder_file;
mod free_space;
mod staged;
mod whole_file;

pub use self::aside_file::{AsideFile, SyncedFile, write_file_beside, write_file_beside_with};
pub use self::calls::{sync_dir, sync_parent};
pub use self::error::DurableError;
pub use self::fault::Operation;
pub use self::folder::{create_dir_all, remove_dir_durably, rename_dir_durably};
pub use self::folder_file::{FolderFileError, folder_file};
pub use self::free_space::free_space;
pub use self::staged::{StagedDir, replaced_name};
pub use self::temporary::{is_temporary, process_exists, sweep_stale};
pub use self::whole_file::{remove_file, write_file, write_file_with};
