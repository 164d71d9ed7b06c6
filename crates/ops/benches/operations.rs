//! `cargo bench --bench operations [-- NAME]`: every operation (whose name contains NAME) at the sizes of a 32.5 M decoder on
//! 4 x 256 tokens, in f32 and bf16. Above 100 % are those whose tensors stay in the cache: the limit is memory's.

#![expect(clippy::print_stdout, reason = "the table is what a bench is for")]

use jikji_ops::{
    BenchShape, Precision, bench_operations, compute_on_this_thread, measure_roofline,
};

fn main() {
    compute_on_this_thread();
    // Cargo adds `--bench`.
    let name = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let name = name.unwrap_or_default();
    let shape = BenchShape {
        batch: 4,
        seq: 256,
        hidden: 512,
        ffn: 1536,
        heads: 8,
        kv_heads: 2,
        head_dim: 64,
        vocab: 16_384,
    };
    for precision in [Precision::F32, Precision::Bf16] {
        let roofline = measure_roofline(precision);
        println!(
            "{precision:?}: products {:.0} GFLOP/s, memory {:.1} GB/s",
            1e-9 * roofline.flop_per_second,
            1e-9 * roofline.bytes_per_second
        );
        for rate in bench_operations(shape, precision, &name, 15, roofline) {
            println!(
                "{:>28} {:<18} {:9.3} ms {:7.1} GFLOP/s {:6.1} GB/s {:5.0} %",
                rate.operation,
                rate.direction,
                1e3 * rate.seconds,
                1e-9 * rate.flop_per_second,
                1e-9 * rate.bytes_per_second,
                100.0 * rate.roofline_share
            );
        }
    }
}
