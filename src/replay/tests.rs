use super::{player::Forecaster, *};
use crate::domain::forecast::{Estimate, Exit as End, OwnerKind, Priors, Sample, Tier, Tuning};
use clap::Parser;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::{
    fs,
    io::Cursor,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

/// Says *notice* above 60 % of the limit and *page* above 80 %, and what it was told.
struct Script {
    level: f64,
    heard: String,
    owner: OwnerKind,
}

impl Forecaster for Script {
    fn new(priors: Priors) -> Self {
        Self {
            level: 0.0,
            heard: priors.cap.map_or(String::new(), |cap| cap.written),
            owner: priors.owner,
        }
    }
    fn set_priors(&mut self, priors: Priors) {
        self.owner = priors.owner;
    }
    fn observe(&mut self, replica: u64, sample: &Sample, _tuning: &Tuning) {
        self.level = sample.used / sample.limit;
        self.heard += &format!(" {replica}@{}={}", sample.t, sample.used);
        if let Some(cpu) = sample.cpu {
            self.heard += &format!("/{cpu}");
        }
    }
    fn ended(&mut self, replica: u64, t: f64, exit: End, _tuning: &Tuning) {
        self.heard += &format!(" {replica}@{t}={exit:?}");
    }
    fn assess(&mut self, _replica: u64, _now: f64, _tuning: &Tuning) -> Estimate {
        let told = self.level > 0.6;
        Estimate {
            tier: match self.level {
                level if level > 0.8 => Tier::Page,
                _ if told => Tier::Notice,
                _ => Tier::Clear,
            },
            p: self.level,
            eta_s: told.then_some(1000.0 / 3.0),
            eta_lo_s: told.then_some(100.0),
            eta_hi_s: told.then_some(900.0),
            why: format!("{:?}:{}", self.owner, self.heard),
            ..Estimate::default()
        }
    }
}

/// A folder with files, gone with its last use.
struct Folder(PathBuf);

impl Folder {
    fn of(files: &[(&str, &[u8])]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("heal-replay-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (name, bytes) in files {
            let path = path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self(path)
    }

    /// Runs `heal forecast` with these arguments; `@` stands for the folder. Gives the lines, the notes and the code.
    fn run<F: Forecaster>(&self, arguments: &str) -> (String, String, Exit) {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: ForecastArgs,
        }
        let place = format!("{}/", self.0.display());
        let words = format!("heal {arguments}").replace('@', &place);
        let args = Line::parse_from(words.split(' ')).args;
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let exit = replay::<F>(&args, &mut out, &mut notes).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&place, "");
        (text(out), text(notes), exit)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// What the forecaster was told, from the last line that it wrote.
fn heard(files: &[(&str, &[u8])], arguments: &str) -> String {
    let (out, notes, _) = Folder::of(files).run::<Script>(arguments);
    out.lines()
        .rev()
        .filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["tier"] != "clear").then(|| line["why"].as_str().unwrap().to_owned())
        })
        .next()
        .unwrap_or_else(|| panic!("nothing was told: {notes}"))
}

#[test]
fn every_change_of_the_tier_is_one_line() {
    let file = "t,limit,working_set,incarnation,exit
0,100,50,0,
30,100,61,0,
60,100,70,0,
90,100,81,0,
120,100,99,0,OOMKilled
150,100,20,1,
180,100,65,1,
210,100,30,1,
";
    let folder = Folder::of(&[("shop.csv", file.as_bytes())]);
    let (out, notes, exit) = folder.run::<Script>("--replay @shop.csv");
    assert_eq!(exit, Exit::Ok);
    insta::assert_snapshot!(out, @r#"
    {"t":30.0,"series":"shop","tier":"notice","p":0.61,"eta_s":333.3,"eta_lo_s":100.0,"eta_hi_s":900.0,"why":"Service: 0@0=50 0@30=61"}
    {"t":90.0,"series":"shop","tier":"page","p":0.81,"eta_s":333.3,"eta_lo_s":100.0,"eta_hi_s":900.0,"why":"Service: 0@0=50 0@30=61 0@60=70 0@90=81"}
    {"t":150.0,"series":"shop","tier":"clear","p":0.0,"eta_s":null,"eta_lo_s":null,"eta_hi_s":null,"why":"it was killed at its memory limit"}
    {"t":180.0,"series":"shop","tier":"notice","p":0.65,"eta_s":333.3,"eta_lo_s":100.0,"eta_hi_s":900.0,"why":"Service: 0@0=50 0@30=61 0@60=70 0@90=81 0@120=99 0@120=OomKilled 1@150=20 1@180=65"}
    {"t":210.0,"series":"shop","tier":"clear","p":0.3,"eta_s":null,"eta_lo_s":null,"eta_hi_s":null,"why":"Service: 0@0=50 0@30=61 0@60=70 0@90=81 0@120=99 0@120=OomKilled 1@150=20 1@180=65 1@210=30"}
    "#);
    insta::assert_snapshot!(notes, @r#"
    1 series, 0.00 container-days            notice         page
    alarms: the kill came within 6 h              1            1
    alarms: it did not                            0            0
    alarms: the file ends before                  1            0
    precision                                 1.000        1.000
    kills                                         1            1
    kills foreseen 5 min before                   0            0
    recall                                    0.000        0.000
    lead, median                                  -            -
    ETA error half-way, median                    -            -
    ETA error half-way, mean                      -            -
    90 % interval holds the kill                  -            -
    false alarms per container-day            0.000        0.000
    "#);
}

#[test]
fn a_standing_tier_is_repeated_when_asked_for() {
    let rows: String = (0..20).map(|k| format!("{},100,70\n", 30 * k)).collect();
    let file = format!("t,limit,working_set\n{rows}");
    let folder = Folder::of(&[("x.csv", file.as_bytes())]);
    let times = |arguments: &str| -> Vec<f64> {
        let (out, notes, _) = folder.run::<Script>(arguments);
        assert_eq!(notes, "", "without a truth there is no score");
        out.lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["t"]
                    .as_f64()
                    .unwrap()
            })
            .collect()
    };
    assert_eq!(times("--replay @x.csv"), [0.0]);
    assert_eq!(times("--replay @x.csv --every 240"), [0.0, 240.0, 480.0]);
    assert_eq!(
        times("--replay @x.csv --every 240 --time-scale 4"),
        [
            0.0, 240.0, 480.0, 720.0, 960.0, 1200.0, 1440.0, 1680.0, 1920.0, 2160.0
        ]
    );
}

#[test]
fn the_series_is_the_file_without_its_ending() {
    for (file, series) in [
        ("a/x.csv.gz", "x"),
        ("x.csv", "x"),
        ("x.y.csv", "x.y"),
        ("x", "x"),
        (".csv", ".csv"),
        ("-", "stdin"),
    ] {
        assert_eq!(series_name(Path::new(file)), series);
    }
}

#[test]
fn memory_that_cannot_be_reclaimed_is_found_by_what_the_file_has() {
    for (header, row, used) in [
        ("working_set,active_file,rss", "90,20,10", "70"),
        ("working_set,active_file,rss,shmem,kmem", "90,,61,5,4", "70"),
        ("rss,shmem,kmem,working_set", "61,,9,99", "70"),
        ("working_set", "70", "70"),
        ("usage,inactive_file,active_file", "100,10,20", "70"),
        ("usage", "70", "70"),
    ] {
        let file = format!("limit,t,{header}\n100,0,{row}\n");
        let told = heard(&[("x.csv", file.as_bytes())], "--replay @x.csv");
        assert_eq!(told, format!("Service: 0@0={used}"), "{header}");
    }
}

#[test]
fn cgroup_recordings_are_read_packed_and_scaled() {
    let file = "t,incarnation,usage,inactive_file,active_file,oom_kill,limit,cpu_ns,nprocs
0.5,0,60,5,5,0,100,1000000000,1
1.0,0,70,5,5,0,100,1250000000,1
1.5,0,0,0,0,1,100,1250000000,0
3.0,1,70,0,0,0,100,0,1
";
    let told = heard(
        &[("x.csv.gz", &packed(file))],
        "--replay @x.csv.gz --time-scale 60",
    );
    // The row after the kill is not a reading; 0.25 s of CPU in half a second is half a core.
    assert_eq!(told, "Service: 0@30=50 0@60=60/0.5 0@90=OomKilled 1@180=70");
}

#[test]
fn how_a_run_ended_is_told_when_it_has_ended_and_not_before() {
    for (rows, told) in [
        // On the last row of the run.
        (
            "0,0,10,\n30,0,20,Completed\n60,1,70,",
            "0@0=10 0@30=20 0@30=Completed 1@60=70",
        ),
        // On all of its rows.
        (
            "0,0,10,OOMKilled\n30,0,20,OOMKilled\n60,1,70,",
            "0@0=10 0@30=20 0@30=OomKilled 1@60=70",
        ),
        ("0,0,10,OOMKilled\n30,0,70,OOMKilled", "0@0=10 0@30=70"),
        // Not at all.
        ("0,0,10,\n30,1,70,", "0@0=10 0@0=Unknown 1@30=70"),
        // Without numbers of runs.
        (
            "0,,10,\n30,,20,Error\n60,,70,",
            "0@0=10 0@30=20 0@30=Error 1@60=70",
        ),
        // The last row only shows that nothing is left.
        (
            "0,0,60,\n30,0,1,OOMKilled\n60,1,70,",
            "0@0=60 0@30=OomKilled 1@60=70",
        ),
        // For a reason that Heal does not know.
        ("0,0,10,Evicted\n30,1,70,NaN", "0@0=10 0@0=Unknown 1@30=70"),
        // A restart with the same number is another run.
        (
            "0,0,10,\n30,1,20,\n60,0,70,",
            "0@0=10 0@0=Unknown 1@30=20 1@30=Unknown 2@60=70",
        ),
    ] {
        let file = format!(
            "t,incarnation,working_set,exit,limit\n{}\n",
            rows.replace('\n', ",100\n") + ",100"
        );
        let heard = heard(&[("x.csv", file.as_bytes())], "--replay @x.csv");
        assert_eq!(heard, format!("Service: {told}"), "{rows}");
    }
}

#[test]
fn a_kill_that_only_the_counter_shows_belongs_to_the_run_before() {
    let file = "t,incarnation,working_set,oom_kill,limit
0,0,10,3,100
30,0,20,3,100
60,1,70,4,100
";
    let told = heard(&[("x.csv", file.as_bytes())], "--replay @x.csv");
    assert_eq!(told, "Service: 0@0=10 0@30=20 0@30=OomKilled 1@60=70");
}

#[test]
fn what_a_cluster_would_know_is_taken_from_the_arguments_or_the_file() {
    let file: &[u8] = b"t,limit,working_set,owner\n0,100,70,CronJob\n";
    let files = [("x.csv", file)];
    assert_eq!(heard(&files, "--replay @x.csv"), "Job: 0@0=70");
    assert_eq!(
        heard(&files, "--replay @x.csv --owner Deployment --config-cap 80"),
        "Service:--config-cap 80 0@0=70"
    );
}

#[test]
fn missing_values_are_missing_and_a_limit_holds_until_the_next() {
    let file: &[u8] = b"t,limit,working_set\n0,NaN,70\n30,100,\n60,,nan\n90,,40\n120,,\xff\n";
    let (out, notes, exit) = Folder::of(&[("x.csv", file)]).run::<Script>("--replay @x.csv");
    assert_eq!((out.as_str(), exit), ("", Exit::Usage));
    insta::assert_snapshot!(notes, @r#"
    heal: x.csv, line 6: working_set is "�", which is not a number; leave the cell empty where a value is missing
    "#);
    let file: &[u8] = b"t,limit,working_set\n0,NaN,70\n30,100,\n60,,nan\n,,90\n90,,70\n";
    let told = heard(&[("x.csv", file)], "--replay @x.csv");
    assert_eq!(told, "Service: 0@90=70");
}

#[test]
fn a_history_is_lived_through_before_the_first_row() {
    let now: &[u8] = b"t,limit,working_set,incarnation\n1000,100,70,1\n";
    for (history, told) in [
        // It ends before: the run with the same number goes on.
        (
            "0,100,90,0\n30,100,20,1",
            "0@0=90 0@0=Unknown 1@30=20 1@1000=70",
        ),
        // A run that ended does not.
        (
            "0,100,20,0\n30,100,90,0",
            "0@0=20 0@30=90 0@30=Unknown 1@1000=70",
        ),
        // It overlaps, so it is moved, and is another run.
        (
            "1000,100,20,1\n1040,100,90,1",
            "0@940=20 0@980=90 0@980=Unknown 1@1000=70",
        ),
    ] {
        let history = format!("t,limit,working_set,incarnation\n{history}\n");
        let heard = heard(
            &[("x.csv", now), ("h.csv", history.as_bytes())],
            "--replay @x.csv --history @h.csv",
        );
        assert_eq!(heard, format!("Service: {told}"));
    }
}

#[test]
fn each_file_is_a_series_of_its_own_and_a_bad_one_does_not_stop_the_others() {
    let good: &[u8] = b"t,limit,working_set\n0,100,70\n";
    let cut = &packed("t,limit,working_set\n0,100,50\n30,100,50\n")[..30];
    let folder = Folder::of(&[
        ("a.csv", good),
        ("columns.csv", b"time,limit,working_set\n0,100,70\n"),
        ("memory.csv", b"t,limit\n0,100\n"),
        ("word.csv", b"t,limit,working_set\n0,100,50\n30,100,5o\n"),
        ("empty.csv", b""),
        ("header.csv", b"t,limit,working_set\n"),
        ("cut.csv.gz", cut),
        ("z.csv", good),
    ]);
    let names = "a columns memory word empty header".replace(' ', ".csv @");
    let (out, notes, exit) = folder.run::<Script>(&format!(
        "--replay @{names}.csv @cut.csv.gz @missing.csv @z.csv"
    ));
    assert_eq!(exit, Exit::Usage);
    insta::assert_snapshot!(notes, @r#"
    heal: columns.csv, line 1: the header has no column t; needed are t (seconds), limit (bytes) and working_set (bytes)
    heal: memory.csv, line 1: the header has no column working_set; needed are t (seconds), limit (bytes) and working_set (bytes)
    heal: word.csv, line 3: working_set is "5o", which is not a number; leave the cell empty where a value is missing
    heal: empty.csv, line 1: is empty
    heal: header.csv: there is no row below the header; record at least a few hours
    heal: cut.csv.gz, line 1: cannot be read any further: incomplete deflate stream; is the file complete?
    heal: missing.csv: cannot be read: No such file or directory (os error 2)
    "#);
    let series: Vec<&str> = out
        .lines()
        .filter_map(|line| line.split('"').nth(5))
        .collect();
    assert_eq!(series, ["a", "z"]);
}

#[test]
fn the_score_counts_alarms_and_kills_of_all_files() {
    // Half a day; the level rises above 60 % four hours before it is killed.
    let leak: String = (0..720)
        .map(|k| {
            format!(
                "{},100,{},0,{}\n",
                60 * k,
                if k >= 480 { 61 } else { 20 },
                if k == 719 { "OOMKilled" } else { "" }
            )
        })
        .collect();
    let flat: String = (0..720)
        .map(|k| {
            format!(
                "{},100,{},0,{}\n",
                60 * k,
                if k == 100 { 61 } else { 20 },
                if k == 719 { "Completed" } else { "" }
            )
        })
        .collect();
    let header = "t,limit,working_set,incarnation,exit\n";
    let folder = Folder::of(&[
        ("leak.csv", format!("{header}{leak}").as_bytes()),
        ("flat.csv", format!("{header}{flat}").as_bytes()),
        ("untold.csv", b"t,limit,working_set\n0,100,70\n"),
    ]);
    let (_, notes, _) = folder.run::<Script>("--replay @leak.csv @flat.csv @untold.csv");
    insta::assert_snapshot!(notes, @r#"
    2 series, 1.00 container-days            notice         page
    alarms: the kill came within 6 h              1            0
    alarms: it did not                            1            0
    alarms: the file ends before                  0            0
    precision                                 0.500            -
    kills                                         1            1
    kills foreseen 5 min before                   1            0
    recall                                    1.000        0.000
    lead, median                            239 min            -
    ETA error half-way, median                0.954            -
    ETA error half-way, mean                  0.954            -
    90 % interval holds the kill              0.000            -
    false alarms per container-day            1.001        0.000
    not scored, because the file does not tell how runs ended: 1
    "#);
}

/// A row every half a minute for so many hours, at a share of a limit of 1 GiB.
fn recorded(hours: f64, level: impl Fn(f64) -> f64) -> String {
    let rows: String = (0..(hours * 120.0) as u32)
        .map(|row| {
            let t = f64::from(row) * 30.0;
            let used = (level(t / 3600.0) * f64::from(1 << 30)) as u64;
            format!("{t},1073741824,{used}\n")
        })
        .collect();
    format!("t,limit,working_set\n{rows}")
}

/// Grows from a fifth of the limit to 93 % of it.
fn ramp() -> String {
    recorded(5.83, |hour| 0.2 + 0.75 * hour / 6.0)
}

#[test]
fn the_product_itself_replays_a_leak_and_tells_it_before_the_kill() {
    let leak = recorded(8.0, |hour| 0.2 + 0.1 * hour);
    let leak = leak.replace("working_set\n", "working_set,exit\n");
    let file = leak + "28800,1073741824,1073741824,OOMKilled\n";
    let folder = Folder::of(&[("x.csv.gz", &packed(&file))]);
    let (out, notes, exit) = folder.run::<Series>("--replay @x.csv.gz");
    assert_eq!(exit, Exit::Ok, "{notes}");
    let told: Vec<(String, f64)> = out
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["series"], "x");
            (
                line["tier"].as_str().unwrap().to_owned(),
                line["t"].as_f64().unwrap(),
            )
        })
        .collect();
    let tiers: Vec<&str> = told.iter().map(|(tier, _)| tier.as_str()).collect();
    assert_eq!(tiers, ["notice", "page", "clear"]);
    assert!(told[0].1 < 28_800.0 - 3600.0, "an hour before: {told:?}");
    let foreseen = |line: &str| line.starts_with("kills foreseen") && line.ends_with('1');
    assert!(notes.lines().any(foreseen), "{notes}");
}

#[test]
fn history_owner_and_cap_each_change_what_the_product_decides() {
    let wave = recorded(24.0, |hour| {
        0.55 + 0.35 * (hour / 24.0 * std::f64::consts::TAU).sin()
    });
    let folder = Folder::of(&[("x.csv", ramp().as_bytes()), ("day.csv", wave.as_bytes())]);
    let told = |more: &str| {
        let (out, ..) = folder.run::<Series>(&format!("--replay @x.csv{more}"));
        out.lines().count()
    };
    assert!(told("") > 0, "growth that nothing speaks against is told");
    let silent = [
        " --history @day.csv",
        " --owner CronJob",
        " --config-cap 644245094",
    ];
    assert_eq!(silent.map(told), [0; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_recorded_later_changes_no_line(rows in 1usize..700) {
        let whole = ramp();
        let cut: String = whole.split_inclusive('\n').take(1 + rows).collect();
        let folder = Folder::of(&[("x.csv", whole.as_bytes()), ("c/x.csv", b"")]);
        fs::write(folder.0.join("c/x.csv"), cut).unwrap();
        let (all, ..) = folder.run::<Series>("--replay @x.csv");
        let (early, ..) = folder.run::<Series>("--replay @c/x.csv");
        prop_assert!(all.starts_with(&early), "{early}\nis not how this begins:\n{all}");
    }
}

proptest! {
    #[test]
    fn the_reader_never_panics_and_always_ends(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read(bytes);
    }

    #[test]
    fn nor_on_what_looks_like_a_recording(
        header in proptest::sample::subsequence(
            vec!["t", "limit", "working_set", "usage", "rss", "exit", "incarnation", "cpu_ns", "oom_kill", "owner"], 0..=10),
        cells in proptest::collection::vec("[0-9]{0,5}|NaN|-?[0-9]{1,3}(\\.|e)[0-9]|OOMKilled|\"|,|\\PC{0,3}", 0..80),
        gzip in any::<bool>(),
    ) {
        let mut text = header.join(",");
        for row in cells.chunks(header.len().max(1)) {
            text += "\n";
            text += &row.join(",");
        }
        read(if gzip { packed(&text) } else { text.into_bytes() });
    }
}

/// Reads it all and lets the product live through it.
fn read(bytes: Vec<u8>) {
    let length = bytes.len();
    let source = match input::unpacked(Cursor::new(bytes)) {
        Ok(source) => source,
        Err(_) => return,
    };
    let Ok(reader) = Reader::new("x".into(), source, 1.0) else {
        return;
    };
    let mut runs = runs::Runs::default();
    for (count, row) in reader.enumerate() {
        // What is packed grows a thousandfold at most.
        assert!(count <= 2000 * (length + 1));
        match row {
            Ok(row) => drop(runs.next(&row)),
            Err(problem) => assert!(!problem.to_string().is_empty()),
        }
    }
}
