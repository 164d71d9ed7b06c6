//! Behaviour of `jikji-checkpoint` through its public door: crashes, full disks, damage, locks.

#![expect(
    clippy::unwrap_used,
    reason = "what the support code cannot do fails the test"
)]

mod crash;
mod damage;
mod disk_errors;
mod lock;
mod published;
mod random;
mod roundtrip;
mod savers;
mod support;
