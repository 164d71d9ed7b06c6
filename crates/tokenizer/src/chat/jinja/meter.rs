//! What a rendering may cost: steps and memory as fuel, and looks into values.

use std::cell::Cell;

use super::fault::{Fault, Res};

/// Bytes that one unit of fuel pays for.
const BYTES_PER_FUEL: usize = 64;

/// Bytes of text that one look covers.
const BYTES_PER_LOOK: usize = 16;

/// The account of one rendering.
///
/// Fuel is never given back, so it bounds the memory at any moment too. Comparing, hashing and
/// searching make nothing and still take time; they are paid for in looks.
#[derive(Debug)]
pub(super) struct Meter {
    fuel: u64,
    looks: u64,
    fuel_left: Cell<u64>,
    looks_left: Cell<u64>,
}

impl Meter {
    pub(super) fn new(fuel: u64, looks: u64) -> Self {
        Self {
            fuel,
            looks,
            fuel_left: Cell::new(fuel),
            looks_left: Cell::new(looks),
        }
    }

    /// Pays for one step.
    pub(super) fn step(&self) -> Res<()> {
        self.burn(1)
    }

    /// Pays for `bytes` that are about to be made.
    pub(super) fn make(&self, bytes: usize) -> Res<()> {
        self.burn(bytes.div_ceil(BYTES_PER_FUEL) as u64)
    }

    /// Pays for looking at an entry with `bytes` of text.
    pub(super) fn look(&self, bytes: usize) -> Res<()> {
        let cost = 1 + (bytes / BYTES_PER_LOOK) as u64;
        match self.looks_left.get().checked_sub(cost) {
            Some(left) => self.looks_left.set(left),
            None => {
                return Err(Fault::limit(format!(
                    "`{}` looks into lists and mappings",
                    self.looks
                )));
            }
        }
        Ok(())
    }

    fn burn(&self, units: u64) -> Res<()> {
        match self.fuel_left.get().checked_sub(units) {
            Some(left) => self.fuel_left.set(left),
            None => return Err(Fault::limit(format!("`{}` steps", self.fuel))),
        }
        Ok(())
    }
}
