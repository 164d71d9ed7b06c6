//! A product in blocks that fit the caches (Goto and van de Geijn 2008): columns of `b` are packed for everybody, rows of `a`
//! by whoever multiplies them where they cannot be read as they are stored, and each tile of the result is summed in registers
//! over a block of the inner dimension.

#![expect(
    unsafe_code,
    reason = "threads write tiles of one result, and the kernels take pointers"
)]

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::avx512::{Kernel, Operand, Rows, TILE_COLUMNS, TILE_ROWS, Tile};
use super::{Causal, Matrix, MatrixMut, Product, Threads};
use crate::flex::buffer::Buffer;

/// Most words of the inner dimension that are summed in registers before the result is touched. A panel of `b` then has 128 KiB
/// and lies in the second-level cache beside a block of `a`; half as many cost a twentieth of the speed (measured).
const BLOCK_WORDS: usize = 1024;
/// Columns packed at a time: 4 MiB.
const BLOCK_COLUMNS: usize = 1024;
/// Rows of a task: few enough that two threads finish together, enough to use each panel four times.
const BLOCK_ROWS: usize = 4 * TILE_ROWS;
/// Panels of `b` packed by one task, and the fewest that a task multiplies.
const TASK_PANELS: usize = 4;

/// Words of a [`Line`].
const ALIGNED_WORDS: usize = 16;

/// Packed words, aligned as the kernels load them.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read through a pointer")] [u32; 16]);

thread_local! {
    /// Room for packed operands, kept from product to product.
    static A_ROOM: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
    static B_ROOM: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

fn at_least(room: &mut Vec<Line>, words: usize) -> *mut u32 {
    let lines = words.div_ceil(16);
    if room.len() < lines {
        room.resize(lines, Line([0; 16]));
    }
    room.as_mut_ptr().cast()
}

/// A pointer that several threads use on parts that do not overlap.
#[derive(Clone, Copy)]
struct Shared<T>(*mut T);

// SAFETY: see each use: tasks touch disjoint parts.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

/// See [`gemm`](super::gemm); sizes were compared there.
pub(super) fn gemm(
    kernel: Kernel,
    mut out: MatrixMut<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    product: Product,
) {
    let mut room = B_ROOM.take();
    for first_column in (0..out.columns).step_by(BLOCK_COLUMNS) {
        let columns = first_column..out.columns.min(first_column + BLOCK_COLUMNS);
        for inner in blocks(kernel, 0..a.columns) {
            let words = inner.len().div_ceil(kernel.values_per_word());
            let panels = columns.len().div_ceil(TILE_COLUMNS);
            let packed = Shared(at_least(&mut room, panels * TILE_COLUMNS * words));
            // SAFETY: the room holds the panels, and nobody else has it.
            unsafe { pack_columns(kernel, packed, b, &columns, &inner, product.threads) };
            let block = Block {
                panels: packed,
                panel_words: words,
                columns: columns.clone(),
                inner,
            };
            // SAFETY: the panels were filled above.
            unsafe { multiply(kernel, &mut out, a, &block, product) };
        }
    }
    B_ROOM.set(room);
}

const _: () = assert!(super::Columns::BORDER == TILE_COLUMNS);

/// Columns of `b` that stay packed for many products.
pub(super) struct Columns {
    kernel: Kernel,
    room: Buffer,
    /// Rows and columns of `b`.
    size: [usize; 2],
}

impl Columns {
    pub(super) fn new(kernel: Kernel, b: Matrix<'_>) -> Self {
        let words = b.rows.div_ceil(kernel.values_per_word());
        let panels = b.columns.div_ceil(TILE_COLUMNS);
        let mut room = Buffer::any(panels * TILE_COLUMNS * words + ALIGNED_WORDS);
        let border = room.as_ptr().align_offset(align_of::<Line>());
        let packed = Shared(room[border..].as_mut_ptr().cast());
        let (columns, inner) = (0..b.columns, 0..b.rows);
        // SAFETY: the room holds the panels, and nobody else has it yet.
        unsafe { pack_columns(kernel, packed, b, &columns, &inner, Threads::One) };
        Self {
            kernel,
            room,
            size: [b.rows, b.columns],
        }
    }

    /// The product with the part of `b` in rows `inner` and columns from `first_column` on, which both begin at whole tiles.
    pub(super) fn multiply(
        &self,
        out: &mut MatrixMut<'_>,
        a: Matrix<'_>,
        inner: Range<usize>,
        first_column: usize,
        product: Product,
    ) {
        let [rows, columns] = self.size;
        assert!(
            inner.end <= rows && first_column + out.columns <= columns,
            "a part lies inside"
        );
        assert!(
            inner.start.is_multiple_of(TILE_COLUMNS) && first_column.is_multiple_of(TILE_COLUMNS),
            "a part begins at whole tiles"
        );
        let words = rows.div_ceil(self.kernel.values_per_word());
        let first_word = inner.start / self.kernel.values_per_word() * TILE_COLUMNS;
        let border = self.room.as_ptr().align_offset(align_of::<Line>());
        let panels = self.room[border..].as_ptr().cast::<u32>();
        let first = panels.wrapping_add(first_column * words + first_word);
        for part in blocks(self.kernel, 0..inner.len()) {
            let skipped = part.start / self.kernel.values_per_word() * TILE_COLUMNS;
            let block = Block {
                // Read only.
                panels: Shared(first.wrapping_add(skipped).cast_mut()),
                panel_words: words,
                columns: 0..out.columns,
                inner: part,
            };
            // SAFETY: the panels were filled when `self` was made; the caller compared the sizes.
            unsafe { multiply(self.kernel, out, a, &block, product) };
        }
    }
}

/// The parts of an inner dimension that are summed in registers; one of nothing where there is no inner dimension, which gives
/// zeros.
fn blocks(kernel: Kernel, inner: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let len = equal_parts(inner.len(), BLOCK_WORDS * kernel.values_per_word());
    (inner.start..inner.end.max(inner.start + 1))
        .step_by(len)
        .map(move |first| first..inner.end.min(first + len))
}

/// Packs a part of `b`, panel after panel.
///
/// # Safety
/// `out` has room for the columns, rounded up to whole panels, times the words of `inner`.
unsafe fn pack_columns(
    kernel: Kernel,
    out: Shared<u32>,
    b: Matrix<'_>,
    columns: &Range<usize>,
    inner: &Range<usize>,
    threads: Threads,
) {
    let words = inner.len().div_ceil(kernel.values_per_word());
    let panels = columns.len().div_ceil(TILE_COLUMNS);
    let pack = |group: usize| {
        let lane = columns.start + group * TASK_PANELS * TILE_COLUMNS;
        let lanes = (TASK_PANELS * TILE_COLUMNS).min(columns.end - lane);
        let operand = Operand {
            data: &b.data[start(b, inner.start, lane)..],
            lanes,
            values: inner.len(),
            lane_stride: b.column_stride,
            value_stride: b.row_stride,
        };
        // SAFETY: each group has panels of its own in the room, which holds all of them.
        unsafe {
            let panel = out.at(group * TASK_PANELS * TILE_COLUMNS * words);
            kernel.pack_columns(panel, &operand);
        }
    };
    for_each(threads, panels.div_ceil(TASK_PANELS), pack);
}

/// A packed part of `b`, and where in the product it belongs.
struct Block {
    panels: Shared<u32>,
    /// Words from one panel's lane to the same lane of the next panel, over the panel's width.
    panel_words: usize,
    columns: Range<usize>,
    inner: Range<usize>,
}

/// Adds the products of `a` with a packed block to the result, or writes them where they are the first.
///
/// # Safety
/// The block's panels hold the words of `inner` for all its columns, and nobody writes to them.
unsafe fn multiply(
    kernel: Kernel,
    out: &mut MatrixMut<'_>,
    a: Matrix<'_>,
    block: &Block,
    product: Product,
) {
    let Block {
        panels,
        panel_words,
        columns,
        inner,
    } = block;
    let words = inner.len().div_ceil(kernel.values_per_word());
    let tasks = Tasks::new(
        out.rows,
        columns.len().div_ceil(TILE_COLUMNS),
        product.threads,
    );
    let result = Shared(out.data.as_mut_ptr());
    let row_stride = out.row_stride;
    let accumulate = product.accumulate || inner.start > 0;
    let work = |task: usize| {
        let (rows, task_panels) = tasks.rows_and_panels(task);
        let operand = Operand {
            data: &a.data[start(a, rows.start, inner.start)..],
            lanes: rows.len(),
            values: inner.len(),
            lane_stride: a.row_stride,
            value_stride: a.column_stride,
        };
        A_ROOM.with_borrow_mut(|room| {
            let stored = kernel.reads_stored(&operand);
            // The first row's words, from one row to the next, and from one word to the next; which kind they are.
            let (words_of_a, per_row, per_word, a_rows) = if stored {
                let (data, stride) = (operand.data.as_ptr(), operand.lane_stride);
                (data.cast(), stride, 1, Rows::Stored(stride))
            } else {
                let len = rows.len().next_multiple_of(TILE_ROWS) * words;
                let packed = at_least(room, len);
                // SAFETY: the room holds the rows' panels.
                unsafe { kernel.pack_rows(packed, &operand) };
                (packed.cast_const(), words, TILE_ROWS, Rows::Packed)
            };
            for panel in task_panels {
                let column = columns.start + panel * TILE_COLUMNS;
                for row in rows.clone().step_by(TILE_ROWS) {
                    let tile_rows = TILE_ROWS.min(rows.end - row);
                    let needed = needed_values(product.causal, row..row + tile_rows, column, inner);
                    let Some(needed) = needed else { continue };
                    let skipped = needed.start / kernel.values_per_word();
                    let end = needed.end.div_ceil(kernel.values_per_word());
                    // SAFETY: the panels are filled (the caller's promise) and only read; tasks have disjoint tiles, each
                    // inside the result.
                    unsafe {
                        kernel.tile(&Tile {
                            rows: tile_rows,
                            columns: TILE_COLUMNS.min(columns.end - column),
                            words: end - skipped,
                            a: words_of_a
                                .wrapping_add((row - rows.start) * per_row + skipped * per_word),
                            a_rows,
                            b: panels.at((panel * panel_words + skipped) * TILE_COLUMNS),
                            out: result.at(row * row_stride + column),
                            row_stride,
                            factor: product.factor,
                            accumulate,
                        });
                    }
                }
            }
        });
    };
    for_each(product.threads, tasks.len(), work);
}

/// Length of the fewest equal parts that are none longer than `most`.
fn equal_parts(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most).max(1))
        .next_multiple_of(2)
        .max(2)
}

/// The part of a block of the inner dimension that a tile sums over, counted from the block's start; `None` where the tile is
/// not needed at all.
fn needed_values(
    causal: Causal,
    rows: Range<usize>,
    column: usize,
    inner: &Range<usize>,
) -> Option<Range<usize>> {
    let all = 0..inner.len();
    Some(match causal {
        Causal::Result(d) if column >= rows.end + d => return None,
        Causal::No | Causal::Result(_) => all,
        // A tile without values still has to be written: its sums are zeros.
        Causal::Rows(d) => 0..(rows.end + d).saturating_sub(inner.start).min(inner.len()),
        Causal::Columns(d) => {
            let first = rows.start.saturating_sub(d).saturating_sub(inner.start);
            first.min(inner.len())..inner.len()
        }
    })
}

/// Index of an element; of an empty matrix, its end.
fn start(matrix: Matrix<'_>, row: usize, column: usize) -> usize {
    (row * matrix.row_stride + column * matrix.column_stride).min(matrix.data.len())
}

fn for_each(threads: Threads, tasks: usize, work: impl Fn(usize) + Sync + Send) {
    match threads {
        Threads::All if tasks > 1 => (0..tasks).into_par_iter().with_max_len(1).for_each(work),
        _ => (0..tasks).for_each(work),
    }
}

/// The result's tiles shared out: blocks of rows, and, where these are few, of columns too.
struct Tasks {
    rows: usize,
    row_blocks: usize,
    panels: usize,
    panel_blocks: usize,
}

impl Tasks {
    fn new(rows: usize, panels: usize, threads: Threads) -> Self {
        let threads = match threads {
            Threads::One => 1,
            Threads::All => rayon::current_num_threads(),
        };
        // Blocks of as many tiles as can be, in a number that the threads divide.
        let row_blocks = rows.div_ceil(BLOCK_ROWS);
        let row_blocks = if row_blocks > threads {
            let tiles = rows.div_ceil(TILE_ROWS);
            row_blocks.next_multiple_of(threads).min(tiles)
        } else {
            row_blocks
        };
        let panel_blocks = if threads == 1 {
            1
        } else {
            let parts = (4 * threads).div_ceil(row_blocks);
            parts.min(panels / TASK_PANELS).max(1)
        };
        Self {
            rows,
            row_blocks,
            panels,
            panel_blocks,
        }
    }

    fn len(&self) -> usize {
        self.row_blocks * self.panel_blocks
    }

    fn rows_and_panels(&self, task: usize) -> (Range<usize>, Range<usize>) {
        let (row_block, panel_block) = (task / self.panel_blocks, task % self.panel_blocks);
        let tiles = part(self.rows.div_ceil(TILE_ROWS), row_block, self.row_blocks);
        let rows = tiles.start * TILE_ROWS..self.rows.min(tiles.end * TILE_ROWS);
        (rows, part(self.panels, panel_block, self.panel_blocks))
    }
}

/// One of so many parts of `0..len` that differ by one at most.
fn part(len: usize, index: usize, parts: usize) -> Range<usize> {
    index * len / parts..(index + 1) * len / parts
}
