//! `jikji doctor`: what is on this machine and what will work.

use std::path::Path;

use jikji_ops::Precision;
use jikji_telemetry::human_units::human_bytes;

use crate::console;
use crate::failure::Failure;

#[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
pub(crate) fn run() -> Result<(), Failure> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let [f32_rate, bf16_rate] = [Precision::F32, Precision::Bf16]
        .map(|precision| jikji_ops::measure_matrix_rate(precision).flop_per_second / 1e9);
    let memory = available_memory().map_or_else(|| "unknown".to_owned(), human_bytes);
    let disk = jikji_checkpoint::durable::free_space(Path::new("."))
        .map_or_else(|error| format!("unknown ({error})"), human_bytes);
    let [features, advice] = processor();
    let lines = [
        format!(
            "jikji {} on {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH
        ),
        format!("threads      {threads}"),
        format!("processor    {features}"),
        format!(
            "matrix rate  {f32_rate:.0} GFLOP/s in f32, {bf16_rate:.0} in bf16 (1,024 x 1,024, all threads, measured now)"
        ),
        format!("memory free  {memory}"),
        format!("disk free    {disk} here"),
        "devices      cpu (the only one in this build)".to_owned(),
        format!(
            "will work    training on the cpu in f32 and bf16, scoring and generating in f32; {advice}"
        ),
        "will not     --device cuda:N, wgpu or more than one process: not in this build".to_owned(),
    ];
    console::data(lines.join("\n"));
    Ok(())
}

/// What the vector kernels chose from, and what that means.
fn processor() -> [String; 2] {
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx2", std::is_x86_feature_detected!("avx2")),
            ("fma", std::is_x86_feature_detected!("fma")),
            ("avx512f", std::is_x86_feature_detected!("avx512f")),
            ("avx512bf16", std::is_x86_feature_detected!("avx512bf16")),
        ];
        let present: Vec<&str> = known
            .iter()
            .filter(|(_, has)| *has)
            .map(|(name, _)| *name)
            .collect();
        let missing: Vec<&str> = known
            .iter()
            .filter(|(_, has)| !*has)
            .map(|(name, _)| *name)
            .collect();
        let advice = if missing.contains(&"avx512f") {
            "without avx512 the products use narrower instructions and take longer, bf16 as long as f32"
        } else if missing.contains(&"avx512bf16") {
            "products use avx512; without avx512bf16 those of bf16 take as long as f32"
        } else {
            "products use avx512, and take half as long in bf16"
        };
        let absent = if missing.is_empty() {
            String::new()
        } else {
            format!("; not {}", missing.join(", "))
        };
        [format!("{}{absent}", present.join(", ")), advice.to_owned()]
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        [
            "vector instructions of this architecture".to_owned(),
            "products use them where the library can".to_owned(),
        ]
    }
}

/// Memory that can be taken without pushing others out; `None` where the system does not say.
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    let host = kibibytes * 1024;
    Some(container_limit().map_or(host, |limit| limit.min(host)))
}

/// What a container may still take, by its control group.
fn container_limit() -> Option<u64> {
    let read = |name: &str| -> Option<u64> {
        std::fs::read_to_string(Path::new("/sys/fs/cgroup").join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    let limit = read("memory.max")?;
    let stat = std::fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    // Cached files count as current, but make room when asked.
    let cached: u64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse().ok())
        .unwrap_or(0);
    let used = read("memory.current").unwrap_or(0).saturating_sub(cached);
    Some(limit.saturating_sub(used))
}
