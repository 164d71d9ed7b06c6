//! What a signal asks of a run, and what the run is doing when it arrives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a run is doing, for the answer to a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activity {
    /// Nothing that could be saved: reading text, loading weights.
    #[default]
    Preparing,
    /// Computing this step.
    Step(u64),
    /// Validating or sampling after this step.
    Evaluating(u64),
    /// Writing the checkpoint of this step.
    Saving(u64),
    /// All steps are done and saved: exporting, reporting.
    Finishing,
}

/// Requests from outside the loop, shared with the thread that receives signals.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    save: AtomicBool,
    activity: Mutex<Activity>,
}

impl StopSignal {
    /// Asks the run to finish its step, save and end.
    pub fn request(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to end.
    pub fn is_requested(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }

    /// Asks the run to save after its step and to go on.
    pub fn request_save(&self) {
        self.0.save.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to save since the last call.
    pub(crate) fn take_save_request(&self) -> bool {
        self.0.save.swap(false, Ordering::Relaxed)
    }

    /// Says what the run does from now on.
    pub fn set_activity(&self, activity: Activity) {
        *self
            .0
            .activity
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = activity;
    }

    /// What the run is doing.
    pub fn activity(&self) -> Activity {
        *self
            .0
            .activity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
