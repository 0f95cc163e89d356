//! What other programs leave, in every variation: samples that were captured and samples made after documentation, changed
//! (`samples/README.md` tells which is which). What was captured is read unchanged in `captured`.

use std::fs;
use std::io::Write as _;

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome, RunFacts};
use proptest::prelude::{ProptestConfig, any, proptest};
use tempfile::TempDir;

use super::duplicati::read_report;
use super::event_log::{self, Meaning, Row, Table, product_rows};
use super::log_file::{self, Encoding, LogFile};
use super::memory::{Memory, Open};
use super::{Sighting, What, status_file};
use crate::ids;

fn table(product: &str, source: Option<&str>) -> Table {
    let (channel, rows) = product_rows(product, source).expect("it is known");
    Table {
        product: product.to_owned(),
        channel: channel.to_owned(),
        rows,
    }
}

fn seen(table: &Table, xml: &str) -> Option<(Outcome, bool, RunFacts)> {
    let event = event_log::read(xml).expect("an event");
    match event_log::judge(table, &event)?.what {
        What::Started => None,
        What::Finished {
            outcome,
            will_be_retried,
            facts,
            ..
        } => Some((outcome, will_be_retried, *facts)),
    }
}

const GOOD: &str = include_str!("samples/server-backup-4.xml");
const BAD: &str = include_str!("samples/server-backup-5.xml");
const VEEAM: &str = include_str!("samples/veeam-190.xml");

#[test]
fn windows_server_backup_says_whether_it_was_full() {
    let table = table("windows-server-backup", None);
    let (outcome, _, facts) = seen(&table, GOOD).expect("it has a row");
    assert_eq!(outcome, Outcome::Ok);
    let full = facts.full.expect("it says");
    assert_eq!(
        (full.holds, full.known, full.basis),
        (true, Knowledge::Measured, Some(Basis::EventLog))
    );
    assert_eq!(facts.bytes_added, Some(21_474_836_480 + 1_073_741_824));
    // One incremental volume makes the whole incremental.
    let second = GOOD.replacen("IsIncremental=\"0\"", "IsIncremental=\"1\"", 1);
    assert_eq!(
        seen(&table, &second)
            .and_then(|seen| seen.2.full)
            .map(|claim| claim.holds),
        Some(false)
    );
    let unreadable = GOOD.replacen("NumUnreadableBytes=\"0\"", "NumUnreadableBytes=\"512\"", 1);
    assert_eq!(seen(&table, &unreadable).map(|seen| seen.0), Some(Outcome::Warning));
    let coded = GOOD.replacen("'HRESULT'>0<", "'HRESULT'>0x80780049<", 1);
    assert_eq!(seen(&table, &coded).map(|seen| seen.0), Some(Outcome::Warning));
    assert_eq!(seen(&table, BAD).map(|seen| seen.0), Some(Outcome::Failed));
    let sighting = event_log::judge(&table, &event_log::read(GOOD).expect("an event")).expect("a row");
    assert_eq!(sighting.at.to_string(), "2026-11-20T03:12:44.7625059Z");
    let What::Finished { started, .. } = sighting.what else {
        panic!("it ended")
    };
    assert_eq!(
        started.map(|at| at.to_string()).as_deref(),
        Some("2026-11-20T03:00:11Z")
    );
}

#[test]
fn veeam_says_whether_it_tries_again() {
    let table = table("veeam", None);
    assert_eq!(
        seen(&table, VEEAM).map(|seen| (seen.0, seen.1)),
        Some((Outcome::Failed, true))
    );
    let last = VEEAM.replace(">True<", ">False<");
    assert_eq!(
        seen(&table, &last).map(|seen| (seen.0, seen.1)),
        Some((Outcome::Failed, false))
    );
    let agent = last
        .replace(">190<", ">790<")
        .replace("with Failed", "with Warning")
        .replace("'JobResult'>2<", "'JobResult'>1<");
    assert_eq!(seen(&table, &agent).map(|seen| seen.0), Some(Outcome::Warning));
    let plain = last
        .replace("<Data Name='JobResult'>2</Data>", "")
        .replace("with Failed", "with Success")
        .replace("<Level>2<", "<Level>4<");
    assert_eq!(
        seen(&table, &plain).map(|seen| seen.0),
        Some(Outcome::Ok),
        "the entry's level and message say it, too"
    );
    let event = event_log::read(VEEAM).expect("an event");
    let told = format!("{:?}", event_log::judge(&table, &event));
    assert!(!told.contains("Miller"), "{told}");
}

#[test]
fn cove_redstor_and_the_consultant_s_rows_are_a_table() {
    let entry = |source: &str, id: u32| {
        VEEAM
            .replace("Veeam MP", source)
            .replace(" Qualifiers='0'>190<", &format!(">{id}<"))
    };
    let outcome = |table: &Table, source: &str, id| seen(table, &entry(source, id)).map(|seen| seen.0);
    let cove = table("cove", Some("Backup Service"));
    for (id, expected) in [
        (105, Some(Outcome::Ok)),
        (108, Some(Outcome::Warning)),
        (102, Some(Outcome::Failed)),
        (103, Some(Outcome::Failed)),
        (106, Some(Outcome::Failed)),
        (104, None),
    ] {
        assert_eq!(outcome(&cove, "Backup Service", id), expected, "{id}");
    }
    assert_eq!(outcome(&cove, "Somebody", 105), None, "the number alone says nothing");
    assert!(product_rows("cove", None).is_none());
    let redstor = table("redstor", Some("ESE"));
    for (id, expected) in [
        (4098, Outcome::Ok),
        (4100, Outcome::Warning),
        (4102, Outcome::Failed),
        (4105, Outcome::Failed),
    ] {
        assert_eq!(outcome(&redstor, "ese", id), Some(expected), "{id}");
    }
    let started = event_log::judge(&redstor, &event_log::read(&entry("ESE", 4097)).expect("an event"));
    assert_eq!(started.map(|sighting| sighting.what), Some(What::Started));
    let own = Table {
        product: "tape".to_owned(),
        channel: "Application".to_owned(),
        rows: vec![Row {
            source: "TapeMaster".to_owned(),
            id: 7,
            meaning: Meaning::Ended(Outcome::Ok),
        }],
    };
    assert_eq!(outcome(&own, "TapeMaster", 7), Some(Outcome::Ok));
}

#[test]
fn entries_one_after_the_other_are_read_and_broken_ones_are_skipped() {
    let text = format!("{GOOD}\r\n<Event>nonsense</Event>{BAD}<Event xmlns='x'><System>");
    assert_eq!(event_log::read_all(&text).events.len(), 2);
    let expanding = "<!DOCTYPE e [<!ENTITY a 'x'>]><Event>&a;</Event>";
    assert_eq!(event_log::read(expanding), None);
}

#[test]
fn resticprofile_s_status_is_seen_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("status.json");
    let mut memory = Memory::default();
    let mut look = || status_file::look(&file, "default", &mut memory).expect("readable");
    assert_eq!(look(), []);
    let sample = include_str!("samples/resticprofile.json");
    fs::write(&file, sample).expect("writable");
    let sighting = look().pop().expect("it is new");
    let What::Finished {
        outcome,
        facts,
        started,
        ..
    } = sighting.what
    else {
        panic!("it ended")
    };
    assert_eq!(
        (outcome, facts.files_total, facts.bytes_added),
        (Outcome::Ok, Some(358), Some(296_536_447))
    );
    assert_eq!(started.map(|at| sighting.at.duration_since(at).as_secs()), Some(251));
    assert_eq!(look(), []);
    let failed =
        sample
            .replacen("\"success\":true", "\"success\":false", 1)
            .replacen("22:04:11.123456", "23:04:11.123456", 1);
    fs::write(&file, failed).expect("writable");
    let next = look().pop().expect("it is new");
    assert!(matches!(
        next.what,
        What::Finished {
            outcome: Outcome::Failed,
            ..
        }
    ));
    fs::write(&file, "{\"profiles\":").expect("writable");
    assert_eq!(look(), []);
}

#[test]
fn duplicati_s_report_is_understood() {
    let sample = include_str!("samples/duplicati-success.json");
    let report = read_report(sample).expect("a report");
    assert_eq!(
        (report.outcome, report.backup.as_deref()),
        (Outcome::Ok, Some("Practice files"))
    );
    assert_eq!(report.version.as_deref(), Some("2.1.0.5"));
    let took = report
        .finished
        .expect("it says")
        .duration_since(report.started.expect("it says"));
    assert_eq!(took.as_secs(), 51);
    assert_eq!(
        (report.facts.files_total, report.facts.bytes_added),
        (Some(15_399), Some(8_290_314))
    );
    let judged = |from: &str, to: &str| {
        let changed = sample.replacen(from, to, 1);
        assert_ne!(changed, sample, "{from}");
        read_report(&changed).map(|report| report.outcome)
    };
    assert_eq!(judged("\"Success\"", "\"Warning\""), Some(Outcome::Warning));
    assert_eq!(judged("\"Success\"", "\"Error\""), Some(Outcome::Failed));
    assert_eq!(judged("\"Success\"", "\"Fatal\""), Some(Outcome::Failed));
    assert_eq!(judged("\"Success\"", "\"Unknown\""), Some(Outcome::Failed));
    assert_eq!(
        judged("\"PartialBackup\":false", "\"PartialBackup\":true"),
        Some(Outcome::Warning)
    );
    assert_eq!(
        judged("\"Interrupted\":false", "\"Interrupted\":true"),
        Some(Outcome::Failed)
    );
    assert_eq!(
        judged("\"ReportedQuotaError\":false", "\"ReportedQuotaError\":true"),
        Some(Outcome::Failed)
    );
    assert_eq!(
        judged("\"MainOperation\":\"Backup\"", "\"MainOperation\":\"Compact\""),
        None
    );
    let fatal = r#"{"Data":null,"Extra":{"OperationName":"Backup","backup-name":"Practice files"},"LogLines":[],"Exception":"System.Exception: no"}"#;
    assert_eq!(read_report(fatal).map(|report| report.outcome), Some(Outcome::Failed));
    for odd in [
        "",
        "[]",
        "{}",
        "{\"Data\":7}",
        "{\"Data\":{\"MainOperation\":\"Backup\",\"ExaminedFiles\":-1}}",
    ] {
        assert_ne!(
            read_report(odd).map(|report| report.outcome),
            Some(Outcome::Ok),
            "{odd}"
        );
    }
}

/// A log and how far it was read.
struct Watched {
    folder: TempDir,
    log: LogFile,
    memory: Memory,
}

impl Watched {
    fn new(encoding: Encoding) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect();
        let log = LogFile {
            file: folder.path().join("backup.log"),
            fail: words(&["Failed", "error"]),
            success: words(&["finished successfully"]),
            start: words(&["started"]),
            encoding,
        };
        Self {
            folder,
            log,
            memory: Memory::default(),
        }
    }

    fn add(&self, bytes: &[u8]) {
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log.file)
            .expect("writable");
        file.write_all(bytes).expect("writable");
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// What is seen now, as one letter each: s, o, f.
    fn look(&mut self) -> String {
        let now: Timestamp = "2026-11-20T22:00:00Z".parse().expect("a time");
        let sightings = log_file::look(&self.log, &mut self.memory, now).expect("readable");
        let mut told = String::new();
        for Sighting { what, .. } in sightings {
            match what {
                What::Started => {
                    self.memory.open = Some(Open {
                        run: ids::run(),
                        started_at: now,
                    });
                    told.push('s');
                }
                What::Finished { outcome, .. } => {
                    self.memory.open = None;
                    told.push(if outcome == Outcome::Ok { 'o' } else { 'f' });
                }
            }
        }
        told
    }
}

#[test]
fn a_log_is_read_line_by_line_and_its_past_is_not_learned() {
    let mut log = Watched::new(Encoding::Told);
    log.add(b"Backup task started\nBackup task finished successfully\n");
    assert_eq!(log.look(), "", "what was there before is not reported");
    log.add(b"Backup task started\nBackup ta");
    assert_eq!(log.look(), "s");
    assert_eq!(log.look(), "");
    log.add(b"sk finished successfully\n");
    assert_eq!(log.look(), "o", "a line is read when it is whole");
    log.add(
        b"noise\nstarted\nerror 1\nerror 2\nFailed\nfinished successfully\nstarted\nfinished successfully, 0 errors\n",
    );
    assert_eq!(
        log.look(),
        "sfsf",
        "the first word that matches wins, and one run ends once"
    );
}

#[test]
fn a_log_without_words_for_a_start_has_a_run_for_each_end() {
    let mut log = Watched::new(Encoding::Told);
    log.log.start.clear();
    assert_eq!(log.look(), "");
    log.add(b"finished successfully\nFailed\nfinished successfully\n");
    assert_eq!(
        log.look(),
        "ofo",
        "the file was not there at the first look, so all of it is new"
    );
}

#[test]
fn a_rotated_log_is_read_to_its_end_and_a_log_that_is_written_anew_from_its_beginning() {
    let mut log = Watched::new(Encoding::Told);
    log.add(b"20 Nov 22:00 Backup task started\n");
    assert_eq!(log.look(), "");
    log.memory.open = Some(Open {
        run: ids::run(),
        started_at: Timestamp::UNIX_EPOCH,
    });
    log.add(b"20 Nov 23:00 finished successfully\n");
    fs::rename(&log.log.file, log.path("backup.log.1")).expect("ours");
    fs::write(log.path("backup.log.2"), "an older one").expect("writable");
    log.add(b"21 Nov 22:00 started\n21 Nov 22:10 Failed\n");
    assert_eq!(log.look(), "osf");
    fs::write(&log.log.file, "22 Nov 22:00 started\n").expect("writable");
    assert_eq!(log.look(), "s", "cut to nothing and written anew");
    fs::write(
        &log.log.file,
        "22 Nov 22:00 started, and then much longer\n23 Nov finished successfully\n",
    )
    .expect("writable");
    assert_eq!(log.look(), "o");
    fs::remove_file(&log.log.file).expect("ours");
    assert_eq!(log.look(), "");
    log.add(b"24 Nov started\n");
    assert_eq!(log.look(), "s");
}

#[test]
fn encodings_of_windows_are_read() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let mut log = Watched::new(Encoding::Told);
    assert_eq!(log.look(), "");
    log.add(&[vec![0xff, 0xfe], wide("Sicherung started\r\nfinished succ")].concat());
    assert_eq!(log.look(), "s");
    log.add(&wide("essfully\r\n"));
    assert_eq!(log.look(), "o");
    let mut unmarked = Watched::new(Encoding::Utf16Le);
    assert_eq!(unmarked.look(), "");
    unmarked.add(&wide("started\nFailed\n"));
    assert_eq!(unmarked.look(), "sf");
    let mut western = Watched::new(Encoding::Windows1252);
    western.log.fail = vec!["Übertragung – fehlgeschlagen".to_owned()];
    western.log.start.clear();
    assert_eq!(western.look(), "");
    western.add(b"\xdcbertragung \x96 fehlgeschlagen\n");
    assert_eq!(western.look(), "f");
}

#[test]
fn lines_read_again_are_the_same_runs() {
    let mut log = Watched::new(Encoding::Told);
    log.log.start.clear();
    assert_eq!(log.look(), "");
    log.add(b"Failed\nFailed\n");
    let now = Timestamp::UNIX_EPOCH;
    let before = log.memory.clone();
    let first = log_file::look(&log.log, &mut log.memory, now).expect("readable");
    let mut crashed = before;
    log.add(b"Failed\n");
    let again = log_file::look(&log.log, &mut crashed, now).expect("readable");
    assert_eq!((first.len(), again.len()), (2, 3));
    assert!(
        first
            .iter()
            .zip(&again)
            .all(|(one, other)| one.identity == other.identity)
    );
    assert_ne!(first[0].identity, first[1].identity);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_that_is_left_breaks_the_readers(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        event_log::read_all(&format!("<Event>{text}</Event>"));
        event_log::read(&text);
        assert_eq!(read_report(&text), None);
        assert_eq!(status_file::read(&text, "default"), None);
        for encoding in [Encoding::Told, Encoding::Utf16Le, Encoding::Windows1252] {
            let mut log = Watched::new(encoding);
            log.look();
            log.add(&bytes);
            log.look();
            log.add(b"\n");
            log.look();
        }
    }
}
