//! What operations are told beside their tensors.

use crate::precision::Precision;

/// How queries see keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionSpec {
    /// Factor on `q kᵀ` before the softmax.
    pub scale: f32,
    /// A query sees itself and the `window - 1` keys before it; `None` sees the whole document.
    pub window: Option<usize>,
    /// Scores become `softcap · tanh(score / softcap)` before the softmax (Gemma 2, arXiv 2408.00118).
    pub softcap: Option<f32>,
    /// Operands of its two products (backward: five).
    pub precision: Precision,
}

impl AttentionSpec {
    /// Panics where queries and keys of these numbers do not fit each other.
    pub(crate) fn expect_fit(self, seq_q: usize, seq_k: usize, heads: usize, kv_heads: usize) {
        assert!(
            seq_q <= seq_k,
            "{seq_q} queries are the last of {seq_k} positions"
        );
        assert!(
            kv_heads > 0 && heads.is_multiple_of(kv_heads),
            "{heads} query heads share {kv_heads} key/value heads"
        );
        assert!(self.window != Some(0), "a window holds the query itself");
    }
}

/// How a row is normalized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSpec {
    /// Added to the mean square.
    pub eps: f32,
    /// Whether the stored weight is the distance from one: rows are multiplied by `1 + w`.
    pub zero_centered: bool,
}

impl NormSpec {
    /// Rows are multiplied by the stored weight.
    pub const fn plain(eps: f32) -> Self {
        Self {
            eps,
            zero_centered: false,
        }
    }
}

/// How hidden states become log-probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadSpec {
    /// Factor on `x Wᵀ`.
    pub logits_scale: f32,
    /// Each log-probability is lowered by `z_loss · log_sum_exp²`, which holds the logits' sum near one (PaLM,
    /// arXiv 2204.02311, section 5); 0 leaves it.
    pub z_loss: f32,
    /// Operands of its products.
    pub precision: Precision,
}

impl HeadSpec {
    /// Log-probabilities of `softmax(x Wᵀ)`.
    pub const fn plain(precision: Precision) -> Self {
        Self {
            logits_scale: 1.0,
            z_loss: 0.0,
            precision,
        }
    }
}
