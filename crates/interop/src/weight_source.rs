//! Where the numbers of a model come from, a few at a time, whatever holds them.

use jikji_checkpoint::FloatType;
use jikji_model::{ParameterTable, Store};

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
