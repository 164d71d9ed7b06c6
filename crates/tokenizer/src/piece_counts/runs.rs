//! Sorted counts on disk: written when memory is full, merged when they are read back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Read and written at once.
const BUFFER_BYTES: usize = 1 << 16;

/// More runs than this are merged into fewer first, so that neither open files nor buffers grow with the text.
const MOST_RUNS: usize = 256;

/// Pieces in byte order, each with its length and its count. The file has no name: it is gone when it is closed.
pub(super) struct Run {
    file: File,
}

impl Run {
    pub(super) fn write<'a>(
        scratch: &Path,
        pieces: impl IntoIterator<Item = (&'a [u8], u64)>,
    ) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(scratch)?);
        for (piece, count) in pieces {
            write_piece(&mut out, piece, count)?;
        }
        Self::finish(out)
    }

    fn finish(out: BufWriter<File>) -> io::Result<Self> {
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Self { file })
    }
}

fn write_piece(out: &mut impl Write, piece: &[u8], count: u64) -> io::Result<()> {
    let len = u32::try_from(piece.len()).map_err(io::Error::other)?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(&count.to_le_bytes())?;
    out.write_all(piece)
}

/// The next piece of a run.
struct Head {
    piece: Vec<u8>,
    count: u64,
    rest: BufReader<File>,
}

impl Head {
    fn new(run: Run) -> Self {
        Self {
            piece: Vec::new(),
            count: 0,
            rest: BufReader::with_capacity(BUFFER_BYTES, run.file),
        }
    }

    /// Goes on to the next piece, if there is one.
    fn advance(&mut self) -> io::Result<bool> {
        let mut len = [0; 4];
        match self.rest.read_exact(&mut len) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        let mut count = [0; 8];
        self.rest.read_exact(&mut count)?;
        self.count = u64::from_le_bytes(count);
        self.piece.resize(u32::from_le_bytes(len) as usize, 0);
        self.rest.read_exact(&mut self.piece)?;
        Ok(true)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.piece == other.piece
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.piece.cmp(&other.piece)
    }
}

/// Each piece of any of the runs once, in byte order, with the sum of its counts.
pub(super) fn merge(
    scratch: &Path,
    mut runs: Vec<Run>,
    each: &mut dyn FnMut(&[u8], u64) -> io::Result<()>,
) -> io::Result<()> {
    while runs.len() > MOST_RUNS {
        let some = runs.drain(..MOST_RUNS).collect();
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(scratch)?);
        merge(scratch, some, &mut |piece, count| {
            write_piece(&mut out, piece, count)
        })?;
        runs.push(Run::finish(out)?);
    }
    let mut heads = BinaryHeap::with_capacity(runs.len());
    for run in runs {
        let mut head = Head::new(run);
        if head.advance()? {
            heads.push(Reverse(head));
        }
    }
    let (mut piece, mut sum) = (Vec::new(), 0u64);
    while let Some(mut top) = heads.peek_mut() {
        if top.0.piece != piece {
            if sum > 0 {
                each(&piece, sum)?;
            }
            piece.clone_from(&top.0.piece);
            sum = 0;
        }
        sum = sum.saturating_add(top.0.count);
        if !top.0.advance()? {
            PeekMut::pop(top);
        }
    }
    if sum > 0 {
        each(&piece, sum)?;
    }
    Ok(())
}
