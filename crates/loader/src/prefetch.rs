//! Batches made ahead of time on a thread of their own, so that the training thread does not wait for the disk.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use crate::batch::Batch;
use crate::error::LoaderError;
use crate::run_data::RunData;

/// An iterator over `(step, item)` in step order, made up to `depth` steps ahead.
///
/// The first error is passed on and ends the iteration. Dropping it stops the thread after the item in hand.
#[derive(Debug)]
pub struct Prefetcher<T = Batch> {
    /// Absent once the iteration has ended.
    items: Option<Receiver<(u64, Result<T, LoaderError>)>>,
    thread: Option<JoinHandle<()>>,
    steps: Range<u64>,
}

impl<T: Send + 'static> Prefetcher<T> {
    /// Starts making the items of `steps` with `make`; at least one step ahead whatever `depth` says.
    pub fn start(
        steps: Range<u64>,
        depth: usize,
        mut make: impl FnMut(u64) -> Result<T, LoaderError> + Send + 'static,
    ) -> Result<Self, LoaderError> {
        let (sender, items) = sync_channel(depth.max(1));
        let todo = steps.clone();
        let work = move || {
            for step in todo {
                let item = make(step);
                let failed = item.is_err();
                // Nobody receives any more: the prefetcher was dropped.
                if sender.send((step, item)).is_err() || failed {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("prefetch".to_owned())
            .spawn(work);
        let thread = thread.map_err(|source| LoaderError::Spawn { source })?;
        Ok(Self {
            items: Some(items),
            thread: Some(thread),
            steps,
        })
    }
}

impl Prefetcher<Batch> {
    /// The share of one rank in each step's global batch.
    pub fn batches(
        data: Arc<RunData>,
        steps: Range<u64>,
        depth: usize,
        rank: usize,
        world: usize,
    ) -> Result<Self, LoaderError> {
        Self::start(steps, depth, move |step| data.batch(step, rank, world))
    }
}

impl<T> Iterator for Prefetcher<T> {
    type Item = Result<(u64, T), LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.steps.is_empty() {
            self.stop();
            return None;
        }
        match self.items.as_ref()?.recv() {
            Ok((step, Ok(item))) => {
                self.steps.start = step + 1;
                Some(Ok((step, item)))
            }
            Ok((_, Err(error))) => {
                self.stop();
                Some(Err(error))
            }
            // The thread ended with steps to go and no error to tell.
            Err(_) => {
                self.stop();
                Some(Err(LoaderError::PrefetchDied {
                    step: self.steps.start,
                }))
            }
        }
    }
}

impl<T> Prefetcher<T> {
    fn stop(&mut self) {
        // The receiver first: a thread that waits for room in the channel wakes up and ends.
        self.items = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed and is reported by `next`.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Prefetcher<T> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn failing_at(step: u64) -> LoaderError {
        LoaderError::OutOfRange {
            index: step as usize,
            len: 0,
        }
    }

    #[test]
    fn items_come_in_step_order_and_end() {
        let mut prefetcher = Prefetcher::start(5..9, 2, |step| Ok(step * 10)).unwrap();
        let items: Vec<(u64, u64)> = prefetcher.by_ref().map(Result::unwrap).collect();
        assert_eq!(items, [(5, 50), (6, 60), (7, 70), (8, 80)]);
        assert!(prefetcher.next().is_none());
    }

    #[test]
    fn an_error_is_passed_on_once_and_ends_the_iteration() {
        let make = |step| {
            if step == 2 {
                Err(failing_at(step))
            } else {
                Ok(step)
            }
        };
        let mut prefetcher = Prefetcher::start(0..10, 4, make).unwrap();
        assert_eq!(prefetcher.next().unwrap().unwrap(), (0, 0));
        assert_eq!(prefetcher.next().unwrap().unwrap(), (1, 1));
        assert!(matches!(
            prefetcher.next(),
            Some(Err(LoaderError::OutOfRange { index: 2, .. }))
        ));
        assert!(prefetcher.next().is_none());
    }

    #[test]
    fn a_panic_is_an_error_of_the_step_it_happened_in() {
        let mut prefetcher = Prefetcher::start(0..3, 1, |step| {
            if step == 1 {
                panic!("made to")
            } else {
                Ok(step)
            }
        })
        .unwrap();
        assert!(prefetcher.next().unwrap().is_ok());
        assert!(matches!(
            prefetcher.next(),
            Some(Err(LoaderError::PrefetchDied { step: 1 }))
        ));
        assert!(prefetcher.next().is_none());
    }

    #[test]
    fn dropping_stops_a_thread_that_waits_for_room() {
        let made = Arc::new(AtomicU64::new(0));
        let counter = made.clone();
        let mut prefetcher = Prefetcher::start(0..u64::MAX, 3, move |step| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(step)
        })
        .unwrap();
        assert!(prefetcher.next().is_some());
        drop(prefetcher);
        // One taken, three in the channel, one in hand, one more made before the receiver was gone.
        assert!(made.load(Ordering::SeqCst) <= 6);
        assert_eq!(Arc::strong_count(&made), 1, "the thread has ended");
    }
}
