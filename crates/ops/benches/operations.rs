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
        println!("{precision:?}: {roofline}");
        for rate in bench_operations(shape, precision, &name, 15, roofline) {
            println!("{rate}");
        }
    }
}
