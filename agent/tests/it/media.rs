//! Media: real file systems with real identities.

use std::fs;
use std::time::Duration;

use lastgood_protocol::{EventBody, EventStatus, MediumRegistered, Outcome};

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
