//! The decoder: segments (embedding, blocks, head), each a pure function of its weights and its input.

use burn::tensor::{Int, Tensor};
use jikji_ops::{
    AttentionSpec, HeadSpec, NormSpec, Precision, attention, embedding, linear, residual,
    residual_rms_norm, rms_norm, rope, swiglu, target_log_probs,
};

use crate::cache::KeyValueCache;
use crate::decoder_config::DecoderConfig;
use crate::families::Role;
use crate::input::Input;
use crate::rope::Rotations;
use crate::segment::{Segment, SegmentWeights};
use crate::store::Store;

/// A decoder's sizes and tables; it owns no weights.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: DecoderConfig,
    precision: Precision,
    rotations: Rotations,
}

/// What training tells the head beforehand.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    /// The loss's derivative by each log-probability, `[batch, seq]`, where it is known before they are: the head's backward is
    /// then done together with its forward.
    pub derivative: Option<Tensor<2>>,
    /// Weight of the squared log-sum-exp of the logits.
    pub z_loss: f32,
}

impl Decoder {
    /// Prepares the tables of a decoder.
    pub fn new(config: DecoderConfig, precision: Precision) -> Self {
        let rotations = Rotations::new(config.head_dim, config.rope.theta, config.rope.scaling);
        Self {
            config,
            precision,
            rotations,
        }
    }

    /// What it was made from.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Operands of its matrix products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// By how much q and k are turned at each position: what an [`Input`] is made with.
    pub fn rotations(&self) -> &Rotations {
        &self.rotations
    }

    /// The segments in the order of the forward pass.
    pub fn segments(&self) -> Vec<Segment> {
        let blocks = (0..self.config.num_hidden_layers()).map(Segment::Block);
        std::iter::once(Segment::Embedding)
            .chain(blocks)
            .chain(std::iter::once(Segment::Head))
            .collect()
    }

    /// # Shapes
    /// - returns: `[batch, seq, hidden]`
    pub fn embed(&self, weights: &SegmentWeights, input: &Input) -> Tensor<3> {
        let x = embedding(weights.matrix(Role::Embedding), input.ids.clone());
        scaled(x, self.config.multipliers.embedding)
    }

    /// One block; with a cache, the input continues what the cache holds.
    ///
    /// # Shapes
    /// - `x`: `[batch, seq, hidden]`
    /// - returns: `[batch, seq, hidden]`
    pub fn block(
        &self,
        layer: usize,
        weights: &SegmentWeights,
        x: Tensor<3>,
        input: &Input,
        cache: Option<&mut KeyValueCache>,
    ) -> Tensor<3> {
        let factor = self.config.multipliers.residual as f32;
        let normed = self.optional_norm(weights, Role::PreAttentionNorm, x.clone());
        let added = self.attention(layer, weights, normed, input, cache);
        let added = self.optional_norm(weights, Role::PostAttentionNorm, added);
        let (x, normed) = if let Some(weight) = weights.vectors.get(&Role::PreMlpNorm) {
            residual_rms_norm(x, added, factor, weight.clone(), self.norm())
        } else {
            let x = residual(x, added, factor);
            (x.clone(), x)
        };
        let added = self.mlp(weights, normed);
        let added = self.optional_norm(weights, Role::PostMlpNorm, added);
        residual(x, added, factor)
    }

    /// Log-probability of each target (negative targets are ignored), lowered by the z-loss if there is one.
    ///
    /// # Shapes
    /// - `x`: `[batch, seq, hidden]`
    /// - `targets`, and the result: `[batch, seq]`
    pub fn log_probs(
        &self,
        weights: &SegmentWeights,
        x: Tensor<3>,
        targets: Tensor<2, Int>,
        promise: Promise,
    ) -> Tensor<2> {
        let x = rms_norm(x, weights.vector(Role::FinalNorm), self.norm());
        let spec = HeadSpec {
            logits_scale: self.config.multipliers.logits as f32,
            z_loss: promise.z_loss,
            precision: self.precision,
        };
        let weight = weights.matrix(self.head_role());
        target_log_probs(x, weight, targets, spec, promise.derivative)
    }

    /// Logits of every token of the vocabulary.
    ///
    /// # Shapes
    /// - `x`: `[batch, seq, hidden]`
    /// - returns: `[batch, seq, vocab]`
    pub fn logits(&self, weights: &SegmentWeights, x: Tensor<3>) -> Tensor<3> {
        let x = rms_norm(x, weights.vector(Role::FinalNorm), self.norm());
        let logits = linear(x, weights.matrix(self.head_role()), self.precision);
        scaled(logits, self.config.multipliers.logits)
    }

    /// All segments in a row, without a graph: the log-probability of each target.
    ///
    /// # Shapes
    /// - `targets`, and the result: `[batch, seq]`
    pub fn forward_log_probs(
        &self,
        weights: &Store,
        input: &Input,
        targets: Tensor<2, Int>,
    ) -> Tensor<2> {
        let x = self.forward_hidden(weights, input, None);
        let weights = weights.segment(Segment::Head);
        self.log_probs(&weights, x, targets, Promise::default())
    }

    /// Embedding and blocks in a row, without a graph; with a cache, the input continues what the cache holds.
    ///
    /// # Shapes
    /// - returns: `[batch, seq, hidden]`
    pub fn forward_hidden(
        &self,
        weights: &Store,
        input: &Input,
        mut cache: Option<&mut KeyValueCache>,
    ) -> Tensor<3> {
        let mut x = self.embed(&weights.segment(Segment::Embedding), input);
        for layer in 0..self.config.num_hidden_layers() {
            let views = weights.segment(Segment::Block(layer));
            x = self.block(layer, &views, x, input, cache.as_deref_mut());
        }
        x
    }

    fn head_role(&self) -> Role {
        if self.config.tie_word_embeddings {
            Role::Embedding
        } else {
            Role::LmHead
        }
    }

    fn attention(
        &self,
        layer: usize,
        weights: &SegmentWeights,
        x: Tensor<3>,
        input: &Input,
        cache: Option<&mut KeyValueCache>,
    ) -> Tensor<3> {
        let config = &self.config;
        let [batch, seq, _] = x.dims();
        let (heads, kv_heads, head_dim) = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        );
        let project = |matrix, bias| self.projection(weights, x.clone(), matrix, bias);
        let q = project(Role::QProj, Role::QBias).reshape([batch, seq, heads, head_dim]);
        let k = project(Role::KProj, Role::KBias).reshape([batch, seq, kv_heads, head_dim]);
        let v = project(Role::VProj, Role::VBias).reshape([batch, seq, kv_heads, head_dim]);
        let (q, k) = if config.qk_norm {
            let norm = |x, role| rms_norm::<4>(x, weights.vector(role), self.norm());
            (norm(q, Role::QNorm), norm(k, Role::KNorm))
        } else {
            (q, k)
        };
        let (q, k) = if config.layers[layer].rope {
            let turn = |x| rope(x, input.cos.clone(), input.sin.clone());
            (turn(q), turn(k))
        } else {
            (q, k)
        };
        let spec = AttentionSpec {
            scale: config.multipliers.attention as f32,
            window: config.layers[layer].window,
            softcap: None,
            precision: self.precision,
        };
        let y = match cache {
            Some(cache) => cache.layer(layer).attend(q, k, v, spec),
            None => attention(q, k, v, input.starts.clone(), spec),
        };
        self.projection(
            weights,
            y.reshape([batch, seq, heads * head_dim]),
            Role::OProj,
            Role::OBias,
        )
    }

    fn mlp(&self, weights: &SegmentWeights, x: Tensor<3>) -> Tensor<3> {
        let gate = self.projection(weights, x.clone(), Role::GateProj, Role::GateBias);
        let up = self.projection(weights, x, Role::UpProj, Role::UpBias);
        self.projection(
            weights,
            swiglu(gate, up, None),
            Role::DownProj,
            Role::DownBias,
        )
    }

    fn projection(
        &self,
        weights: &SegmentWeights,
        x: Tensor<3>,
        matrix: Role,
        bias: Role,
    ) -> Tensor<3> {
        let y = linear(x, weights.matrix(matrix), self.precision);
        match weights.vectors.get(&bias) {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }

    fn norm(&self) -> NormSpec {
        NormSpec::plain(self.config.rms_norm_eps)
    }

    fn optional_norm(&self, weights: &SegmentWeights, role: Role, x: Tensor<3>) -> Tensor<3> {
        match weights.vectors.get(&role) {
            Some(weight) => rms_norm(x, weight.clone(), self.norm()),
            None => x,
        }
    }
}

/// `x` times a constant; without a pass over it where the constant is 1.
fn scaled(x: Tensor<3>, factor: f64) -> Tensor<3> {
    if factor == 1.0 { x } else { x * factor }
}
