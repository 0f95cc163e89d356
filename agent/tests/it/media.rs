//! Media: real file systems with real identities.

use std::fs;
use std::time::Duration;

use lastgood_protocol::{EventBody, EventStatus, MediumMoved, MediumRegistered, Outcome, RunFinished};

use crate::machine::{Machine, wait_for};
use crate::mounted::{Mounted, run};
use crate::server::{Authority, Server, answering};

fn registered(machine: &Machine) -> Vec<MediumRegistered> {
    machine
        .events()
        .into_iter()
        .filter_map(|event| match event.what {
            EventBody::MediumRegistered(medium) => Some(medium),
            _ => None,
        })
        .collect()
}

fn plain(path: &std::path::Path) -> &str {
    path.to_str().expect("plain")
}

#[test]
fn a_medium_is_known_by_its_file_system_and_its_marker() {
    let machine = Machine::new();
    let disk = Mounted::ext4(8);
    let folder = disk.path().join("backups");
    fs::create_dir(&folder).expect("writable");
    machine.succeed(&["media", "register", "Monday", "--path", plain(&folder), "--set", "A"]);
    let said = registered(&machine).remove(0);
    let uuid = run(&["blkid", "-o", "value", "-s", "UUID", plain(&disk.image())]);
    assert_eq!((said.label.as_str(), said.set.as_deref()), ("Monday", Some("A")));
    assert_eq!(said.medium.volume, uuid);
    assert_eq!(said.medium.file_system.as_deref(), Some("ext4"));
    assert!(said.medium.size_bytes > said.medium.free_bytes && said.medium.free_bytes > Some(0));
    assert!(
        disk.path().join(".lastgood-medium.json").is_file(),
        "the marker lies in the root, not in the folder"
    );

    let again = machine.fail(&["media", "register", "Tuesday", "--path", plain(&disk.path())]);
    assert!(again.contains("'Monday'") && again.contains("--replace"), "{again}");
    machine.succeed(&[
        "media",
        "register",
        "Tuesday",
        "--path",
        plain(&disk.path()),
        "--replace",
    ]);
    let both = registered(&machine);
    assert_ne!(both[0].medium.marker, both[1].medium.marker);
    assert_eq!(both[0].medium.volume, both[1].medium.volume);
    let shown = machine.succeed(&["media", "show", "--path", plain(&disk.path()), "--json"]);
    assert!(shown.contains("Tuesday") && shown.contains(&uuid), "{shown}");
}

#[test]
fn what_is_no_medium_is_refused() {
    let machine = Machine::new();
    let own_disk = machine.fail(&["media", "register", "Oops", "--path", "/var"]);
    assert!(own_disk.contains("--force"), "{own_disk}");
    let ram = Mounted::ram("size=1m");
    let no_identity = machine.fail(&["media", "register", "Ram", "--path", plain(&ram.path())]);
    assert!(no_identity.contains("tmpfs"), "{no_identity}");
    machine.fail(&["media", "register", "Gone", "--path", "/nonexistent"]);
    let disk = Mounted::ext4(8);
    for label in ["", "  ", "a\nb", &"x".repeat(81)] {
        let said = machine.fail(&["media", "register", label, "--path", plain(&disk.path())]);
        assert!(said.contains("label: "), "{said}");
    }
    assert_eq!(registered(&machine).len(), 0);
    assert!(!disk.path().join(".lastgood-medium.json").exists());
}

#[test]
fn a_hostile_marker_is_no_marker() {
    let machine = Machine::new();
    let disk = Mounted::ext4(8);
    let marker = disk.path().join(".lastgood-medium.json");
    std::os::unix::fs::symlink("/dev/zero", &marker).expect("writable");
    let shown = machine.succeed(&["media", "show", "--path", plain(&disk.path())]);
    assert!(shown.contains("not registered"), "{shown}");
    fs::remove_file(&marker).expect("ours");
    fs::write(&marker, "{".repeat(5_000)).expect("writable");
    let shown = machine.succeed(&["media", "show", "--path", plain(&disk.path())]);
    assert!(shown.contains("not registered"), "{shown}");
}

#[test]
fn a_run_names_its_medium_and_without_one_it_does_not_begin() {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    let machine = Machine::new();
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    let disk = Mounted::ext4(8);
    machine.succeed(&["media", "register", "Monday", "--path", plain(&disk.path())]);
    server.answer_with(|_| crate::server::Reply::Nothing);
    machine.due_now("present");
    machine.due_now("absent");
    let begun = machine.path("begun");
    let unmounted = machine.path("");
    let job = |key: &str, medium: &std::path::Path| {
        format!(
            "[[job]]\nkey = \"{key}\"\ntool = \"command\"\nschedule = \"* * * * *\"\nmedium = \"{}\"\ncommand = [\"touch\", \"{}\"]\n",
            medium.display(),
            if key == "absent" {
                begun.display().to_string()
            } else {
                "/dev/null".to_owned()
            },
        )
    };
    machine.configure(&format!(
        "{}{}",
        job("present", &disk.path()),
        job("absent", &unmounted)
    ));
    let _agent = machine.start();
    let runs = wait_for("both runs", Duration::from_secs(20), || {
        let runs = machine.finished();
        (runs.len() >= 2).then_some(runs)
    });
    let run = |key: &str| runs.iter().find(|run| run.job.as_str() == key).expect("it ran");
    let medium = run("present").medium.as_ref().expect("it is named");
    assert_eq!(medium.label.as_deref(), Some("Monday"));
    assert_eq!(run("absent").outcome, Outcome::Failed);
    assert!(
        run("absent")
            .reason
            .as_deref()
            .expect("it says why")
            .contains("No medium")
    );
    assert!(!begun.exists(), "it wrote to the machine's own disk");
}

/// Enrolled at a server that is gone, so that everything stays in the spool.
fn lonely() -> Machine {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    let machine = Machine::new();
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    server.answer_with(|_| crate::server::Reply::Nothing);
    machine
}

fn moves(machine: &Machine) -> Vec<MediumMoved> {
    machine
        .events()
        .into_iter()
        .filter_map(|event| match event.what {
            EventBody::MediumMoved(moved) => Some(moved),
            _ => None,
        })
        .collect()
}

/// The moves so far, as `+Monday -Monday`, once there are so many.
fn told(machine: &Machine, count: usize) -> String {
    let moves = wait_for("moves", Duration::from_mins(1), || {
        Some(moves(machine)).filter(|moves| moves.len() >= count)
    });
    let told: Vec<String> = moves
        .iter()
        .map(|moved| {
            let sign = if moved.present { '+' } else { '-' };
            format!("{sign}{}", moved.medium.label.as_deref().unwrap_or("?"))
        })
        .collect();
    told.join(" ")
}

#[test]
fn a_medium_that_comes_or_goes_is_reported_once() {
    let machine = lonely();
    let (monday, tuesday, plain_disk) = (Mounted::ext4(8), Mounted::ext4(8), Mounted::ext4(8));
    for (disk, label) in [(&monday, "Monday"), (&tuesday, "Tuesday")] {
        machine.succeed(&["media", "register", label, "--path", plain(&disk.path())]);
    }
    assert_eq!(told(&machine, 2), "+Monday +Tuesday", "told when it is registered");
    tuesday.take_out();
    let job = format!(
        "[[job]]\nkey = \"nightly\"\ntool = \"command\"\nmedium = \"{}\"\n",
        plain_disk.path().display()
    );
    machine.configure(&job);
    let _agent = machine.start();
    assert_eq!(
        told(&machine, 4),
        "+Monday +Tuesday -Tuesday +?",
        "what changed while it was off, and the disk of the job"
    );
    monday.take_out();
    assert_eq!(told(&machine, 5), "+Monday +Tuesday -Tuesday +? -Monday");
    monday.put_in();
    assert_eq!(told(&machine, 6), "+Monday +Tuesday -Tuesday +? -Monday +Monday");
    let gone = &moves(&machine)[4].medium;
    assert!(
        gone.marker.is_some() && gone.size_bytes.is_some(),
        "as it was seen last: {gone:?}"
    );
    let status = String::from_utf8(machine.run(&["status"]).stdout).expect("UTF-8");
    assert!(status.contains("medium: not registered, volume"), "{status}");
}

#[test]
fn a_copied_marker_is_told_as_one() {
    let machine = lonely();
    let original = Mounted::ext4(8);
    machine.succeed(&["media", "register", "Monday", "--path", plain(&original.path())]);
    let volume = registered(&machine)[0].medium.volume.clone();
    original.take_out();
    let cloned = Mounted::copy_with_new_uuid(&original.image());
    original.put_in();
    let formatted = Mounted::ext4(8);
    let marker = ".lastgood-medium.json";
    fs::copy(original.path().join(marker), formatted.path().join(marker)).expect("writable");
    let _agent = machine.start();
    assert_eq!(told(&machine, 3), "+Monday +Monday +Monday");
    let moves = moves(&machine);
    assert_eq!(moves[0].medium.copied_from, None);
    for copy in &moves[1..] {
        assert_eq!(copy.medium.marker, moves[0].medium.marker);
        assert_ne!(copy.medium.volume, volume);
        assert_eq!(copy.medium.copied_from.as_ref(), Some(&volume));
    }
    let shown = machine.succeed(&["media", "show", "--path", plain(&cloned.path())]);
    assert!(shown.contains(&volume) && shown.contains("--replace"), "{shown}");
    let job = format!(
        "[[job]]\nkey = \"nightly\"\ntool = \"command\"\nmedium = \"{}\"\n",
        formatted.path().display()
    );
    machine.configure(&job);
    let status = machine.fail(&["status"]);
    assert!(status.contains("is a copy") && status.contains(&volume), "{status}");
    assert!(machine.log().contains("copy of the other"), "{}", machine.log());
}

/// Runs the job's command as another scheduler would; its exit code and what it said.
fn wrapped(machine: &Machine) -> (i32, String) {
    let output = machine.run(&["exec", "nightly", "--", "touch", plain(&machine.path("begun"))]);
    (output.status.code().expect("it ended"), crate::machine::text(&output))
}

fn last_run(machine: &Machine) -> RunFinished {
    machine.finished().pop().expect("a run")
}

#[test]
fn a_job_waits_for_the_medium_whose_turn_it_is() {
    let machine = lonely();
    let (monday, tuesday) = (Mounted::ext4(8), Mounted::ext4(8));
    for (disk, label) in [(&monday, "Monday"), (&tuesday, "Tuesday")] {
        machine.succeed(&["media", "register", label, "--path", plain(&disk.path())]);
    }
    let on = |disk: &Mounted, rule: &str| {
        machine.configure(&format!(
            "[[job]]\nkey = \"nightly\"\ntool = \"command\"\nmedium = \"{}\"\n{rule}\n",
            disk.path().display()
        ));
    };
    let rotated = "require_medium = \"rotated\"";
    on(&monday, rotated);
    let (code, _) = wrapped(&machine);
    assert_eq!((code, last_run(&machine).outcome), (0, Outcome::Ok));
    fs::remove_file(machine.path("begun")).expect("it ran");

    // A day later.
    let ledger = machine.state().join("media.json");
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(&ledger).expect("kept")).expect("JSON");
    let text = kept.to_string();
    let used = text
        .split("\"nightly\":[\"")
        .nth(1)
        .expect("its use is kept")
        .get(..10)
        .expect("a date");
    fs::write(&ledger, text.replace(used, "2026-01-05")).expect("writable");

    let (code, said) = wrapped(&machine);
    assert_eq!(code, 75, "{said}");
    assert!(
        said.contains("“Monday” is in the drive") && said.contains("“Tuesday”"),
        "{said}"
    );
    assert!(!machine.path("begun").exists(), "it began");
    let refused = last_run(&machine);
    assert_eq!(refused.outcome, Outcome::Failed);
    assert_eq!(refused.facts.wanted_medium.as_deref(), Some("“Tuesday”"));
    assert_eq!(refused.medium.expect("what was in").label.as_deref(), Some("Monday"));
    let status: serde_json::Value = serde_json::from_slice(&machine.run(&["status", "--json"]).stdout).expect("JSON");
    let job = &status["jobs"][0];
    assert_eq!(
        (&job["medium"]["label"], &job["wanted"]),
        (&"Monday".into(), &"“Tuesday”".into())
    );
    assert!(
        status["to_do"][0]
            .as_str()
            .expect("a step")
            .contains("Put in “Tuesday”"),
        "{status}"
    );

    on(&tuesday, rotated);
    assert_eq!(wrapped(&machine).0, 0);
    assert!(machine.path("begun").exists());
    let other = Mounted::ext4(8);
    on(&other, "require_medium = \"registered\"");
    let (code, said) = wrapped(&machine);
    assert!(code == 75 && said.contains("not registered"), "{said}");
    on(&other, "");
    assert_eq!(wrapped(&machine).0, 0, "without a rule");
}
