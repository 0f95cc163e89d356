//! The agent for Windows under Wine: what Windows does of it there. Wine has no event log to read, keeps neither recovery
//! actions nor access lists beyond an owner's and everybody's rights, and its disks are folders of Linux.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use lastgood_tests::mail::MailServer;
use lastgood_tests::process::{Ended, Process, run};
use lastgood_tests::programs::root;
use lastgood_tests::server::Server;
use lastgood_tests::wait;
use lastgood_tests::wine::Wine;

use super::package;
use crate::journeys::{HARBOR, add_daily_job, northwind, wait_for_run};

const SERVICE: &str = "LastgoodAgent";
const PROGRAM: &str = r"C:\Program Files\Lastgood\lastgood-agent.exe";
const STATE: &str = "ProgramData/Lastgood/State";

/// What shows the service's process among all of a machine's.
const SERVICE_PROCESS: [&str; 2] = ["lastgood-agent.exe", "service run"];

fn msiexec(wine: &Wine, action: &str, package: &Path, more: &[&str]) -> Ended {
    let name = Wine::name(package);
    let arguments = [&["msiexec", action, name.as_str(), "/qn"], more].concat();
    wine.windows(&arguments)
}

fn agent(wine: &Wine, arguments: &[&str]) -> Ended {
    wine.windows(&[&[PROGRAM], arguments].concat())
}

/// Writes the settings as an administrator would, and lets the service read them.
fn configure(wine: &Wine, jobs: &str) {
    let path = wine.c("ProgramData/Lastgood/agent.toml");
    fs::write(
        &path,
        format!("heartbeat = \"1s\"\nbackoff_cap = \"1s\"\nstop_wait = \"5s\"\n{jobs}"),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    wine.windows(&["net", "stop", SERVICE]).succeeded();
    wine.wait_for_service(SERVICE, "STOPPED");
    start(wine);
}

fn start(wine: &Wine) {
    wine.windows(&["net", "start", SERVICE]).succeeded();
    wine.wait_for_service(SERVICE, "RUNNING");
}

fn wait_until_heard(server: &Server) -> String {
    let database = server.database();
    wait::until("the agent to be heard", || {
        let row = database.rows("select agent_id from agents where platform = 'windows' and last_heard_at is not null");
        row.first().map(|row| row[0].clone())
    })
}

fn runs_of(server: &Server, job: &str) -> String {
    server.database().value(&format!(
        "select count(*) from runs where job_id = '{job}' and outcome is not null"
    ))
}

fn waiting(wine: &Wine) -> u64 {
    let status: serde_json::Value = serde_json::from_str(&agent(wine, &["status", "--json"]).out).unwrap();
    status["spooled"].as_u64().unwrap()
}

#[test]
fn the_installed_service_enrols_backs_up_is_brought_up_to_date_and_removed() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let [nightly, stuck, odd] = ["nightly", "stuck", "odd"].map(|key| add_daily_job(&server, key));
    let wine = Wine::new();
    let installer = package("lastgood-agent.msi");
    let token = format!("ENROLTOKEN={}", server.token(HARBOR));
    msiexec(&wine, "/i", &installer, &[&token]).succeeded();
    wine.wait_for_service(SERVICE, "RUNNING");
    let enrolled = wait_until_heard(&server);
    the_key_is_sealed(&wine);

    configure(
        &wine,
        r#"
        [[job]]
        key = "nightly"
        tool = "command"
        command = ["cmd", "/c", "echo done> C:\\backup.txt"]
        schedule = "* * * * *"
        [[job]]
        key = "stuck"
        tool = "command"
        command = ["cmd", "/c", "start /b ping -n 900 127.0.0.1 & ping -n 900 127.0.0.1"]
        schedule = "* * * * *"
        timeout = "3s"
        "#,
    );
    wait_for_run(&server, &nightly, "ok");
    assert!(wine.c("backup.txt").exists(), "the backup did run");
    wait_for_run(&server, &stuck, "failed");
    wait::until("the stuck backup's whole tree to be gone", || {
        wine.processes(&["ping", "900"]).is_empty().then_some(())
    });

    configure(&wine, "");
    agent(&wine, &["exec", "odd", "--", "cmd", "/c", "exit 70000"]);
    let run = wait_for_run(&server, &odd, "failed");
    let code = server
        .database()
        .value(&format!("select exit_code from runs where run_id = '{run}'"));
    assert_eq!(code, "70000", "an exit code keeps all its bits");

    let next = wine.c("next.msi");
    let mut build = Command::new(root().join("scripts/agent-msi"));
    run_ok(build.arg("9.9.9").arg(&next));
    msiexec(&wine, "/i", &next, &[]).succeeded();
    wine.wait_for_service(SERVICE, "RUNNING");
    agent(&wine, &["exec", "odd", "--", "cmd", "/c", "exit 0"]).succeeded();
    wait::until("the run after the upgrade", || {
        (runs_of(&server, &odd) == "2").then_some(())
    });
    assert_eq!(wait_until_heard(&server), enrolled, "it is the same agent as before");

    msiexec(&wine, "/x", &next, &[]).succeeded();
    assert_eq!(wine.service(SERVICE), None, "the service is gone");
    assert!(!wine.c("Program Files/Lastgood/lastgood-agent.exe").exists());
    assert!(wine.c(STATE).join("identity.json").exists(), "what it knows stays");
    assert!(wine.processes(&SERVICE_PROCESS).is_empty());
}

fn run_ok(command: &mut Command) {
    run(command, "").succeeded();
}

/// The agent's key is on the disk as Windows' data protection leaves it, and the token is gone.
fn the_key_is_sealed(wine: &Wine) {
    let state = wine.c(STATE);
    wait::until("the token to be gone", || {
        (!state.join("enrolment-token").exists()).then_some(())
    });
    let identity = fs::read_to_string(state.join("identity.json")).unwrap();
    let identity: serde_json::Value = serde_json::from_str(&identity).unwrap();
    // An Ed25519 key in PKCS #8 is a DER sequence, which begins with MC, MF or MFMC in Base64.
    let key = identity["key"].as_str().unwrap();
    assert!(!key.starts_with('M'), "the key stands in the open: {key}");
}

#[test]
fn what_happens_while_the_server_is_away_and_the_agent_is_killed_arrives_once() {
    let mail = MailServer::start();
    let mut server = northwind(&mail);
    let [away, long] = ["away", "long"].map(|key| add_daily_job(&server, key));
    let wine = Wine::new();
    let token = format!("ENROLTOKEN={}", server.token(HARBOR));
    msiexec(&wine, "/i", &package("lastgood-agent.msi"), &[&token]).succeeded();
    wait_until_heard(&server);
    configure(&wine, "");

    server.process().stop();
    agent(&wine, &["exec", "away", "--", "cmd", "/c", "exit 0"]).succeeded();
    assert!(waiting(&wine) >= 1, "the report waits");
    let _exec = Process::start(
        "exec",
        &mut wine.command(&[PROGRAM, "exec", "long", "--", "ping", "-n", "800", "127.0.0.1"]),
    );
    wait::until("the long backup to run", || {
        let recorded = fs::read_dir(wine.c(STATE).join("spool/runs")).unwrap().flatten();
        let recorded = recorded.filter(|entry| entry.path().extension().is_some_and(|end| end == "run"));
        (recorded.count() == 1 && wine.processes(&["ping", "800"]).len() == 2).then_some(())
    });
    // As a power cut: the service, the wrapped backup and what wraps it.
    assert_eq!(wine.kill(&SERVICE_PROCESS), 1);
    assert!(wine.kill(&["exec", "long"]) >= 1);
    wine.kill(&["ping", "800"]);
    // Wine's service manager does not notice, and so starts nothing by itself; Windows' does.
    wait::until("the service's process to be gone", || {
        wine.processes(&SERVICE_PROCESS).is_empty().then_some(())
    });
    agent(&wine, &["exec", "away", "--", "cmd", "/c", "exit 0"]).succeeded();

    start(&wine);
    server.run();
    wait_for_run(&server, &long, "failed");
    wait::until("both reports to arrive", || {
        (runs_of(&server, &away) == "2").then_some(())
    });
    wait::until("the spool to be empty", || (waiting(&wine) <= 1).then_some(()));
    assert_eq!(runs_of(&server, &away), "2", "nothing arrives twice");
    assert_eq!(runs_of(&server, &long), "1");
}

#[test]
fn the_program_alone_installs_and_removes_its_service_and_refuses_what_others_can_change() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let wine = Wine::new();
    let program = wine.c("lastgood-agent.exe");
    fs::copy(package("lastgood-agent.exe"), &program).unwrap();
    let agent = |arguments: &[&str]| wine.windows(&[&[r"C:\lastgood-agent.exe"], arguments].concat());

    let refused = agent(&["service", "install", "--token", "lgenroll1_nonsense"]).refused();
    assert!(refused.contains("token"), "{refused}");
    let said = agent(&["service", "install", "--token", &server.token(HARBOR)]).succeeded();
    assert!(said.contains("installed and started"), "{said}");
    wine.wait_for_service(SERVICE, "RUNNING");
    wait_until_heard(&server);

    // A service that is asked to end says so, and then that it did, without an error.
    wine.windows(&["net", "stop", SERVICE]).succeeded();
    wine.wait_for_service(SERVICE, "STOPPED");
    let shown = wine.windows(&["sc", "query", SERVICE]).out;
    assert!(shown.contains("WIN32_EXIT_CODE    : 0"), "{shown}");

    // With settings that are wrong it ends with an error that its manager sees, and says why in its log.
    let settings = wine.c("ProgramData/Lastgood/agent.toml");
    fs::write(&settings, "[[job]]\nkey = \"nightly\"\n").unwrap();
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o600)).unwrap();
    wine.windows(&["net", "start", SERVICE]);
    wine.wait_for_service(SERVICE, "STOPPED");
    let shown = wine.windows(&["sc", "query", SERVICE]).out;
    assert!(shown.contains("SERVICE_EXIT_CODE  : 2"), "{shown}");
    let log = fs::read_to_string(wine.c(STATE).join("agent.log")).unwrap();
    assert!(log.contains("agent.toml, line 1"), "{log}");

    // Settings that anybody may write are a way to run anything as the system.
    fs::write(&settings, "").unwrap();
    agent(&["check-config"]).succeeded();
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = agent(&["check-config"]).refused();
    assert!(refused.contains("icacls"), "{refused}");

    let said = agent(&["service", "uninstall"]).succeeded();
    assert!(said.contains("removed"), "{said}");
    assert_eq!(wine.service(SERVICE), None);
    let said = agent(&["service", "uninstall"]).succeeded();
    assert!(said.contains("no service"), "{said}");
}

/// Tasks as Windows keeps them, the registry and the processes: Wine has all three.
#[test]
fn what_makes_backups_already_is_found_and_the_settings_proposed_for_it_are_good() {
    let wine = Wine::new();
    fs::copy(package("lastgood-agent.exe"), wine.c("lastgood-agent.exe")).unwrap();
    let tasks = wine.c("windows/system32/Tasks/Praxis");
    fs::create_dir_all(&tasks).unwrap();
    let task = include_str!("../../../agent/src/discover/samples/restic-task.xml");
    let utf_16 = task.encode_utf16().flat_map(u16::to_le_bytes);
    fs::write(
        tasks.join("Sicherung"),
        [0xff, 0xfe].into_iter().chain(utf_16).collect::<Vec<u8>>(),
    )
    .unwrap();
    wine.windows(&["sc", "create", "VeeamBackupSvc", "binPath=", r"C:\veeam.exe"])
        .succeeded();
    let data = wine.c("Program Files/PostgreSQL/15/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "15\n").unwrap();
    fs::copy(wine.c("windows/system32/ping.exe"), wine.c("sqlservr.exe")).unwrap();
    let _database = Process::start(
        "sqlservr",
        &mut wine.command(&[r"C:\sqlservr.exe", "-n", "700", "127.0.0.1"]),
    );
    wait::until("the database server to run", || {
        (!wine.processes(&["sqlservr.exe", "700"]).is_empty()).then_some(())
    });

    let said = wine
        .windows(&[r"C:\lastgood-agent.exe", "discover", "--json"])
        .succeeded();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let found = said["found"].as_array().unwrap();
    let proposed: Vec<(&str, &str)> = found
        .iter()
        .filter_map(|one| Some((one["key"].as_str()?, one["found"].as_str()?)))
        .collect();
    assert_eq!(
        proposed,
        [
            ("sicherung", "scheduled_task"),
            ("veeam", "service"),
            ("postgresql", "database_folder"),
            ("sql-server", "database_server"),
        ]
    );
    assert!(!said.to_string().contains("hunter2"), "no command line is shown");

    let settings: Vec<&str> = found.iter().filter_map(|one| one["settings"].as_str()).collect();
    assert_eq!(settings.len(), proposed.len());
    let path = wine.c("ProgramData/Lastgood/agent.toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, settings.join("\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    wine.windows(&[r"C:\lastgood-agent.exe", "check-config"]).succeeded();
}
