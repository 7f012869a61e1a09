//! Where a measurement was made: processor, disk, build. Figures without it mean nothing.
use super::figures::Distribution;
use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

/// Flushes that are timed.
const FLUSHES: usize = 220;
/// Pause between two of them: a disk is slow now and then, not always.
const PAUSE: Duration = Duration::from_millis(30);

/// Where it was measured, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting {
    /// Processor and system.
    pub machine: String,
    /// Which cluster.
    pub cluster: String,
    /// File system of the database.
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

/// The kind of file system that a folder is on.
pub fn disk(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let kind = file_system(&mounts, folder).unwrap_or("unknown file system");
    kind.to_owned()
}

/// How long a small write takes to be on the disk, while nothing else is done: each turn of the engine costs one, so no latency can be
/// better, and a disk that stops now and then is seen in their largest values.
///
/// # Errors
/// When nothing can be written there.
pub async fn flushes(folder: &Path) -> std::io::Result<Distribution> {
    let path = folder.join("flush");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        file.write_all(&[0; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    std::fs::remove_file(path)?;
    Ok(Distribution::of(&times))
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
