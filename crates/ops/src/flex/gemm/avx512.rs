//! The innermost part of a product, on AVX-512: packing, and one tile of the result summed in registers.
//!
//! Both formats share one form. A packed operand is made of 32-bit **words**: one f32 value, or two neighbours in the inner
//! dimension as bf16. A panel holds, word after word, one word of each of its lanes (rows of `a`, columns of `b`). A tile of
//! [`TILE_ROWS`] x [`TILE_COLUMNS`] sums takes, for each word, two registers of `b` and each row's word of `a` in all lanes:
//! `vfmadd231ps` for f32, `vdpbf16ps` (two products a lane, added in f32) for bf16. Twenty-four sums hide either's latency.

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers, and instructions need their processor"
)]
#![expect(
    clippy::inline_always,
    reason = "code is compiled for AVX-512 only where it is inlined into a function that enables it"
)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_castsi512_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_load_si512, _mm512_mask_storeu_epi32, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_epi32, _mm512_maskz_loadu_ps, _mm512_mul_ps, _mm512_or_si512,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_shuffle_i32x4, _mm512_slli_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::mem::transmute;

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
    Bf16,
}

/// Lanes to be packed: rows of `a` or columns of `b`, each with `values` values of the inner dimension.
pub(super) struct Operand<'a> {
    pub(super) data: &'a [f32],
    pub(super) lanes: usize,
    pub(super) values: usize,
    pub(super) lane_stride: usize,
    pub(super) value_stride: usize,
}

/// Where the words of a tile's rows of `a` lie.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    /// In a packed panel.
    Packed,
    /// Where the matrix has them, each row so many words after the one before it.
    Stored(usize),
}

/// A tile of the result and the panels it is the product of.
pub(super) struct Tile {
    /// At most [`TILE_ROWS`].
    pub(super) rows: usize,
    /// At most [`TILE_COLUMNS`].
    pub(super) columns: usize,
    pub(super) words: usize,
    pub(super) a: *const u32,
    pub(super) a_rows: Rows,
    /// On a border of 64 bytes.
    pub(super) b: *const u32,
    pub(super) out: *mut f32,
    pub(super) row_stride: usize,
    pub(super) factor: f32,
    pub(super) accumulate: bool,
}

impl Kernel {
    /// Where the processor has AVX-512.
    pub(super) fn f32() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"))
            .then_some(Self(Format::F32))
    }

    /// Where the processor has AVX512-BF16.
    pub(super) fn bf16() -> Option<Self> {
        Self::f32().filter(|_| is_x86_feature_detected!("avx512bf16"))?;
        Some(Self(Format::Bf16))
    }

    pub(super) fn values_per_word(self) -> usize {
        match self.0 {
            Format::F32 => F32::VALUES,
            Format::Bf16 => Bf16::VALUES,
        }
    }

    /// Whether tiles read these rows of `a` where they are: values that lie one after the other need no packing, unless they
    /// are to be rounded, or all rows begin in the same set of the first-level cache, which has fewer lines than a tile has rows.
    pub(super) fn reads_stored(self, operand: &Operand<'_>) -> bool {
        check(operand);
        matches!(self.0, Format::F32)
            && operand.value_stride == 1
            && !operand.lane_stride.is_multiple_of(WORDS_OF_A_WAY)
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
                Format::Bf16 => bf16_pack_columns(out, operand),
            }
        }
    }

    /// `out = factor · a b`, or `out += factor · a b`.
    ///
    /// # Safety
    /// `a` (or its stored rows, see [`Self::reads_stored`]) and `b` hold `words` words of each lane; `rows` x `columns`
    /// elements of `out` may be written.
    pub(super) unsafe fn tile(self, tile: &Tile) {
        // SAFETY: as above.
        unsafe {
            match self.0 {
                Format::F32 => f32_tile(tile),
                Format::Bf16 => bf16_tile(tile),
            }
        }
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
    /// `sums + a · b`, lane by lane.
    unsafe fn multiply_add(sums: __m512, a: __m512i, b: __m512i) -> __m512;
    /// Sixteen words of one lane, whose values lie one after the other; zeros beyond `values`.
    unsafe fn of_a_lane(first: *const f32, values: usize) -> __m512i;
    /// One word of each lane of `mask`; the lanes lie one after the other, and their next values `stride` further.
    unsafe fn of_lanes(first: *const f32, stride: usize, values: usize, mask: u16) -> __m512i;
}

struct F32;

impl Words for F32 {
    const VALUES: usize = 1;

    #[inline(always)]
    unsafe fn multiply_add(sums: __m512, a: __m512i, b: __m512i) -> __m512 {
        // SAFETY: no memory is touched; the caller's function enables AVX-512.
        unsafe { _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sums) }
    }

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

struct Bf16;

impl Words for Bf16 {
    const VALUES: usize = 2;

    #[inline(always)]
    unsafe fn multiply_add(sums: __m512, a: __m512i, b: __m512i) -> __m512 {
        // SAFETY: no memory is touched; registers of the same width are told how to be read.
        unsafe {
            let (a, b) = (
                transmute::<__m512i, __m512bh>(a),
                transmute::<__m512i, __m512bh>(b),
            );
            _mm512_dpbf16_ps(sums, a, b)
        }
    }

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

/// Adds the products of one word of each row, which `a` points to, and of each column.
#[inline(always)]
unsafe fn add_word<W: Words, const ROWS: usize>(
    sums: &mut [[__m512; 2]; ROWS],
    a: impl Fn(usize) -> *const u32,
    b: *const u32,
    word: usize,
) {
    // SAFETY: the panel of `b` and the rows of `a` hold this word.
    unsafe {
        let b = b.add(word * TILE_COLUMNS);
        let left = _mm512_load_si512(b.cast());
        let right = _mm512_load_si512(b.add(LANES).cast());
        for (row, sums) in sums.iter_mut().enumerate() {
            let value = _mm512_set1_epi32(a(row).read().cast_signed());
            sums[0] = W::multiply_add(sums[0], value, left);
            sums[1] = W::multiply_add(sums[1], value, right);
        }
    }
}

/// A tile of exactly `ROWS` rows.
#[inline(always)]
unsafe fn tile_of<W: Words, const ROWS: usize>(tile: &Tile) {
    // SAFETY: panels hold `words` words of each lane, and the masks cut the columns (see `Kernel::tile`).
    unsafe {
        for row in 0..ROWS {
            let place = tile.out.wrapping_add(row * tile.row_stride);
            prefetch(place);
            prefetch(place.wrapping_add(LANES));
        }
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        match tile.a_rows {
            Rows::Packed => {
                for word in 0..tile.words {
                    let a = tile.a.add(word * TILE_ROWS);
                    add_word::<W, ROWS>(&mut sums, |row| a.add(row), tile.b, word);
                }
            }
            Rows::Stored(stride) => {
                for word in 0..tile.words {
                    let a = |row| tile.a.add(row * stride + word);
                    add_word::<W, ROWS>(&mut sums, a, tile.b, word);
                }
            }
        }
        let factor = _mm512_set1_ps(tile.factor);
        let masks = [
            first_lanes(tile.columns),
            first_lanes(tile.columns.saturating_sub(LANES)),
        ];
        for (row, sums) in sums.iter().enumerate() {
            for (half, mask) in masks.into_iter().enumerate() {
                let place = tile.out.wrapping_add(row * tile.row_stride + half * LANES);
                let value = if tile.accumulate {
                    let before = _mm512_maskz_loadu_ps(mask, place);
                    _mm512_fmadd_ps(sums[half], factor, before)
                } else {
                    _mm512_mul_ps(sums[half], factor)
                };
                _mm512_mask_storeu_ps(place, mask, value);
            }
        }
    }
}

#[inline(always)]
unsafe fn tile_of_any<W: Words>(tile: &Tile) {
    // SAFETY: see `Kernel::tile`.
    unsafe {
        match tile.rows {
            1 => tile_of::<W, 1>(tile),
            2 => tile_of::<W, 2>(tile),
            3 => tile_of::<W, 3>(tile),
            4 => tile_of::<W, 4>(tile),
            5 => tile_of::<W, 5>(tile),
            6 => tile_of::<W, 6>(tile),
            7 => tile_of::<W, 7>(tile),
            8 => tile_of::<W, 8>(tile),
            9 => tile_of::<W, 9>(tile),
            10 => tile_of::<W, 10>(tile),
            11 => tile_of::<W, 11>(tile),
            _ => tile_of::<W, TILE_ROWS>(tile),
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
unsafe fn f32_tile(tile: &Tile) {
    // SAFETY: see `Kernel`.
    unsafe { tile_of_any::<F32>(tile) }
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

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn bf16_tile(tile: &Tile) {
    // SAFETY: see `Kernel`.
    unsafe { tile_of_any::<Bf16>(tile) }
}
