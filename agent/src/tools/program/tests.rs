//! Each tool on samples: printed by the real tool where Debian has it (rclone, 7-Zip), else made after documentation
//! (`samples/README.md`); what users published is in `captured`.

use std::fs;
use std::time::{Duration, SystemTime};

use lastgood_protocol::{Basis, Knowledge, Outcome};
use tempfile::TempDir;

use super::written::Format;
use super::{check_command, measure, read, read_check, recognise};
use crate::config::{Program, ProgramTool};
use crate::exec::Ended;
use crate::tools::Verdict;

fn tool(program: Program) -> ProgramTool {
    ProgramTool::only_wrapped(program)
}

fn ended(code: i64, stdout: &str, stderr: &str) -> Ended {
    Ended {
        code,
        cut_short: None,
        stdout: stdout.into(),
        stderr: stderr.into(),
    }
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

fn read_as(program: Program, command: &str, code: i64, stdout: &str, stderr: &str) -> Verdict {
    read(&tool(program), &words(command), &ended(code, stdout, stderr))
}

fn outcome(program: Program, command: &str, code: i64) -> Outcome {
    read_as(program, command, code, "", "").outcome
}

#[test]
fn robocopy_s_code_is_a_mask() {
    for code in 0..=1100 {
        let expected = match code {
            _ if code > 31 || code & 16 != 0 || code & 8 != 0 => Outcome::Failed,
            _ if code & 4 != 0 => Outcome::Warning,
            _ => Outcome::Ok,
        };
        assert_eq!(
            outcome(Program::Robocopy, "robocopy.exe D:\\a E:\\a /MIR", code),
            expected,
            "{code}"
        );
    }
    // A program that Windows ended: 0xC0000005 as an unsigned number.
    assert_eq!(
        outcome(Program::Robocopy, "robocopy a b", 3_221_225_477),
        Outcome::Failed
    );
    assert_eq!(outcome(Program::Robocopy, "robocopy a b /L", 1), Outcome::Failed);
}

#[test]
fn robocopy_s_table_is_read_in_any_language() {
    let verdict = read_as(
        Program::Robocopy,
        "robocopy D:\\Practice E:\\Backup /mir",
        3,
        include_str!("samples/robocopy-copied.txt"),
        "",
    );
    let facts = verdict.facts;
    assert_eq!(
        (facts.files_total, facts.files_changed, facts.errors),
        (Some(960), Some(13), Some(0))
    );
    assert_eq!(facts.bytes_added, Some(190 * 1024));
    assert_eq!(facts.bytes_processed, Some(20_761_804));
    assert_eq!(facts.full.map(|claim| claim.holds), Some(true));
    let german = read_as(
        Program::Robocopy,
        "robocopy a b /M",
        9,
        include_str!("samples/robocopy-german.txt"),
        "",
    );
    assert_eq!((german.outcome, german.facts.errors), (Outcome::Failed, Some(2)));
    assert_eq!(german.facts.bytes_processed, Some(1_324_997_410));
    assert_eq!(german.facts.full.map(|claim| claim.holds), Some(false));
    for odd in [
        "a : 1 2 3 4 5 6\n",
        "a:99999999999999999999 1 1 1 1 1\nb:1 1 1 1 1 1\nc:1.1234 k 1 1 1 1 1",
        ":::",
    ] {
        assert_eq!(
            read_as(Program::Robocopy, "robocopy a b", 1, odd, "").facts.files_total,
            None,
            "{odd}"
        );
    }
}

#[test]
fn rclone_s_statistics_become_facts() {
    let log = include_str!("samples/rclone-copy.jsonl");
    let verdict = read_as(
        Program::Rclone,
        "/usr/bin/rclone copy src vault:dst --use-json-log",
        0,
        "",
        log,
    );
    assert_eq!(
        (verdict.outcome, verdict.facts.bytes_added),
        (Outcome::Ok, Some(150_005))
    );
    assert_eq!((verdict.facts.files_total, verdict.facts.errors), (Some(3), Some(0)));
    assert_eq!(verdict.facts.full.map(|claim| claim.known), Some(Knowledge::Configured));
    assert_eq!(
        verdict.facts.encrypted, None,
        "a remote may encrypt, and its name does not tell"
    );
    assert_eq!(outcome(Program::Rclone, "rclone sync a b", 9), Outcome::Ok);
    for code in [1, 2, 3, 4, 5, 6, 7, 8, 10, 11] {
        assert_eq!(
            outcome(Program::Rclone, "rclone sync a b", code),
            Outcome::Failed,
            "{code}"
        );
    }
    assert_eq!(
        outcome(Program::Rclone, "rclone sync a b --dry-run", 0),
        Outcome::Failed
    );
    let partial = read_as(Program::Rclone, "rclone copy a b --max-age=1d", 0, "", "");
    assert_eq!(partial.facts.full, None);
}

#[test]
fn seven_zip_s_text_becomes_facts() {
    let text = include_str!("samples/7zip-added.txt");
    let verdict = read_as(Program::SevenZip, "7zz a x.7z src", 0, text, "");
    let facts = verdict.facts;
    assert_eq!((facts.files_total, facts.bytes_processed), (Some(3), Some(150_005)));
    assert!(facts.bytes_added.is_some_and(|bytes| bytes < 150_005), "{facts:?}");
    assert_eq!(
        facts.compressed.map(|claim| (claim.holds, claim.known)),
        Some((true, Knowledge::Measured))
    );
    assert_eq!(facts.encrypted.map(|claim| claim.holds), Some(false));
    let warned = read_as(
        Program::SevenZip,
        "C:\\7-Zip\\7z.exe a -psecret -mx0 z.7z src nope",
        1,
        include_str!("samples/7zip-warned.txt"),
        "",
    );
    assert_eq!((warned.outcome, warned.facts.errors), (Outcome::Warning, Some(1)));
    assert_eq!(warned.facts.encrypted.map(|claim| claim.holds), Some(true));
    assert_eq!(warned.facts.compressed.map(|claim| claim.holds), Some(false));
    assert!(!format!("{warned:?}").contains("secret"));
    for code in [2, 7, 8, 255] {
        assert_eq!(outcome(Program::SevenZip, "7z a x y", code), Outcome::Failed, "{code}");
    }
}

#[test]
fn tar_s_list_is_read_as_paths_of_this_machine() {
    let read = |command: &str, line: &str| {
        let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        super::tar::read_entry(&super::Options::of(Program::Tar, &command), line)
    };
    let line = "-rw-r--r-- 0/0            1234 2026-11-22 10:00:00.5 srv/a  b\\n\\303\\274\\\\";
    let entry = read("tar -cf a.tar /srv", line).expect("an entry");
    assert_eq!(
        (entry.path.as_str(), entry.is_file, entry.size),
        ("srv/a  b\n\u{fc}\\", true, 1234)
    );
    assert_eq!(
        entry.modified.map(|at| at.to_string()).as_deref(),
        Some("2026-11-22T10:00:00.5Z")
    );
    for command in [
        "tar -cf a -C /mnt srv",
        "tar -cfa -C/mnt srv",
        "tar --directory=/mnt -cf a srv",
        "tar --directory /mnt -cf a srv",
    ] {
        assert_eq!(
            read(command, line).expect("an entry").path,
            "/mnt/srv/a  b\n\u{fc}\\",
            "{command}"
        );
    }
    let symbolic = read(
        "tar -cf a /srv",
        "lrwxrwxrwx 0/0 0 2026-11-22 10:00:00 srv/l -> /etc/passwd",
    )
    .expect("an entry");
    assert_eq!((symbolic.path.as_str(), symbolic.is_file), ("srv/l", false));
    let device = read("tar -cf a /srv", "crw-rw-rw- 0/0 1,3 2026-11-22 10:00:00 dev/null").expect("an entry");
    assert_eq!((device.is_file, device.size), (false, 0));
    assert_eq!(read("tar -cf a /srv", "tar: whatever"), None);
    let can_list = |command: &str| {
        let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        super::tar::can_be_listed(&super::Options::of(Program::Tar, &command))
    };
    for command in ["tar -cf a /srv", "tar -cf a -C / srv"] {
        assert_eq!(can_list(command), cfg!(unix), "Windows has another tar: {command}");
    }
    assert!(!can_list("tar -cf a -C srv x") && !can_list("tar -cf a -C /a x -C /b y") && !can_list("sh -c tar"));
}

#[test]
fn tar_s_options_say_what_it_makes() {
    let facts = |command: &str| {
        read_as(
            Program::Tar,
            command,
            0,
            "",
            "Total bytes written: 163840 (160KiB, 12MiB/s)\n",
        )
        .facts
    };
    let holds = |claim: Option<lastgood_protocol::Claim>| claim.map(|claim| claim.holds);
    assert_eq!(facts("tar -czf /b/a.tgz /srv").bytes_processed, Some(163_840));
    for (command, compressed) in [
        ("tar -czf a.tgz /srv", true),
        ("tar cJf a.txz /srv", true),
        ("tar --totals -czf a /srv", true),
        ("tar -c -z -f a /srv", true),
        ("tar -cfarchive.z /srv", false),
        ("tar --create --zstd --file=a /srv", true),
        ("tar -caf a.tar.gz /srv", true),
        ("tar -caf a.tar /srv", false),
        ("tar -cf a.tar /srv", false),
    ] {
        assert_eq!(holds(facts(command).compressed), Some(compressed), "{command}");
    }
    assert_eq!(holds(facts("tar -cf a /srv").full), Some(true));
    assert_eq!(holds(facts("tar -cf a --newer=2026-01-01 /srv").full), Some(false));
    assert_eq!(holds(facts("tar -cf a --listed-incremental=s /srv").full), None);
    assert_eq!(
        holds(facts("tar -cf a --listed-incremental=s --level=0 /srv").full),
        Some(true)
    );
    assert_eq!(holds(facts("tar -cWf a /srv").compared), Some(true));
    assert_eq!(facts("sh -c tar").full, None, "a script is not looked into");
    assert_eq!(outcome(Program::Tar, "tar -cf a b", 1), Outcome::Warning);
    assert_eq!(outcome(Program::Tar, "tar -cf a b", 2), Outcome::Failed);
}

#[test]
fn sqlcmd_is_believed_only_when_the_server_said_it() {
    let good = include_str!("samples/sqlcmd-backup.txt");
    let verdict = read_as(Program::Sqlcmd, "sqlcmd -S DB01 -E", 0, good, "");
    assert_eq!(
        (verdict.outcome, verdict.facts.bytes_processed),
        (Outcome::Ok, Some(585 * 8192))
    );
    assert_eq!(
        verdict.facts.full.map(|claim| (claim.holds, claim.known)),
        Some((true, Knowledge::Measured))
    );
    assert_eq!(
        verdict.facts.verified.map(|claim| claim.basis),
        Some(Some(Basis::DataCheck))
    );
    let partial = good.replace("BACKUP DATABASE s", "BACKUP DATABASE WITH DIFFERENTIAL s");
    let verdict = read_as(Program::Sqlcmd, "sqlcmd -E", 0, &partial, "");
    assert_eq!(verdict.facts.full.map(|claim| claim.holds), Some(false));
    let bad = read_as(
        Program::Sqlcmd,
        "sqlcmd -E",
        0,
        include_str!("samples/sqlcmd-failed.txt"),
        "",
    );
    assert_eq!(bad.outcome, Outcome::Failed, "without -b sqlcmd ends with 0");
    assert!(
        bad.reason
            .is_some_and(|reason| reason.contains("folder") && !reason.contains("practice.bak"))
    );
    assert_eq!(outcome(Program::Sqlcmd, "sqlcmd -E", 0), Outcome::Failed);
    assert_eq!(
        outcome(Program::Sqlcmd, "sqlcmd -E -b", 0),
        Outcome::Ok,
        "a server of another language"
    );
    assert_eq!(outcome(Program::Sqlcmd, "sqlcmd -E -b", 1), Outcome::Failed);
    let query: Vec<String> = [
        "sqlcmd",
        "-E",
        "-Q",
        "BACKUP DATABASE p TO DISK = 'E:\\p.bak' WITH COMPRESSION, ENCRYPTION (ALGORITHM = AES_256)",
    ]
    .map(str::to_owned)
    .to_vec();
    let facts = read(&tool(Program::Sqlcmd), &query, &ended(0, good, "")).facts;
    assert_eq!(
        facts.encrypted.map(|claim| (claim.holds, claim.known)),
        Some((true, Knowledge::Configured))
    );
    let checked = ProgramTool {
        check: true,
        ..tool(Program::Sqlcmd)
    };
    let mut verdict = read(&checked, &query, &ended(0, good, ""));
    verdict.made = Some("E:\\it's.bak".to_owned());
    let command = check_command(&checked, &query, &verdict).expect("a check is wanted");
    assert_eq!(
        command,
        [
            "sqlcmd",
            "-E",
            "-b",
            "-Q",
            "RESTORE VERIFYONLY FROM DISK = N'E:\\it''s.bak'"
        ]
    );
    read_check(&checked, &ended(1, "Msg 3189, Level 16, State 1\n", ""), &mut verdict);
    assert_eq!(verdict.outcome, Outcome::Failed);
}

#[test]
fn the_dumps_failures_are_told_apart_and_nothing_of_their_text_is_reported() {
    let reason = |program, stderr: &str| read_as(program, "pg_dump p", 1, "", stderr).reason.unwrap_or_default();
    let gone = "pg_dump: error: connection to server at \"127.0.0.1\", port 5433 failed: FATAL:  database \"nope\" does not exist\n";
    assert!(reason(Program::PgDump, gone).contains("no database"));
    let refused = "pg_dump: error: connection to server on socket \"/run/x\" failed: No such file or directory\n";
    assert!(reason(Program::PgDump, refused).contains("reached"));
    let unknown = "mariadb-dump: Got error: 1049: \"Unknown database 'nope'\" when selecting the database\n";
    assert!(reason(Program::MariadbDump, unknown).contains("no database"));
    let away = "mariadb-dump: Got error: 2002: \"Can't connect to local server through socket 'my.sock' (2)\" when trying to connect\n";
    assert!(reason(Program::MariadbDump, away).contains("reached"));
    for program in Program::ALL {
        let text = "Fatal: /srv/practice/Miller, Jane.doc hunter2";
        let said = read_as(program, "x", 99, text, text).reason.unwrap_or_default();
        assert!(!said.contains("Miller") && !said.contains("hunter2"), "{said}");
        assert!(said.ends_with('.'), "{said}");
    }
    assert_eq!(outcome(Program::PgDump, "pg_dump --schema-only p", 0), Outcome::Failed);
    assert_eq!(outcome(Program::MariadbDump, "mysqldump -d p", 0), Outcome::Failed);
    assert_eq!(outcome(Program::Dbbackup, "dbbackup -y -c @c D:\\copy", 0), Outcome::Ok);
    assert_eq!(
        outcome(Program::WindowsServerBackup, "wbadmin start backup", 4_294_967_293),
        Outcome::Failed
    );
}

#[test]
fn duplicati_s_codes_are_those_of_its_help() {
    for (code, expected) in [
        (0, Outcome::Ok),
        (1, Outcome::Ok),
        (2, Outcome::Warning),
        (3, Outcome::Failed),
        (50, Outcome::Failed),
        (100, Outcome::Failed),
        (200, Outcome::Failed),
    ] {
        assert_eq!(
            outcome(Program::Duplicati, "duplicati-cli backup x y", code),
            expected,
            "{code}"
        );
    }
}

#[test]
fn what_was_written_must_be_there_new_and_whole() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("dump.sql");
    let writing = ProgramTool {
        writes: Some(path.clone()),
        check: true,
        ..tool(Program::PgDump)
    };
    let now = crate::clock::wall();
    let look = || {
        let mut verdict = read(&writing, &words("pg_dump p"), &ended(0, "", ""));
        measure(&writing, &words("pg_dump p"), now, &mut verdict);
        verdict
    };
    assert!(look().reason.is_some_and(|reason| reason.contains("not there")));
    fs::write(&path, "").expect("writable");
    assert!(look().reason.is_some_and(|reason| reason.contains("empty")));
    fs::write(&path, "--\n-- PostgreSQL database dump\n--\nCOPY t").expect("writable");
    assert!(look().reason.is_some_and(|reason| reason.contains("cut off")));
    let whole =
        "--\n-- PostgreSQL database dump\n--\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n";
    fs::write(&path, whole).expect("writable");
    let good = look();
    assert_eq!(
        (good.outcome, good.facts.bytes_added),
        (Outcome::Ok, Some(whole.len() as u64))
    );
    assert_eq!(
        good.facts.verified.map(|claim| claim.basis),
        Some(Some(Basis::WrittenFile))
    );
    assert_eq!(
        good.facts.encrypted.map(|claim| (claim.holds, claim.known)),
        Some((false, Knowledge::Measured))
    );
    let unread = ProgramTool {
        check: false,
        ..writing.clone()
    };
    let mut verdict = read(&unread, &words("pg_dump p"), &ended(0, "", ""));
    measure(&unread, &words("pg_dump p"), now, &mut verdict);
    assert_eq!(
        (verdict.outcome, verdict.facts.verified),
        (Outcome::Ok, None),
        "a last line is no verification"
    );
    let old = fs::File::options().write(true).open(&path).expect("ours");
    old.set_modified(SystemTime::from(now) - Duration::from_hours(24))
        .expect("ours");
    assert!(look().reason.is_some_and(|reason| reason.contains("older")));
}

#[test]
fn formats_are_told_by_their_first_bytes() {
    for (head, compressed, encrypted) in [
        (b"\x1f\x8b\x08\x00".as_slice(), Some(true), Some(false)),
        (b"SQLite format 3\0", Some(false), Some(false)),
        (b"age-encryption.org/v1", None, Some(true)),
        (b"PK\x03\x04\x14\x00\x01\x00", None, Some(true)),
        (b"PK\x03\x04\x14\x00\x00\x00", None, Some(false)),
        (b"7z\xbc\xaf\x27\x1c", None, None),
        (b"MSSQLBAK", Some(true), None),
        (b"PK\x03\x04", None, Some(false)),
        (b"", None, None),
    ] {
        let format = Format::of(head);
        assert_eq!(
            (format.compressed(), format.encrypted()),
            (compressed, encrypted),
            "{head:?}"
        );
    }
}

#[test]
fn a_tool_is_recognised_by_its_program_on_both_systems() {
    for (program, tool) in [
        ("/usr/bin/rclone", Program::Rclone),
        ("C:\\Windows\\System32\\Robocopy.exe", Program::Robocopy),
        ("mysqldump", Program::MariadbDump),
        ("C:\\Program Files\\7-Zip\\7z.exe", Program::SevenZip),
        ("wbadmin", Program::WindowsServerBackup),
    ] {
        assert_eq!(recognise(program), Some(tool), "{program}");
    }
    assert_eq!(recognise("/opt/rclone-wrapper"), None);
    assert_eq!(recognise(""), None);
}

#[test]
fn a_copy_of_sqlite_is_checked_without_a_trace() {
    let lite = ProgramTool {
        check: true,
        ..tool(Program::Sqlite3)
    };
    let mut copied = read(&lite, &words("sqlite3 a"), &ended(0, "", ""));
    copied.made = Some("/srv/a b?#%ü.db".to_owned());
    let check = check_command(&lite, &words("sqlite3 a"), &copied).expect("a check is wanted");
    assert_eq!(
        check,
        [
            "sqlite3",
            "-readonly",
            "file:/srv/a%20b%3f%23%25%c3%bc.db?immutable=1",
            "PRAGMA integrity_check"
        ]
    );
}
