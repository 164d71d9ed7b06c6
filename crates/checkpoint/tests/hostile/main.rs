//! Hostile files: named cases, mutations, and the cost of reading them.
//!
//! This is a separate test binary, because it counts allocations. Every case ends in a clear error
//! or in readable tensors, and uses at most [`MOST_BYTES`](memory::MOST_BYTES) of heap beyond the
//! size of the files.

#![expect(
    clippy::unwrap_used,
    reason = "what the support code cannot do fails the test"
)]

mod case;
mod gguf;
mod index;
mod large_safetensors;
mod links;
mod manifest;
mod memory;
mod mutations;
#[path = "../it/random.rs"]
mod random;
mod safetensors;
