//! Memory of large buffers: zeros, on large pages where the operating system has them.
//!
//! A pass over hundreds of megabytes in pages of 4 KiB waits for their addresses: on pages of 2 MiB a training step takes
//! a hundredth less, and decoding, which reads every weight for each token, a seventh.

/// `len` zeros, whose pages the operating system hands out when they are first touched.
pub(crate) fn zeros(len: usize) -> Vec<f32> {
    let values = vec![0.0; len];
    #[cfg(target_os = "linux")]
    ask_for_large_pages(&values);
    values
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "advice about a range of addresses")]
fn ask_for_large_pages(values: &[f32]) {
    use rustix::mm::{Advice, madvise};

    /// Of x86-64, and of aarch64 with pages of 4 KiB.
    const LARGE_PAGE: usize = 2 << 20;
    let range = values.as_ptr_range();
    let start = range.start.addr().next_multiple_of(LARGE_PAGE);
    let end = range.end.addr() / LARGE_PAGE * LARGE_PAGE;
    if start < end {
        let pages = range.start.cast_mut().with_addr(start).cast();
        // SAFETY: whole pages of one allocation, whose content the advice leaves as it is. A system without large pages
        // says so, and nothing is lost.
        let _ = unsafe { madvise(pages, end - start, Advice::LinuxHugepage) };
    }
}

#[cfg(test)]
mod tests {
    use super::zeros;

    #[test]
    fn sizes_around_a_large_page_are_zeros() {
        for len in [0, 1, (2 << 18) - 1, 2 << 18, (4 << 18) + 5, 3_000_000] {
            let mut values = zeros(len);
            assert_eq!(values.len(), len);
            assert!(values.iter().all(|value| *value == 0.0));
            values.fill(1.0);
            assert!(values.iter().all(|value| *value == 1.0));
        }
    }
}
