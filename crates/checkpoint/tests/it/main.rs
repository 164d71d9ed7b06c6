//! Behaviour of `jikji-checkpoint` through its public door: crashes, full disks, damage, malformed files, locks.

#![expect(
    clippy::unwrap_used,
    reason = "what the support code cannot do fails the test"
)]

mod crash;
mod damage;
mod disk_errors;
mod lock;
mod malformed;
mod published;
mod roundtrip;
mod savers;
mod support;
