//! From a crontab line that nobody watched to a job whose runs are known: found, proposed, accepted, wrapped, run.

use std::fs;

use lastgood_tests::agent::Machine;
use lastgood_tests::mail::MailServer;
use lastgood_tests::server::Server;
use lastgood_tests::visitor::Visitor;
use lastgood_tests::wait;

use super::{HARBOR, OLIVIA, enrolled_machine, northwind, open_every_day, shown, wait_for_run};

/// The line as whoever set it up wrote it.
fn crontab_line(machine: &Machine, before: &str) -> String {
    format!(
        "RESTIC_PASSWORD_FILE={}\n* * * * * root {before}restic --json -r {} backup {}\n",
        machine.folder().join("restic-password").display(),
        machine.folder().join("restic").display(),
        machine.practice().display(),
    )
}

fn discover(machine: &Machine) -> String {
    let root = machine.folder().join("root").display().to_string();
    machine.run(&["discover", "--root", &root, "--report"]).succeeded()
}

fn proposals(server: &Server, condition: &str) -> i64 {
    server
        .database()
        .number(&format!("select count(*) from proposals where {condition}"))
}

/// Accepts with the form as it is filled, but for when to worry.
fn accept(server: &Server, olivia: &mut Visitor, proposal: &str) {
    let path = format!("/proposals/{proposal}/accept");
    let form = olivia.get(&path);
    assert_eq!(form.status, 200, "{}", form.text());
    let html = form.text();
    let value = |name: &str| {
        let (_, input) = html
            .split_once(&format!("name=\"{name}\""))
            .expect("the field is there");
        let (_, value) = input.split_once("value=\"").expect("it has a value");
        value.split('"').next().unwrap().to_owned()
    };
    let office = server.database().value(&format!(
        "select office_id from offices join practices using (firm_id, practice_id) where practices.name = '{HARBOR}'"
    ));
    let [name, key, tool, cron] = ["name", "key", "tool", "cron"].map(value);
    assert_eq!(
        (key.as_str(), tool.as_str(), cron.as_str()),
        ("practice-backup", "restic", "* * * * *")
    );
    let fields = [
        ("name", name.as_str()),
        ("key", &key),
        ("tool", &tool),
        ("cron", &cron),
        ("office", &office),
        ("dst_policy", "cron"),
        ("opens_before", "30s"),
        ("late_after", "5s"),
        ("missed_after", "25s"),
        ("no_success_after", "2 h"),
    ];
    let accepted = olivia.post(&path, &fields);
    assert_eq!(accepted.status, 303, "{}", accepted.text());
    assert_eq!(
        accepted.header("location"),
        Some(format!("/proposals/{proposal}").as_str())
    );
}

/// The lines for `agent.toml` that a proposal's page shows.
fn lines_on(olivia: &mut Visitor, proposal: &str) -> String {
    let page = olivia.get(&format!("/proposals/{proposal}")).text();
    let (_, rest) = page.split_once("<pre id=\"settings\">").expect("the lines are there");
    let lines = rest.split("</pre>").next().unwrap();
    lines.replace("&#34;", "\"").replace("&#39;", "'")
}

#[test]
fn a_crontab_line_is_found_accepted_wrapped_and_its_run_fills_the_job() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    open_every_day(&server);
    let machine = enrolled_machine(&server);
    machine.make_restic_repository();
    let cron = "root/etc/cron.d/practice-backup";
    machine.folder().write(cron, crontab_line(&machine, ""));
    machine
        .folder()
        .write("root/var/lib/postgresql/15/main/PG_VERSION", "15\n");
    let said = discover(&machine);
    assert!(said.contains("proposed as practice-backup"), "{said}");
    let _agent = machine.start();
    wait::until("the proposals", || {
        (proposals(&server, "state = 'proposed'") == 2).then_some(())
    });
    let told = server
        .database()
        .value("select string_agg(body, '') from inbox where kind = 'jobs_proposed'");
    for private in ["restic-password", "letters", "/practice", "lastgood-"] {
        assert!(!told.contains(private), "{private} left the practice: {told}");
    }
    let alerts = server.database().number("select count(*) from alerts");
    assert_eq!(alerts, 0, "a proposal is no alert");

    let mut olivia = server.visitor(OLIVIA);
    let practice = server
        .database()
        .value(&format!("select practice_id from practices where name = '{HARBOR}'"));
    let page = shown(&olivia.get(&format!("/practices/{practice}")));
    assert!(page.contains("2 proposed jobs"), "{page}");
    let page = shown(&olivia.get(&format!("/practices/{practice}/proposals")));
    for words in [
        "practice-backup, starts restic.",
        "Every minute",
        "PostgreSQL 15",
        "harbor-srv",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    let id = |key: &str| {
        server
            .database()
            .value(&format!("select proposal_id from proposals where key = '{key}'"))
    };
    let proposal = id("practice-backup");
    accept(&server, &mut olivia, &proposal);
    let dismissed = olivia.post(&format!("/proposals/{}/dismiss", id("postgresql")), &[]);
    assert_eq!(dismissed.status, 303, "{}", dismissed.text());

    // What the page says to do is done: the lines into the settings, the words before the command.
    machine.configure(&lines_on(&mut olivia, &proposal));
    machine.run(&["check-config"]).succeeded();
    let page = shown(&olivia.get(&format!("/proposals/{proposal}")));
    assert!(page.contains("lastgood-agent exec practice-backup --"), "{page}");
    machine
        .folder()
        .write(cron, crontab_line(&machine, "lastgood-agent exec practice-backup -- "));
    let job = server
        .database()
        .value("select job_id from jobs where key = 'practice-backup'");
    let state = format!("select state from jobs where job_id = '{job}'");
    // As cron does each minute.
    wait::until_within(3 * wait::PATIENCE, "a run to fill the job", || {
        let repository = machine.folder().join("restic").display().to_string();
        let password = machine.folder().join("restic-password").display().to_string();
        let practice = machine.practice().display().to_string();
        let command = [
            "restic",
            "--json",
            "-r",
            &repository,
            "--password-file",
            &password,
            "backup",
            &practice,
        ];
        let arguments = [&["exec", "practice-backup", "--"], &command[..]].concat();
        machine.run(&arguments).succeeded();
        (server.database().value(&state) == "ok").then_some(())
    });
    wait_for_run(&server, &job, "ok");
    assert!(fs::read_dir(machine.folder().join("restic/snapshots")).unwrap().count() > 0);

    let said = discover(&machine);
    assert!(said.contains("reported already, as practice-backup"), "{said}");
    let settled = "state = 'accepted' and gone_since is not null or state = 'dismissed' and gone_since is null";
    wait::until("the second look", || (proposals(&server, settled) == 2).then_some(()));
}
