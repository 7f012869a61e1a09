//! `heal forecast --replay` of the real binary: a packed recording in, lines and the score out.
use flate2::{Compression, write::GzEncoder};
use std::{io::Write, process::Command};

#[test]
fn a_packed_recording_of_a_leak_is_told_before_its_kill_and_scored() {
    const GIB: u64 = 1 << 30;
    let rows: String = (0..960)
        .map(|row| format!("{},{GIB},{}\n", row * 30, GIB / 5 + GIB * row / 1200))
        .collect();
    let text = format!("t,limit,working_set,exit\n{rows}28800,{GIB},{GIB},OOMKilled\n");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    let path = std::env::temp_dir().join(format!("heal-replayed-{}.csv.gz", std::process::id()));
    std::fs::write(&path, packer.finish().unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_heal"))
        .args(["forecast", "--replay"])
        .arg(&path)
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let (said, score) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{score}");
    let tier = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["tier"].as_str().unwrap().to_owned()
    };
    let tiers: Vec<String> = said.lines().map(tier).collect();
    assert_eq!(tiers, ["notice", "page", "clear"]);
    let foreseen = |line: &str| line.starts_with("kills foreseen") && line.ends_with('1');
    assert!(score.lines().any(foreseen), "{score}");
}
