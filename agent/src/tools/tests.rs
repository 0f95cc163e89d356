use lastgood_protocol::{Basis, Claim, Knowledge, Outcome, RunFacts};

use super::{attest, check_command, read, read_check, recognise};
use crate::config::{AttestedClaims, ExitCodes, RepositoryTool, Tool};
use crate::exec::{CutShort, Ended};

fn ended(code: i64, stdout: &str, stderr: &str) -> Ended {
    Ended {
        code,
        cut_short: None,
        stdout: stdout.into(),
        stderr: stderr.into(),
    }
}

fn restic() -> Tool {
    Tool::Restic(RepositoryTool::default())
}

fn borg() -> Tool {
    Tool::Borg(RepositoryTool::default())
}

fn yes(known: Knowledge, basis: Basis) -> Claim {
    Claim {
        holds: true,
        known,
        basis: Some(basis),
    }
}

/// restic 0.14.0, as Debian 12 has it.
const RESTIC_014: &str = r#"{"message_type":"status","percent_done":0,"total_files":1,"total_bytes":3}
{"message_type":"summary","files_new":1,"files_changed":0,"files_unmodified":0,"dirs_new":1,"dirs_changed":0,"dirs_unmodified":0,"data_blobs":1,"tree_blobs":2,"data_added":707,"total_files_processed":1,"total_bytes_processed":3,"total_duration":0.213054151,"snapshot_id":"9532c3f5"}
"#;

#[test]
fn restic_s_summary_becomes_facts() {
    let verdict = read(&restic(), &[], &ended(0, RESTIC_014, ""), 0);
    assert_eq!(
        (verdict.outcome, verdict.reason, verdict.exit_code),
        (Outcome::Ok, None, Some(0))
    );
    assert_eq!(verdict.made.as_deref(), Some("9532c3f5"));
    let expected = RunFacts {
        bytes_processed: Some(3),
        bytes_added: Some(707),
        files_total: Some(1),
        files_new: Some(1),
        files_changed: Some(0),
        errors: Some(0),
        snapshot: Some("9532c3f5".to_owned()),
        full: Some(yes(Knowledge::Configured, Basis::ToolNature)),
        encrypted: Some(yes(Knowledge::Configured, Basis::ToolNature)),
        ..RunFacts::default()
    };
    assert_eq!(verdict.facts, expected);
}

#[test]
fn what_a_summary_leaves_out_is_unknown_and_not_zero() {
    let verdict = read(
        &restic(),
        &[],
        &ended(
            0,
            r#"{"message_type":"summary","data_added":10,"data_added_packed":4}"#,
            "",
        ),
        0,
    );
    assert_eq!(verdict.facts.files_total, None);
    assert_eq!(verdict.facts.snapshot, None);
    assert_eq!(verdict.facts.bytes_added, Some(4));
    assert_eq!(
        verdict.facts.compressed,
        Some(yes(Knowledge::Measured, Basis::ToolResult))
    );
    let silent = read(&restic(), &[], &ended(0, "snapshot 9532c3f5 saved\n", ""), 0);
    assert_eq!(silent.facts.errors, None);
    assert_eq!(silent.outcome, Outcome::Ok);
}

#[test]
fn restic_s_failures_are_told_apart() {
    let reason = |code, stderr: &str| {
        read(&restic(), &[], &ended(code, "", stderr), 0)
            .reason
            .unwrap_or_default()
    };
    let old_wrong_password = "Fatal: wrong password or no key found\n";
    assert_eq!(reason(1, old_wrong_password), reason(12, ""));
    let old_no_repository = "Fatal: unable to open config file: stat nope/config: no such file or directory\nIs there a repository at the following location?\nnope\n";
    assert_eq!(reason(1, old_no_repository), reason(10, ""));
    let old_locked = "unable to create lock in backend: repository is already locked by PID 7 on host by root\n";
    assert_eq!(reason(1, old_locked), reason(11, ""));
    assert_eq!(reason(130, ""), "The backup was cancelled.");
    assert!(reason(99, "").contains("99"));
    for secret in ["/srv/practice/Miller, Jane.doc", "hunter2"] {
        assert!(
            !reason(1, &format!("Fatal: {secret}")).contains(secret),
            "a tool's output was reported"
        );
    }
}

#[test]
fn unreadable_files_are_a_warning_and_counted() {
    let stderr =
        "{\"message_type\":\"error\",\"error\":{},\"item\":\"/a\"}\n{\"message_type\":\"error\",\"item\":\"/b\"}\n";
    let verdict = read(&restic(), &[], &ended(3, RESTIC_014, stderr), 0);
    assert_eq!(verdict.outcome, Outcome::Warning);
    assert_eq!(verdict.facts.errors, Some(2));
    assert_eq!(verdict.facts.files_total, Some(1));
}

#[test]
fn a_folder_that_is_not_there_makes_a_good_exit_code_a_warning() {
    let verdict = read(&restic(), &[], &ended(0, RESTIC_014, ""), 1);
    assert_eq!(verdict.outcome, Outcome::Warning);
}

#[test]
fn a_dry_run_is_no_backup() {
    let dry = r#"{"message_type":"summary","dry_run":true,"files_new":1,"total_files_processed":1}"#;
    assert_eq!(read(&restic(), &[], &ended(0, dry, ""), 0).outcome, Outcome::Failed);
    assert_eq!(
        read(&borg(), &[], &ended(0, "{\"repository\":{}}", ""), 0).outcome,
        Outcome::Failed
    );
}

#[test]
fn hostile_output_changes_nothing_but_facts() {
    for stdout in [
        "{",
        "[]",
        "{\"message_type\":7}",
        "\u{0}",
        "{\"message_type\":\"summary\",\"files_new\":-1}",
    ] {
        let verdict = read(&restic(), &[], &ended(0, stdout, stdout), 0);
        assert_eq!(verdict.outcome, Outcome::Ok, "{stdout}");
        assert_eq!(
            read(&borg(), &[], &ended(2, stdout, stdout), 0).outcome,
            Outcome::Failed
        );
    }
    let odd_id = r#"{"message_type":"summary","snapshot_id":"/etc/passwd"}"#;
    assert_eq!(read(&restic(), &[], &ended(0, odd_id, ""), 0).facts.snapshot, None);
}

/// borg 1.2.4, as Debian 12 has it.
const BORG_124: &str = r#"{
    "archive": {
        "command_line": ["/usr/bin/borg", "create", "--json", "b::a1", "src"],
        "duration": 0.031581,
        "end": "2026-11-23T09:17:29.000000",
        "id": "bee64e78533b0224dd1178cc721d1fdd009b1a589fac5de825be0abbb41eef5d",
        "limits": {"max_archive_size": 2.312664738619532e-05},
        "name": "a1",
        "start": "2026-11-23T09:17:29.000000",
        "stats": {"compressed_size": 531, "deduplicated_size": 500, "nfiles": 1, "original_size": 476}
    },
    "encryption": {"mode": "repokey"},
    "repository": {"id": "76853bd1", "last_modified": "2026-11-23T09:17:29.000000", "location": "/tmp/rt/b"}
}
"#;

#[test]
fn borg_s_document_becomes_facts() {
    let verdict = read(&borg(), &[], &ended(0, &format!("a log line\n{BORG_124}"), ""), 0);
    assert_eq!(verdict.outcome, Outcome::Ok);
    assert_eq!(verdict.made.as_deref(), Some("a1"));
    assert_eq!(verdict.facts.bytes_added, Some(500));
    assert_eq!(verdict.facts.files_total, Some(1));
    assert_eq!(
        verdict.facts.encrypted,
        Some(yes(Knowledge::Measured, Basis::ToolResult))
    );
    assert_eq!(verdict.facts.compressed, None);
}

#[test]
fn borg_s_encryption_modes_are_told_apart() {
    for (mode, encrypts) in [
        ("none", false),
        ("authenticated-blake2", false),
        ("keyfile-blake2", true),
    ] {
        let document = BORG_124.replace("repokey", mode);
        let claim = read(&borg(), &[], &ended(0, &document, ""), 0).facts.encrypted;
        assert_eq!(claim.map(|claim| claim.holds), Some(encrypts), "{mode}");
    }
}

#[test]
fn borg_s_codes_are_those_of_its_manual() {
    let outcome = |code| read(&borg(), &[], &ended(code, BORG_124, ""), 0).outcome;
    for code in [1, 100, 107, 127] {
        assert_eq!(outcome(code), Outcome::Warning, "{code}");
    }
    for code in [2, 3, 13, 52, 73, 99, 128, 143] {
        assert_eq!(outcome(code), Outcome::Failed, "{code}");
    }
}

#[test]
fn a_command_s_codes_mean_what_the_configuration_says() {
    let codes = ExitCodes {
        ok: [0, 2].into(),
        warning: [1].into(),
    };
    let tool = Tool::Command {
        command: vec!["backup".to_owned()],
        codes,
    };
    for (code, outcome) in [
        (0, Outcome::Ok),
        (2, Outcome::Ok),
        (1, Outcome::Warning),
        (3, Outcome::Failed),
    ] {
        assert_eq!(read(&tool, &[], &ended(code, "", ""), 0).outcome, outcome);
    }
    let signalled = read(&tool, &[], &ended(137, "", ""), 0).reason.unwrap_or_default();
    assert!(signalled.contains("signal 9"), "{signalled}");
}

#[test]
fn a_backup_that_was_ended_failed_whatever_its_code() {
    for cut_short in [CutShort::TimedOut, CutShort::Stopped] {
        let mut ended = ended(0, RESTIC_014, "");
        ended.cut_short = Some(cut_short);
        let verdict = read(&restic(), &[], &ended, 0);
        assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Failed, None));
    }
}

#[test]
fn a_check_that_finds_damage_fails_the_backup_and_one_that_cannot_run_does_not() {
    let checked = Tool::Restic(RepositoryTool {
        check: true,
        check_subset: Some("5%".to_owned()),
        repository: Some("/r".to_owned()),
        ..RepositoryTool::default()
    });
    let good = read(&checked, &[], &ended(0, RESTIC_014, ""), 0);
    let command = check_command(&checked, &[], &good).expect("a check is wanted");
    assert_eq!(
        command,
        ["restic", "--repo", "/r", "check", "--json", "--read-data-subset=5%"]
    );

    let mut fine = good.clone();
    read_check(&checked, &ended(0, "", ""), &mut fine);
    assert_eq!(
        (fine.outcome, fine.facts.verified),
        (Outcome::Ok, Some(yes(Knowledge::Measured, Basis::DataCheck)))
    );
    let mut damaged = good.clone();
    read_check(
        &checked,
        &ended(1, "", "Fatal: repository contains errors"),
        &mut damaged,
    );
    assert_eq!(damaged.outcome, Outcome::Failed);
    assert_eq!(damaged.facts.verified.map(|claim| claim.holds), Some(false));
    let mut locked = good.clone();
    read_check(
        &checked,
        &ended(1, "", "repository is already locked by PID 7"),
        &mut locked,
    );
    assert_eq!((locked.outcome, locked.facts.verified), (Outcome::Warning, None));

    let failed = read(&checked, &[], &ended(1, "", ""), 0);
    assert_eq!(check_command(&checked, &[], &failed), None);
}

#[test]
fn what_is_measured_counts_for_more_than_what_is_said() {
    let mut facts = RunFacts {
        encrypted: Some(Claim {
            holds: false,
            known: Knowledge::Measured,
            basis: Some(Basis::ToolResult),
        }),
        ..RunFacts::default()
    };
    let said = AttestedClaims {
        encrypted: Some(true),
        verified: Some(true),
        ..AttestedClaims::default()
    };
    attest(&mut facts, said);
    assert_eq!(facts.encrypted.map(|claim| claim.holds), Some(false));
    assert_eq!(facts.verified, Some(yes(Knowledge::Attested, Basis::Administrator)));
    assert_eq!(facts.full, None);
}

#[test]
fn a_wrapped_command_s_tool_is_recognised_by_its_program() {
    let tool = |program: &str| recognise(&[program.to_owned()]).name();
    assert_eq!(tool("/usr/bin/restic"), "restic");
    assert_eq!(tool("borg"), "borg");
    assert_eq!(tool("/opt/resticprofile"), "command");
}
