//! The free memory of the machine and of every control group around the process, on Linux.

use std::fs;
use std::path::Path;

/// Bytes that can be allocated without swapping, including the reclaimable page cache; `None` where unknown.
pub fn bytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").ok();
    let groups = groups.and_then(|text| of_groups(&text, Path::new("/sys/fs/cgroup")));
    machine.into_iter().chain(groups).min()
}

/// `MemAvailable` of `/proc/meminfo`.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The smallest remainder among the groups of `/proc/self/cgroup`, from the process's own up to the root; `None` if none has a
/// limit.
fn of_groups(cgroup: &str, mount: &Path) -> Option<u64> {
    let mut least = None;
    for line in cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let files = match controllers {
            "" => (mount.to_owned(), "memory.max", "memory.current", ["inactive_file", "active_file"]),
            "memory" => (
                mount.join("memory"),
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                ["total_inactive_file", "total_active_file"],
            ),
            _ => continue,
        };
        let (root, limit, usage, cached) = files;
        let own = root.join(path.trim_start_matches('/'));
        for group in own.ancestors().take_while(|group| group.starts_with(&root)) {
            // A container sees its own group as the root, although the path is the host's.
            let left = left_in(group, limit, usage, cached);
            least = [least, left].into_iter().flatten().min();
        }
    }
    least
}

/// The remainder of one group: its limit less its usage without page cache.
fn left_in(group: &Path, limit: &str, usage: &str, cached: [&str; 2]) -> Option<u64> {
    let number = |file: &str| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    // `max`, which does not parse, means no limit.
    let (limit, usage) = (number(limit)?, number(usage)?);
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let pages = stat.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| cached.contains(name));
    let pages: u64 = pages.filter_map(|(_, bytes)| bytes.parse::<u64>().ok()).sum();
    Some(limit.saturating_sub(usage.saturating_sub(pages)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_what_is_available() {
        assert_eq!(available("MemTotal:  100 kB\nMemAvailable:     42 kB\n"), Some(42 * 1024));
        assert_eq!(available("MemTotal:  100 kB\n"), None);
    }

    #[test]
    fn the_narrowest_group_counts() {
        let mount = tempfile::tempdir().expect("a temporary folder");
        let inner = mount.path().join("outer/inner");
        fs::create_dir_all(&inner).expect("made");
        let write = |group: &Path, max: &str, current: &str, stat: &str| {
            fs::write(group.join("memory.max"), max).expect("written");
            fs::write(group.join("memory.current"), current).expect("written");
            fs::write(group.join("memory.stat"), stat).expect("written");
        };
        write(&inner, "max\n", "900\n", "");
        write(&mount.path().join("outer"), "2000\n", "1500\n", "anon 1000\ninactive_file 300\nactive_file 200\n");
        assert_eq!(of_groups("0::/outer/inner\n", mount.path()), Some(1000));
        write(&inner, "1200\n", "900\n", "");
        assert_eq!(of_groups("0::/outer/inner\n", mount.path()), Some(300));
        assert_eq!(of_groups("0::/elsewhere\n", mount.path()), None);
        assert_eq!(of_groups("1:cpu:/outer\n", mount.path()), None, "not of memory");
    }

    #[test]
    fn an_older_hierarchy_is_read_too() {
        let mount = tempfile::tempdir().expect("a temporary folder");
        let group = mount.path().join("memory/box");
        fs::create_dir_all(&group).expect("made");
        fs::write(group.join("memory.limit_in_bytes"), "5000").expect("written");
        fs::write(group.join("memory.usage_in_bytes"), "3000").expect("written");
        fs::write(group.join("memory.stat"), "total_inactive_file 500\n").expect("written");
        assert_eq!(of_groups("3:memory:/box\n0::/\n", mount.path()), Some(2500));
    }
}
