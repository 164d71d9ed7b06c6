//! Files that strangers made to break a reader: named cases, mutations, and what reading them costs.
//!
//! A test binary of its own, because it counts what is allocated. Every case ends in a clear error or in tensors that can be read,
//! with at most [`MOST_BYTES`](memory::MOST_BYTES) beyond the files on the heap.

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
