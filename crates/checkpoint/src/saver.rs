//! Saving off the training thread: one save at a time, its outcome told to whoever asks next.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::error::CheckpointError;
use crate::retain::retain_with;
use crate::snapshot::Snapshot;
use crate::verify::verify_on_this_thread;
use crate::write::write;

/// How a save ended.
#[derive(Debug)]
pub struct SaveOutcome {
    /// The step that was saved.
    pub step: u64,
    /// The checkpoint, or why there is none; the older ones are untouched then.
    pub result: Result<PathBuf, CheckpointError>,
    /// Why older checkpoints could not be removed, although this one is good.
    pub not_retained: Option<CheckpointError>,
    /// Wall-clock time of writing, verifying and removing old ones.
    pub seconds: f64,
    /// Size of the checkpoint; 0 if it failed.
    pub bytes: u64,
}

/// Writes checkpoints in a thread of its own. Dropping it waits for the running save.
#[derive(Debug)]
pub struct Saver {
    dir: PathBuf,
    keep: usize,
    running: Option<(u64, JoinHandle<SaveOutcome>)>,
    /// Outcomes not yet told.
    ended: Vec<SaveOutcome>,
}

impl Saver {
    /// A saver into the folder of checkpoints `dir` that keeps the newest `keep` of them (at least one).
    pub fn new(dir: impl Into<PathBuf>, keep: usize) -> Self {
        Saver {
            dir: dir.into(),
            keep,
            running: None,
            ended: Vec::new(),
        }
    }

    /// Whether a save is still under way.
    pub fn is_saving(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|(_, thread)| !thread.is_finished())
    }

    /// Starts to save. A save that is still running is waited for first, and outcomes that were not polled are returned.
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

    /// The outcomes of saves that ended since the last call; never waits.
    pub fn poll(&mut self) -> Vec<SaveOutcome> {
        if !self.is_saving() {
            self.wait();
        }
        std::mem::take(&mut self.ended)
    }

    /// Waits for the running save and returns the outcomes not yet told.
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
        // Read back before an older one may go: what was written is not yet what can be read.
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
        assert_eq!(text, "saving step 7 broke off: broken on purpose");
    }
}
