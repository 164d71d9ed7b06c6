//! What PyTorch's `padding_idx` does to the gradient of an embedding.
//!
//! transformers gives `nn.Embedding` the config's `pad_token_id` as `padding_idx`, and PyTorch then adds nothing to that row of
//! the gradient where the id stands in the input. Training here has no such rule, so an embedding's norm is compared both
//! ways. In a tied model the row still receives the gradient of the output projection.

use burn::tensor::{Device, Tensor, TensorData};
use jikji_model::{Decoder, Role, Store};

use super::{MicroBatch, add_gradients};
use crate::config::ActivationCheckpointing;

/// An embedding's gradient without what the padding token's places in the input add to it.
#[derive(Debug, Clone, PartialEq)]
pub struct PaddedEmbedding {
    /// Its published name.
    pub name: String,
    /// The row, `pad_token_id`.
    pub row: u32,
    /// The L2 norm.
    pub norm: f64,
}

/// `None` where the token is in no input or the embedding is not trained: then the rule changes nothing.
pub(super) fn padded_embedding(
    decoder: &Decoder,
    weights: &Store,
    rows: &[Vec<u32>],
    gradients: &Store,
    pad_id: u32,
    device: &Device,
) -> Option<PaddedEmbedding> {
    let parameters = gradients.layout().table().parameters();
    let embedding = parameters
        .iter()
        .position(|parameter| parameter.role == Role::Embedding)?;
    let values = gradients.values(embedding)?;
    let &[vocab, width] = parameters[embedding].shape.as_slice() else {
        return None;
    };
    let is_input = rows
        .iter()
        .any(|ids| ids[..ids.len() - 1].contains(&pad_id));
    if !is_input || pad_id as usize >= vocab || vocab < 2 {
        return None;
    }
    // The embedding's part of the backward pass reads the ids once more: given another id, it adds to another row.
    let other = i32::from(pad_id == 0);
    let replace = |batch: &mut MicroBatch| {
        let ids: Vec<i32> = batch
            .input
            .ids
            .clone()
            .into_data()
            .convert::<i32>()
            .try_to_vec()
            .expect("ids are integers");
        let ids: Vec<i32> = ids
            .into_iter()
            .map(|id| if id == pad_id as i32 { other } else { id })
            .collect();
        let len = ids.len();
        batch.input.ids = Tensor::from_data(TensorData::new(ids, [1, len]), device);
    };
    let mut moved = Store::of_trained(weights.layout().clone(), |_| true);
    let again = ActivationCheckpointing::Blocks;
    add_gradients(decoder, weights, rows, &mut moved, device, again, replace);
    let squares = |values: &[f32]| {
        values
            .iter()
            .map(|value| f64::from(*value).powi(2))
            .sum::<f64>()
    };
    let row = pad_id as usize * width..(pad_id as usize + 1) * width;
    let others = squares(&values[..row.start]) + squares(&values[row.end..]);
    let kept = squares(&moved.values(embedding)?[row]);
    Some(PaddedEmbedding {
        name: parameters[embedding].name.clone(),
        row: pad_id,
        norm: (others + kept).sqrt(),
    })
}
