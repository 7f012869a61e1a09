//! Where a measurement was made: processor, disk, build. Figures without it mean nothing.
use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

/// Flushes that are timed, of which the median counts.
const FLUSHES: usize = 21;

/// Where it was measured, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting {
    /// Processor and system.
    pub machine: String,
    /// Which cluster.
    pub cluster: String,
    /// File system of the database, and how long a flush to it takes.
    pub disk: String,
    /// Release or debug.
    pub build: String,
    /// Size of one pod as JSON.
    pub pod_size: String,
}

/// Cores, processor and system.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model.trim());
    format!(
        "{cores} cores, {model}, {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// How this program was built.
pub fn build() -> String {
    let profile = if cfg!(debug_assertions) {
        "debug: much slower than a release build"
    } else {
        "release"
    };
    format!("heal {}, {profile}", env!("CARGO_PKG_VERSION"))
}

/// The file system of a folder, and how long a small write with a flush takes there: each turn of the engine costs one.
///
/// # Errors
/// When nothing can be written there.
pub fn disk(folder: &Path) -> std::io::Result<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let kind = file_system(&mounts, folder).unwrap_or("unknown file system");
    let path = folder.join("flush");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        file.write_all(&[0; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    times.sort_unstable();
    let median: Duration = times[FLUSHES / 2];
    Ok(format!(
        "{kind}, a flush takes {:.2} ms",
        median.as_secs_f64() * 1e3
    ))
}

/// The kind of the mount with the longest path that holds the folder.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    mounts
        .filter(|(path, _)| folder.starts_with(path))
        .max_by_key(|(path, _)| path.len())
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_decides() {
        let mounts =
            "overlay / overlay rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/sda1 /tmpfiles ext4 rw 0 0\n";
        let kind = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(kind("/tmp/heal"), Some("tmpfs"));
        assert_eq!(kind("/tmpfiles/heal"), Some("ext4"));
        assert_eq!(kind("/var/heal"), Some("overlay"));
        assert_eq!(file_system("", Path::new("/var")), None);
    }
}
