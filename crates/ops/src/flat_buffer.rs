//! One long row of numbers that holds a whole parameter group: its weights, or gradients, or optimizer state.
//!
//! Views of it are tensors without a copy. A view must be dropped before the buffer changes: flex changes in place only
//! what has one owner, and would silently copy the whole buffer otherwise.

use burn::tensor::Tensor;
use burn_backend::{Bytes, DType, Shape};
use burn_flex::{Flex, FlexTensor, Layout};

use crate::zeros::zeros;

/// A flat f32 buffer on the device.
#[derive(Debug)]
pub struct FlatBuffer {
    data: FlexTensor,
    len: usize,
}

impl FlatBuffer {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let data = FlexTensor::new(
            Bytes::from_elems(zeros(len)),
            Layout::contiguous(Shape::from(vec![len])),
            DType::F32,
        );
        Self { data, len }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements from `start` on as a tensor of `shape` that shares their memory and requires no gradient.
    ///
    /// # Panics
    /// If the view would reach beyond the buffer.
    pub fn view<const D: usize>(&self, start: usize, shape: [usize; D]) -> Tensor<D> {
        let elements: usize = shape.iter().product();
        assert!(
            start + elements <= self.len,
            "a view of {elements} at {start} of {}",
            self.len
        );
        let contiguous = Layout::contiguous(Shape::from(shape.to_vec()));
        let layout = Layout::new(
            Shape::from(shape.to_vec()),
            contiguous.strides().to_vec(),
            start,
        );
        Tensor::from_primitive::<Flex>(FlexTensor::from_arc(
            self.data.data_arc(),
            layout,
            DType::F32,
        ))
    }

    /// All elements, on the host.
    pub fn host(&self) -> &[f32] {
        self.data.storage()
    }

    /// All elements, on the host, to change; free of copies while no view is alive.
    pub fn host_mut(&mut self) -> &mut [f32] {
        assert!(
            self.data.is_unique(),
            "a view of a flat buffer outlived its segment"
        );
        self.data.storage_mut()
    }
}
