//! Every parser on samples, every calendar against what its maker's documentation says, and all of it on anything at all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{DateTime, date};
#[cfg(unix)]
use lastgood_protocol::JobProposal;
use lastgood_protocol::{FoundBy, ReportingWay, Unclear};
use proptest::prelude::*;

use super::command_line::{Dialect, Starts, in_script, starts};
use super::material::{CronScript, CrontabFile, Database, Material, TaskFile};
use super::{
    Configured, Considered, Fate, consider, crontab, fuzzing, on_calendar, products, report, task, times, unit,
};

const WINDOWS_BACKUP: &str = include_str!("samples/windows-backup.xml");
const RESTIC_TASK: &str = include_str!("samples/restic-task.xml");

fn today() -> DateTime {
    date(2026, 11, 23).at(16, 0, 0, 0)
}

fn calendar(text: &str) -> Result<String, Unclear> {
    let (times, _) = on_calendar::parse(text)?;
    times::cron_of_all(&[times])
}

#[test]
fn calendar_events_become_the_cron_fields_that_say_the_same() {
    for (event, cron) in [
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 1"),
        ("monthly", "0 0 1 * *"),
        ("quarterly", "0 0 1 */3 *"),
        ("annually", "0 0 1 1 *"),
        ("hourly", "0 * * * *"),
        ("22:00", "0 22 * * *"),
        ("*-*-* 22:30:00", "30 22 * * *"),
        ("Mon..Fri 22:00", "0 22 * * 1-5"),
        ("Mon..Fri *-*-* 22:00:00", "0 22 * * 1-5"),
        ("Sat,Sun 03:15", "15 3 * * 0,6"),
        ("Sunday 04:00", "0 4 * * 0"),
        ("*:0/15", "*/15 * * * *"),
        ("*:00,30", "0,30 * * * *"),
        ("00/2:00", "0 */2 * * *"),
        ("8..18:05", "5 8-18 * * *"),
        ("*-*-1..7 02:00", "0 2 1-7 * *"),
        ("Mon *-*-01..07 02:00", "0 2 1-7 * +1"),
        ("*-*-2/7 01:00", "0 1 2,9,16,23,30 * *"),
        ("*-*~01 23:00", "0 23 L * *"),
        ("*-12-24 12:00:30", "0 12 24 12 *"),
        ("12-24", "0 0 24 12 *"),
    ] {
        assert_eq!(calendar(event).as_deref(), Ok(cron), "{event}");
    }
}

#[test]
fn what_five_fields_cannot_say_is_not_said() {
    for event in [
        "2027-01-05 22:00",
        "*-*-* 22:00:00,30",
        "*:*:0/10",
        "*-*~07 22:00",
        "Fri..Mon 22:00",
        "22",
        "25:00",
        "*-13-01",
        "Someday 22:00",
        "",
        "22:00 23:00 24:00",
        "0/0:00",
        "@1395716396",
    ] {
        assert_eq!(calendar(event), Err(Unclear::NotFiveFields), "{event}");
    }
    let (_, zone) = on_calendar::parse("Mon *-*-* 22:00 Europe/Berlin").expect("a calendar event");
    assert_eq!(zone.as_deref(), Some("Europe/Berlin"));
    let (_, zone) = on_calendar::parse("daily UTC").expect("a calendar event");
    assert_eq!(zone.as_deref(), Some("UTC"));
}

#[test]
fn several_calendars_are_one_where_one_field_differs() {
    let all = |events: &[&str]| {
        let times: Vec<_> = events
            .iter()
            .map(|event| on_calendar::parse(event).expect("a calendar event").0)
            .collect();
        times::cron_of_all(&times)
    };
    assert_eq!(all(&["06:00", "18:00"]).as_deref(), Ok("0 6,18 * * *"));
    assert_eq!(all(&["Mon 06:00", "Thu 06:00"]).as_deref(), Ok("0 6 * * 1,4"));
    assert_eq!(all(&["06:00", "18:30"]), Err(Unclear::NotFiveFields));
    assert_eq!(all(&["Mon 06:00", "18:00"]), Err(Unclear::NotFiveFields));
}

const CRONTAB: &str = r#"# /etc/cron.d/practice
SHELL=/bin/bash
PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
RESTIC_PASSWORD=hunter2
MAILTO = "dana@practice.example"

# m h dom mon dow user  command
0 22 * * 1-5   root   restic -r /mnt/disk/restic --password-file /etc/restic backup "/srv/practice/Müller, Anna"
30 21 * * *    postgres  pg_dump practice | gzip > /var/backups/practice-$(date +\%F).gz
@daily root /usr/local/bin/backup.sh --all
@reboot root borg create ::boot /etc
0 9 */2 * 1 root restic backup /srv
CRON_TZ=Europe/Berlin
5 3 * * sun root flock -n /run/b.lock nice -n 19 borg create ::{now} /srv
*/5 * * * * root test -x /usr/bin/restic && restic forget --keep-daily 7
61 * * * * root restic backup /srv
10 4 * * * root lastgood-agent exec nightly -- restic backup /srv
"#;

#[test]
fn a_crontab_is_read_as_cron_reads_it() {
    let lines = crontab::parse(CRONTAB, true);
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.cron.as_deref(), line.zone.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (Ok("0 22 * * 1-5"), None),
            (Ok("30 21 * * *"), None),
            (Ok("0 0 * * *"), None),
            (Err(&Unclear::NotByCalendar), None),
            (Err(&Unclear::NotFiveFields), None),
            (Ok("5 3 * * sun"), Some("Europe/Berlin")),
            (Ok("*/5 * * * *"), Some("Europe/Berlin")),
            (Err(&Unclear::NotFiveFields), Some("Europe/Berlin")),
            (Ok("10 4 * * *"), Some("Europe/Berlin")),
        ]
    );
    assert_eq!(
        lines[1].command,
        "pg_dump practice | gzip > /var/backups/practice-$(date +%F).gz"
    );
    let system = "25 6 * * * root test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )\n";
    let lines = crontab::parse(system, true);
    assert_eq!(
        crontab::folder_times(&lines, "cron.daily"),
        Some(Ok("25 6 * * *".to_owned()))
    );
    assert_eq!(crontab::folder_times(&lines, "cron.weekly"), None);
}

fn tools(line: &str, dialect: Dialect) -> Vec<&'static str> {
    starts(line, dialect)
        .into_iter()
        .filter_map(|start| match start {
            Starts::Backup(tool) => Some(tool),
            Starts::Agent(_) | Starts::Script(_) => None,
        })
        .collect()
}

#[test]
fn the_tool_of_a_command_line_is_found_and_its_other_uses_are_not() {
    for (line, found) in [
        ("restic -r /x backup /srv", &["restic"][..]),
        ("/usr/bin/restic backup $(cat /etc/paths)", &["restic"]),
        ("sudo -u backup ionice -c3 restic backup /", &["restic"]),
        ("RESTIC_REPOSITORY=/x restic backup /srv && restic forget", &["restic"]),
        ("sh -c 'cd /srv && borg create ::{now} .'", &["borg"]),
        ("su - postgres -c \"pg_dumpall -f /x\"", &["pg_dump"]),
        ("tar czf /mnt/x.tgz /srv", &["tar"]),
        ("tar --create -f x /srv", &["tar"]),
        ("mysqldump --all-databases | gzip > /x", &["mariadb-dump"]),
        ("sqlite3 /srv/a.db \".backup '/b.db'\"", &["sqlite3"]),
        ("timeout 4h rclone sync /srv vault:", &["rclone"]),
        ("borgmatic --verbosity -1 --syslog-verbosity 1", &["borgmatic"]),
        (
            "resticprofile --name default run-schedule backup@default",
            &["resticprofile"],
        ),
        ("restic check", &[]),
        ("restic forget --prune", &[]),
        ("borg prune --keep-daily 7", &[]),
        ("tar xzf /x.tgz", &[]),
        ("tar -tf backup.tar", &[]),
        ("7z x archive.7z", &[]),
        ("rclone ls vault:", &[]),
        ("sqlite3 a.db 'select 1'", &[]),
        ("pg_dump --version", &[]),
        ("echo restic backup", &[]),
        ("# restic backup", &[]),
        ("", &[]),
    ] {
        assert_eq!(tools(line, Dialect::Shell), found, "{line}");
    }
    for (line, found) in [
        (r#""C:\Program Files\restic\restic.exe" backup D:\"#, &["restic"][..]),
        (r"robocopy D:\Praxis E:\Kopie /MIR", &["robocopy"]),
        (r"cmd.exe /c robocopy D:\Praxis E:\Kopie /MIR & exit 0", &["robocopy"]),
        (
            r#"powershell -NoProfile -Command "restic backup C:\Praxis""#,
            &["restic"],
        ),
        (
            r"%windir%\System32\wbadmin.exe start backup -quiet",
            &["windows-server-backup"],
        ),
        (r"sqlcmd -E -Q BACKUP_DATABASE", &["sqlcmd"]),
        (r"wbadmin get versions", &[]),
    ] {
        assert_eq!(tools(line, Dialect::Windows), found, "{line}");
    }
    let key = "nightly".parse().expect("a key");
    assert_eq!(
        starts("lastgood-agent exec nightly -- restic backup /", Dialect::Shell),
        [Starts::Agent(key), Starts::Backup("restic")]
    );
    assert_eq!(
        starts(r"powershell.exe -File C:\Skripte\sichern.ps1", Dialect::Windows),
        [Starts::Script(r"C:\Skripte\sichern.ps1".to_owned())]
    );
    assert_eq!(
        starts("/usr/local/bin/backup.sh --all", Dialect::Shell),
        [Starts::Script("/usr/local/bin/backup.sh".to_owned())]
    );
}

#[test]
fn a_script_is_looked_into_past_its_comments() {
    let script = "#!/bin/bash\nset -e\n# borg create ::x\nif ! mountpoint -q /mnt; then exit 1; fi\nmysqldump practice \\\n  > /tmp/x\nrestic backup /tmp/x\n";
    assert_eq!(
        in_script(script, Dialect::Shell),
        [Starts::Backup("mariadb-dump"), Starts::Backup("restic")]
    );
    let batch = "@echo off\r\nREM robocopy A B\r\n@robocopy D:\\Praxis E:\\Kopie /MIR\r\nif exist E:\\x (7z a E:\\x.7z D:\\Praxis)\r\n";
    assert_eq!(
        in_script(batch, Dialect::Windows),
        [Starts::Backup("robocopy"), Starts::Backup("7-zip")]
    );
}

#[test]
fn units_are_read_with_their_drop_ins() {
    let text = "[Timer]\nOnCalendar=daily\n# OnCalendar=hourly\n[Service]\nExecStart=/usr/bin/restic \\\n  backup /srv\n\n[Timer]\nOnCalendar=\nOnCalendar=Mon 22:00\n";
    assert_eq!(unit::values(text, "Timer", "OnCalendar"), ["Mon 22:00"]);
    assert_eq!(unit::values(text, "Service", "ExecStart").len(), 1);
    for (span, seconds) in [
        ("90", Some(90)),
        ("1h 30min", Some(5400)),
        ("5m", Some(300)),
        ("2 weeks", Some(1_209_600)),
        ("", None),
        ("soon", None),
        ("99999999999w", None),
    ] {
        assert_eq!(unit::seconds(span), seconds, "{span}");
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xff, 0xfe].into_iter().chain(units).collect()
}

#[test]
fn tasks_are_read_in_windows_own_encoding() {
    let backup = task::parse(&utf16(WINDOWS_BACKUP), today()).expect("a task");
    assert_eq!(backup.cron.as_deref(), Ok("0 12,21 * * *"));
    assert!(backup.enabled && backup.later.is_none());
    let exported = include_str!("samples/wbadmin-task-2015.xml");
    for bytes in [utf16(exported), exported.as_bytes().to_vec()] {
        let backup = task::parse(&bytes, today()).expect("a task");
        assert_eq!(backup.cron.as_deref(), Ok("18 4 * * *"), "the seconds are no field");
        assert!(backup.enabled && backup.later.is_none());
        assert_eq!(
            backup.commands,
            [r#""C:\Windows\System32\wbadmin.exe" start backup -allcritical -systemstate -backuptarget:E: -quiet"#]
        );
    }
    let restic = task::parse(RESTIC_TASK.as_bytes(), today()).expect("a task");
    assert_eq!(restic.cron.as_deref(), Ok("30 22 * * 1-5"));
    assert_eq!(restic.later, Some(600));
}

fn trigger(inner: &str) -> Result<String, Unclear> {
    let xml = format!(
        "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Triggers>{inner}</Triggers></Task>"
    );
    task::parse(xml.as_bytes(), today()).expect("a task").cron
}

fn calendar_trigger(start: &str, schedule: &str) -> Result<String, Unclear> {
    trigger(&format!(
        "<CalendarTrigger><StartBoundary>{start}</StartBoundary>{schedule}</CalendarTrigger>"
    ))
}

#[test]
fn triggers_become_the_cron_fields_that_say_the_same() {
    let at = "2026-01-05T22:00:00";
    for (schedule, cron) in [
        (
            "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>",
            Ok("0 22 * * *"),
        ),
        (
            "<ScheduleByDay><DaysInterval>2</DaysInterval></ScheduleByDay>",
            Err(&Unclear::NotFiveFields),
        ),
        (
            "<ScheduleByWeek><WeeksInterval>2</WeeksInterval><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByWeek>",
            Err(&Unclear::NotFiveFields),
        ),
        (
            "<ScheduleByMonth><DaysOfMonth><Day>Last</Day></DaysOfMonth><Months><March/></Months></ScheduleByMonth>",
            Ok("0 22 L 3 *"),
        ),
        (
            "<ScheduleByMonthDayOfWeek><Weeks><Week>1</Week><Week>Last</Week></Weeks><DaysOfWeek><Friday/></DaysOfWeek></ScheduleByMonthDayOfWeek>",
            Ok("0 22 * * 5L,5#1"),
        ),
        (
            "<ScheduleByDay/><Repetition><Interval>PT1H</Interval><Duration>P1D</Duration></Repetition>",
            Ok("0 * * * *"),
        ),
        (
            "<ScheduleByDay/><Repetition><Interval>PT30M</Interval><Duration>PT2H</Duration></Repetition>",
            Ok("0,30 22,23 * * *"),
        ),
        (
            "<ScheduleByDay/><Repetition><Interval>PT7H</Interval><Duration>P1D</Duration></Repetition>",
            Err(&Unclear::NotFiveFields),
        ),
        (
            "<ScheduleByDay/><Repetition><Interval>PT4294967295M</Interval></Repetition>",
            Err(&Unclear::NotFiveFields),
        ),
    ] {
        assert_eq!(calendar_trigger(at, schedule).as_deref(), cron, "{schedule}");
    }
    let daily = "<ScheduleByDay/>";
    assert_eq!(
        calendar_trigger("2026-01-05T22:00:00+01:00", daily),
        Err(Unclear::NotFiveFields)
    );
    assert_eq!(trigger("<LogonTrigger/>"), Err(Unclear::NotByCalendar));
    assert_eq!(trigger(""), Err(Unclear::NotByCalendar));
    let ended = format!(
        "<CalendarTrigger><StartBoundary>{at}</StartBoundary><EndBoundary>2026-02-01T00:00:00</EndBoundary>{daily}</CalendarTrigger>"
    );
    assert_eq!(trigger(&ended), Err(Unclear::NotByCalendar));
    let utc = format!(
        "<Task><Triggers><CalendarTrigger><StartBoundary>{at}Z</StartBoundary>{daily}</CalendarTrigger></Triggers></Task>"
    );
    assert_eq!(
        task::parse(utc.as_bytes(), today()).expect("a task").zone.as_deref(),
        Some("UTC")
    );
}

#[test]
fn services_and_processes_are_known_by_their_names() {
    use super::products::Product;
    for (name, product) in [
        ("VeeamBackupSvc", Some(Product::Seen("veeam", ReportingWay::EventLog))),
        (
            "VeeamEndpointBackupSvc",
            Some(Product::Seen("veeam-agent", ReportingWay::EventLog)),
        ),
        (
            "Backup Service Controller",
            Some(Product::Seen("cove", ReportingWay::EventLog)),
        ),
        ("Duplicati", Some(Product::Seen("duplicati", ReportingWay::Duplicati))),
        ("MSSQL$PRAXIS", Some(Product::Server(Database::SqlServer))),
        ("SQLANYs_praxis", Some(Product::Server(Database::SqlAnywhere))),
        ("postgresql-x64-15", Some(Product::Server(Database::Postgres))),
        ("AcronisCyberProtectionService", Some(Product::Unseen("acronis"))),
        ("Spooler", None),
        ("wbengine", None),
    ] {
        assert_eq!(products::of_service(name), product, "{name}");
    }
    let version = |name| products::of_process(name).map(|(database, version)| (database, version.unwrap_or_default()));
    assert_eq!(version("dbsrv17.exe"), Some((Database::SqlAnywhere, "17".to_owned())));
    assert_eq!(version("mariadbd"), Some((Database::Mariadb, String::new())));
    assert_eq!(version("dbsrvx"), None);
    assert_eq!(version("bash"), None);
}

/// A practice's Linux server.
fn linux() -> Material {
    let mut material = Material::default();
    material.crontabs.push(CrontabFile {
        name: Some("practice".to_owned()),
        is_users: false,
        text: CRONTAB.to_owned(),
    });
    material.cron_scripts.push(CronScript {
        folder: "cron.weekly",
        name: "archive".to_owned(),
        text: "#!/bin/sh\n7z a /mnt/archive.7z /srv\n".to_owned(),
    });
    material.units = BTreeMap::from([
        (
            "borgmatic.timer".to_owned(),
            "[Unit]\nDescription=Run borgmatic backup\n[Timer]\nOnCalendar=daily\nPersistent=true\nRandomizedDelaySec=3h\n".to_owned(),
        ),
        (
            "borgmatic.service".to_owned(),
            "[Service]\nType=oneshot\nExecStart=systemd-inhibit --who=\"borgmatic\" /usr/bin/borgmatic --verbosity -1\n".to_owned(),
        ),
        ("pg_dump@.timer".to_owned(), "[Timer]\nOnCalendar=weekly\n".to_owned()),
        (
            "pg_dump@.service".to_owned(),
            "[Service]\nExecStart=/usr/bin/pg_dumpcluster %i\n".to_owned(),
        ),
        ("old.timer".to_owned(), "[Timer]\nOnUnitActiveSec=1d\n".to_owned()),
        ("old.service".to_owned(), "[Service]\nExecStart=-/usr/bin/rsync -a /srv /mnt\n".to_owned()),
        ("dpkg-db-backup.timer".to_owned(), "[Timer]\nOnCalendar=daily\n".to_owned()),
        ("dpkg-db-backup.service".to_owned(), "[Service]\nExecStart=/usr/bin/tar cf /x /y\n".to_owned()),
    ]);
    material.enabled_timers = BTreeSet::from(["borgmatic.timer".to_owned(), "dpkg-db-backup.timer".to_owned()]);
    material.programs = BTreeSet::from(["restic".to_owned(), "kopia".to_owned(), "tar".to_owned()]);
    material.processes = vec![
        ("postgres".to_owned(), Some("15".to_owned())),
        ("mariadbd".to_owned(), None),
    ];
    material.database_folders = vec![(Database::Mariadb, Some("10.11.6".to_owned()))];
    material
}

fn looked(material: &Material, configured: &[Configured]) -> Vec<Considered> {
    let script = |path: &str| {
        (path == "/usr/local/bin/backup.sh").then(|| "#!/bin/sh\nmysqldump x > /y\nrclone copy /y vault:\n".to_owned())
    };
    consider(material, &script, today(), Some("America/New_York"), configured)
}

fn keys(considered: &[Considered]) -> Vec<String> {
    let proposals = considered.iter().filter_map(|considered| considered.proposal.as_ref());
    proposals.map(|proposal| proposal.key.to_string()).collect()
}

#[test]
fn a_linux_server_is_understood() {
    let considered = looked(&linux(), &[]);
    let shown: Vec<String> = considered
        .iter()
        .map(|considered| {
            let find = &considered.find;
            let key = considered.proposal.as_ref().map(|proposal| proposal.key.to_string());
            format!(
                "{} {:?} {:?} {}",
                find.tool,
                find.by,
                find.cron.as_deref(),
                key.unwrap_or_else(|| format!("{:?}", find.fate))
            )
        })
        .collect();
    let expected = [
        "borgmatic SystemdTimer Ok(\"0 0 * * *\") borgmatic",
        "restic Crontab Ok(\"0 22 * * 1-5\") practice",
        "pg_dump Crontab Ok(\"30 21 * * *\") practice-2",
        "rclone Crontab Ok(\"0 0 * * *\") practice-3",
        "borg Crontab Ok(\"5 3 * * sun\") practice-4",
        "borg Crontab Err(NotByCalendar) practice-5",
        "restic Crontab Err(NotFiveFields) practice-6",
        "restic Crontab Err(NotFiveFields) practice-7",
        "7-zip CronFolder Err(NotByCalendar) archive",
        "rsync SystemdTimer Err(NotByCalendar) Disabled",
        "kopia Service Err(NotByCalendar) Idle",
        "restic Crontab Ok(\"10 4 * * *\") Reported(JobKey(\"nightly\"))",
        "pg_dump DatabaseServer Err(NothingStartsIt) Saved",
        "mariadb-dump DatabaseServer Err(NothingStartsIt) Saved",
    ];
    assert_eq!(shown, expected);
    let borgmatic = considered[0].proposal.as_ref().expect("it is proposed");
    let schedule = borgmatic.schedule.as_ref().expect("it has one");
    assert_eq!(schedule.up_to_seconds_later, Some(10_800));
    assert_eq!(schedule.zone.as_deref(), Some("America/New_York"));
    let rclone = considered[3].proposal.as_ref().expect("it is proposed");
    assert!(rclone.is_indirect && rclone.settings(&rclone.key, None, true).contains("tool = \"command\""));
    let berlin = considered[4]
        .proposal
        .as_ref()
        .and_then(|proposal| proposal.schedule.as_ref());
    assert_eq!(
        berlin.and_then(|schedule| schedule.zone.as_deref()),
        Some("Europe/Berlin")
    );
}

#[test]
fn nothing_of_a_command_line_is_in_a_report() {
    let mut material = linux();
    material.tasks.push(TaskFile {
        name: "Datensicherung täglich".to_owned(),
        bytes: utf16(RESTIC_TASK),
    });
    let considered = looked(&material, &[]);
    let report = report(&considered, Timestamp::UNIX_EPOCH);
    assert!(report.proposals.len() > 8);
    let json = serde_json::to_string(&report).expect("JSON");
    for secret in [
        "hunter2",
        "/srv",
        "Müller",
        "Patienten",
        "vault",
        "/mnt",
        "dana",
        "gzip",
        "backup.sh",
    ] {
        assert!(!json.contains(secret), "{secret} is in {json}");
    }
    assert!(json.contains("Datensicherung täglich"), "a task's own name is");
}

#[test]
fn a_windows_server_is_understood() {
    let material = Material {
        tasks: vec![
            TaskFile {
                name: "Microsoft-Windows-WindowsBackup".to_owned(),
                bytes: utf16(WINDOWS_BACKUP),
            },
            TaskFile {
                name: "Datensicherung täglich".to_owned(),
                bytes: utf16(RESTIC_TASK),
            },
            TaskFile {
                name: "broken".to_owned(),
                bytes: vec![0xff, 0xfe, 0x00],
            },
        ],
        services: [
            "VeeamEndpointBackupSvc",
            "SQLANYs_praxis",
            "Backup Service Controller",
            "Spooler",
        ]
        .map(str::to_owned)
        .to_vec(),
        are_windows_services: true,
        event_sources: vec!["Backup Manager".to_owned(), "Outlook".to_owned()],
        processes: vec![("dbsrv17.exe".to_owned(), None)],
        ..Material::default()
    };
    let considered = looked(&material, &[]);
    assert_eq!(
        keys(&considered),
        [
            "microsoft-windows-windowsbackup",
            "datensicherung-t-glich",
            "veeam-agent",
            "cove",
            "sql-anywhere"
        ]
    );
    let proposal = |index: usize| considered[index].proposal.clone().expect("it is proposed");
    assert_eq!(proposal(0).way, ReportingWay::EventLog);
    assert_eq!(proposal(1).way, ReportingWay::Wrapped);
    assert_eq!(proposal(3).source.as_deref(), Some("Backup Manager"));
    let database = proposal(4);
    assert_eq!(
        (database.found, database.version.as_deref(), database.way),
        (FoundBy::Service, Some("17"), ReportingWay::Own)
    );
}

#[test]
fn what_the_settings_have_is_not_proposed_again() {
    let material = Material {
        services: vec!["VeeamBackupSvc".to_owned()],
        processes: vec![("postgres".to_owned(), None)],
        ..Material::default()
    };
    let configured = |key: &str, tools: &[&str]| Configured {
        key: key.parse().expect("a key"),
        tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
    };
    let considered = looked(
        &material,
        &[
            configured("images", &["veeam"]),
            configured("night", &["restic", "pg_dump"]),
        ],
    );
    assert!(keys(&considered).is_empty());
    assert!(
        considered
            .iter()
            .all(|considered| matches!(considered.find.fate, Fate::Configured(_)))
    );
}

// Whether others can write a file is asked in Unix's way.
#[cfg(unix)]
#[test]
fn the_lines_that_are_shown_are_good_settings() {
    let mut material = linux();
    material
        .processes
        .retain(|(name, _)| name == "mariadbd" || name == "postgres");
    material.crontabs.clear();
    material.services = vec!["VeeamBackupSvc".to_owned(), "duplicati.service".to_owned()];
    material.processes.push(("dbsrv17".to_owned(), None));
    let considered = looked(&material, &[]);
    assert_eq!(keys(&considered).len(), 7);
    for considered in &considered {
        let Some(proposal) = &considered.proposal else { continue };
        let settings = proposal.settings(&proposal.key, Some("0 22 * * *"), false);
        check(proposal, &settings);
        assert!(!proposal.further_step(&proposal.key).is_empty());
    }
}

#[cfg(unix)]
fn check(proposal: &JobProposal, settings: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, settings).expect("writable");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("ours");
    let overrides = crate::config::Overrides::default();
    let config = crate::config::load(&file, true, &overrides, Timestamp::UNIX_EPOCH)
        .unwrap_or_else(|problems| panic!("{problems}\n{settings}"));
    let [job] = &config.jobs[..] else {
        panic!("one job is in {settings}");
    };
    assert_eq!(job.key, proposal.key);
    assert!(config.warnings.is_empty(), "{:?}\n{settings}", config.warnings);
    assert_eq!(job.tool.can_start(), proposal.way == ReportingWay::Own, "{settings}");
}

#[test]
fn a_machine_full_of_backups_fits_into_one_event() {
    let line = "0 22 * * * root restic backup /srv\n";
    let mut material = Material::default();
    for number in 0..30 {
        material.crontabs.push(CrontabFile {
            name: Some(format!("{number}{}", "ü".repeat(300))),
            is_users: false,
            text: line.repeat(10),
        });
    }
    let considered = looked(&material, &[]);
    let report = report(&considered, Timestamp::UNIX_EPOCH);
    assert!(report.proposals.len() > 20);
    let event = lastgood_protocol::EventBody::JobsProposed(Box::new(report));
    let bytes = serde_json::to_vec(&event).expect("JSON").len();
    assert!(bytes < lastgood_protocol::MAX_EVENT_BYTES - 500, "{bytes}");
}

proptest! {
    #[test]
    fn anything_at_all_is_survived(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzzing::crontab(&text);
        fuzzing::on_calendar(&text);
        fuzzing::unit(&text);
        fuzzing::command_line(&text);
        fuzzing::task(&bytes);
    }

    #[test]
    fn what_looks_like_something_is_survived(
        text in "([*0-9,./~-]{1,9} ){0,4}(Mon|Sun|Fri|UTC|root|restic|\\$\\(|\"|'|backup|\\\\){0,4}[*0-9,./:~-]{0,9}",
        xml in "<Task>(<Triggers>)?(<CalendarTrigger>)?<StartBoundary>[0-9T:Z-]{0,20}</StartBoundary>(<ScheduleByDay/>)?</CalendarTrigger></Triggers></Task>",
    ) {
        fuzzing::crontab(&text);
        fuzzing::on_calendar(&text);
        fuzzing::unit(&format!("[Timer]\nOnCalendar={text}\n[Service]\nExecStart={text}\n"));
        fuzzing::command_line(&text);
        fuzzing::task(xml.as_bytes());
        fuzzing::task(&utf16(&xml));
    }

    #[test]
    fn cron_fields_are_always_ones_that_are_understood(event in "((Mon|Tue..Fri|Sat,Sun) )?(\\*-(\\*|[1-9]|1[0-2])-(\\*|[1-9]|1..7|0?1/3) )?(\\*|[0-9]|1[0-9]|2[0-3]|0/[2-9]):(\\*|[0-5][0-9]|0/[1-9])") {
        if let Ok(cron) = calendar(&event) {
            let zone = jiff::tz::TimeZone::UTC;
            let now: Timestamp = "2026-11-23T16:00:00Z".parse().expect("a time");
            prop_assert!(crate::engine::schedule::Schedule::parse(&cron, zone, now).is_ok(), "{} is {}", event, cron);
        }
    }
}
