//! Words as a shell reads them back.

pub(crate) use jikji_checkpoint::durable::shell_word as quoted;
