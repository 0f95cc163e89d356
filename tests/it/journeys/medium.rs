//! Two nights on the same disk: a real file system on a loop device, seen by the real agent.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::tz::TimeZone;
use lastgood_tests::folder::Folder;
use lastgood_tests::mail::MailServer;
use lastgood_tests::process::run;
use lastgood_tests::reporter::now;
use lastgood_tests::{server::Server, wait};

use super::{OLIVIA, add_daily_job, enrolled_machine, northwind, shown, wait_for_alert};

/// A disk that is mounted, and taken out at drop.
struct Disk {
    folder: Folder,
}

impl Disk {
    fn mounted() -> Self {
        let folder = Folder::new();
        let image = folder.join("disk.img");
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        root("mkfs.ext4", &["-q", "-L", "ROTATION", &image.display().to_string()]);
        std::fs::create_dir(folder.join("mnt")).unwrap();
        let disk = Self { folder };
        disk.put_in();
        disk
    }

    fn put_in(&self) {
        let (image, path) = (self.image().display().to_string(), self.path().display().to_string());
        root("mount", &["-o", "loop", &image, &path]);
    }

    fn take_out(&self) {
        root("umount", &[&self.path().display().to_string()]);
    }

    fn image(&self) -> PathBuf {
        self.folder.join("disk.img")
    }

    fn path(&self) -> PathBuf {
        self.folder.join("mnt")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let path = self.path().display().to_string();
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        if mounts.contains(&path) {
            root("umount", &["--lazy", &path]);
        }
    }
}

/// Runs a program as root, through sudo if need be.
fn root(program: &str, arguments: &[&str]) {
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if is_root { program } else { "sudo" });
    if !is_root {
        command.args(["-n", program]);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    run(
        command.args(arguments).env("PATH", format!("{path}:/usr/sbin:/sbin")),
        "",
    )
    .succeeded();
}

/// Lets the office's backup day begin at the next full minute that is not too close; the moment it does.
fn let_the_day_begin_soon(server: &Server) -> jiff::Zoned {
    let local = now().to_zoned(TimeZone::get("America/New_York").unwrap());
    let ahead = if local.second() < 35 { 1 } else { 2 };
    let begins = local
        .round(
            jiff::ZonedRound::new()
                .smallest(jiff::Unit::Minute)
                .mode(jiff::RoundMode::Trunc),
        )
        .unwrap();
    let begins = begins.checked_add(jiff::Span::new().minutes(ahead)).unwrap();
    let minutes = i32::from(begins.hour()) * 60 + i32::from(begins.minute());
    server
        .database()
        .execute(&format!("update offices set business_day_starts = {minutes}"));
    begins
}

fn back_up(machine: &lastgood_tests::agent::Machine, disk: &Path) {
    let target = disk.join("backup.tar");
    let ended = machine.run(&[
        "exec",
        "nightly",
        "--",
        "tar",
        "-cf",
        &target.display().to_string(),
        "-C",
        &machine.practice().display().to_string(),
        ".",
    ]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

fn sightings(server: &Server) -> i64 {
    server.database().number("select count(*) from media_sightings")
}

#[test]
fn two_backup_days_on_the_same_disk_alert_and_another_disk_ends_it() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    add_daily_job(&server, "nightly");
    let machine = enrolled_machine(&server);
    let disk = Disk::mounted();
    let medium = |disk: &Disk| {
        machine.configure(&format!(
            "[[job]]\nkey = \"nightly\"\ntool = \"command\"\ndestination = \"medium\"\nmedium = \"{}\"\n",
            disk.path().display()
        ));
    };
    medium(&disk);
    machine
        .run(&[
            "media",
            "register",
            "Monday",
            "--path",
            &disk.path().display().to_string(),
        ])
        .succeeded();
    let agent = machine.start();

    let day_begins = let_the_day_begin_soon(&server);
    back_up(&machine, &disk.path());
    wait::until("the first day's sighting", || (sightings(&server) == 1).then_some(()));
    assert_eq!(server.database().value("select label from media"), "Monday");
    assert_eq!(
        server
            .database()
            .number("select count(*) from alerts where kind = 'same_medium'"),
        0
    );

    let patience = 3 * wait::PATIENCE;
    wait::until_within(patience, "the next backup day", || {
        (now() > day_begins.timestamp()).then_some(())
    });
    back_up(&machine, &disk.path());
    wait::until("the second day's sighting", || (sightings(&server) == 2).then_some(()));
    let days = server
        .database()
        .number("select count(distinct backup_day) from media_sightings");
    assert_eq!(days, 2, "the two backups belong to two days");
    let alert = wait_for_alert(&server, "same_medium", true);
    let letter = mail.wait_for("Harbor Counseling");
    assert!(letter.text().contains("Monday"), "{}", letter.text());
    let mut olivia = server.visitor(OLIVIA);
    let page = shown(&olivia.get(&format!("/alerts/{alert}")));
    assert!(page.contains("Monday"), "{page}");
    let page = shown(&olivia.get("/media"));
    assert!(page.contains("Monday") && page.contains("Harbor Counseling"), "{page}");
    drop(agent);
}

/// The words of the media page.
fn media_page(server: &Server) -> String {
    shown(&server.visitor(OLIVIA).get("/media"))
}

fn wait_for_page(server: &Server, words: &str) {
    wait::until(format!("the media page to say: {words}"), || {
        media_page(server).contains(words).then_some(())
    });
}

fn register(machine: &lastgood_tests::agent::Machine, label: &str, disk: &Disk) {
    machine
        .run(&["media", "register", label, "--path", &disk.path().display().to_string()])
        .succeeded();
}

#[test]
fn a_disk_is_seen_to_go_and_a_job_waits_for_the_right_one() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    add_daily_job(&server, "nightly");
    let machine = enrolled_machine(&server);
    let (monday, tuesday) = (Disk::mounted(), Disk::mounted());
    register(&machine, "Monday", &monday);
    register(&machine, "Tuesday", &tuesday);
    let job = |disk: &Disk| {
        let days = [
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ];
        let rule = days.map(|day| format!("{day} = \"Tuesday\"")).join(", ");
        machine.configure(&format!(
            "[[job]]\nkey = \"nightly\"\ntool = \"command\"\nmedium = \"{}\"\nrequire_medium = {{ {rule} }}\n",
            disk.path().display()
        ));
    };
    job(&monday);
    let agent = machine.start();
    wait_for_page(&server, "in the drive at harbor-srv since");

    let path = monday.path().display().to_string();
    let ended = machine.run(&["exec", "nightly", "--", "touch", &format!("{path}/backup")]);
    assert_eq!(ended.code, 75, "{}{}", ended.out, ended.err);
    assert!(!monday.path().join("backup").exists(), "it began");
    let alert = wait_for_alert(&server, "failed", true);
    let letter = mail.wait_for("backup waits for “Tuesday”");
    assert!(letter.text().contains("“Monday” is in the drive"), "{}", letter.text());
    let mut olivia = server.visitor(OLIVIA);
    let page = shown(&olivia.get(&format!("/alerts/{alert}")));
    assert!(page.contains("wanted is “Tuesday”"), "{page}");
    let status = machine.run(&["status"]);
    assert!(status.out.contains("Put in “Tuesday” for 'nightly'"), "{}", status.out);

    monday.take_out();
    wait_for_page(&server, "taken out at harbor-srv");
    let practice = server
        .database()
        .value("select practice_id from practices where name = 'Harbor Counseling'");
    let page = shown(&olivia.get(&format!("/practices/{practice}")));
    assert!(
        page.contains("taken out at harbor-srv") && page.contains("in the drive at harbor-srv since"),
        "{page}"
    );
    job(&tuesday);
    back_up(&machine, &tuesday.path());
    wait_for_alert(&server, "failed", false);
    drop(agent);
}

#[test]
fn a_cloned_disk_is_told_as_a_copy() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let machine = enrolled_machine(&server);
    let (original, copy) = (Disk::mounted(), Disk::mounted());
    register(&machine, "Monday", &original);
    let agent = machine.start();
    wait_for_page(&server, "in the drive at harbor-srv since");
    original.take_out();
    copy.take_out();
    let (from, to) = (
        original.image().display().to_string(),
        copy.image().display().to_string(),
    );
    root(
        "dd",
        &[&format!("if={from}"), &format!("of={to}"), "bs=1M", "status=none"],
    );
    root("e2fsck", &["-fy", &to]);
    root("tune2fs", &["-U", "random", &to]);
    copy.put_in();
    wait_for_alert(&server, "agent_problem", true);
    let letter = mail.wait_for("reports a problem");
    assert!(
        letter.text().contains("Two media carry the marker of “Monday”"),
        "{}",
        letter.text()
    );
    let media = server
        .database()
        .number("select count(*) from media where label = 'Monday'");
    assert_eq!(media, 2, "they are counted as two");
    drop(agent);
}
