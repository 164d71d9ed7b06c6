//! `jikji doctor`: what is on this machine and what will work.

use std::path::Path;

use jikji_ops::{Precision, bf16_products};
use jikji_telemetry::human_units::human_bytes;
use jikji_train::{MemoryLimit, MemoryLimits};

use crate::console;
use crate::failure::Failure;

#[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
pub(crate) fn run() -> Result<(), Failure> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let [f32_rate, bf16_rate] = [Precision::F32, Precision::Bf16]
        .map(|precision| jikji_ops::measure_matrix_rate(precision).flop_per_second / 1e9);
    let disk = jikji_checkpoint::durable::free_space(Path::new("."))
        .map_or_else(|error| format!("unknown ({error})"), human_bytes);
    let [features, vectors] = processor();
    let mut lines = vec![
        format!(
            "jikji {} on {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH
        ),
        format!("threads      {threads}{}", of_processors(threads)),
        format!("processor    {features}"),
        format!(
            "matrix rate  {f32_rate:.0} GFLOP/s in f32, {bf16_rate:.0} in bf16 (1,024 x 1,024, all threads, measured now)"
        ),
        format!("bf16         {}", bf16_products()),
    ];
    lines.extend(memory_lines(&MemoryLimits::of_this_process()));
    lines.extend([
        format!("disk free    {disk} here"),
        "devices      cpu (the only one in this build)".to_owned(),
        format!(
            "will work    training on the cpu in f32 and bf16, scoring and generating in f32; products {vectors}, those of bf16 {}",
            beside_f32(f32_rate / bf16_rate)
        ),
        "will not     --device cuda:N, wgpu or more than one process: not in this build".to_owned(),
    ]);
    console::data(lines.join("\n"));
    Ok(())
}

/// What the measured rates say of a product of bf16, given its time over that of f32.
fn beside_f32(time: f64) -> String {
    /// Measurements of the same products differ by as much.
    const NOISE: f64 = 0.1;
    if (1.0 - NOISE..=1.0 + NOISE).contains(&time) {
        "took as long as those of f32 just now".to_owned()
    } else {
        format!("took {time:.2} x the time of f32 just now")
    }
}

/// What the vector kernels chose from, and what they use.
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
        let vectors = if missing.contains(&"avx512f") {
            "use narrower instructions than avx512 and take longer"
        } else {
            "use avx512"
        };
        let absent = if missing.is_empty() {
            String::new()
        } else {
            format!("; not {}", missing.join(", "))
        };
        [
            format!("{}{absent}", present.join(", ")),
            vectors.to_owned(),
        ]
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        [
            "vector instructions of this architecture".to_owned(),
            "use them where the library can".to_owned(),
        ]
    }
}

/// What bounds the memory of a run here, the tightest bound first.
fn memory_lines(limits: &MemoryLimits) -> Vec<String> {
    let Some(tightest) = limits.tightest() else {
        return vec!["memory free  unknown".to_owned()];
    };
    let of = |limit: &MemoryLimit| {
        let (free, total) = (human_bytes(limit.available), human_bytes(limit.total));
        format!("{free} of {total} on {}", limit.name)
    };
    let others = limits.limits.iter().filter(|limit| *limit != tightest);
    let others = others.map(|limit| format!("             ({})", of(limit)));
    std::iter::once(format!("memory free  {}", of(tightest)))
        .chain(others)
        .collect()
}

/// Says if this process may use fewer processors than there are.
fn of_processors(threads: usize) -> String {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let is_processor = |line: &&str| {
        let number = line
            .strip_prefix("cpu")
            .and_then(|rest| rest.split(' ').next());
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let processors = stat.lines().filter(is_processor).count();
    if processors <= threads {
        return String::new();
    }
    format!(" of {processors} processors: affinity or a CPU quota allows no more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_of_memory_comes_first() {
        let limit = |name: &str, total: u64, available: u64| MemoryLimit {
            name: name.to_owned(),
            total,
            available,
        };
        let limits = MemoryLimits {
            limits: vec![
                limit("the machine", 8_000_000_000, 6_000_000_000),
                limit("control group `/a` (memory.max)", 200_000_000, 150_000_000),
            ],
        };
        assert_eq!(
            memory_lines(&limits),
            [
                "memory free  150 MB of 200 MB on control group `/a` (memory.max)",
                "             (6 GB of 8 GB on the machine)",
            ]
        );
        let none = MemoryLimits::default();
        assert_eq!(memory_lines(&none), ["memory free  unknown"]);
    }

    #[test]
    fn bf16_is_called_what_was_measured() {
        // 145 GFLOP/s beside 197 in f32.
        assert_eq!(
            beside_f32(197.0 / 145.0),
            "took 1.36 x the time of f32 just now"
        );
        assert_eq!(beside_f32(0.5), "took 0.50 x the time of f32 just now");
        assert_eq!(beside_f32(1.04), "took as long as those of f32 just now");
    }
}
