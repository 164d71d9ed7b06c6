//! TensorBoard event files: written as training goes, continued by a resumed run without repeating a step.

mod event_file;
mod event_record;
mod writer;

pub use writer::TensorBoard;
