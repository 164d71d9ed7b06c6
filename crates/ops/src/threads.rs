//! Who computes: one pool of threads for all operations.

use rayon::ThreadPoolBuilder;

/// Makes the calling thread one of those that compute. Otherwise it hands each operation to the pool and sleeps until that is
/// done, and being woken costs more than a small operation. To be called once, before anything computes; later it changes
/// nothing.
pub fn compute_on_this_thread() {
    // As many as the pool would have had by itself: RAYON_NUM_THREADS, or one a processor.
    let asked = std::env::var("RAYON_NUM_THREADS").ok();
    let threads = asked
        .and_then(|text| text.parse().ok())
        .filter(|threads| *threads > 0)
        .or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    // A pool of this thread alone could not serve the others, such as the one that saves.
    if let Some(threads) = threads.filter(|threads| *threads > 1) {
        // An error says that there is a pool already.
        let _ = ThreadPoolBuilder::new()
            .num_threads(threads)
            .use_current_thread()
            .build_global();
    }
}
