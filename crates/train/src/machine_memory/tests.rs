//! Limits read from copies of a system's files.

use tempfile::TempDir;

use super::*;

const MIB: u64 = 1 << 20;

/// A machine of 8 GiB, 6 of them free, and what a test adds.
struct System(TempDir);

impl System {
    fn new() -> Self {
        let system = Self(TempDir::new().unwrap());
        system.write(
            "proc/meminfo",
            "MemTotal:        8388608 kB\nMemFree: 1 kB\nMemAvailable:    6291456 kB\n",
        );
        system
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn limits(&self) -> MemoryLimits {
        MemoryLimits::read(self.0.path())
    }

    /// The name and the free MiB of the tightest limit.
    fn tightest(&self) -> (String, u64) {
        let limits = self.limits();
        let tightest = limits.tightest().unwrap();
        (tightest.name.clone(), tightest.available / MIB)
    }
}

fn bytes(mib: u64) -> String {
    format!("{}\n", mib * MIB)
}

const V2: &str = "25 20 0:23 / /proc rw - proc proc rw\n\
    30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

const V1: &str = "30 24 0:26 / /sys/fs/cgroup ro shared:4 - tmpfs tmpfs ro\n\
    31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n\
    32 30 0:28 / /sys/fs/cgroup/memory rw shared:6 - cgroup cgroup rw,memory\n";

const UNLIMITED_V1: &str = "9223372036854771712\n";

#[test]
fn a_machine_without_control_groups_gives_what_is_free() {
    let system = System::new();
    assert_eq!(system.tightest(), ("the machine".to_owned(), 6144));
    assert_eq!(system.limits().limits[0].total, 8192 * MIB);
    let empty = TempDir::new().unwrap();
    assert_eq!(MemoryLimits::read(empty.path()), MemoryLimits::default());
    assert_eq!(MemoryLimits::default().available(), None);
}

#[test]
fn v2_every_group_above_the_process_counts() {
    let system = System::new();
    system
        .write("proc/self/mountinfo", V2)
        .write("proc/self/cgroup", "0::/a.slice/b/c\n")
        .write("sys/fs/cgroup/a.slice/b/c/memory.max", "max\n")
        .write("sys/fs/cgroup/a.slice/b/c/memory.high", "max\n")
        .write("sys/fs/cgroup/a.slice/b/memory.max", &bytes(3000))
        .write("sys/fs/cgroup/a.slice/b/memory.current", &bytes(1000))
        .write(
            "sys/fs/cgroup/a.slice/b/memory.stat",
            &format!("anon 1\ninactive_file {}active_file 7\n", bytes(400)),
        )
        .write("sys/fs/cgroup/a.slice/memory.max", &bytes(4000))
        .write("sys/fs/cgroup/a.slice/memory.current", &bytes(1500));
    // 3000 - (1000 - 400) in `b` is less than 4000 - 1500 in `a.slice`.
    let name = |group: &str| format!("control group `{group}` (memory.max)");
    assert_eq!(system.tightest(), (name("/a.slice/b"), 2400));
    system.write("sys/fs/cgroup/a.slice/memory.current", &bytes(2000));
    assert_eq!(system.tightest(), (name("/a.slice"), 2000));
    // A group that is over its limit has nothing left.
    system.write("sys/fs/cgroup/a.slice/memory.current", &bytes(5000));
    assert_eq!(system.tightest(), (name("/a.slice"), 0));
}

#[test]
fn v2_the_throttle_below_the_limit_counts() {
    let system = System::new();
    system
        .write("proc/self/mountinfo", V2)
        .write("proc/self/cgroup", "0::/a\n")
        .write("sys/fs/cgroup/a/memory.max", &bytes(3000))
        .write("sys/fs/cgroup/a/memory.high", &bytes(2000))
        .write("sys/fs/cgroup/a/memory.current", &bytes(500));
    let name = "control group `/a` (memory.high)".to_owned();
    assert_eq!(system.tightest(), (name, 1500));
}

#[test]
fn v2_in_a_container_with_a_namespace_of_its_own() {
    let system = System::new();
    system
        .write("proc/self/mountinfo", V2)
        .write("proc/self/cgroup", "0::/\n")
        .write("sys/fs/cgroup/memory.max", &bytes(200));
    let name = "control group `/` (memory.max)".to_owned();
    assert_eq!(system.tightest(), (name, 200));
}

#[test]
fn v2_in_a_container_that_sees_its_part_of_the_host() {
    let system = System::new();
    let mounts = "30 24 0:26 /docker/0123 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    system
        .write("proc/self/mountinfo", mounts)
        .write("proc/self/cgroup", "0::/docker/0123/job\n")
        .write("sys/fs/cgroup/memory.max", &bytes(300))
        .write("sys/fs/cgroup/job/memory.max", &bytes(250));
    assert_eq!(system.tightest().1, 250);
    // A group that the mount does not show: the mount's own limit is what there is.
    for outside in ["0::/elsewhere\n", "0::/../sibling\n"] {
        system.write("proc/self/cgroup", outside);
        assert_eq!(system.tightest().1, 300, "{outside}");
    }
}

#[test]
fn v1_every_group_above_the_process_counts() {
    let system = System::new();
    let dir = "sys/fs/cgroup/memory";
    system
        .write("proc/self/mountinfo", V1)
        .write(
            "proc/self/cgroup",
            "11:cpu,cpuacct:/other\n5:memory:/jobs/one\n",
        )
        .write(&format!("{dir}/memory.limit_in_bytes"), UNLIMITED_V1)
        .write(&format!("{dir}/jobs/memory.limit_in_bytes"), &bytes(1000))
        .write(&format!("{dir}/jobs/memory.usage_in_bytes"), &bytes(700))
        .write(&format!("{dir}/jobs/memory.use_hierarchy"), "1\n")
        .write(
            &format!("{dir}/jobs/memory.stat"),
            &format!("inactive_file 5\ntotal_inactive_file {}", bytes(100)),
        )
        .write(
            &format!("{dir}/jobs/one/memory.limit_in_bytes"),
            &bytes(800),
        )
        .write(&format!("{dir}/jobs/one/memory.usage_in_bytes"), &bytes(50));
    let name = "control group `/jobs` (memory.limit_in_bytes)".to_owned();
    assert_eq!(system.tightest(), (name, 400));
    // A parent that does not count its children does not bind them.
    system.write(&format!("{dir}/jobs/memory.use_hierarchy"), "0\n");
    assert_eq!(system.tightest().1, 750);
}

#[test]
fn v1_in_a_container_the_limit_of_a_group_out_of_sight_is_in_the_statistics() {
    let system = System::new();
    let mounts = "32 30 0:28 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let dir = "sys/fs/cgroup/memory";
    system
        .write("proc/self/mountinfo", mounts)
        .write("proc/self/cgroup", "5:memory:/docker/0123\n")
        .write(&format!("{dir}/memory.limit_in_bytes"), UNLIMITED_V1)
        .write(&format!("{dir}/memory.usage_in_bytes"), &bytes(100))
        .write(
            &format!("{dir}/memory.stat"),
            &format!(
                "hierarchical_memory_limit {}total_inactive_file 0\n",
                bytes(500)
            ),
        );
    assert_eq!(system.tightest().1, 400);
}

#[test]
fn a_hybrid_system_has_the_memory_controller_in_v1() {
    let system = System::new();
    let unified = "40 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    system
        .write("proc/self/mountinfo", &format!("{unified}{V1}"))
        .write(
            "proc/self/cgroup",
            "5:memory:/jobs\n1:name=systemd:/s\n0::/s\n",
        )
        .write("sys/fs/cgroup/unified/s/cgroup.procs", "")
        .write(
            "sys/fs/cgroup/memory/jobs/memory.limit_in_bytes",
            &bytes(90),
        );
    assert_eq!(system.tightest().1, 90);
}

#[test]
fn a_mount_under_a_name_with_a_blank() {
    let system = System::new();
    let mounts = r"30 24 0:26 / /sys/fs/my\040groups rw - cgroup2 cgroup2 rw";
    system
        .write("proc/self/mountinfo", mounts)
        .write("proc/self/cgroup", "0::/a b\n")
        .write("sys/fs/my groups/a b/memory.max", &bytes(70));
    assert_eq!(system.tightest().1, 70);
    assert_eq!(unescaped(r"a\134b\x"), r"a\b\x");
}

#[test]
fn limits_of_the_shell() {
    let system = System::new();
    let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max data size             unlimited            unlimited            bytes     \n\
        Max address space         2097152000           unlimited            bytes     \n";
    system.write("proc/self/limits", limits).write(
        "proc/self/status",
        "VmSize:\t 1024000 kB\nVmData:\t 1024 kB\n",
    );
    assert_eq!(system.tightest(), ("`ulimit -v`".to_owned(), 1000));
    system.write(
        "proc/self/limits",
        "Max data size             1048576 1048576 bytes\n",
    );
    assert_eq!(system.tightest(), ("`ulimit -d`".to_owned(), 0));
}
