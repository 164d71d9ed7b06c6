//! A folder that holds anything, and what opening it must say.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use jikji_checkpoint::{ModelFiles, PublishedError};

use crate::memory::{MOST_BYTES, peak_of};

pub(crate) const SINGLE: &str = "model.safetensors";

/// What opening a file must end in.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// An error with this in its message.
    Refused(&'static str),
    /// Every tensor can be read, unless its type is none of floats.
    Read,
}

/// The dearest of many openings.
#[derive(Default)]
pub(crate) struct Cost {
    cases: usize,
    /// Of those that end in an error.
    slowest: (Duration, String),
    largest: (usize, String),
}

impl Cost {
    /// Opens something, counts what it took, and looks at how it ended.
    pub(crate) fn open<T, E: std::error::Error>(
        &mut self,
        name: &str,
        file_bytes: usize,
        end: End,
        open: impl FnOnce() -> Result<T, E>,
    ) -> Option<T> {
        let opened = self.count(name, file_bytes, open);
        match (opened, end) {
            (Ok(opened), End::Read) => Some(opened),
            (Err(error), End::Refused(text)) => {
                let message = whole(&error);
                assert!(message.contains(text), "{name}: `{message}` lacks `{text}`");
                assert_clear(name, &message);
                None
            }
            (Ok(_), End::Refused(text)) => panic!("{name}: opened, expected `{text}`"),
            (Err(error), End::Read) => panic!("{name}: {}", whole(&error)),
        }
    }

    /// Opens something that may be an error or not.
    pub(crate) fn count<T, E>(
        &mut self,
        name: &str,
        file_bytes: usize,
        open: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let start = Instant::now();
        let (outcome, held) = peak_of(open);
        let took = start.elapsed();
        assert!(
            held <= file_bytes + MOST_BYTES,
            "{name}: {held} bytes on the heap, expected at most {MOST_BYTES} beyond the file's {file_bytes}"
        );
        self.cases += 1;
        if outcome.is_err() && took > self.slowest.0 {
            self.slowest = (took, name.to_owned());
        }
        if held > self.largest.0 {
            self.largest = (held, name.to_owned());
        }
        outcome
    }

    /// Prints what was dearest, also when the test runner captures output.
    pub(crate) fn report(&self, name: &str) {
        let Cost {
            cases,
            slowest: (slowest, slowest_name),
            largest: (largest, largest_name),
        } = self;
        let line = format!(
            "{name}, {cases} cases, {cases} passed, slowest error {:.1} ms ({slowest_name}), largest {:.1} MB ({largest_name})\n",
            slowest.as_secs_f64() * 1e3,
            *largest as f64 / 1e6
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        // One is enough to see a time that grows with what a file says; a busy machine takes some of it.
        assert!(*slowest < Duration::from_secs(5), "{line}");
    }
}

/// An error and its causes.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

/// Fits a terminal and does not steer it.
pub(crate) fn assert_clear(name: &str, message: &str) {
    assert!(
        !message.is_empty() && message.len() < 4_000 && !message.contains(char::is_control),
        "{name}: {message:?}"
    );
}

/// Reads every tensor of an opened model.
pub(crate) fn read_all(model: &ModelFiles) {
    for name in model.names() {
        let elements = model.shape(name).unwrap().iter().product();
        let read = model.read_f32(name, 0, &mut vec![0.0; elements]);
        if let Err(error) = read {
            assert_clear(name, &error.to_string());
            assert!(error.to_string().contains("has type `"), "{name}: {error}");
        }
    }
}

/// Opens a model folder of these files.
pub(crate) fn model(cost: &mut Cost, name: &str, end: End, files: &[(&str, &[u8])]) {
    let dir = tempfile::tempdir().unwrap();
    for (file, bytes) in files {
        fs::write(dir.path().join(file), bytes).unwrap();
    }
    let file_bytes = files.iter().map(|(_, bytes)| bytes.len()).sum();
    open_model(cost, name, file_bytes, end, dir.path());
}

pub(crate) fn open_model(cost: &mut Cost, name: &str, file_bytes: usize, end: End, dir: &Path) {
    let opened = cost.open(name, file_bytes, end, || {
        ModelFiles::open(dir).inspect_err(|error: &PublishedError| {
            assert!(error.hint().is_some(), "{name}: no way out of {error}");
        })
    });
    if let Some(opened) = opened {
        read_all(&opened);
    }
}

/// A safetensors file: the length, the header and as many bytes of data.
pub(crate) fn tensor_file(header: impl AsRef<[u8]>, data_bytes: usize) -> Vec<u8> {
    let header = header.as_ref();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.resize(file.len() + data_bytes, 0);
    file
}

/// A tensor's entry in a header.
pub(crate) fn entry(name: &str, dtype: &str, shape: &str, offsets: &str) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
}

/// `count` entries by number, in braces.
pub(crate) fn object(count: usize, entry: impl Fn(usize) -> String) -> String {
    let entries: Vec<String> = (0..count).map(entry).collect();
    format!("{{{}}}", entries.join(","))
}
