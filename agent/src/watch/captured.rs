//! What other programs left on machines of people who published it; `samples/README.md` says where each was found.

use lastgood_protocol::{Outcome, RunFacts};

use super::duplicati::read_report;
use super::event_log::{self, Table, product_rows};
use super::{What, status_file};

const COMPLETED: &str = include_str!("samples/server-backup-4-2012.xml");
const REFUSED: &str = include_str!("samples/server-backup-5-2019.xml");
const FULL: &str = include_str!("samples/server-backup-50-2011.xml");
const VEEAM: &str = include_str!("samples/veeam-790-syslog.txt");

fn table(product: &str) -> Table {
    let (channel, rows) = product_rows(product, None).expect("it is known");
    Table {
        product: product.to_owned(),
        channel: channel.to_owned(),
        rows,
    }
}

/// An end: the outcome, whether it is tried again, how long it took in seconds, why, and the facts.
type End = (Outcome, bool, Option<i64>, Option<String>, RunFacts);

fn end(table: &Table, xml: &str) -> Option<End> {
    let sighting = event_log::judge(table, &event_log::read(xml).expect("an event"))?;
    let What::Finished {
        started,
        outcome,
        reason,
        will_be_retried,
        facts,
    } = sighting.what
    else {
        panic!("it ended")
    };
    let took = started.map(|began| sighting.at.duration_since(began).as_secs());
    Some((outcome, will_be_retried, took, reason, *facts))
}

#[test]
fn windows_server_backup_s_entries_are_read_as_windows_logged_them() {
    let table = table("windows-server-backup");
    let (outcome, _, took, reason, facts) = end(&table, COMPLETED).expect("a row");
    assert_eq!((outcome, took, reason), (Outcome::Ok, Some(1391), None));
    assert_eq!(facts.full, None, "it was cut before the volumes");
    let (outcome, _, took, reason, facts) = end(&table, REFUSED).expect("a row");
    assert_eq!((outcome, took), (Outcome::Failed, Some(147)));
    assert!(reason.is_some());
    assert_eq!(facts.full, None, "a backup that failed is no full one");
    assert_eq!(facts.bytes_added, Some(0));
    let (outcome, _, took, reason, _) = end(&table, FULL).expect("a row");
    assert_eq!((outcome, took), (Outcome::Failed, None));
    assert!(reason.is_some_and(|reason| reason.contains("no room")));
    // That it is over (14) and that it began (1) say nothing of how it ended.
    for id in [1, 14] {
        let other = COMPLETED.replace("<EventID>4<", &format!("<EventID>{id}<"));
        assert!(end(&table, &other).is_none(), "{id}");
    }
}

#[test]
fn every_end_of_windows_server_backup_has_a_meaning() {
    let table = table("windows-server-backup");
    assert!(table.rows.len() <= 16, "a query names at most so many");
    for (id, expected) in [
        (7, Outcome::Failed),
        (8, Outcome::Failed),
        (9, Outcome::Failed),
        (17, Outcome::Failed),
        (22, Outcome::Failed),
        (23, Outcome::Warning),
        (49, Outcome::Failed),
        (52, Outcome::Failed),
    ] {
        let other = REFUSED.replace("<EventID>5<", &format!("<EventID>{id}<"));
        assert_eq!(end(&table, &other).map(|end| end.0), Some(expected), "{id}");
    }
}

#[test]
fn entries_about_one_backup_are_one_run_and_the_worst_counts() {
    let table = table("windows-server-backup");
    let left_out = COMPLETED
        .replace("<EventID>4<", "<EventID>23<")
        .replace("<EventRecordID>68<", "<EventRecordID>69<");
    let events = event_log::read_all(&format!("{COMPLETED}{left_out}{FULL}")).events;
    let sightings = event_log::judge_all(&table, &events);
    assert_eq!(sightings.len(), 2);
    let What::Finished { outcome, .. } = &sightings[0].what else {
        panic!("it ended")
    };
    assert_eq!(*outcome, Outcome::Warning);
    let swapped = event_log::read_all(&format!("{left_out}{COMPLETED}")).events;
    assert_eq!(event_log::judge_all(&table, &swapped), sightings[..1]);
    let apart = [COMPLETED, &left_out].map(|xml| event_log::judge(&table, &event_log::read(xml).expect("an event")));
    let identity = |index: usize| apart[index].as_ref().map(|sighting| &sighting.identity);
    assert_ne!(
        identity(0),
        identity(1),
        "of two looks the later and worse one is told, too"
    );
    let twice = REFUSED.replace("<EventID>5<", "<EventID>9<").replace(">254<", ">255<");
    let judged = [REFUSED, &twice].map(|xml| event_log::judge(&table, &event_log::read(xml).expect("an event")));
    let [Some(one), Some(other)] = &judged else {
        panic!("both have a row")
    };
    assert_eq!(
        one.identity, other.identity,
        "and what says the same again is the same run"
    );
    // That a backup is over says nothing of how it ended.
    assert!(end(&table, include_str!("samples/server-backup-14-2026.xml")).is_none());
    // A time that was never set is nobody's.
    let unset = COMPLETED.replace("2016-11-13T09:00:09.774395900Z", "1601-01-01T00:00:00.000000000Z");
    assert_eq!(end(&table, &unset).map(|end| end.2), Some(None));
}

/// The entry as Windows has it, made of the values that Veeam sent: with its names, or without any.
fn veeam_entry(sent: &str, id: u32, level: u32, named: bool) -> String {
    let mut data = String::new();
    let mut rest = sent.split_once("instanceId=790 ").expect("its number").1;
    while let Some((name, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').expect("an end");
        let name = if named {
            format!(" Name='{}'", name.trim())
        } else {
            String::new()
        };
        data.extend(["<Data", &name, ">", value, "</Data>"]);
        rest = after;
    }
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Veeam MP'/>\
         <EventID Qualifiers='0'>{id}</EventID><Level>{level}</Level><TimeCreated SystemTime='2023-12-05T09:31:05Z'/>\
         <EventRecordID>7</EventRecordID></System><EventData>{data}</EventData></Event>"
    )
}

#[test]
fn veeam_s_result_is_found_under_its_older_name_and_without_any() {
    let table = table("veeam");
    for named in [true, false] {
        let good = veeam_entry(VEEAM, 790, 4, named);
        assert_eq!(good.matches("<Data").count(), 8);
        let told = |xml: &str| end(&table, xml).map(|end| (end.0, end.1));
        assert_eq!(told(&good), Some((Outcome::Ok, false)));
        let result = |result: u32| good.replacen(">0</Data>", &format!(">{result}</Data>"), 1);
        assert_eq!(told(&result(1)), Some((Outcome::Warning, false)));
        let again = result(2).replace(">False<", ">True<");
        assert_eq!(told(&again), Some((Outcome::Failed, true)), "a retry is no alert yet");
        let strange = result(2).replace(">2</Data>", ">-1</Data>");
        assert_eq!(told(&strange), Some((Outcome::Ok, false)), "the level says it");
        let worse = veeam_entry(VEEAM, 790, 2, named);
        assert_eq!(
            told(&worse),
            Some((Outcome::Failed, false)),
            "never better than its level"
        );
    }
}

#[test]
fn veeam_tells_of_a_success_that_it_repeats_and_its_message_is_never_passed_over() {
    let table = table("veeam");
    let repeated = include_str!("samples/veeam-790-retried-syslog.txt");
    for named in [true, false] {
        let good = veeam_entry(repeated, 790, 4, named);
        assert_eq!(end(&table, &good).map(|end| (end.0, end.1)), Some((Outcome::Ok, true)));
        let failed = good.replace("finished with Success", "finished with Failed");
        assert_eq!(end(&table, &failed).map(|end| end.0), Some(Outcome::Failed));
    }
}

/// An entry of the Veeam Agent: the values of its start, as a machine logged them without names, with another number and message.
/// Where it was published it had neither source nor record.
fn agent_entry(id: u32, level: u32, message: &str) -> String {
    let start = include_str!("samples/veeam-agent-110-2026.xml");
    let (before, _) = start.split_once("Veeam Agent '").expect("its message");
    before
        .replace(
            "<System>",
            "<System><Provider Name='Veeam Agent'/><EventRecordID>7</EventRecordID>",
        )
        .replace("<EventID>110<", &format!("<EventID>{id}<"))
        .replace("<Level>4<", &format!("<Level>{level}<"))
        + message
        + "</Data></EventData></Event>"
}

#[test]
fn veeam_s_agent_says_in_its_message_how_the_backup_ended_whatever_the_level() {
    let table = table("veeam-agent");
    assert_eq!(table.channel, "Veeam Agent");
    let shown = include_str!("samples/veeam-agent-190-2020.txt");
    let (head, message) = shown.split_once("Description:\n").expect("its message");
    assert!(head.contains("Event ID:      190") && head.contains("Source:        Veeam Agent"));
    let told = |id, level, message: &str| end(&table, &agent_entry(id, level, message)).map(|end| (end.0, end.1));
    for (level, word, expected) in [
        (4, "Success", Outcome::Ok),
        (3, "Success", Outcome::Warning),
        (2, "Success", Outcome::Failed),
        (4, "Warning", Outcome::Warning),
        (4, "Error", Outcome::Failed),
        (4, "Failed", Outcome::Failed),
        (3, "Failed", Outcome::Failed),
    ] {
        let message = message.replace("Success", word);
        assert_eq!(told(190, level, &message), Some((expected, false)), "{level} {word}");
    }
    let again = "Veeam Agent 'SERVER-01' finished with Error and will be retried.";
    assert_eq!(told(191, 3, again), Some((Outcome::Failed, true)));
    assert_eq!(told(110, 4, "Veeam Agent 'SERVER-01' has been started."), None);
    // A backup that is named like a result is no better for it.
    let named = "Veeam Agent 'finished with Success' finished with Failed.";
    assert_eq!(told(190, 4, named), Some((Outcome::Failed, false)));
}

/// The envelope is ours: a result was published without one.
fn posted(result: &str) -> String {
    format!(r#"{{"Data":{result},"Extra":{{"OperationName":"Backup","backup-name":"Practice"}},"LogLines":[]}}"#)
}

#[test]
fn duplicati_s_results_are_read_as_it_stored_them() {
    let fatal = read_report(&posted(include_str!("samples/duplicati-fatal-result.json"))).expect("a report");
    assert_eq!(
        (fatal.outcome, fatal.version.as_deref()),
        (Outcome::Failed, Some("2.2.0.1"))
    );
    assert_eq!((fatal.facts.files_total, fatal.facts.errors), (Some(0), Some(1)));
    assert!(fatal.finished > fatal.started && fatal.started.is_some());
    let warned = read_report(&posted(include_str!("samples/duplicati-warning-result.json"))).expect("a report");
    assert_eq!(
        (warned.outcome, warned.version.as_deref()),
        (Outcome::Warning, Some("2.0.6.3"))
    );
    assert_eq!(
        (warned.facts.bytes_added, warned.facts.errors),
        (Some(36_204_375), Some(0))
    );
    let took = warned
        .finished
        .expect("it says")
        .duration_since(warned.started.expect("it says"));
    assert_eq!(took.as_secs(), 20);
}

#[test]
fn duplicati_s_posts_are_read_as_it_sent_them() {
    let good = read_report(include_str!("samples/duplicati-posted-2023.json")).expect("a report");
    assert_eq!(
        (good.outcome, good.version.as_deref(), good.backup),
        (Outcome::Ok, Some("2.0.7.1"), None)
    );
    assert_eq!(
        (
            good.facts.files_total,
            good.facts.bytes_processed,
            good.facts.bytes_added
        ),
        (Some(4_143), Some(1_801_872_033), Some(0))
    );
    assert!(good.finished > good.started && good.started.is_some());
    // What stands in the result's place is an exception.
    let fatal = read_report(include_str!("samples/duplicati-posted-fatal-2021.json")).expect("a report");
    assert_eq!(
        (fatal.outcome, fatal.reason),
        (Outcome::Failed, Some("Duplicati could not make the backup."))
    );
}

#[test]
fn resticprofile_s_zeros_are_no_counts_and_its_complaints_are_warnings() {
    let read = |text, profile| match status_file::read(text, profile).expect("a backup").what {
        What::Finished { outcome, facts, .. } => (outcome, *facts),
        What::Started => panic!("it ended"),
    };
    let (outcome, facts) = read(include_str!("samples/resticprofile-not-counted.json"), "default");
    assert_eq!(
        (outcome, facts.files_total, facts.bytes_processed),
        (Outcome::Ok, None, None)
    );
    assert_eq!((facts.bytes_added, facts.files_new), (None, None));
    let (outcome, facts) = read(include_str!("samples/resticprofile-unreadable.json"), "samba");
    assert_eq!((outcome, facts.files_total), (Outcome::Warning, None));
}
