//! Where time goes, by operation: wall time summed on the thread that calls the kernels.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What is timed apart, with its name.
macro_rules! timed_operations {
    ($($operation:ident = $name:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Timed {
            $($operation,)*
        }

        const NAMES: &[&str] = &[$($name),*];
    };
}

timed_operations! {
    Linear = "linear",
    LinearBackward = "linear backward",
    Attention = "attention",
    AttentionBackward = "attention backward",
    Head = "head",
    HeadBackward = "head backward",
    RmsNorm = "rms_norm",
    RmsNormBackward = "rms_norm backward",
    Swiglu = "swiglu",
    SwigluBackward = "swiglu backward",
    Rope = "rope",
    Embedding = "embedding",
    EmbeddingBackward = "embedding backward",
    Residual = "residual",
    Gradients = "gradients to buffers",
    Optimizer = "norm and optimizer",
}

static CALLS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];
static NANOSECONDS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

pub(crate) fn timed<T>(what: Timed, work: impl FnOnce() -> T) -> T {
    let clock = Instant::now();
    let result = work();
    CALLS[what as usize].fetch_add(1, Ordering::Relaxed);
    let nanoseconds = u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX);
    NANOSECONDS[what as usize].fetch_add(nanoseconds, Ordering::Relaxed);
    result
}

/// An operation's part of the time since the profile was last taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperationTime {
    /// The operation and its direction.
    pub operation: &'static str,
    /// How often it ran.
    pub calls: u64,
    /// Wall time of all calls.
    pub seconds: f64,
}

/// The time of each operation that ran since the last call, of the whole process; starts anew.
pub fn take_profile() -> Vec<OperationTime> {
    NAMES
        .iter()
        .zip(&CALLS)
        .zip(&NANOSECONDS)
        .map(|((operation, calls), nanoseconds)| OperationTime {
            operation,
            calls: calls.swap(0, Ordering::Relaxed),
            seconds: nanoseconds.swap(0, Ordering::Relaxed) as f64 * 1e-9,
        })
        .filter(|entry| entry.calls > 0)
        .collect()
}
