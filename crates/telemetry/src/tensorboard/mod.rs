//! TensorBoard event files. They are written during training, and a resumed run continues them
//! without repeating a step.

mod event_file;
mod event_record;
mod writer;

pub use writer::TensorBoard;
