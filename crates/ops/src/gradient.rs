//! Where the gradients of a step are summed: each operation writes the gradient of its weight to its place in a flat buffer,
//! and no tensor of the weight's size exists in between.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;
use burn_flex::Flex;
use rayon::prelude::*;

use crate::FlatBuffer;
use crate::flex::vectorized;
use crate::profile::{Timed, timed};

/// Elements of a task.
const TASK_ELEMENTS: usize = 64 * 1024;

/// The gradients of a parameter group while they are found.
#[derive(Debug)]
pub struct GradientSum(Arc<Mutex<Sum>>);

/// The place of one weight's gradient.
#[derive(Debug, Clone)]
pub struct GradientSlot {
    sum: Arc<Mutex<Sum>>,
    range: Range<usize>,
}

/// A weight matrix as operations take it.
#[derive(Debug, Clone)]
pub struct Weight {
    /// `[out, in]`, or `[vocab, hidden]`.
    pub values: Tensor<2>,
    /// Where its gradient is added; without a place the engine hands it out as a tensor.
    pub gradient: Option<GradientSlot>,
}

impl From<Tensor<2>> for Weight {
    fn from(values: Tensor<2>) -> Self {
        Self {
            values,
            gradient: None,
        }
    }
}

#[derive(Debug)]
struct Sum {
    values: FlatBuffer,
    /// Start and end of what holds a gradient by now. Elsewhere is whatever the buffer held before: who comes first writes, and
    /// nobody has to clear.
    written: BTreeMap<usize, usize>,
}

impl GradientSum {
    /// Zero everywhere, in the memory of `room`.
    pub fn begin(room: FlatBuffer) -> Self {
        Self(Arc::new(Mutex::new(Sum {
            values: room,
            written: BTreeMap::new(),
        })))
    }

    /// The place of the elements in `range`; two places are the same or do not touch.
    pub fn slot(&self, range: Range<usize>) -> GradientSlot {
        GradientSlot {
            sum: self.0.clone(),
            range,
        }
    }

    /// The sum, with zeros where nothing was added. Slots that are left must not be written to: they panic.
    pub fn end(self) -> FlatBuffer {
        let mut sum = locked(&self.0);
        let Sum { values, written } = &mut *sum;
        let mut values = std::mem::replace(values, FlatBuffer::zeros(0));
        let ends = [(values.len(), values.len())];
        let mut clean_from = 0;
        for (start, end) in std::mem::take(written).into_iter().chain(ends) {
            values.host_mut()[clean_from..start].fill(0.0);
            clean_from = end;
        }
        values
    }
}

impl GradientSlot {
    /// Lets `work` write the gradient, or add to it if it is told `true`. The buffer is locked meanwhile: `work` may use all
    /// threads, as long as no task of another parallel region writes to the same sum.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut [f32], bool) -> T) -> T {
        let mut sum = locked(&self.sum);
        let Range { start, end } = self.range;
        let known = sum.written.insert(start, end);
        assert!(known.is_none_or(|known| known == end), "places overlap");
        work(
            &mut sum.values.host_mut()[self.range.clone()],
            known.is_some(),
        )
    }

    /// Adds a tensor of as many elements.
    ///
    /// # Panics
    /// If it has another number of elements, or is not on the buffer's device.
    pub fn add<const D: usize>(&self, values: Tensor<D>) {
        let values = values
            .try_into_primitive::<Flex>()
            .expect("gradients are on the device of their weights");
        let values = values.to_contiguous();
        let values: &[f32] = values.as_slice().expect("contiguous f32");
        self.write(|sum, add| {
            assert_eq!(sum.len(), values.len(), "a gradient of its weight's size");
            timed(Timed::Gradients, || {
                sum.par_chunks_mut(TASK_ELEMENTS)
                    .zip(values.par_chunks(TASK_ELEMENTS))
                    .for_each(|(sum, values)| {
                        if !add {
                            return sum.copy_from_slice(values);
                        }
                        vectorized(
                            #[inline(always)]
                            || {
                                for (sum, value) in sum.iter_mut().zip(values) {
                                    *sum += value;
                                }
                            },
                        );
                    });
            });
        });
    }
}

/// A thread that panicked while it wrote has ended the step; what is in the buffer is not used.
fn locked(sum: &Mutex<Sum>) -> MutexGuard<'_, Sum> {
    sum.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn the_first_writes_the_others_add_and_the_rest_is_zero() {
        let mut room = FlatBuffer::zeros(7);
        room.host_mut().fill(f32::NAN);
        let sum = GradientSum::begin(room);
        let values = |values: [f32; 2]| {
            Tensor::<1>::from_data(TensorData::new(values.to_vec(), [2]), &Device::flex())
        };
        let slot = sum.slot(4..6);
        slot.add(values([1.0, 2.0]));
        sum.slot(1..3).add(values([5.0, 6.0]));
        slot.clone().add(values([10.0, 20.0]));
        assert_eq!(
            sum.end().host(),
            [0.0, 5.0, 6.0, 0.0, 11.0, 22.0, 0.0],
            "whatever the memory held before"
        );
    }
}
