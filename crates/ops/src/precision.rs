//! The number format of the operands of matrix products.

/// Number format of the operands of matrix products; sums are always in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32-bit operands.
    #[default]
    F32,
    /// Operands rounded to bfloat16 on their way into a product. A processor with AVX512-BF16 multiplies them twice as fast as
    /// f32; any other computes the same products in f32.
    Bf16,
}

impl Precision {
    /// Whether this processor's own instructions multiply operands of this format; if not, a run has the format's
    /// numbers but not its speed.
    pub fn is_native(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => crate::flex::has_bf16_products(),
        }
    }
}
