//! The innermost part of a product, on AVX-512: packing here, tiles of the result in [`tiles`].
//!
//! All formats share one form. A packed operand is made of 32-bit **words**: one f32 value, or two neighbours in the inner
//! dimension as bf16. A panel holds, word after word, one word of each of its lanes (rows of `a`, columns of `b`).

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers, and instructions need their processor"
)]
#![expect(
    clippy::inline_always,
    reason = "code is compiled for AVX-512 only where it is inlined into a function that enables it"
)]

mod tiles;

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m256bh, __m256i, __m512bh, __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi32,
    _mm512_and_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepu16_epi32,
    _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_mask_mov_epi32, _mm512_mask_storeu_epi32,
    _mm512_maskz_loadu_epi32, _mm512_maskz_loadu_ps, _mm512_or_si512, _mm512_set1_epi32,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_slli_epi32,
    _mm512_srli_epi32, _mm512_store_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::mem::transmute;

pub(super) use tiles::{Tile, TileShape};

/// Rows of a tile.
pub(super) const TILE_ROWS: usize = 12;
/// Columns of a tile: two registers.
pub(super) const TILE_COLUMNS: usize = 2 * LANES;
/// 32-bit lanes of a register.
const LANES: usize = 16;
/// How far ahead packing asks for memory: registers of a lane, or words of lanes that lie one after the other.
const AHEAD: usize = 4;
const WORDS_AHEAD: usize = 8;
/// Words between addresses that share a set of the first-level cache: 4 KiB on every processor that has AVX-512.
const WORDS_OF_A_WAY: usize = 1024;

/// The kernels of one format, which this processor has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel(Format);

#[derive(Debug, Clone, Copy)]
enum Format {
    F32,
    /// f32 words of values that packing rounds to bf16.
    Rounded,
    Bf16,
}

/// Where tiles find rows of `a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// Where the matrix has them.
    Stored,
    /// In a copy by [`Kernel::round_rows`].
    Rounded,
    /// In panels of [`Kernel::pack_rows`].
    Packed,
}

/// Words from one rounded row to the next: whole registers, and never as far apart as rows of which
/// few fit into the first-level cache.
pub(super) fn rounded_row(values: usize) -> usize {
    values.next_multiple_of(LANES) | LANES
}

/// Lanes to be packed: rows of `a` or columns of `b`, each with `values` values of the inner dimension.
pub(super) struct Operand<'a> {
    pub(super) data: &'a [f32],
    pub(super) lanes: usize,
    pub(super) values: usize,
    pub(super) lane_stride: usize,
    pub(super) value_stride: usize,
}

impl Kernel {
    /// Where the processor has AVX-512.
    pub(super) fn f32() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"))
            .then_some(Self(Format::F32))
    }

    /// Where the processor has AVX-512: operands are rounded to bf16 when they are packed, and multiplied as f32.
    pub(super) fn rounded() -> Option<Self> {
        Self::f32().map(|_| Self(Format::Rounded))
    }

    /// Where the processor has AVX512-BF16.
    pub(super) fn bf16() -> Option<Self> {
        Self::f32().filter(|_| is_x86_feature_detected!("avx512bf16"))?;
        Some(Self(Format::Bf16))
    }

    pub(super) fn values_per_word(self) -> usize {
        match self.0 {
            Format::F32 => F32::VALUES,
            Format::Rounded => Rounded::VALUES,
            Format::Bf16 => Bf16::VALUES,
        }
    }

    /// How tiles read these rows of `a`. Values that lie one after the other need no packing: they
    /// are read where they are, unless they are to be rounded, which leaves them in order, or all
    /// rows begin in the same set of the first-level cache, which has fewer lines than a tile has
    /// rows.
    pub(super) fn row_form(self, operand: &Operand<'_>) -> RowForm {
        check(operand);
        match self.0 {
            Format::F32
                if operand.value_stride == 1
                    && !operand.lane_stride.is_multiple_of(WORDS_OF_A_WAY) =>
            {
                RowForm::Stored
            }
            Format::Rounded if operand.value_stride == 1 => RowForm::Rounded,
            _ => RowForm::Packed,
        }
    }

    /// Rounds rows of `a` to bf16, each [`rounded_row`] words after the one before it.
    ///
    /// # Safety
    /// `out`, on a border of 64 bytes, has room for the rows.
    #[expect(
        clippy::unused_self,
        reason = "only a processor with AVX-512 has a value of this type"
    )]
    pub(super) unsafe fn round_rows(self, out: *mut u32, operand: &Operand<'_>) {
        check(operand);
        // SAFETY: as below.
        unsafe { round_rows(out, operand) }
    }

    /// Packs rows of `a` into panels of [`TILE_ROWS`] lanes, one panel after the other.
    ///
    /// # Safety
    /// `out` has room for `lanes`, rounded up to whole panels, times the words of `values`.
    pub(super) unsafe fn pack_rows(self, out: *mut u32, operand: &Operand<'_>) {
        check(operand);
        // SAFETY: the processor was asked when `self` was made; the room is the caller's promise.
        unsafe {
            match self.0 {
                Format::F32 => f32_pack_rows(out, operand),
                Format::Rounded => rounded_pack_rows(out, operand),
                Format::Bf16 => bf16_pack_rows(out, operand),
            }
        }
    }

    /// Packs columns of `b` into panels of [`TILE_COLUMNS`] lanes, one panel after the other.
    ///
    /// # Safety
    /// As of [`pack_rows`](Self::pack_rows), with this panel's width.
    pub(super) unsafe fn pack_columns(self, out: *mut u32, operand: &Operand<'_>) {
        check(operand);
        // SAFETY: as above.
        unsafe {
            match self.0 {
                Format::F32 => f32_pack_columns(out, operand),
                Format::Rounded => rounded_pack_columns(out, operand),
                Format::Bf16 => bf16_pack_columns(out, operand),
            }
        }
    }

    /// Each tile's `out = factor · a b`, or `out += factor · a b`.
    ///
    /// # Safety
    /// Of each tile, `a` (or its rows, see [`Self::row_form`]) and `b` hold `words` words of each lane, and `rows` x
    /// `columns` elements of `out` may be written.
    pub(super) unsafe fn tiles(self, tiles: &[Tile], shape: &TileShape) {
        let kernels = match self.0 {
            Format::F32 | Format::Rounded => &tiles::f32::BY_ROWS,
            Format::Bf16 => &tiles::bf16::BY_ROWS,
        };
        // SAFETY: as above.
        unsafe { kernels[shape.rows - 1](tiles, shape) }
    }
}

/// Every element that the strides reach lies in the slice.
fn check(operand: &Operand<'_>) {
    if operand.lanes > 0 && operand.values > 0 {
        let last =
            (operand.lanes - 1) * operand.lane_stride + (operand.values - 1) * operand.value_stride;
        assert!(last < operand.data.len(), "an operand ends in its slice");
        assert!(
            operand.lane_stride == 1 || operand.value_stride == 1,
            "an operand's rows or columns are without gaps"
        );
    }
}

/// What differs between the formats.
trait Words {
    /// Values of a word.
    const VALUES: usize;
    /// Sixteen words of one lane, whose values lie one after the other; zeros beyond `values`.
    unsafe fn of_a_lane(first: *const f32, values: usize) -> __m512i;
    /// One word of each lane of `mask`; the lanes lie one after the other, and their next values `stride` further.
    unsafe fn of_lanes(first: *const f32, stride: usize, values: usize, mask: u16) -> __m512i;
}

struct F32;

impl Words for F32 {
    const VALUES: usize = 1;

    #[inline(always)]
    unsafe fn of_a_lane(first: *const f32, values: usize) -> __m512i {
        // SAFETY: only the values that are there are read.
        unsafe { _mm512_maskz_loadu_epi32(first_lanes(values), first.cast()) }
    }

    #[inline(always)]
    unsafe fn of_lanes(first: *const f32, _stride: usize, _values: usize, mask: u16) -> __m512i {
        // SAFETY: only the lanes that are there are read.
        unsafe { _mm512_maskz_loadu_epi32(mask, first.cast()) }
    }
}

struct Rounded;

impl Words for Rounded {
    const VALUES: usize = 1;

    #[inline(always)]
    unsafe fn of_a_lane(first: *const f32, values: usize) -> __m512i {
        // SAFETY: as of `F32`.
        unsafe { rounded_to_bf16(F32::of_a_lane(first, values)) }
    }

    #[inline(always)]
    unsafe fn of_lanes(first: *const f32, stride: usize, values: usize, mask: u16) -> __m512i {
        // SAFETY: as of `F32`.
        unsafe { rounded_to_bf16(F32::of_lanes(first, stride, values, mask)) }
    }
}

/// [`rounded_to_bf16`](crate::flex::lanes::rounded_to_bf16) of each word.
#[inline(always)]
unsafe fn rounded_to_bf16(words: __m512i) -> __m512i {
    /// Unordered with itself: NaN.
    const UNORDERED: i32 = 3;
    // SAFETY: no memory is touched; the caller's function enables AVX-512.
    unsafe {
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(words), _mm512_set1_epi32(1));
        let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
        let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
        let rounded = _mm512_and_si512(_mm512_add_epi32(words, half), upper);
        let values = _mm512_castsi512_ps(words);
        let nan = _mm512_cmp_ps_mask::<UNORDERED>(values, values);
        _mm512_mask_mov_epi32(rounded, nan, words)
    }
}

struct Bf16;

impl Words for Bf16 {
    const VALUES: usize = 2;

    #[inline(always)]
    unsafe fn of_a_lane(first: *const f32, values: usize) -> __m512i {
        // SAFETY: only the values that are there are read.
        unsafe {
            let low = _mm512_maskz_loadu_ps(first_lanes(values), first);
            let rest = first_lanes(values.saturating_sub(LANES));
            let high = _mm512_maskz_loadu_ps(rest, first.wrapping_add(LANES));
            // The instruction's second argument becomes the lower half: neighbours share a word.
            transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low))
        }
    }

    #[inline(always)]
    unsafe fn of_lanes(first: *const f32, stride: usize, values: usize, mask: u16) -> __m512i {
        // SAFETY: only the lanes that are there are read, of the second value only if there is one.
        unsafe {
            let low = _mm512_maskz_loadu_ps(mask, first);
            let high = if values > 1 {
                _mm512_maskz_loadu_ps(mask, first.add(stride))
            } else {
                _mm512_setzero_ps()
            };
            let low =
                _mm512_cvtepu16_epi32(transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(low)));
            let high =
                _mm512_cvtepu16_epi32(transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(high)));
            _mm512_or_si512(low, _mm512_slli_epi32::<16>(high))
        }
    }
}

/// A mask of the first `count` lanes; of all where there are more.
#[inline(always)]
fn first_lanes(count: usize) -> u16 {
    if count >= LANES {
        u16::MAX
    } else {
        (1 << count) - 1
    }
}

/// Asks for the line of an address that is needed soon: a dozen rows at once are more than the processor foresees. Any address
/// may be asked for.
#[inline(always)]
fn prefetch<T>(address: *const T) {
    // SAFETY: an instruction of every x86-64 processor that reads nothing and never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn round_rows(out: *mut u32, operand: &Operand<'_>) {
    let stride = rounded_row(operand.values);
    for lane in 0..operand.lanes {
        let row = operand
            .data
            .as_ptr()
            .wrapping_add(lane * operand.lane_stride);
        for value in (0..operand.values).step_by(LANES) {
            // SAFETY: reads stay inside the operand, whose extent was checked; a row of the room
            // holds whole registers.
            unsafe {
                let words = Rounded::of_a_lane(row.wrapping_add(value), operand.values - value);
                _mm512_store_si512(out.add(lane * stride + value).cast(), words);
            }
        }
    }
}

/// Panels of `WIDTH` lanes; lanes beyond the last and values beyond the last are zeros.
#[inline(always)]
unsafe fn pack<W: Words, const WIDTH: usize>(out: *mut u32, operand: &Operand<'_>) {
    let words = operand.values.div_ceil(W::VALUES);
    let panels = operand.lanes.div_ceil(WIDTH);
    let data = operand.data.as_ptr();
    // SAFETY: reads stay inside the operand (its extent was checked, masks cut lanes and values), writes inside
    // `panels * WIDTH * words` words.
    unsafe {
        for word in 0..if operand.lane_stride == 1 { words } else { 0 } {
            // Lanes lie one after the other: all panels' part of a row at once, so that memory is read in order.
            let value = word * W::VALUES;
            let row = data.wrapping_add(value * operand.value_stride);
            let later = row.wrapping_add(WORDS_AHEAD * W::VALUES * operand.value_stride);
            for panel in 0..panels {
                for lane in (0..WIDTH).step_by(LANES) {
                    let width = LANES.min(WIDTH - lane);
                    let first = panel * WIDTH + lane;
                    let mask = first_lanes(operand.lanes.saturating_sub(first).min(width));
                    prefetch(later.wrapping_add(first));
                    let packed = W::of_lanes(
                        row.wrapping_add(first),
                        operand.value_stride,
                        operand.values - value,
                        mask,
                    );
                    let place = out.add((panel * words + word) * WIDTH + lane);
                    _mm512_mask_storeu_epi32(place.cast(), first_lanes(width), packed);
                }
            }
        }
        if operand.lane_stride == 1 {
            return;
        }
        for (panel, lane) in
            (0..panels).flat_map(|panel| (0..WIDTH).step_by(LANES).map(move |lane| (panel, lane)))
        {
            let width = first_lanes(WIDTH - lane);
            let first = panel * WIDTH + lane;
            let lanes = operand
                .lanes
                .saturating_sub(first)
                .min(LANES.min(WIDTH - lane));
            for word in (0..words).step_by(LANES) {
                let value = word * W::VALUES;
                let mut square = [_mm512_setzero_si512(); LANES];
                for (lane, row) in square.iter_mut().enumerate().take(lanes) {
                    let start = data.wrapping_add((first + lane) * operand.lane_stride + value);
                    prefetch(start.wrapping_add(AHEAD * LANES));
                    *row = W::of_a_lane(start, operand.values - value);
                }
                transpose(&mut square);
                let place = out.add((panel * words + word) * WIDTH + lane);
                for (offset, row) in square.iter().enumerate().take(words - word) {
                    _mm512_mask_storeu_epi32(place.add(offset * WIDTH).cast(), width, *row);
                }
            }
        }
    }
}

/// A square of 16 x 16 words, in four rounds of exchanges between pairs of rows.
#[inline(always)]
unsafe fn transpose(rows: &mut [__m512i; LANES]) {
    // SAFETY: no memory is touched; the caller's function enables AVX-512.
    unsafe {
        let mut pairs = *rows;
        for i in 0..8 {
            pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        // Afterwards `fours[4 g + c]` holds columns c, c + 4, c + 8, c + 12 of rows 4 g to 4 g + 3.
        let mut fours = pairs;
        for i in 0..4 {
            fours[4 * i] = _mm512_unpacklo_epi64(pairs[4 * i], pairs[4 * i + 2]);
            fours[4 * i + 1] = _mm512_unpackhi_epi64(pairs[4 * i], pairs[4 * i + 2]);
            fours[4 * i + 2] = _mm512_unpacklo_epi64(pairs[4 * i + 1], pairs[4 * i + 3]);
            fours[4 * i + 3] = _mm512_unpackhi_epi64(pairs[4 * i + 1], pairs[4 * i + 3]);
        }
        for c in 0..4 {
            let upper = (fours[c], fours[4 + c]);
            let lower = (fours[8 + c], fours[12 + c]);
            let upper_low = _mm512_shuffle_i32x4::<0x44>(upper.0, upper.1);
            let upper_high = _mm512_shuffle_i32x4::<0xee>(upper.0, upper.1);
            let lower_low = _mm512_shuffle_i32x4::<0x44>(lower.0, lower.1);
            let lower_high = _mm512_shuffle_i32x4::<0xee>(lower.0, lower.1);
            rows[c] = _mm512_shuffle_i32x4::<0x88>(upper_low, lower_low);
            rows[c + 4] = _mm512_shuffle_i32x4::<0xdd>(upper_low, lower_low);
            rows[c + 8] = _mm512_shuffle_i32x4::<0x88>(upper_high, lower_high);
            rows[c + 12] = _mm512_shuffle_i32x4::<0xdd>(upper_high, lower_high);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn f32_pack_rows(out: *mut u32, operand: &Operand<'_>) {
    // SAFETY: see `Kernel`; so for those below.
    unsafe { pack::<F32, TILE_ROWS>(out, operand) }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn f32_pack_columns(out: *mut u32, operand: &Operand<'_>) {
    // SAFETY: see `Kernel`.
    unsafe { pack::<F32, TILE_COLUMNS>(out, operand) }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn rounded_pack_rows(out: *mut u32, operand: &Operand<'_>) {
    // SAFETY: see `Kernel`.
    unsafe { pack::<Rounded, TILE_ROWS>(out, operand) }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn rounded_pack_columns(out: *mut u32, operand: &Operand<'_>) {
    // SAFETY: see `Kernel`.
    unsafe { pack::<Rounded, TILE_COLUMNS>(out, operand) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn bf16_pack_rows(out: *mut u32, operand: &Operand<'_>) {
    // SAFETY: see `Kernel`.
    unsafe { pack::<Bf16, TILE_ROWS>(out, operand) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn bf16_pack_columns(out: *mut u32, operand: &Operand<'_>) {
    // SAFETY: see `Kernel`.
    unsafe { pack::<Bf16, TILE_COLUMNS>(out, operand) }
}
