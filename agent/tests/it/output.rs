//! The end of a tool's output in a report: asked for, of a run that did not end well, and without names, paths and secrets.

use std::fs;
use std::process::Stdio;

use lastgood_protocol::{Outcome, OutputTail, RunFinished};

use crate::machine::{Machine, text};
use crate::tools::{job, lonely, plain, run_jobs};

/// Nothing of this may leave the machine.
const NAMES: [&str; 5] = ["Anna", "Schmidt", "intake", "swordfish", "practice"];

fn output(run: &RunFinished) -> &OutputTail {
    run.output.as_ref().unwrap_or_else(|| panic!("no output: {run:?}"))
}

/// No name is in the spool, nor anywhere else in what the agent keeps.
fn assert_nameless(machine: &Machine) {
    let mut folders = vec![machine.state().join("spool"), machine.state().join("jobs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let kept = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
            for name in NAMES {
                assert!(!kept.contains(name), "{name} is in {}: {kept}", path.display());
            }
        }
    }
}

#[test]
fn real_failures_of_restic_tar_and_a_script_are_told_without_names() {
    let machine = lonely();
    let password = machine.secret("password", "swordfish\n");
    let folder = machine.path("Anna Schmidt");
    fs::create_dir(&folder).expect("writable");
    let missing = plain(&folder.join("intake of Anna, 2.pdf"));
    let archive = plain(&machine.path("Anna.tar"));
    machine.secret(
        "backup.sh",
        "echo \"connecting with $DB_PASSWORD\"; echo \"dump of $1 failed: No space left on device\" >&2; exit 3\n",
    );
    let script = plain(&machine.path("backup.sh"));
    let told = "report_output = 20";
    let restic = format!(
        "tool = \"restic\"\nrepository = \"{}\"\npaths = [\"{}\"]\npassword_file = \"{}\"\n{told}",
        plain(&machine.path("nowhere/Schmidt")),
        plain(&folder),
        plain(&password)
    );
    let environment = format!("environment = {{ DB_PASSWORD_FILE = \"{}\" }}", plain(&password));
    let sh = ["sh", &script, "patients/Anna Schmidt.db"];
    let jobs = [
        ("restic".to_owned(), restic),
        job(
            "tar",
            &format!("tool = \"tar\"\n{told}"),
            &["tar", "-cf", &archive, &missing],
        ),
        job("script", &format!("tool = \"command\"\n{told}\n{environment}"), &sh),
        job("quiet", &format!("tool = \"command\"\n{environment}"), &sh),
        job(
            "good",
            &format!("tool = \"command\"\n{told}"),
            &["sh", "-c", "echo done"],
        ),
    ];
    let [restic, tar, script, quiet, good] = run_jobs(&machine, &jobs).try_into().expect("five");
    assert_eq!(restic.outcome, Outcome::Failed);
    let said = output(&restic).stderr.join("\n");
    assert!(
        said.contains("unable to open config file: stat [path]: no such file or directory"),
        "{said}"
    );
    assert_eq!(tar.outcome, Outcome::Failed);
    assert_eq!(
        output(&tar)
            .stderr
            .iter()
            .find(|line| line.contains("Cannot stat"))
            .map(String::as_str),
        Some("tar: [path]: Cannot stat: No such file or directory")
    );
    assert_eq!(script.exit_code, Some(3));
    assert_eq!(output(&script).stdout, ["connecting with [secret]"]);
    assert_eq!(
        output(&script).stderr,
        ["dump of [path] failed: No space left on device"]
    );
    assert_eq!(
        (quiet.outcome, quiet.output),
        (Outcome::Failed, None),
        "off unless asked for"
    );
    assert_eq!(
        (good.outcome, good.output),
        (Outcome::Ok, None),
        "nothing of a good run"
    );
    assert_nameless(&machine);
}

#[test]
fn what_is_wrapped_prints_as_ever_and_only_its_complaints_are_told() {
    let machine = Machine::new();
    machine.configure("[[job]]\nkey = \"nightly\"\ntool = \"command\"\nreport_output = 5\n");
    let script = "printf 'a row of Anna\\0Schmidt'; head -c 200000 /dev/urandom | tee copy; \
                  printf '\\033[31mfailed to read /srv/Anna\\n' >&2; exit 4";
    let command = |machine: &Machine, arguments: &[&str]| {
        let mut command = machine.command(arguments);
        command.current_dir(machine.path("")).stdin(Stdio::null());
        command
            .env("MY_TOKEN", "swordfish")
            .output()
            .expect("it can be started")
    };
    let ended = command(&machine, &["exec", "nightly", "--", "sh", "-c", script]);
    assert_eq!(ended.status.code(), Some(4));
    let copy = fs::read(machine.path("copy")).expect("it was written");
    assert_eq!(ended.stdout, [b"a row of Anna\0Schmidt", copy.as_slice()].concat());
    assert_eq!(ended.stderr, b"\x1b[31mfailed to read /srv/Anna\n");
    let told = machine.finished().remove(0);
    assert_eq!(output(&told).stdout, [""; 0], "it may be the backup itself");
    assert_eq!(output(&told).stderr, ["failed to read [path]"]);

    let inherited = "echo token swordfish refused >&2; exit 1";
    command(&machine, &["exec", "nightly", "--", "sh", "-c", inherited]);
    assert_eq!(output(&machine.finished()[1]).stderr, ["token [secret] refused"]);
    assert_nameless(&machine);
}

#[test]
fn an_archive_that_goes_to_standard_output_is_no_message() {
    let machine = Machine::new();
    machine.configure("[[job]]\nkey = \"nightly\"\ntool = \"tar\"\nreport_output = 50\n");
    fs::write(machine.path("error"), "failed\n".repeat(2_000)).expect("writable");
    let from = plain(&machine.path(""));
    let ended = machine.run(&[
        "exec",
        "nightly",
        "--",
        "tar",
        "-C",
        &from,
        "-cf",
        "-",
        "error",
        "Anna Schmidt",
    ]);
    assert_eq!(ended.status.code(), Some(2));
    let told = machine.finished().remove(0);
    assert_eq!(output(&told).stdout, [""; 0]);
    assert!(
        output(&told).stderr[0].ends_with("Cannot stat: No such file or directory"),
        "{told:?}"
    );
    assert_nameless(&machine);
}

#[test]
fn nothing_is_told_where_nothing_was_started_or_a_secret_is_not_known() {
    let machine = Machine::new();
    let job = "[[job]]\nkey = \"nightly\"\ntool = \"command\"\nreport_output = 5\n";
    let medium = plain(&machine.path("drive"));
    machine.configure(&format!(
        "{job}medium = \"{medium}\"\nrequire_medium = \"registered\"\n"
    ));
    let failing = ["exec", "nightly", "--", "sh", "-c", "echo failed >&2; exit 1"];
    assert_eq!(machine.run(&failing).status.code(), Some(75));
    machine.configure(&format!("{job}[job.environment]\nTOKEN = \"secret:lost\"\n"));
    let ended = machine.run(&failing);
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended).contains("output is not reported"), "{}", text(&ended));
    let runs = machine.finished();
    assert_eq!(runs.len(), 2);
    assert!(
        runs.iter()
            .all(|run| run.outcome == Outcome::Failed && run.output.is_none()),
        "{runs:?}"
    );
}
