//! The instants of schedules, compared with Python's zoneinfo over every IANA zone and every change of clocks from 2024 to
//! 2034. Both sides read the system's time zone files; they share no code and no rule but the words in `tests/dst_oracle.py`.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;

use super::{DstPolicy, Schedule};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/dst_oracle.py");
const ZONES: &str = "/usr/share/zoneinfo";

#[derive(Deserialize)]
struct Oracle {
    schedules: Vec<String>,
    groups: Vec<Group>,
}

/// Zones whose clocks change alike.
#[derive(Deserialize)]
struct Group {
    names: Vec<String>,
    transitions: usize,
    windows: Vec<(i64, i64)>,
    cron: Vec<Vec<i64>>,
    systemd: Vec<Vec<i64>>,
}

#[expect(clippy::disallowed_methods, reason = "the oracle is another program")]
fn ask_the_oracle() -> Oracle {
    let answer = std::process::Command::new("python3").arg(ORACLE).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap()
}

fn instants(schedule: &Schedule, zone: &TimeZone, windows: &[(i64, i64)]) -> Vec<i64> {
    windows
        .iter()
        .flat_map(|(after, until)| {
            let (after, until) = (
                Timestamp::from_second(*after).unwrap(),
                Timestamp::from_second(*until).unwrap(),
            );
            schedule
                .between(after, until, zone)
                .map(Timestamp::as_second)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn compare(texts: &[String], group: &Group, name: &str, zone: &TimeZone) {
    for (index, text) in texts.iter().enumerate() {
        let cron = Schedule::parse(text, DstPolicy::Cron).unwrap();
        let ours = instants(&cron, zone, &group.windows);
        let difference = ours
            .iter()
            .zip(&group.cron[index])
            .find(|(ours, theirs)| ours != theirs);
        assert!(ours == group.cron[index], "{name}, `{text}`, cron: {difference:?}");
        if cron.follows_real_time {
            assert!(
                ours == group.systemd[index],
                "{name}, `{text}`: real time knows no policy"
            );
        } else {
            let systemd = Schedule::parse(text, DstPolicy::Systemd).unwrap();
            let ours = instants(&systemd, zone, &group.windows);
            assert!(ours == group.systemd[index], "{name}, `{text}`, systemd");
        }
    }
}

#[test]
fn slots_come_when_python_says_in_every_zone_at_every_change_of_clocks() {
    let oracle = ask_the_oracle();
    let database = TimeZoneDatabase::from_dir(ZONES).unwrap();
    let known: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let zones: Vec<(&Group, &str)> = oracle
        .groups
        .iter()
        .flat_map(|group| group.names.iter().map(move |name| (group, name.as_str())))
        .filter(|(_, name)| known.iter().any(|known| known == name))
        .collect();
    let transitions: usize = zones.iter().map(|(group, _)| group.transitions).sum();
    assert!(
        zones.len() > 590 && transitions > 3_000,
        "{} zones, {transitions} changes",
        zones.len()
    );
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((group, name)) = zones.get(next.fetch_add(1, Ordering::Relaxed)) {
                    compare(&oracle.schedules, group, name, &database.get(name).unwrap());
                }
            });
        }
    });
}
