//! Each fused operation composed of plain tensor operations: what the kernels are tested against, and the definition to
//! read. Differentiable by burn's own autodiff.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::specs::{AttentionSpec, HeadSpec, NormSpec};

/// See [`linear`](crate::linear).
pub fn linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    let [batch, seq, input] = x.dims();
    let [output, _] = weight.dims();
    x.reshape([batch * seq, input])
        .matmul(weight.transpose())
        .reshape([batch, seq, output])
}

/// See [`rms_norm`](crate::rms_norm).
pub fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, spec: NormSpec) -> Tensor<D> {
    let mean_square = (x.clone() * x.clone()).mean_dim(D - 1);
    let weight = if spec.zero_centered {
        weight + 1.0
    } else {
        weight
    };
    x / (mean_square + spec.eps).sqrt() * weight.unsqueeze()
}

/// See [`residual`](crate::residual).
pub fn residual(x: Tensor<3>, y: Tensor<3>, factor: f32) -> Tensor<3> {
    x + y * factor
}

/// See [`swiglu`](crate::swiglu).
pub fn swiglu(gate: Tensor<3>, up: Tensor<3>, limit: Option<f32>) -> Tensor<3> {
    let (gate, up) = match limit {
        Some(limit) => (gate.clamp_max(limit), up.clamp(-limit, limit)),
        None => (gate, up),
    };
    let open = gate.clone().neg().exp().add_scalar(1.0).recip();
    gate * open * up
}

/// See [`rope`](crate::rope).
pub fn rope(x: Tensor<4>, cos: Tensor<3>, sin: Tensor<3>) -> Tensor<4> {
    let [batch, seq, heads, head_dim] = x.dims();
    let half = head_dim / 2;
    let cos = cos.reshape([batch, seq, 1, half]);
    let sin = sin.reshape([batch, seq, 1, half]);
    let low = x.clone().slice([0..batch, 0..seq, 0..heads, 0..half]);
    let high = x.slice([0..batch, 0..seq, 0..heads, half..head_dim]);
    let turned_low = low.clone() * cos.clone() - high.clone() * sin.clone();
    let turned_high = high * cos + low * sin;
    Tensor::cat(vec![turned_low, turned_high], 3)
}

/// See [`attention`](crate::attention).
pub fn attention(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    starts: Tensor<2, Int>,
    spec: AttentionSpec,
) -> Tensor<4> {
    let [_, _, heads, _] = q.dims();
    let hidden = hidden_keys(starts, k.dims()[1], spec.window);
    let q = q.swap_dims(1, 2); // [batch, heads, seq_q, head_dim]
    let k = repeat_heads(k, heads).swap_dims(1, 2);
    let v = repeat_heads(v, heads).swap_dims(1, 2);
    let scores = q.matmul(k.swap_dims(2, 3)) * spec.scale; // [batch, heads, seq_q, seq_k]
    let scores = match spec.softcap {
        Some(softcap) => (scores / softcap).tanh() * softcap,
        None => scores,
    };
    let probabilities = softmax(scores.mask_fill(hidden, f32::NEG_INFINITY), 3);
    probabilities.matmul(v).swap_dims(1, 2)
}

/// `[batch, 1, seq_q, seq_k]`, true where a query must not look.
fn hidden_keys(starts: Tensor<2, Int>, seq_k: usize, window: Option<usize>) -> Tensor<4, Bool> {
    let [batch, seq_q] = starts.dims();
    let device: Device = starts.device();
    let starts: Vec<i32> = starts
        .into_data()
        .convert::<i32>()
        .try_to_vec()
        .expect("converted to i32");
    let mut hidden = Vec::with_capacity(batch * seq_q * seq_k);
    for (row, start) in starts.into_iter().enumerate() {
        let position = seq_k - seq_q + row % seq_q;
        for key in 0..seq_k {
            let outside = window.is_some_and(|window| key + window <= position);
            hidden.push(key > position || (key as i32) < start || outside);
        }
    }
    let data = TensorData::new(hidden, [batch, 1, seq_q, seq_k]);
    Tensor::from_data(data, &device)
}

fn repeat_heads(x: Tensor<4>, heads: usize) -> Tensor<4> {
    let [batch, seq, kv_heads, head_dim] = x.dims();
    x.reshape([batch, seq, kv_heads, 1, head_dim])
        .repeat_dim(3, heads / kv_heads)
        .reshape([batch, seq, heads, head_dim])
}

/// The update that [`muon_update`](crate::muon_update) takes for a matrix with no more rows than columns: `steps` rounds of
/// `x ← a x + (b s + c s²) x` with `s = x xᵀ`, from `x` over its norm.
pub fn orthogonal(x: Tensor<2>, steps: usize) -> Tensor<2> {
    let norm = (x.clone() * x.clone()).sum().sqrt();
    let mut x = x / norm.unsqueeze();
    for _ in 0..steps {
        let s = x.clone().matmul(x.clone().transpose());
        let mix = s.clone() * -4.7750 + s.clone().matmul(s) * 2.0315;
        x = x.clone() * 3.4445 + mix.matmul(x);
    }
    x
}

/// See [`embedding`](crate::embedding).
pub fn embedding(weight: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    let [batch, seq] = ids.dims();
    let [_, hidden] = weight.dims();
    weight
        .select(0, ids.reshape([batch * seq]))
        .reshape([batch, seq, hidden])
}

/// See [`target_log_probs`](crate::target_log_probs).
pub fn target_log_probs(
    x: Tensor<3>,
    weight: Tensor<2>,
    targets: Tensor<2, Int>,
    spec: HeadSpec,
) -> Tensor<2> {
    let [batch, seq] = targets.dims();
    let logits = linear(x, weight) * spec.logits_scale;
    let log_probs = log_softmax(logits.clone(), 2);
    let ignored = targets.clone().lower_elem(0);
    let targets = targets.clamp_min(0).reshape([batch, seq, 1]);
    let log_sum_exp =
        logits.gather(2, targets.clone()) - log_probs.clone().gather(2, targets.clone());
    let penalty = log_sum_exp.clone() * log_sum_exp * spec.z_loss;
    (log_probs.gather(2, targets) - penalty)
        .reshape([batch, seq])
        .mask_fill(ignored, 0.0)
}
