//! A Windows machine, as far as Wine is one: a prefix of its own, gone with the test and with everything that ran in it.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::Folder;
use crate::process::{Ended, run};
use crate::wait;

const LOADER: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";

/// A prefix in which a service manager runs.
#[derive(Debug)]
pub struct Wine {
    folder: Folder,
}

impl Wine {
    /// A fresh one.
    ///
    /// # Panics
    /// When Wine or its compiler is not there.
    pub fn new() -> Self {
        let wine = Self { folder: Folder::new() };
        wine.run(LOADER, &["wineboot", "--init"]).succeeded();
        let mut compile = Command::new("x86_64-w64-mingw32-gcc");
        compile
            .args(["-shared", "-O2", "-o"])
            .arg(wine.c("windows/system32/bcryptprimitives.dll"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bcryptprimitives.c"))
            .arg("-ladvapi32");
        run(&mut compile, "").succeeded();
        // The one that made the prefix lingers, and would not let another begin.
        wine.run(SERVER, &["-w"]).succeeded();
        // Without this, the service manager ends with the last program that a test runs, and the services with it.
        wine.run(SERVER, &["-p600"]).succeeded();
        wine
    }

    /// A place on drive C.
    pub fn c(&self, path: &str) -> PathBuf {
        self.folder.join("prefix/drive_c").join(path)
    }

    /// What Windows calls a file of this machine.
    pub fn name(path: &Path) -> String {
        format!("Z:{}", path.display().to_string().replace('/', "\\"))
    }

    /// Runs a program of Windows to its end.
    pub fn windows(&self, arguments: &[&str]) -> Ended {
        self.run(LOADER, arguments)
    }

    /// A program of Windows, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(LOADER, arguments)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        // Into files: what Wine starts in the background inherits the outputs, and a pipe that it holds never ends.
        let [mut out, mut err] = [(); 2].map(|()| tempfile::tempfile().expect("a temporary file can be made"));
        let copy = |file: &File| file.try_clone().expect("a file can be opened twice");
        let status = self
            .program(program, arguments)
            .stdin(Stdio::null())
            .stdout(copy(&out))
            .stderr(copy(&err))
            .status()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        Ended {
            code: status.code().unwrap_or(-1),
            out: read(&mut out),
            err: read(&mut err),
        }
    }

    fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("WINEPREFIX", self.folder.join("prefix"))
            .env("WINESERVER", SERVER)
            .env("WINEDEBUG", "-all")
            // Nobody asks whether to fetch what we do not need.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// The state of a service, as its manager shows it: `RUNNING`, `STOPPED`; `None` when there is no such service.
    pub fn service(&self, name: &str) -> Option<String> {
        let shown = self.windows(&["sc", "query", name]);
        if shown.code != 0 {
            return None;
        }
        let line = shown.out.lines().find(|line| line.trim_start().starts_with("STATE"))?;
        line.split_whitespace().last().map(str::to_owned)
    }

    /// Waits until a service is in a state.
    ///
    /// # Panics
    /// When it does not come to it.
    pub fn wait_for_service(&self, name: &str, state: &str) {
        wait::until(format!("the service {name} to be {state}"), || {
            (self.service(name).as_deref() == Some(state)).then_some(())
        });
    }

    /// The processes of this machine whose command line contains all of these words.
    pub fn processes(&self, words: &[&str]) -> Vec<Pid> {
        let prefix = format!("WINEPREFIX={}\0", self.folder.join("prefix").display());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("it is Linux").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
            let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            let is_ours = String::from_utf8_lossy(&read("environ")).contains(&prefix);
            if is_ours && words.iter().all(|word| line.contains(word)) {
                found.extend(Pid::from_raw(pid));
            }
        }
        found
    }

    /// Ends processes as a power cut would.
    pub fn kill(&self, words: &[&str]) -> usize {
        let found = self.processes(words);
        for &pid in &found {
            // It may have ended a moment ago.
            kill_process(pid, Signal::KILL).ok();
        }
        found.len()
    }
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().expect("a file can be rewound");
    file.read_to_end(&mut bytes).expect("a file of ours can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Default for Wine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.c("ProgramData/Lastgood/State/agent.log");
            let said = fs::read_to_string(log).unwrap_or_default();
            let mut find = Command::new("find");
            find.args([self.c("ProgramData/Lastgood").as_os_str(), "-ls".as_ref()]);
            let said = format!(
                "agent.log| {}\n{}",
                said.replace('\n', "\nagent.log| "),
                run(&mut find, "").out
            );
            drop(std::io::stderr().write_all(said.as_bytes()));
        }
        // Its server ends every process of the prefix; ask for it, and wait until it is gone.
        drop(self.run(SERVER, &["-k"]));
        drop(self.run(SERVER, &["-w"]));
    }
}
