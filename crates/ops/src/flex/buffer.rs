//! Memory of results, used again: a training step asks for the same sizes every time, and fresh pages from the operating
//! system cost more than most operations that write to them.

#![expect(
    unsafe_code,
    reason = "burn's storage is bytes behind a trait of raw memory"
)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use burn_backend::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty};

use crate::zeros::zeros;

/// Below this many elements the allocator keeps the pages itself.
const SMALLEST_KEPT: usize = 8 * 1024;

/// Numbers that go back to the shelf when they are dropped, be it as a tensor's storage.
#[derive(Debug)]
pub(crate) struct Buffer(ManuallyDrop<Vec<f32>>);

impl Buffer {
    /// `len` numbers of **any** value: for results that are written as a whole.
    pub(crate) fn any(len: usize) -> Self {
        let kept = (len >= SMALLEST_KEPT).then(|| shelf(|shelf| shelf.take(len)));
        Self(ManuallyDrop::new(
            kept.flatten().unwrap_or_else(|| zeros(len)),
        ))
    }

    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::any(len);
        buffer.fill(0.0);
        buffer
    }

    /// As the storage of a tensor.
    pub(crate) fn into_tensor(self, shape: &[usize]) -> FlexTensor {
        let shape = Shape::from(shape.to_vec());
        assert_eq!(shape.num_elements(), self.len(), "a shape of its elements");
        let bytes = size_of_val(&self[..]);
        // SAFETY: every byte of a slice of f32 is initialized.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), bytes) };
        FlexTensor::new(bytes, Layout::contiguous(shape), DType::F32)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the vector is not touched after this.
        let values = unsafe { ManuallyDrop::take(&mut self.0) };
        if values.len() >= SMALLEST_KEPT {
            shelf(|shelf| shelf.put(values));
        }
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val(&self[..]);
        let start = self.as_mut_ptr().cast();
        // SAFETY: the bytes of a mutable slice; the trait's caller writes only initialized data, and any bits are an f32.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let start = self.as_ptr().cast();
        // SAFETY: the bytes of a slice.
        Ok(unsafe { std::slice::from_raw_parts(start, size_of_val(&self[..])) })
    }
}

/// What is not in use, the longest unused first.
struct Shelf {
    kept: Vec<Vec<f32>>,
    /// Elements on the shelf, in use, and the most that were ever in use.
    kept_len: usize,
    used_len: usize,
    most_used: usize,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf {
    kept: Vec::new(),
    kept_len: 0,
    used_len: 0,
    most_used: 0,
});

fn shelf<T>(work: impl FnOnce(&mut Shelf) -> T) -> T {
    // Nothing panics half-way through a change of the shelf.
    work(
        &mut SHELF
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    )
}

impl Shelf {
    /// The smallest that is large enough and not a quarter too large; `None` asks for a new one.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        self.used_len += len;
        self.most_used = self.most_used.max(self.used_len);
        let fitting = |kept: &Vec<f32>| (len..=len + len / 4).contains(&kept.capacity());
        let best = (0..self.kept.len())
            .filter(|&index| fitting(&self.kept[index]))
            .min_by_key(|&index| self.kept[index].capacity());
        if let Some(index) = best {
            let mut values = self.kept.remove(index);
            self.kept_len -= values.capacity();
            values.resize(len, 0.0);
            return Some(values);
        }
        // What is kept and what is asked for stay within an eighth of what was once needed at the same time.
        let bound = self.most_used + self.most_used / 8;
        while self.used_len + self.kept_len > bound && !self.kept.is_empty() {
            self.kept_len -= self.kept.remove(0).capacity();
        }
        None
    }

    fn put(&mut self, values: Vec<f32>) {
        self.used_len = self.used_len.saturating_sub(values.len());
        self.kept_len += values.capacity();
        self.kept.push(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Shelf {
        Shelf {
            kept: Vec::new(),
            kept_len: 0,
            used_len: 0,
            most_used: 0,
        }
    }

    #[test]
    fn a_size_that_comes_back_is_served_from_the_shelf() {
        let mut shelf = empty();
        // Much was once in use, so nothing has to leave for the little that is asked for now.
        shelf.take(1000);
        shelf.put(Vec::new());
        shelf.used_len = 0;
        assert!(shelf.take(100).is_none());
        shelf.put(vec![1.0; 100]);
        assert!(shelf.take(200).is_none(), "too small for this one");
        assert!(shelf.take(50).is_none(), "and a waste for this one");
        let again = shelf.take(90).expect("near enough");
        assert_eq!(again.len(), 90);
    }

    #[test]
    fn what_is_kept_is_bounded_by_what_was_needed_at_once() {
        let mut shelf = empty();
        for len in (1000..100_000).step_by(1000) {
            shelf.take(len);
            shelf.put(vec![0.0; len]);
            assert!(shelf.kept_len <= shelf.most_used + shelf.most_used / 8);
        }
        assert_eq!(shelf.used_len, 0);
    }

    #[test]
    fn a_tensor_s_storage_returns() {
        let len = SMALLEST_KEPT + 12_345;
        let mut buffer = Buffer::any(len);
        buffer.fill(3.0);
        let tensor = buffer.into_tensor(&[1, len]);
        assert_eq!(tensor.storage::<f32>()[len - 1], 3.0);
        let capacity = len;
        drop(tensor);
        let is_kept = shelf(|shelf| shelf.kept.iter().any(|kept| kept.capacity() == capacity));
        assert!(is_kept);
    }
}
