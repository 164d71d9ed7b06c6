//! What a forward pass is given beside weights: ids, positions and document borders as tensors.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::rope::Rotations;

/// A micro-batch on the device.
#[derive(Debug, Clone)]
pub struct Input {
    /// Token ids, `[batch, seq]`.
    pub ids: Tensor<2, Int>,
    /// `[batch, seq, head_dim / 2]`
    pub(crate) cos: Tensor<3>,
    /// `[batch, seq, head_dim / 2]`
    pub(crate) sin: Tensor<3>,
    /// Index of the first key of each token's document, `[batch, seq]`.
    pub(crate) starts: Tensor<2, Int>,
}

impl Input {
    /// Takes row-major `[batch, seq]` columns: ids, each token's position in its document, and each token's document
    /// (any number that changes where a document ends).
    ///
    /// # Panics
    /// If the columns differ in length.
    pub fn new(
        rotations: &Rotations,
        [batch, seq]: [usize; 2],
        ids: &[i32],
        positions: &[i32],
        documents: &[i32],
        device: &Device,
    ) -> Self {
        assert!(
            ids.len() == batch * seq
                && positions.len() == ids.len()
                && documents.len() == ids.len()
        );
        let mut starts = Vec::with_capacity(ids.len());
        for row in documents.chunks(seq.max(1)) {
            let mut start = 0;
            for (index, document) in row.iter().enumerate() {
                if index > 0 && *document != row[index - 1] {
                    start = index as i32;
                }
                starts.push(start);
            }
        }
        Self::with_starts(rotations, [batch, seq], ids, positions, starts, device)
    }

    /// One sequence whose tokens stand at `first_position` and after, with all earlier ones in a cache.
    pub fn continuing(
        rotations: &Rotations,
        ids: &[i32],
        first_position: usize,
        device: &Device,
    ) -> Self {
        let positions: Vec<i32> = (first_position..first_position + ids.len())
            .map(|p| p as i32)
            .collect();
        Self::with_starts(
            rotations,
            [1, ids.len()],
            ids,
            &positions,
            vec![0; ids.len()],
            device,
        )
    }

    fn with_starts(
        rotations: &Rotations,
        [batch, seq]: [usize; 2],
        ids: &[i32],
        positions: &[i32],
        starts: Vec<i32>,
        device: &Device,
    ) -> Self {
        let (cos, sin) = rotations.at(positions);
        let half = rotations.pairs();
        let table = |values: Vec<f32>| {
            Tensor::from_data(TensorData::new(values, [batch, seq, half]), device)
        };
        let column =
            |values: Vec<i32>| Tensor::from_data(TensorData::new(values, [batch, seq]), device);
        Self {
            ids: column(ids.to_vec()),
            cos: table(cos),
            sin: table(sin),
            starts: column(starts),
        }
    }
}
