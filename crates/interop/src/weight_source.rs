//! Where the numbers of a model come from, a few at a time, whatever holds them.

use jikji_checkpoint::FloatType;
use jikji_model::{ParameterTable, Store};

use crate::error::InteropError;

/// Something that has a number for every element of every parameter.
pub trait WeightSource {
    /// The parameters, in the order by which the others are asked.
    fn table(&self) -> &ParameterTable;

    /// The number format in which a parameter is held: written in it, nothing is lost.
    fn float(&self, parameter: usize) -> FloatType;

    /// Gives the elements of a parameter from `start` on.
    ///
    /// # Panics
    /// If the parameter ends before.
    fn read(&self, parameter: usize, start: usize, out: &mut [f32]);
}

/// The weights of a run.
impl WeightSource for Store {
    fn table(&self) -> &ParameterTable {
        self.layout().table()
    }

    fn float(&self, _parameter: usize) -> FloatType {
        FloatType::F32
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        let values = self.values(parameter).expect("a store of every parameter");
        out.copy_from_slice(&values[start..start + out.len()]);
    }
}

/// Whether two tables have the same parameters, whatever each family calls them.
pub(crate) fn check_parameters(
    expected: &ParameterTable,
    got: &ParameterTable,
) -> Result<(), InteropError> {
    let (expected, got) = (expected.parameters(), got.parameters());
    let differs = |at: usize| {
        let (expected, got) = (expected.get(at), got.get(at));
        let same = expected
            .zip(got)
            .is_some_and(|(e, g)| (e.role, e.segment, &e.shape) == (g.role, g.segment, &g.shape));
        (!same).then(|| expected.or(got).map(|p| p.name.clone()).unwrap_or_default())
    };
    match (0..expected.len().max(got.len())).find_map(differs) {
        Some(name) => Err(InteropError::OtherModel { name }),
        None => Ok(()),
    }
}
