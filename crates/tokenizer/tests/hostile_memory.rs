//! What hostile files and templates take of memory: no more than what is read, and 64 MB.
//!
//! A program of its own, as its allocator counts everything that is allocated, on all threads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

mod hostile;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

#[expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]
// SAFETY: each call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ALLOWANCE: usize = 64 << 20;

/// Runs `work`; gives the bytes that it had at most, beyond those before.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let _ = catch_unwind(AssertUnwindSafe(work));
    PEAK.load(Ordering::Relaxed).saturating_sub(before)
}

// One test, as two at once would count each other's memory.
#[test]
fn no_case_takes_much_more_than_its_file() {
    let mut wrong = Vec::new();
    let mut largest = (0, String::new());
    let mut check = |name: &str, bytes: usize, peak: usize| {
        largest = largest
            .clone()
            .max((peak.saturating_sub(bytes), name.to_owned()));
        if peak > bytes + ALLOWANCE {
            wrong.push(format!("{name}: {peak} bytes for {bytes}"));
        }
    };
    let files = hostile::files::cases();
    for case in &files {
        let peak = peak_of(|| drop(case.run()));
        check(&case.name, case.bytes(), peak);
    }
    let templates = hostile::templates::cases();
    for case in &templates {
        let peak = peak_of(|| drop(case.run()));
        check(&case.name, case.source.len(), peak);
    }
    println!(
        "{} cases, at most {largest:?} bytes beyond the file",
        files.len() + templates.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
