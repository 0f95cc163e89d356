//! What the tools printed on machines of people who published it; `samples/README.md` says where each was found.

use lastgood_protocol::{Basis, Outcome};

use super::read;
use crate::config::{Program, ProgramTool};
use crate::exec::Ended;
use crate::tools::Verdict;

/// The tool's end as the agent keeps it: bytes in whatever encoding the console has.
fn read_bytes(program: Program, command: &str, code: i64, stdout: &[u8]) -> Verdict {
    let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let ended = Ended {
        code,
        cut_short: None,
        stdout: String::from_utf8_lossy(stdout).as_ref().into(),
        stderr: "".into(),
    };
    read(&ProgramTool::only_wrapped(program), &command, &ended)
}

#[test]
fn robocopy_s_summary_is_read_in_five_languages() {
    // Outcome, files, copied, errors, bytes, bytes copied. Exit codes are those that were published or that the counts mean.
    let samples: [(&str, &[u8], i64, _); 6] = [
        (
            "English",
            include_bytes!("samples/robocopy-failed-2019.txt"),
            11,
            (Outcome::Failed, 74, 59, 1, 23_204_986, 9_353_297),
        ),
        (
            "/BYTES",
            include_bytes!("samples/robocopy-failed-bytes.txt"),
            11,
            (Outcome::Failed, 7, 6, 1, 205_520_896, 201_326_592),
        ),
        (
            "German",
            include_bytes!("samples/robocopy-german-2018.txt"),
            1,
            (Outcome::Ok, 4321, 4321, 0, 2_234_207_627_640, 2_234_207_627_640),
        ),
        (
            "French",
            include_bytes!("samples/robocopy-french-cp850.txt"),
            3,
            (Outcome::Ok, 3, 2, 0, 504, 0),
        ),
        (
            "Japanese",
            include_bytes!("samples/robocopy-japanese-cp932.txt"),
            0,
            (Outcome::Ok, 10_940, 0, 0, 28_695_750_246, 0),
        ),
        (
            "Spanish",
            include_bytes!("samples/robocopy-spanish-2024.txt"),
            1,
            (Outcome::Ok, 1, 1, 0, 20_971_520, 20_971_520),
        ),
    ];
    for (language, printed, code, (outcome, files, copied, errors, bytes, added)) in samples {
        let verdict = read_bytes(Program::Robocopy, "robocopy a b /MIR", code, printed);
        let facts = verdict.facts;
        assert_eq!(verdict.outcome, outcome, "{language}");
        assert_eq!(
            (facts.files_total, facts.files_changed, facts.errors),
            (Some(files), Some(copied), Some(errors)),
            "{language}"
        );
        assert_eq!(
            (facts.bytes_processed, facts.bytes_added),
            (Some(bytes), Some(added)),
            "{language}"
        );
    }
}

#[test]
fn the_longest_names_of_rows_survive_a_foreign_console() {
    // As bytes of a console that are no UTF-8, each becomes a character of three bytes.
    let name = [0x83_u8; 12];
    let row = [&name[..], b":  5  4  1  0  0  0\n"].concat();
    let verdict = read_bytes(Program::Robocopy, "robocopy a b", 1, &row.repeat(3));
    assert_eq!(verdict.facts.files_total, Some(5));
}

fn sqlcmd(printed: &str) -> Verdict {
    read_bytes(Program::Sqlcmd, "sqlcmd -S . -E", 0, printed.as_bytes())
}

#[test]
fn sql_server_s_sentences_are_believed() {
    for (printed, pages, full) in [
        (include_str!("samples/sqlcmd-password-asked.txt"), 298, true),
        (include_str!("samples/sqlcmd-database-and-log.txt"), 2896, true),
        (include_str!("samples/sqlcmd-differential.txt"), 10_093, false),
    ] {
        let verdict = sqlcmd(printed);
        assert_eq!((verdict.outcome, verdict.reason), (Outcome::Ok, None));
        assert_eq!(verdict.facts.bytes_processed, Some(pages * 8192));
        assert_eq!(verdict.facts.full.map(|claim| claim.holds), Some(full));
        let crlf = printed.replace('\n', "\r\n");
        assert_eq!(sqlcmd(&crlf).facts.full.map(|claim| claim.holds), Some(full));
    }
    let verified = sqlcmd(include_str!("samples/sqlcmd-differential.txt")).facts.verified;
    assert_eq!(verified.and_then(|claim| claim.basis), Some(Basis::DataCheck));
    let refused = sqlcmd(include_str!("samples/sqlcmd-refused-2021.txt"));
    assert_eq!(refused.outcome, Outcome::Failed);
    assert!(
        refused
            .reason
            .is_some_and(|reason| reason.contains("open the backup file"))
    );
    let log_alone = "BACKUP LOG successfully processed 3 pages in 0.032 seconds (0.701 MB/sec).\n";
    assert_eq!(sqlcmd(log_alone).facts.full.map(|claim| claim.holds), Some(false));
}

/// The words are of Microsoft's documentation in that language; nobody published a whole run.
#[test]
fn sql_server_s_errors_are_known_in_other_languages() {
    let good = include_str!("samples/sqlcmd-password-asked.txt");
    for error in [
        "Meldung 3013, Ebene 16, Status 1, Zeile 1\nBACKUP DATABASE wird fehlerbedingt beendet.\n",
        "Meldung 3201, Ebene 16, Status 1, Server DB01, Zeile 1\n",
    ] {
        assert_eq!(sqlcmd(&format!("{good}{error}")).outcome, Outcome::Failed, "{error}");
    }
    for harmless in [
        "Meldung 5701, Ebene 0, Status 1, Server DB01, Zeile 1\n",
        "Room 12, Floor 3, Bed 1, Door 2\n",
        "1 2, 16 3, 4 5, 6 7\n",
    ] {
        assert_eq!(sqlcmd(&format!("{good}{harmless}")).outcome, Outcome::Ok, "{harmless}");
    }
}

#[test]
fn wbadmin_is_judged_by_its_code_whatever_it_prints() {
    let told = |code, printed: &[u8]| {
        read_bytes(
            Program::WindowsServerBackup,
            "wbadmin start backup -quiet",
            code,
            printed,
        )
        .outcome
    };
    assert_eq!(told(0, include_bytes!("samples/wbadmin-2019.txt")), Outcome::Ok);
    assert_eq!(told(-3, include_bytes!("samples/wbadmin-refused.txt")), Outcome::Failed);
}
