//! What is written is looked at: no model leaves with a weight that is no number.

use std::io;

use crate::error::InteropError;

/// The first number that could not be written as it is.
#[derive(Debug, Default)]
pub(crate) struct NumberCheck {
    found: Option<InteropError>,
}

impl NumberCheck {
    /// Looks at the elements of a tensor from `start` on, of which each must be one that `holds`.
    ///
    /// # Errors
    /// At the first that is not; what it was is kept for [`NumberCheck::into_error`].
    pub(crate) fn look(
        &mut self,
        name: &str,
        start: usize,
        values: &[f32],
        number: &'static str,
        holds: impl Fn(f32) -> bool,
    ) -> io::Result<()> {
        let Some(at) = values.iter().position(|value| !holds(*value)) else {
            return Ok(());
        };
        self.found = Some(InteropError::DoesNotFit {
            name: name.to_owned(),
            element: start + at,
            got: values[at],
            number,
        });
        Err(io::ErrorKind::InvalidData.into())
    }

    /// What was found, or else the error with which writing ended.
    pub(crate) fn into_error(self, error: impl Into<InteropError>) -> InteropError {
        self.found.unwrap_or_else(|| error.into())
    }
}
