//! Which column of a file holds what.
use csv::ByteRecord;

/// Where the columns are that Heal knows; in any order, others are ignored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// Time in seconds.
    pub t: usize,
    /// The memory limit in bytes.
    pub limit: usize,
    working_set: Option<usize>,
    usage: Option<usize>,
    inactive_file: Option<usize>,
    active_file: Option<usize>,
    rss: Option<usize>,
    shmem: Option<usize>,
    kmem: Option<usize>,
    /// Number of the run.
    pub incarnation: Option<usize>,
    /// How the run ended.
    pub exit: Option<usize>,
    /// Kind of the owner.
    pub owner: Option<usize>,
    /// CPU in cores.
    pub cpu: Option<usize>,
    /// CPU time used so far, in nanoseconds.
    pub cpu_ns: Option<usize>,
    /// Kernel kills so far.
    pub oom_kill: Option<usize>,
    /// Processes.
    pub nprocs: Option<usize>,
}

impl Columns {
    /// Finds them in a header.
    ///
    /// # Errors
    /// Says which are missing.
    pub fn of(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<String> = header
            .iter()
            .map(|cell| {
                let name = String::from_utf8_lossy(cell);
                name.trim_start_matches('\u{feff}').trim().to_lowercase()
            })
            .collect();
        let find = |name: &str| names.iter().position(|n| n == name);
        let missing = |what: &str| {
            format!(
                "the header has no column {what}; needed are t (seconds), limit (bytes) and working_set (bytes)"
            )
        };
        let columns = Self {
            t: find("t").ok_or_else(|| missing("t"))?,
            limit: find("limit").ok_or_else(|| missing("limit"))?,
            working_set: find("working_set"),
            usage: find("usage"),
            inactive_file: find("inactive_file"),
            active_file: find("active_file"),
            rss: find("rss"),
            shmem: find("shmem"),
            kmem: find("kmem"),
            incarnation: find("incarnation"),
            exit: find("exit"),
            owner: find("owner"),
            cpu: find("cpu"),
            cpu_ns: find("cpu_ns"),
            oom_kill: find("oom_kill"),
            nprocs: find("nprocs"),
        };
        if columns
            .working_set
            .or(columns.usage)
            .or(columns.rss)
            .is_none()
        {
            return Err(missing("working_set"));
        }
        Ok(columns)
    }

    /// Memory that cannot be reclaimed, by the best measure that this row has, and the working set; in bytes, `None` without any.
    ///
    /// # Errors
    /// When a cell is not a number.
    pub fn memory(&self, row: &ByteRecord) -> Result<(Option<f64>, Option<f64>), String> {
        let cell = |column: Option<usize>, name: &str| match column {
            Some(column) => number(row, column, name),
            None => Ok(None),
        };
        let working_set = match cell(self.working_set, "working_set")? {
            Some(bytes) => Some(bytes),
            // As cAdvisor has it.
            None => match (
                cell(self.usage, "usage")?,
                cell(self.inactive_file, "inactive_file")?,
            ) {
                (Some(usage), inactive) => Some(usage - inactive.unwrap_or(0.0)),
                (None, _) => None,
            },
        };
        let active_file = cell(self.active_file, "active_file")?;
        let rss = cell(self.rss, "rss")?;
        let used = match (working_set, active_file, rss) {
            (Some(working_set), Some(active_file), _) => Some(working_set - active_file),
            (_, _, Some(rss)) => Some(
                rss + cell(self.shmem, "shmem")?.unwrap_or(0.0)
                    + cell(self.kmem, "kmem")?.unwrap_or(0.0),
            ),
            (working_set, None, None) => working_set,
            (None, Some(_), None) => None,
        };
        Ok((used.map(|bytes| bytes.max(0.0)), working_set))
    }
}

/// A cell as a number; empty and not-a-number are missing values.
///
/// # Errors
/// When it is something else.
pub fn number(row: &ByteRecord, column: usize, name: &str) -> Result<Option<f64>, String> {
    let Some(text) = text(row, column) else {
        return Ok(None);
    };
    match text.parse::<f64>() {
        Ok(number) => Ok(number.is_finite().then_some(number)),
        Err(_) if MISSING.iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(None),
        Err(_) => Err(format!(
            "{name} is \"{}\", which is not a number; leave the cell empty where a value is missing",
            shown(&text)
        )),
    }
}

const MISSING: [&str; 4] = ["null", "none", "na", "n/a"];

/// A cell as text; `None` when it is empty.
pub fn text(row: &ByteRecord, column: usize) -> Option<String> {
    let cell = row.get(column)?.trim_ascii();
    (!cell.is_empty()).then(|| String::from_utf8_lossy(cell).into_owned())
}

/// What was read, short and in one line.
fn shown(text: &str) -> String {
    text.chars()
        .take(30)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
