//! The memory that this process may use: free memory of the machine, limits of control groups (v1
//! and v2) and of the shell (`ulimit`). The memory plan of a run is in `memory.rs`.
//!
//! Everything is read below a root folder, which is `/` outside tests. A limit of a control group
//! binds every group below it, so each group from the process's own up to the mount's root counts.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// One bound on the memory of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The bound, for people: `the machine`, or a control group with the file that sets the limit.
    pub name: String,
    /// Bytes in all, for every process that the bound applies to.
    pub total: u64,
    /// Bytes that can still be taken. Cached files that the kernel gives up on demand count as
    /// free.
    pub available: u64,
}

/// Every bound on the memory of this process, the machine's first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryLimits {
    /// In the order in which they were found; empty if the system reports none.
    pub limits: Vec<MemoryLimit>,
}

impl MemoryLimits {
    /// The bounds on this process now.
    pub fn of_this_process() -> Self {
        Self::read(Path::new("/"))
    }

    /// The same from a copy of the system's files below `root`.
    pub fn read(root: &Path) -> Self {
        let mut limits = Vec::new();
        limits.extend(machine(root));
        limits.extend(control_groups(root));
        limits.extend(process_limits(root));
        Self { limits }
    }

    /// The bound that leaves the least; of equals the first.
    pub fn tightest(&self) -> Option<&MemoryLimit> {
        self.limits.iter().min_by_key(|limit| limit.available)
    }

    /// Bytes that this process can still take; `None` if the system reports no bound.
    pub fn available(&self) -> Option<u64> {
        self.tightest().map(|limit| limit.available)
    }
}

fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path.trim_start_matches('/'))).ok()
}

/// A line `NAME:   123 kB` in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

fn machine(root: &Path) -> Option<MemoryLimit> {
    let text = read(root, "proc/meminfo")?;
    let available = kibibytes(&text, "MemAvailable:")?;
    Some(MemoryLimit {
        name: "the machine".to_owned(),
        total: kibibytes(&text, "MemTotal:").unwrap_or(available),
        available,
    })
}

/// `ulimit -v` bounds the address space, `ulimit -d` its private part.
fn process_limits(root: &Path) -> Vec<MemoryLimit> {
    let (Some(limits), Some(status)) = (
        read(root, "proc/self/limits"),
        read(root, "proc/self/status"),
    ) else {
        return Vec::new();
    };
    let kinds = [
        ("Max address space", "VmSize:", "`ulimit -v`"),
        ("Max data size", "VmData:", "`ulimit -d`"),
    ];
    let limit = |(line, used, name): (&str, &str, &str)| {
        let soft = limits.lines().find_map(|found| found.strip_prefix(line))?;
        let total: u64 = soft.split_whitespace().next()?.parse().ok()?;
        Some(MemoryLimit {
            name: name.to_owned(),
            total,
            available: total.saturating_sub(kibibytes(&status, used).unwrap_or(0)),
        })
    };
    kinds.into_iter().filter_map(limit).collect()
}

/// The two kinds of hierarchies in which a memory controller can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

fn control_groups(root: &Path) -> Vec<MemoryLimit> {
    let (Some(groups), Some(mounts)) = (
        read(root, "proc/self/cgroup"),
        read(root, "proc/self/mountinfo"),
    ) else {
        return Vec::new();
    };
    let mut limits = Vec::new();
    for (version, group) in groups.lines().filter_map(own_group) {
        let Some(place) = place(version, group, &mounts) else {
            continue;
        };
        for level in place.levels() {
            match version {
                Version::V1 => limits.extend(limit_v1(root, &level)),
                Version::V2 => limits.extend(limit_v2(root, &level)),
            }
        }
    }
    limits
}

/// The process's group in a hierarchy that may have a memory controller, from a line of
/// `/proc/self/cgroup`: `0::/GROUP` for v2, `N:CONTROLLERS:/GROUP` for v1.
fn own_group(line: &str) -> Option<(Version, &str)> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    if number == "0" && controllers.is_empty() {
        return Some((Version::V2, group));
    }
    let has_memory = controllers.split(',').any(|name| name == "memory");
    has_memory.then_some((Version::V1, group))
}

/// Where a group's files are: the mount's folder, and the group's path below it.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    mount: PathBuf,
    below: PathBuf,
}

/// One group on the way from the process's own up to the mount's root.
struct Level {
    dir: PathBuf,
    name: String,
    is_own: bool,
}

impl Place {
    fn levels(&self) -> Vec<Level> {
        let below = self.below.ancestors();
        below
            .enumerate()
            .map(|(up, below)| Level {
                dir: self.mount.join(below),
                name: Path::new("/").join(below).display().to_string(),
                is_own: up == 0,
            })
            .collect()
    }
}

/// Finds a group in the mounts of `/proc/self/mountinfo`. A container sees its own part of the
/// hierarchy, mounted with another root than `/`; a group outside every mount's root is looked for
/// at the mount itself.
fn place(version: Version, group: &str, mountinfo: &str) -> Option<Place> {
    let mounts: Vec<(PathBuf, PathBuf)> = mountinfo
        .lines()
        .filter_map(|line| memory_mount(version, line))
        .collect();
    let group = Path::new(group);
    let inside = mounts.iter().filter_map(|(mount_root, mount)| {
        let below = group.strip_prefix(mount_root).ok()?;
        let is_plain = below
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| (mount_root.components().count(), mount, below))
    });
    // Of several mounts the one that shows the least of the hierarchy is surely this container's
    // own.
    let nearest = inside.max_by_key(|(depth, ..)| *depth);
    match nearest {
        Some((_, mount, below)) => Some(Place {
            mount: mount.clone(),
            below: below.to_owned(),
        }),
        None => mounts.into_iter().next().map(|(_, mount)| Place {
            mount,
            below: PathBuf::new(),
        }),
    }
}

/// The root and the folder of a mount that has the memory controller, from a line of `mountinfo`:
/// `ID PARENT DEVICE ROOT MOUNT OPTIONS [FIELDS] - TYPE SOURCE SUPER-OPTIONS`.
fn memory_mount(version: Version, line: &str) -> Option<(PathBuf, PathBuf)> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let (file_system, options) = (kind.next()?, kind.nth(1).unwrap_or_default());
    let fits = match version {
        Version::V2 => file_system == "cgroup2",
        Version::V1 => {
            file_system == "cgroup" && options.split(',').any(|option| option == "memory")
        }
    };
    let mut mount = mount.split(' ').skip(3);
    let (root, folder) = (mount.next()?, mount.next()?);
    fits.then(|| (unescaped(root).into(), unescaped(folder).into()))
}

/// `mountinfo` writes blanks, tabs, line breaks and backslashes as three octal digits.
fn unescaped(path: &str) -> String {
    let mut parts = path.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code.filter(u8::is_ascii) {
            plain.push(char::from(code));
            plain.push_str(&part[3..]);
        } else {
            plain.push('\\');
            plain.push_str(part);
        }
    }
    plain
}

/// A file with one number; `None` for `max`, or where the group has no such file.
fn number(root: &Path, level: &Level, file: &str) -> Option<u64> {
    // v1 has no word for "unlimited": it gives the largest multiple of a page that fits into i64.
    const UNLIMITED: u64 = 1 << 60;
    let text = read(root, &level.dir.join(file).to_string_lossy())?;
    let number = text.trim().parse().ok()?;
    (number < UNLIMITED).then_some(number)
}

fn stat(root: &Path, level: &Level, field: &str) -> Option<u64> {
    let text = read(root, &level.dir.join("memory.stat").to_string_lossy())?;
    text.lines().find_map(|line| {
        line.strip_prefix(field)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

fn limit(level: &Level, file: &str, total: u64, used: u64) -> MemoryLimit {
    MemoryLimit {
        name: format!("control group `{}` ({file})", level.name),
        total,
        available: total.saturating_sub(used),
    }
}

fn limit_v2(root: &Path, level: &Level) -> Option<MemoryLimit> {
    // Above `memory.high` the kernel slows a group down until it gives memory back: no place to
    // train in either.
    let files = ["memory.max", "memory.high"];
    let given = files.map(|file| number(root, level, file).map(|total| (total, file)));
    let (total, file) = given.into_iter().flatten().min()?;
    let used = number(root, level, "memory.current").unwrap_or(0);
    let cached = stat(root, level, "inactive_file").unwrap_or(0);
    Some(limit(level, file, total, used.saturating_sub(cached)))
}

fn limit_v1(root: &Path, level: &Level) -> Vec<MemoryLimit> {
    let used = number(root, level, "memory.usage_in_bytes").unwrap_or(0);
    let cached = stat(root, level, "total_inactive_file").unwrap_or(0);
    let used = used.saturating_sub(cached);
    let mut limits = Vec::new();
    // Without `use_hierarchy` a group does not count what its children use.
    if level.is_own || number(root, level, "memory.use_hierarchy") != Some(0) {
        let total = number(root, level, "memory.limit_in_bytes");
        limits.extend(total.map(|total| limit(level, "memory.limit_in_bytes", total, used)));
    }
    // A group above the mount's root is seen here alone. What else it holds is not seen, so this is
    // a bound from above.
    if level.is_own {
        let above = stat(root, level, "hierarchical_memory_limit").filter(|total| *total < 1 << 60);
        let file = "hierarchical_memory_limit of memory.stat";
        limits.extend(above.map(|total| limit(level, file, total, used)));
    }
    limits
}

#[cfg(test)]
mod tests;
