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
        root(
            "mount",
            &[
                "-o",
                "loop",
                &image.display().to_string(),
                &folder.join("mnt").display().to_string(),
            ],
        );
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("mnt")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        root("umount", &["--lazy", &self.path().display().to_string()]);
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
