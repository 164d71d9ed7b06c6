//! Tiles of a result, each summed in registers, with subnormal numbers taken as zero.
//!
//! A product whose operands or sums are subnormal takes a hundred times as long as any other on
//! Intel's processors. Whether a sum becomes subnormal shows only while it is summed, so the kernel
//! cannot test for it: it tells the processor to read subnormal operands as zero (DAZ) and to write
//! zero for a subnormal result (FTZ). Both are bits of MXCSR, which Rust code must find as it left
//! them: one `asm!` block sets them, computes many tiles, and restores the register. Numbers in the
//! normal range have the bits that they have without.
//!
//! A tile of at most 12 x 32 sums takes, for each word, two registers of `b` and each row's word of
//! `a` in all lanes: `vfmadd231ps` for f32, `vdpbf16ps` for bf16 (two products a lane, added in
//! f32). Twenty-four sums hide either's latency.

use std::arch::asm;
use std::mem::offset_of;

use super::{LANES, TILE_COLUMNS, TILE_ROWS, first_lanes};

/// Computes tiles of one shape; see [`super::Kernel::tiles`] for what it may be given.
type Kernel = unsafe fn(&[Tile], &TileShape);

/// FTZ and DAZ.
const FLUSH: u32 = 1 << 15 | 1 << 6;

/// One tile of the result and the panels it is the product of.
#[derive(Clone, Copy)]
#[repr(C)]
pub(in crate::flex::gemm) struct Tile {
    /// The first row's first word.
    pub(in crate::flex::gemm) a: *const u32,
    /// On a border of 64 bytes.
    pub(in crate::flex::gemm) b: *const u32,
    pub(in crate::flex::gemm) words: usize,
    pub(in crate::flex::gemm) out: *mut f32,
}

/// What tiles that are computed together have in common.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::flex::gemm) struct TileShape {
    /// From 1 to [`TILE_ROWS`](super::TILE_ROWS).
    pub(in crate::flex::gemm) rows: usize,
    /// At most [`TILE_COLUMNS`].
    pub(in crate::flex::gemm) columns: usize,
    /// Words from a row of `a` to the next.
    pub(in crate::flex::gemm) words_per_row: usize,
    /// Words from a word of a row of `a` to the next.
    pub(in crate::flex::gemm) words_per_word: usize,
    /// Elements from a row of the result to the next.
    pub(in crate::flex::gemm) row_stride: usize,
    pub(in crate::flex::gemm) factor: f32,
    pub(in crate::flex::gemm) accumulate: bool,
}

/// [`TileShape`] as the kernels read it, in bytes, with room for the two states of MXCSR.
#[repr(C)]
struct Frame {
    a_row: usize,
    a_word: usize,
    out_row: usize,
    masks: [u32; 2],
    accumulate: u32,
    factor: f32,
    saved: u32,
    flushing: u32,
}

impl Frame {
    fn new(shape: &TileShape) -> Self {
        Self {
            a_row: size_of::<u32>() * shape.words_per_row,
            a_word: size_of::<u32>() * shape.words_per_word,
            out_row: size_of::<f32>() * shape.row_stride,
            masks: [
                u32::from(first_lanes(shape.columns)),
                u32::from(first_lanes(shape.columns.saturating_sub(LANES))),
            ],
            accumulate: u32::from(shape.accumulate),
            factor: shape.factor,
            saved: 0,
            flushing: 0,
        }
    }
}

/// Rows of a tile: name of the kernel with so many, the row's two registers of sums, its word of
/// `a` (`r8` to `r11` point to rows 0, 3, 6, 9, `rax` is the distance), and a register for that
/// word, so that two rows do not wait for each other.
macro_rules! kernels_of_format {
    ($format:ident, $multiply:literal, $features:literal) => {
        pub(super) mod $format {
            /// The kernel of tiles of one row, of two, and so on.
            pub(in super::super) const BY_ROWS: [super::Kernel; super::TILE_ROWS] = [
                rows_1, rows_2, rows_3, rows_4, rows_5, rows_6, rows_7, rows_8, rows_9, rows_10,
                rows_11, rows_12,
            ];

            kernels!($multiply, $features; [];
                (rows_1, "zmm0", "zmm1", "r8", "zmm26"),
                (rows_2, "zmm2", "zmm3", "r8 + rax", "zmm27"),
                (rows_3, "zmm4", "zmm5", "r8 + 2*rax", "zmm28"),
                (rows_4, "zmm6", "zmm7", "r9", "zmm29"),
                (rows_5, "zmm8", "zmm9", "r9 + rax", "zmm26"),
                (rows_6, "zmm10", "zmm11", "r9 + 2*rax", "zmm27"),
                (rows_7, "zmm12", "zmm13", "r10", "zmm28"),
                (rows_8, "zmm14", "zmm15", "r10 + rax", "zmm29"),
                (rows_9, "zmm16", "zmm17", "r10 + 2*rax", "zmm26"),
                (rows_10, "zmm18", "zmm19", "r11", "zmm27"),
                (rows_11, "zmm20", "zmm21", "r11 + rax", "zmm28"),
                (rows_12, "zmm22", "zmm23", "r11 + 2*rax", "zmm29"),
            );
        }
    };
}

/// A kernel for each number of rows: that of the rows listed so far, then those of one row more.
macro_rules! kernels {
    ($multiply:literal, $features:literal; [$($done:tt)*];) => {};
    ($multiply:literal, $features:literal; [$($done:tt)*]; $next:tt, $($rest:tt)*) => {
        kernel!($multiply, $features, $next, $($done)* $next);
        kernels!($multiply, $features; [$($done)* $next]; $($rest)*);
    };
}

macro_rules! kernel {
    ($multiply:literal, $features:literal, ($name:ident, $($_last:literal),*),
        $(($_row:ident, $left:literal, $right:literal, $a:literal, $word:literal))*) => {
        /// # Safety
        /// As of [`super::super::Kernel::tiles`].
        #[target_feature(enable = $features)]
        pub(in super::super) unsafe fn $name(tiles: &[super::Tile], shape: &super::TileShape) {
            use super::{FLUSH, Frame, Tile, asm, offset_of};
            if tiles.is_empty() {
                return;
            }
            let mut frame = Frame::new(shape);
            let range = tiles.as_ptr_range();
            // SAFETY: reads and writes only what the caller promises; MXCSR is as before when the
            // block ends.
            unsafe {
                asm!(
                    "stmxcsr [rdx + {saved}]",
                    "mov eax, [rdx + {saved}]",
                    "or eax, {flush}",
                    "mov [rdx + {flushing}], eax",
                    "ldmxcsr [rdx + {flushing}]",
                    "kmovw k1, [rdx + {masks}]",
                    "kmovw k2, [rdx + {masks} + 4]",
                    "mov rax, [rdx + {a_row}]",
                    "mov rcx, [rdx + {a_word}]",
                    "vbroadcastss zmm31, [rdx + {factor}]",
                    // A tile.
                    "2:",
                    "mov r8, [rdi + {a}]",
                    "lea r9, [rax + 2*rax]",
                    "lea r10, [r8 + 2*r9]",
                    "lea r11, [r10 + r9]",
                    "add r9, r8",
                    "mov r12, [rdi + {b}]",
                    "mov r13, [rdi + {words}]",
                    "mov r14, [rdi + {out}]",
                    "mov r15, [rdx + {out_row}]",
                    $(
                        "prefetcht0 [r14]",
                        "prefetcht0 [r14 + 64]",
                        "add r14, r15",
                        concat!("vpxord ", $left, ", ", $left, ", ", $left),
                        concat!("vpxord ", $right, ", ", $right, ", ", $right),
                    )*
                    "test r13, r13",
                    "jz 4f",
                    // A word of each row and column.
                    "3:",
                    "vmovaps zmm24, [r12]",
                    "vmovaps zmm25, [r12 + 64]",
                    $(
                        concat!("vbroadcastss ", $word, ", [", $a, "]"),
                        concat!($multiply, " ", $left, ", ", $word, ", zmm24"),
                        concat!($multiply, " ", $right, ", ", $word, ", zmm25"),
                    )*
                    "add r8, rcx",
                    "add r9, rcx",
                    "add r10, rcx",
                    "add r11, rcx",
                    "sub r12, -{b_word}",
                    "dec r13",
                    "jnz 3b",
                    "4:",
                    "mov r14, [rdi + {out}]",
                    "cmp dword ptr [rdx + {accumulate}], 0",
                    "je 5f",
                    $(
                        "vmovups zmm24 {{k1}} {{z}}, [r14]",
                        "vmovups zmm25 {{k2}} {{z}}, [r14 + 64]",
                        concat!("vfmadd213ps ", $left, ", zmm31, zmm24"),
                        concat!("vfmadd213ps ", $right, ", zmm31, zmm25"),
                        concat!("vmovups [r14] {{k1}}, ", $left),
                        concat!("vmovups [r14 + 64] {{k2}}, ", $right),
                        "add r14, r15",
                    )*
                    "jmp 6f",
                    "5:",
                    $(
                        concat!("vmulps ", $left, ", ", $left, ", zmm31"),
                        concat!("vmulps ", $right, ", ", $right, ", zmm31"),
                        concat!("vmovups [r14] {{k1}}, ", $left),
                        concat!("vmovups [r14 + 64] {{k2}}, ", $right),
                        "add r14, r15",
                    )*
                    "6:",
                    "add rdi, {tile}",
                    "cmp rdi, rsi",
                    "jne 2b",
                    "ldmxcsr [rdx + {saved}]",
                    flush = const FLUSH,
                    saved = const offset_of!(Frame, saved),
                    flushing = const offset_of!(Frame, flushing),
                    masks = const offset_of!(Frame, masks),
                    a_row = const offset_of!(Frame, a_row),
                    a_word = const offset_of!(Frame, a_word),
                    out_row = const offset_of!(Frame, out_row),
                    accumulate = const offset_of!(Frame, accumulate),
                    factor = const offset_of!(Frame, factor),
                    a = const offset_of!(Tile, a),
                    b = const offset_of!(Tile, b),
                    words = const offset_of!(Tile, words),
                    out = const offset_of!(Tile, out),
                    b_word = const super::B_WORD,
                    tile = const size_of::<Tile>(),
                    inout("rdi") range.start => _,
                    in("rsi") range.end,
                    in("rdx") &raw mut frame,
                    out("rax") _, out("rcx") _, out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                    out("r12") _, out("r13") _, out("r14") _, out("r15") _,
                    out("k1") _, out("k2") _,
                    out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _, out("zmm4") _,
                    out("zmm5") _, out("zmm6") _, out("zmm7") _, out("zmm8") _, out("zmm9") _,
                    out("zmm10") _, out("zmm11") _, out("zmm12") _, out("zmm13") _, out("zmm14") _,
                    out("zmm15") _, out("zmm16") _, out("zmm17") _, out("zmm18") _, out("zmm19") _,
                    out("zmm20") _, out("zmm21") _, out("zmm22") _, out("zmm23") _, out("zmm24") _,
                    out("zmm25") _, out("zmm26") _, out("zmm27") _, out("zmm28") _, out("zmm29") _,
                    out("zmm31") _,
                    options(nostack),
                );
            }
        }
    };
}

/// Bytes from a word of a panel's columns to the next.
const B_WORD: usize = size_of::<u32>() * TILE_COLUMNS;

kernels_of_format!(f32, "vfmadd231ps", "avx512f,avx512bw");
kernels_of_format!(bf16, "vdpbf16ps", "avx512f,avx512bw,avx512bf16");
