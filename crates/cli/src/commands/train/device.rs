//! `--device`: what this build can compute on.

use crate::exit;
use crate::failure::Failure;

/// Accepts `cpu`; names what is missing for the others.
pub(super) fn check(device: &str) -> Result<(), Failure> {
    let kind = device.split(':').next().unwrap_or(device);
    match kind {
        _ if device == "cpu" => Ok(()),
        "cuda" | "wgpu" | "vulkan" | "metal" => Err(Failure::new(
            exit::DEVICE,
            format!("`--device {device}`: this binary was built for the cpu only, expected `cpu`"),
        )
        .with_hint("leave `--device` out; `jikji doctor` says what this build has")),
        _ => Err(Failure::new(
            exit::DEVICE,
            format!("`--device {device}`: unknown device, expected `cpu`"),
        )
        .with_hint("leave `--device` out; `jikji doctor` says what this build has")),
    }
}
