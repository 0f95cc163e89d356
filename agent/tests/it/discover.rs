//! `discover`: the real program on folders as a machine has them, and its calendars beside systemd's own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use lastgood_protocol::{EventBody, FoundBy};
use serde_json::Value;

use crate::machine::{Machine, text};

/// A file below the machine's root folder.
fn write(machine: &Machine, path: &str, content: &str) -> PathBuf {
    let path = machine.path("root").join(path);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("writable");
    fs::write(&path, content).expect("writable");
    path
}

/// A timer that is started with the machine, and what it starts.
fn timer(machine: &Machine, name: &str, calendar: &str, command: &str) {
    let unit = format!("etc/systemd/system/{name}.timer");
    let path = write(
        machine,
        &unit,
        &format!("[Timer]\n{calendar}\n[Install]\nWantedBy=timers.target\n"),
    );
    write(
        machine,
        &format!("etc/systemd/system/{name}.service"),
        &format!("[Service]\nExecStart={command}\n"),
    );
    let wants = machine.path("root/etc/systemd/system/timers.target.wants");
    fs::create_dir_all(&wants).expect("writable");
    symlink(path, wants.join(format!("{name}.timer"))).expect("linked");
}

fn root(machine: &Machine) -> String {
    let root = machine.path("root");
    fs::create_dir_all(&root).expect("writable");
    root.to_str().expect("a plain path").to_owned()
}

fn found(machine: &Machine) -> Value {
    let said = machine.succeed(&["--json", "discover", "--root", &root(machine)]);
    serde_json::from_str(&said).expect("JSON")
}

#[test]
fn a_machine_is_looked_at_and_nothing_is_sent_before_somebody_says_so() {
    let machine = Machine::new();
    timer(
        &machine,
        "nightly-backup",
        "OnCalendar=Mon..Fri 22:00",
        "/usr/bin/restic --password-command 'echo hunter2' backup /srv/patients",
    );
    write(
        &machine,
        "etc/cron.d/archive",
        "0 4 1 * * root RESTIC_PASSWORD=hunter2 /usr/local/bin/archive.sh\n",
    );
    write(
        &machine,
        "usr/local/bin/archive.sh",
        "#!/bin/sh\nborg create vault::{now} /srv/patients\n",
    );
    write(
        &machine,
        "etc/cron.d/archive.dpkg-old",
        "0 4 1 * * root restic backup /old\n",
    );
    write(&machine, "var/lib/postgresql/15/main/PG_VERSION", "15\n");
    write(&machine, "var/lib/mysql/ibdata1", "");
    write(&machine, "var/lib/mysql/mariadb_upgrade_info", "10.11.6-MariaDB\n");

    let said = machine.succeed(&["discover", "--root", &root(&machine)]);
    for shown in [
        "nightly-backup",
        "0 22 * * 1-5",
        "lastgood-agent exec nightly-backup --",
        "PostgreSQL 15",
        "MariaDB 10.11.6",
        "Nothing was sent",
        "\"looked_at\"",
    ] {
        assert!(said.contains(shown), "{shown} is not in {said}");
    }
    assert!(machine.events().is_empty());

    machine.succeed(&["discover", "--root", &root(&machine), "--report"]);
    let EventBody::JobsProposed(report) = machine.events().remove(0).what else {
        panic!("another event");
    };
    let keys: Vec<&str> = report.proposals.iter().map(|proposal| proposal.key.as_str()).collect();
    assert_eq!(keys, ["nightly-backup", "archive", "postgresql", "mariadb"]);
    assert_eq!(report.proposals[0].found, FoundBy::SystemdTimer);
    assert!(report.proposals[1].is_indirect, "a script stands between");
    let json = serde_json::to_string(&report).expect("JSON");
    for secret in ["hunter2", "patients", "vault", "/usr", "/srv", "archive.sh"] {
        assert!(
            !json.contains(secret) && !said.contains(secret),
            "{secret} is told: {json}\n{said}"
        );
    }
}

#[test]
fn drop_ins_count_and_what_is_switched_off_is_said_to_be() {
    let machine = Machine::new();
    timer(&machine, "a", "OnCalendar=daily", "restic backup /srv");
    write(
        &machine,
        "etc/systemd/system/a.timer.d/later.conf",
        "[Timer]\nOnCalendar=\nOnCalendar=03:30\nRandomizedDelaySec=30min\n",
    );
    write(
        &machine,
        "usr/lib/systemd/system/b.timer",
        "[Timer]\nOnCalendar=daily\n",
    );
    write(
        &machine,
        "usr/lib/systemd/system/b.service",
        "[Service]\nExecStart=borg create ::x /srv\n",
    );
    timer(&machine, "c", "OnCalendar=daily", "rclone sync /srv vault:");
    let masked = machine.path("root/etc/systemd/system/c.service");
    fs::remove_file(&masked).expect("it was there");
    symlink("/dev/null", &masked).expect("linked");
    let seen = found(&machine);
    let all = seen["found"].as_array().expect("a list");
    let cells: Vec<[&str; 3]> = all
        .iter()
        .map(|find| ["name", "cron", "outcome"].map(|field| find[field].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        cells,
        [
            ["a", "30 3 * * *", "proposed as a"],
            ["b", "0 0 * * *", "switched off, so not proposed"],
        ]
    );
    assert_eq!(seen["report"]["proposals"][0]["schedule"]["up_to_seconds_later"], 1800);
}

#[test]
fn an_empty_machine_and_a_wrong_folder_are_said_to_be_so() {
    let machine = Machine::new();
    let said = machine.succeed(&["discover", "--root", &root(&machine)]);
    assert!(said.contains("was found here"), "{said}");
    let said = machine.fail(&["discover", "--root", "/nowhere"]);
    assert!(said.contains("--root: /nowhere is not a folder"), "{said}");
}

#[test]
fn this_machine_itself_can_be_looked_at() {
    let machine = Machine::new();
    let output = machine.run(&["--json", "discover"]);
    assert!(output.status.success(), "{}", text(&output));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(seen["found"].is_array() && seen["sent"] == false);
    assert!(machine.events().is_empty());
}

/// The next times of a calendar event, as systemd itself says.
fn by_systemd(event: &str) -> Vec<String> {
    let output = Command::new("systemd-analyze")
        .args([
            "calendar",
            "--iterations=12",
            "--base-time=2026-11-23 16:00:00 UTC",
            event,
        ])
        .env("TZ", "UTC")
        .output()
        .expect("systemd is installed");
    assert!(output.status.success(), "{event}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (name, time) = line.split_once(": ")?;
            let is_time = name.trim() == "Next elapse" || name.trim().starts_with("Iter. #");
            let time = time.strip_suffix(" UTC").filter(|_| is_time)?;
            // Its seconds are not ours: once in that minute is what counts.
            time.get(4..20).map(str::to_owned)
        })
        .collect()
}

/// The next times of cron fields.
fn by_cron(fields: &str, count: usize) -> Vec<String> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(fields).expect("cron fields");
    let mut at: DateTime = "2026-11-23T16:00:00".parse().expect("a time");
    let mut times = Vec::new();
    while times.len() < count {
        at = cron.find_next_occurrence(&at, false).expect("there is a next");
        times.push(at.strftime("%Y-%m-%d %H:%M").to_string());
    }
    times
}

#[test]
fn calendars_mean_the_times_that_systemd_says_they_do() {
    let events = [
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "semiannually",
        "yearly",
        "hourly",
        "Mon..Fri 22:00",
        "Mon,Wed,Sun *-*-* 06:30:15",
        "Mon *-*-01..07 02:00",
        "Sat,Sun *-1..6-8..14 04:05",
        "*-*~01 23:00",
        "*-02-29 12:00",
        "*:0/15",
        "*:7/20",
        "8..18/2:05,35",
        "0/3:00",
        "*-*-1,15 00:30",
        "12-24 18:00",
        "*-*-2,9,16 01:00",
    ];
    let machine = Machine::new();
    for (number, event) in events.iter().enumerate() {
        timer(
            &machine,
            &format!("t{number}"),
            &format!("OnCalendar={event}"),
            "restic backup /srv",
        );
    }
    let seen = found(&machine);
    let all = seen["found"].as_array().expect("a list");
    assert_eq!(all.len(), events.len());
    for find in all {
        let number: usize = find["name"].as_str().expect("a name")[1..].parse().expect("a number");
        let event = events[number];
        let cron = find["cron"]
            .as_str()
            .unwrap_or_else(|| panic!("{event} has no cron fields"));
        let expected = by_systemd(event);
        assert!(expected.len() > 2, "{event}: {expected:?}");
        assert_eq!(by_cron(cron, expected.len()), expected, "{event} became {cron}");
    }
}
