//! How numbers are stored: three kinds of floats, and 8-bit blocks with a scale.

use half::{bf16, f16};

/// The types of tensors that are written and read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GgufType {
    /// 32-bit IEEE 754.
    F32,
    /// 16-bit IEEE 754, rounded to nearest even; values beyond 65504 become infinite.
    F16,
    /// The upper half of `F32`, rounded to nearest even.
    BF16,
    /// Blocks of 32 numbers of a row: an `F16` scale `d = max |x| / 127`, then `round(x / d)` as 8-bit integers.
    Q8_0,
}

/// Numbers that share a scale.
const Q8_BLOCK: usize = 32;

impl GgufType {
    /// Every type, in the order of their codes.
    pub const ALL: [GgufType; 4] = [GgufType::F32, GgufType::F16, GgufType::Q8_0, GgufType::BF16];

    /// As ggml spells it.
    pub fn name(self) -> &'static str {
        match self {
            GgufType::F32 => "F32",
            GgufType::F16 => "F16",
            GgufType::BF16 => "BF16",
            GgufType::Q8_0 => "Q8_0",
        }
    }

    /// Elements that are stored together; a row must be a multiple of it.
    pub const fn block(self) -> usize {
        match self {
            GgufType::F32 | GgufType::F16 | GgufType::BF16 => 1,
            GgufType::Q8_0 => Q8_BLOCK,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            GgufType::F32 => 4,
            GgufType::F16 | GgufType::BF16 => 2,
            GgufType::Q8_0 => 2 + Q8_BLOCK,
        }
    }

    /// Whether a number is finite and stays so in this type.
    pub fn holds(self, value: f32) -> bool {
        match self {
            GgufType::F32 => value.is_finite(),
            GgufType::F16 => f16::from_f32(value).is_finite(),
            GgufType::BF16 => bf16::from_f32(value).is_finite(),
            // The largest of a block decides the scale, which is an `F16`.
            GgufType::Q8_0 => f16::from_f32(value / 127.0).is_finite(),
        }
    }

    /// ggml's number of the type.
    pub(super) const fn code(self) -> u32 {
        match self {
            GgufType::F32 => 0,
            GgufType::F16 => 1,
            GgufType::Q8_0 => 8,
            GgufType::BF16 => 30,
        }
    }

    pub(super) fn of_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|number| number.code() == code)
    }

    /// Appends the bytes of whole blocks; what is left over behind them is not written.
    pub(super) fn encode(self, values: &[f32], bytes: &mut Vec<u8>) {
        match self {
            GgufType::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            GgufType::F16 => bytes.extend(
                values
                    .iter()
                    .flat_map(|value| f16::from_f32(*value).to_le_bytes()),
            ),
            GgufType::BF16 => bytes.extend(
                values
                    .iter()
                    .flat_map(|value| bf16::from_f32(*value).to_le_bytes()),
            ),
            GgufType::Q8_0 => {
                for block in values.as_chunks::<Q8_BLOCK>().0 {
                    encode_q8(block, bytes);
                }
            }
        }
    }

    /// The numbers of whole blocks, as many as both sides hold.
    pub(super) fn decode(self, bytes: &[u8], values: &mut [f32]) {
        match self {
            GgufType::F32 => values
                .iter_mut()
                .zip(bytes.as_chunks().0)
                .for_each(|(value, bytes)| *value = f32::from_le_bytes(*bytes)),
            GgufType::F16 => values
                .iter_mut()
                .zip(bytes.as_chunks().0)
                .for_each(|(value, bytes)| *value = f16::from_le_bytes(*bytes).to_f32()),
            GgufType::BF16 => values
                .iter_mut()
                .zip(bytes.as_chunks().0)
                .for_each(|(value, bytes)| *value = bf16::from_le_bytes(*bytes).to_f32()),
            GgufType::Q8_0 => {
                let blocks = bytes.as_chunks::<{ 2 + Q8_BLOCK }>().0;
                for (values, [low, high, quants @ ..]) in values.chunks_mut(Q8_BLOCK).zip(blocks) {
                    let scale = f16::from_le_bytes([*low, *high]).to_f32();
                    for (value, quant) in values.iter_mut().zip(quants) {
                        *value = scale * f32::from(*quant as i8);
                    }
                }
            }
        }
    }
}

/// As ggml's reference: the quotient is taken with the `f32` scale, halves are rounded away from zero.
fn encode_q8(block: &[f32; Q8_BLOCK], bytes: &mut Vec<u8>) {
    let largest = block
        .iter()
        .fold(0.0_f32, |max, value| max.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    bytes.extend(f16::from_f32(scale).to_le_bytes());
    bytes.extend(
        block
            .iter()
            .map(|value| (value * inverse).round() as i8 as u8),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(number: GgufType, values: &[f32]) -> Vec<f32> {
        let mut bytes = Vec::new();
        number.encode(values, &mut bytes);
        assert_eq!(
            bytes.len(),
            values.len() / number.block() * number.block_bytes()
        );
        let mut back = vec![f32::NAN; values.len()];
        number.decode(&bytes, &mut back);
        back
    }

    #[test]
    fn a_block_by_hand() {
        // The largest is 127, so the scale is 1 and what is stored is the rounded number itself.
        let mut block = [0.0; 32];
        block[..6].copy_from_slice(&[127.0, -126.5, 0.5, -0.5, 0.49, 3.2]);
        let mut bytes = Vec::new();
        GgufType::Q8_0.encode(&block, &mut bytes);
        assert_eq!(bytes[..2], f16::ONE.to_le_bytes());
        let quants: Vec<i8> = bytes[2..8].iter().map(|byte| *byte as i8).collect();
        assert_eq!(quants, [127, -127, 1, -1, 0, 3]);
        assert!(bytes[8..].iter().all(|byte| *byte == 0));
        assert_eq!(round_trip(GgufType::Q8_0, &[0.0; 32]), [0.0; 32]);
    }

    proptest! {
        #[test]
        fn floats_come_back_rounded_and_blocks_within_half_a_step(values in prop::collection::vec(-100.0_f32..100.0, 64)) {
            prop_assert_eq!(round_trip(GgufType::F32, &values), values.clone());
            for (back, value) in round_trip(GgufType::F16, &values).iter().zip(&values) {
                prop_assert_eq!(*back, f16::from_f32(*value).to_f32());
            }
            for (back, value) in round_trip(GgufType::BF16, &values).iter().zip(&values) {
                prop_assert_eq!(*back, bf16::from_f32(*value).to_f32());
            }
            let back = round_trip(GgufType::Q8_0, &values);
            for (block, back) in values.chunks(32).zip(back.chunks(32)) {
                let step = block.iter().fold(0.0_f32, |max, value| max.max(value.abs())) / 127.0;
                for (value, back) in block.iter().zip(back) {
                    // Half a step, and the rounding of the scale to 11 bits at up to 127 steps.
                    prop_assert!((value - back).abs() <= step * (0.5 + 127.0 / 2048.0) + 1e-6);
                }
            }
        }
    }
}
