//! Saves checkpoints on a separate thread, one at a time, and reports the outcome at the next call.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::error::CheckpointError;
use crate::retain::retain_with;
use crate::snapshot::Snapshot;
use crate::verify::verify_on_this_thread;
use crate::write::write;

/// The outcome of a save.
#[derive(Debug)]
pub struct SaveOutcome {
    /// The step that was saved.
    pub step: u64,
    /// The path of the checkpoint, or the error. After an error the older checkpoints are
    /// unchanged.
    pub result: Result<PathBuf, CheckpointError>,
    /// The error if the save succeeded but older checkpoints could not be removed.
    pub not_retained: Option<CheckpointError>,
    /// Wall-clock time for writing, verifying and removing old checkpoints.
    pub seconds: f64,
    /// Size of the checkpoint; 0 if it failed.
    pub bytes: u64,
}

/// Writes checkpoints on a separate thread. Dropping it waits for a running save.
#[derive(Debug)]
pub struct Saver {
    dir: PathBuf,
    keep: usize,
    running: Option<(u64, JoinHandle<SaveOutcome>)>,
    /// Outcomes that have not been returned yet.
    ended: Vec<SaveOutcome>,
}

impl Saver {
    /// Creates a saver that writes to the folder `dir` and keeps the newest `keep` checkpoints (at
    /// least one).
    pub fn new(dir: impl Into<PathBuf>, keep: usize) -> Self {
        Saver {
            dir: dir.into(),
            keep,
            running: None,
            ended: Vec::new(),
        }
    }

    /// Whether a save is running.
    pub fn is_saving(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|(_, thread)| !thread.is_finished())
    }

    /// Starts a save. Waits first for a save that is still running. Returns the outcomes that were
    /// not polled.
    pub fn submit(&mut self, snapshot: Snapshot) -> Vec<SaveOutcome> {
        self.wait();
        let step = snapshot.step;
        let (dir, keep) = (self.dir.clone(), self.keep);
        match thread::Builder::new()
            .name("saver".into())
            .spawn(move || save(&dir, keep, &snapshot))
        {
            Ok(thread) => self.running = Some((step, thread)),
            Err(error) => self
                .ended
                .push(failed(step, format!("its thread did not start: {error}"))),
        }
        std::mem::take(&mut self.ended)
    }

    /// Returns the outcomes of saves that finished since the last call. Never waits.
    pub fn poll(&mut self) -> Vec<SaveOutcome> {
        if !self.is_saving() {
            self.wait();
        }
        std::mem::take(&mut self.ended)
    }

    /// Waits for a running save and returns the remaining outcomes.
    pub fn finish(mut self) -> Vec<SaveOutcome> {
        self.wait();
        std::mem::take(&mut self.ended)
    }

    fn wait(&mut self) {
        if let Some((step, thread)) = self.running.take() {
            self.ended.push(
                thread
                    .join()
                    .unwrap_or_else(|panic| failed(step, panic_text(&*panic))),
            );
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.wait();
    }
}

fn save(dir: &Path, keep: usize, snapshot: &Snapshot) -> SaveOutcome {
    let start = Instant::now();
    let (mut bytes, mut not_retained) = (0, None);
    let result = write(dir, snapshot).and_then(|path| {
        // Verify the new checkpoint before an older one is removed: a successful write does not
        // prove that the data can be read.
        let manifest = verify_on_this_thread(&path)?;
        bytes = manifest.files.values().map(|file| file.bytes).sum();
        not_retained = retain_with(dir, keep, &path).err();
        Ok(path)
    });
    SaveOutcome {
        step: snapshot.step,
        result,
        not_retained,
        seconds: start.elapsed().as_secs_f64(),
        bytes,
    }
}

fn failed(step: u64, message: String) -> SaveOutcome {
    let result = Err(CheckpointError::Saver { step, message });
    SaveOutcome {
        step,
        result,
        not_retained: None,
        seconds: 0.0,
        bytes: 0,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let mut saver = Saver::new("nowhere", 1);
        saver.running = Some((7, thread::spawn(|| panic!("broken on purpose"))));
        let outcomes = saver.finish();
        let text = outcomes[0].result.as_ref().unwrap_err().to_string();
        assert_eq!(text, "saving step 7 failed: broken on purpose");
    }
}
