//! Numbers and texts of a file that may end anywhere, one behind the other.

/// Most bytes before the data; a vocabulary of 260,000 tokens with its merges takes about 17 MB.
const MAX_BYTES: usize = 64 << 20;

/// Where the reading of a file is.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// Whether the file goes on behind `bytes`.
    cut: bool,
    /// Entries of the lists of text so far.
    pub(super) texts: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Cursor {
            bytes: file.get(..MAX_BYTES).unwrap_or(file),
            at: 0,
            cut: file.len() > MAX_BYTES,
            texts: 0,
        }
    }

    pub(super) fn slice(&mut self, count: usize, what: &str) -> Result<&'a [u8], String> {
        let slice = self
            .at
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or_else(|| self.ended(what))?;
        self.at += count;
        Ok(slice)
    }

    fn ended(&self, what: &str) -> String {
        if self.cut {
            format!(
                "its header has more than the {MAX_BYTES} bytes that are read: {what} that begins at byte {} goes on behind them",
                self.at
            )
        } else {
            format!(
                "it ends at byte {} inside {what} that begins at byte {}",
                self.bytes.len(),
                self.at
            )
        }
    }

    pub(super) fn take<const N: usize>(&mut self, what: &str) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(N, what)?);
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.take(what)?))
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.take(what)?))
    }

    /// Refuses a count that the rest of the file cannot hold, so that nobody loops or allocates by it.
    pub(super) fn expect(&self, count: u64, least_bytes: usize, what: &str) -> Result<(), String> {
        let most = (self.bytes.len() - self.at) / least_bytes;
        if count > most as u64 && self.cut {
            return Err(self.ended(what));
        }
        if count > most as u64 {
            return Err(format!(
                "it says that {count} {what} follow byte {}, where at most {most} have room",
                self.at
            ));
        }
        Ok(())
    }

    /// Refuses a count whose entries would take too much memory although the file has them.
    pub(super) fn at_most(&self, count: u64, most: u64, what: &str) -> Result<(), String> {
        if count > most {
            return Err(format!(
                "by byte {} it has {count} {what}, more than the {most} that are read",
                self.at
            ));
        }
        Ok(())
    }

    pub(super) fn text(&mut self, what: &str) -> Result<&'a str, String> {
        let at = self.at;
        let count = self.u64(what)?;
        self.expect(count, 1, "bytes of text")?;
        let bytes = self.slice(count as usize, what)?;
        std::str::from_utf8(bytes).map_err(|_| format!("{what} at byte {at} is not UTF-8"))
    }

    pub(super) fn list<T, const N: usize>(
        &mut self,
        count: u64,
        of_bytes: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, String> {
        self.expect(count, N, "entries")?;
        let bytes = self.slice(count as usize * N, "a list")?;
        Ok(bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|bytes| of_bytes(*bytes))
            .collect())
    }
}
