//! All words of a corpus: in memory as long as they fit; else on disk, but for those that are being merged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::words::{Words, merge};
use super::{Pair, pair};

/// Read and written at once.
const BUFFER_BYTES: usize = 1 << 18;

/// Words with their counts.
pub(crate) struct Store {
    /// Those that merging can find by their place. All of them, while nothing is on disk.
    pub(super) near: Words,
    far: Option<WordFile>,
    memory_bytes: usize,
    scratch: PathBuf,
}

impl Store {
    /// With so much memory for words, and a folder for the others.
    pub(crate) fn new(memory_bytes: u64, scratch: &Path) -> Self {
        Self {
            near: Words::default(),
            far: None,
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            scratch: scratch.to_owned(),
        }
    }

    /// Adds a word of at most 65,535 ids.
    pub(crate) fn push(
        &mut self,
        count: u64,
        ids: impl ExactSizeIterator<Item = u32>,
    ) -> io::Result<()> {
        self.near.push(count, ids);
        // A buffer that grows takes twice as much for a moment, and as much again if it is kept whole.
        if self.near.bytes() > self.memory_bytes / 3 || !self.near.has_room() {
            self.send_away()?;
        }
        Ok(())
    }

    pub(super) fn is_on_disk(&self) -> bool {
        self.far.is_some()
    }

    /// Before a band of merges: nothing is near that need not be.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if self.is_on_disk() {
            self.send_away()
        } else {
            self.near.compact();
            Ok(())
        }
    }

    /// Calls `each` with the count and the ids of every word.
    pub(crate) fn for_each(&mut self, mut each: impl FnMut(u64, &[u32])) -> io::Result<()> {
        self.near.for_each(|_, count, ids| each(count, ids));
        if let Some(far) = &mut self.far {
            let mut words = far.read()?;
            while let Some((count, ids)) = words.next()? {
                each(count, ids);
            }
        }
        Ok(())
    }

    /// Brings the words near that have a pair which is wanted; tells whether there was room for all.
    pub(super) fn fetch(&mut self, wanted: impl Fn(Pair) -> bool) -> io::Result<bool> {
        let Some(far) = &mut self.far else {
            return Ok(true);
        };
        let mut words = far.read()?;
        while let Some((count, ids)) = words.next()? {
            if self.near.bytes() > self.memory_bytes / 3 || !self.near.has_room() {
                return Ok(false);
            }
            let is_wanted = ids
                .windows(2)
                .any(|neighbours| wanted(pair(neighbours[0], neighbours[1])));
            if is_wanted {
                self.near.push(count, ids.iter().copied());
                words.remove();
            }
        }
        Ok(true)
    }

    /// Makes tokens of pairs in every word, of which no two overlap; `changed` is that of [`merge`].
    pub(super) fn merge_everywhere(
        &mut self,
        merges: &[(Pair, u32)],
        mut changed: impl FnMut(Pair, u64, bool),
    ) -> io::Result<()> {
        self.send_away()?;
        let Some(far) = &mut self.far else {
            return Ok(());
        };
        let mut left = WordFile::new(&self.scratch)?;
        let mut words = far.read()?;
        let number: FxHashMap<Pair, usize> =
            merges.iter().map(|(pair, _)| *pair).zip(0..).collect();
        while let Some((count, ids)) = words.next()? {
            let mut found = 0_u64;
            for neighbours in ids.windows(2) {
                if let Some(number) = number.get(&pair(neighbours[0], neighbours[1])) {
                    found |= 1 << number;
                }
            }
            let mut len = ids.len();
            while found > 0 {
                let (merged, id) = merges[found.trailing_zeros() as usize];
                len = merge(&mut ids[..len], count, merged, id, &mut changed);
                found &= found - 1;
            }
            left.push(count, &ids[..len])?;
        }
        drop(words);
        left.flush()?;
        self.far = Some(left);
        Ok(())
    }

    fn send_away(&mut self) -> io::Result<()> {
        let Self { near, far, .. } = self;
        let far = match far {
            Some(far) => far,
            None => far.insert(WordFile::new(&self.scratch)?),
        };
        let mut result = Ok(());
        near.for_each(|_, count, ids| {
            if result.is_ok() {
                result = far.push(count, ids);
            }
        });
        near.clear();
        result?;
        if far.gone.num > far.len / 2 {
            *far = far.without_gone(&self.scratch)?;
        }
        far.flush()
    }
}

/// Words one after the other: the number of bytes of a record, then its count and its ids, seven bits a byte. Ids are small, and
/// reading them is most of the work. The file has no name: it is gone when it is closed.
struct WordFile {
    out: BufWriter<File>,
    record: Vec<u8>,
    /// Words in the file, with those that are gone.
    len: usize,
    gone: Gone,
}

/// A bit for each word that is in the file and no longer among its words.
#[derive(Default)]
struct Gone {
    bits: Vec<u64>,
    num: usize,
}

impl Gone {
    fn add(&mut self, word: usize) {
        let (index, bit) = (word / 64, 1 << (word % 64));
        if self.bits.len() <= index {
            self.bits.resize(index + 1, 0);
        }
        self.num += usize::from(self.bits[index] & bit == 0);
        self.bits[index] |= bit;
    }

    fn has(&self, word: usize) -> bool {
        let bits = self.bits.get(word / 64);
        bits.is_some_and(|bits| bits >> (word % 64) & 1 == 1)
    }
}

/// Of the number in front of a record.
const HEAD_BYTES: usize = size_of::<u32>();

impl WordFile {
    fn new(scratch: &Path) -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(scratch)?),
            record: Vec::new(),
            len: 0,
            gone: Gone::default(),
        })
    }

    fn push(&mut self, count: u64, ids: &[u32]) -> io::Result<()> {
        if ids.len() < 2 {
            return Ok(());
        }
        self.record.clear();
        self.record.extend([0; HEAD_BYTES]);
        push_number(&mut self.record, count);
        for id in ids {
            push_number(&mut self.record, u64::from(*id));
        }
        let bytes = (self.record.len() - HEAD_BYTES) as u32;
        self.record[..HEAD_BYTES].copy_from_slice(&bytes.to_le_bytes());
        self.len += 1;
        self.out.write_all(&self.record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The same words in another file.
    fn without_gone(&mut self, scratch: &Path) -> io::Result<Self> {
        let mut left = Self::new(scratch)?;
        let mut words = self.read()?;
        while let Some((count, ids)) = words.next()? {
            left.push(count, ids)?;
        }
        Ok(left)
    }

    /// From the first word on; what is pushed later is added at the end.
    fn read(&mut self) -> io::Result<WordReader<'_>> {
        self.out.flush()?;
        let file = self.out.get_mut();
        file.rewind()?;
        Ok(WordReader {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            gone: &mut self.gone,
            num_read: 0,
            record: Vec::new(),
            ids: Vec::new(),
        })
    }
}

struct WordReader<'a> {
    file: BufReader<&'a mut File>,
    gone: &'a mut Gone,
    num_read: usize,
    /// A record that does not lie in the buffer as a whole.
    record: Vec<u8>,
    ids: Vec<u32>,
}

impl WordReader<'_> {
    fn next(&mut self) -> io::Result<Option<(u64, &mut [u32])>> {
        let bytes = loop {
            let mut head = [0; HEAD_BYTES];
            match self.file.read_exact(&mut head) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                read => read?,
            }
            let bytes = u32::from_le_bytes(head);
            self.num_read += 1;
            if !self.gone.has(self.num_read - 1) {
                break bytes as usize;
            }
            self.file.seek_relative(i64::from(bytes))?;
        };
        let count;
        if let Some(record) = self.file.buffer().get(..bytes) {
            count = numbers(record, &mut self.ids);
            self.file.consume(bytes);
        } else {
            self.record.resize(bytes, 0);
            self.file.read_exact(&mut self.record)?;
            count = numbers(&self.record, &mut self.ids);
        }
        Ok(Some((count, &mut self.ids)))
    }

    /// Takes the word that was read last out of the file.
    fn remove(&mut self) {
        self.gone.add(self.num_read - 1);
    }
}

impl Drop for WordReader<'_> {
    /// Where the next word is to be written.
    fn drop(&mut self) {
        // A failure shows when that word is written or read.
        let _ = self.file.get_mut().seek(SeekFrom::End(0));
    }
}

/// The first number of a record, and the others as ids.
fn numbers(record: &[u8], ids: &mut Vec<u32>) -> u64 {
    let mut bytes = record.iter();
    let first = next_number(&mut bytes).unwrap_or_default();
    ids.clear();
    while let Some(id) = next_number(&mut bytes) {
        ids.push(id as u32);
    }
    first
}

/// Seven bits a byte, the lowest first; all bytes but the last have the eighth (LEB128).
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[inline]
fn next_number<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_come_back() {
        let numbers = [
            0,
            1,
            127,
            128,
            300,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ];
        let mut bytes = Vec::new();
        for number in numbers {
            push_number(&mut bytes, number);
        }
        let mut bytes = bytes.iter();
        let back: Vec<u64> = std::iter::from_fn(|| next_number(&mut bytes)).collect();
        assert_eq!(back, numbers);
    }
}
