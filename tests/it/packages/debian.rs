//! The Debian package, installed by dpkg into a copy of this machine that is gone with the test. The copy has no systemd
//! that runs; what it would start is started by hand, as its unit says, and spoken with as systemd does.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lastgood_tests::folder::Folder;
use lastgood_tests::mail::MailServer;
use lastgood_tests::process::{Ended, Process, run};
use lastgood_tests::wait;

use super::package;
use crate::journeys::{HARBOR, add_daily_job, northwind, wait_for_run};

const UNIT: &str = "lib/systemd/system/lastgood-agent.service";

/// This machine's files with whatever is written laid over them, in memory.
struct Copy {
    folder: Folder,
}

impl Copy {
    fn new() -> Self {
        let copy = Self { folder: Folder::new() };
        let over = copy.folder.join("over");
        for folder in [&over, &copy.root()] {
            fs::create_dir(folder).unwrap();
        }
        mount(&["-t", "tmpfs", "-o", "size=512m", "tmpfs"], &over);
        for name in ["upper", "work"] {
            fs::create_dir(over.join(name)).unwrap();
        }
        let over = over.display();
        let layers = format!("lowerdir=/,upperdir={over}/upper,workdir={over}/work");
        mount(&["-t", "overlay", "-o", &layers, "overlay"], &copy.root());
        for shared in ["proc", "dev"] {
            mount(&["--bind", &format!("/{shared}")], &copy.root().join(shared));
        }
        // As on a machine that was never near this one.
        for leftover in ["etc/lastgood", "var/lib/lastgood-agent"] {
            drop(fs::remove_dir_all(copy.root().join(leftover)));
        }
        copy
    }

    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command
            .arg(self.root())
            .args(arguments)
            .env_remove("TMPDIR")
            .current_dir("/");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments), "")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for place in ["root/dev", "root/proc", "root", "over"] {
            // What is left mounted after a failure must not be emptied with the folder.
            let ended = run(Command::new("umount").arg("--lazy").arg(self.folder.join(place)), "");
            assert!(ended.code == 0 || std::thread::panicking(), "{}", ended.err);
        }
    }
}

fn mount(arguments: &[&str], place: &Path) {
    run(Command::new("mount").args(arguments).arg(place), "").succeeded();
}

/// The value of a setting of the unit.
fn setting(unit: &str, name: &str) -> String {
    let value = unit.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    value
        .unwrap_or_else(|| panic!("the unit says nothing of {name}"))
        .to_owned()
}

#[test]
fn the_package_installs_enrols_serves_as_its_unit_says_and_is_removed() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let job = add_daily_job(&server, "nightly");
    let copy = Copy::new();
    fs::copy(package("lastgood-agent.deb"), copy.path("tmp/lastgood-agent.deb")).unwrap();
    copy.run(&["dpkg", "--install", "/tmp/lastgood-agent.deb"]).succeeded();

    let unit = fs::read_to_string(copy.path(UNIT)).unwrap();
    let checked = run(
        Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no", "--root"])
            .arg(copy.root())
            .arg("lastgood-agent.service"),
        "",
    );
    assert_eq!((checked.code, checked.err.as_str()), (0, ""), "systemd takes the unit");
    assert!(
        copy.path("etc/systemd/system/multi-user.target.wants/lastgood-agent.service")
            .is_symlink()
    );
    for (page, words) in [("lastgood-agent.1", "enroll"), ("lastgood-agent-exec.1", "exit code")] {
        let page = copy
            .run(&["zcat", &format!("/usr/share/man/man1/{page}.gz")])
            .succeeded();
        assert!(page.contains(words), "{page}");
    }
    let completed = copy.run(&[
        "bash",
        "-c",
        "source /usr/share/bash-completion/completions/lastgood-agent; COMP_WORDS=(lastgood-agent che); COMP_CWORD=1
         _lastgood__agent lastgood-agent che lastgood-agent; echo \"${COMPREPLY[@]}\"",
    ]);
    assert_eq!(completed.succeeded().trim(), "check-config");

    copy.run(&["lastgood-agent", "enroll", &server.token(HARBOR)])
        .succeeded();
    fs::write(copy.path("etc/lastgood/agent.toml"), "heartbeat = \"1s\"\n").unwrap();
    let said = copy.run(&["lastgood-agent", "check-config"]);
    said.succeeded();

    let mut agent = served(&copy, &unit);
    copy.run(&["lastgood-agent", "exec", "nightly", "--", "true"])
        .succeeded();
    wait_for_run(&server, &job, "ok");
    assert_eq!(agent.process.stop(), Some(0), "it ends when systemd asks");
    agent.expect("STOPPING=1");

    copy.run(&["dpkg", "--remove", "lastgood-agent"]).succeeded();
    assert!(!copy.path("usr/bin/lastgood-agent").exists());
    assert!(
        copy.path("var/lib/lastgood-agent/identity.json").exists(),
        "what it knows stays"
    );
    copy.run(&["dpkg", "--purge", "lastgood-agent"]).succeeded();
    for gone in ["var/lib/lastgood-agent", "etc/lastgood", UNIT] {
        assert!(!copy.path(gone).exists(), "{gone} is left");
    }
}

/// The service, and the socket on which systemd would listen to it.
struct Served {
    process: Process,
    socket: UnixDatagram,
}

impl Served {
    fn expect(&self, words: &str) {
        wait::until(format!("systemd to be told {words}"), || {
            let mut message = [0; 256];
            let length = self.socket.recv(&mut message).ok()?;
            String::from_utf8_lossy(&message[..length])
                .contains(words)
                .then_some(())
        });
    }
}

/// Starts what the unit starts, of the type it says, and waits until it is ready and keeps its watchdog quiet.
fn served(copy: &Copy, unit: &str) -> Served {
    assert_eq!(setting(unit, "Type"), "notify");
    let watchdog: u64 = setting(unit, "WatchdogSec").parse().unwrap();
    let socket = UnixDatagram::bind(copy.path("run/notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let started = setting(unit, "ExecStart");
    let mut command = copy.command(&started.split(' ').collect::<Vec<_>>());
    command
        .env("NOTIFY_SOCKET", "/run/notify")
        // A tenth of what the unit gives it, so that nobody waits a minute for what is the same.
        .env("WATCHDOG_USEC", (watchdog * 100_000).to_string());
    let served = Served {
        process: Process::start("agent", &mut command),
        socket,
    };
    served.expect("READY=1");
    served.expect("WATCHDOG=1");
    served.expect("WATCHDOG=1");
    served
}
