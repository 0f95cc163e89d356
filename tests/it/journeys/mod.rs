//! Journeys: what people and machines do, from end to end, through the real programs.

mod backup;
mod discovery;
mod doctor;
mod drill;
mod mail;
mod medium;
mod silence;
mod viewer;

use jiff::tz::TimeZone;
use lastgood_tests::agent::Machine;
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::now;
use lastgood_tests::server::{Server, Wishes};
use lastgood_tests::wait;
use lastgood_tests::wire::Answer;

/// The practice of every journey.
pub(crate) const HARBOR: &str = "Harbor Counseling";

/// The practice that must see and be seen nothing of it.
pub(crate) const LAKESIDE: &str = "Lakeside Clinic";

/// The firm's owner, who receives alerts.
pub(crate) const OLIVIA: &str = "olivia@northwind.example";

/// A firm with two practices, on a server that mails to `mail`.
pub(crate) fn northwind(mail: &MailServer) -> Server {
    northwind_with(Server::wishes(), mail)
}

/// The same on a server like this.
pub(crate) fn northwind_with(wishes: Wishes, mail: &MailServer) -> Server {
    let server = wishes.mailing(mail).start();
    server.add_user(OLIVIA, "owner", None);
    server.add_practice(HARBOR);
    server.add_practice(LAKESIDE);
    server
}

/// Adds the job `nightly` at Harbor Counseling, due every minute of every day, late and missed within seconds; its id.
pub(crate) fn add_minutely_job(server: &Server) -> String {
    open_every_day(server);
    let rule = [
        "--opens-before",
        "30s",
        "--late-after",
        "5s",
        "--missed-after",
        "25s",
        "--no-success-for",
        "2h",
    ];
    let mut arguments = vec![
        "job",
        "add",
        "--practice",
        HARBOR,
        "--key",
        "nightly",
        "--name",
        "Nightly backup",
        "--cron",
        "* * * * *",
    ];
    arguments.extend(rule);
    server.operate(&arguments);
    server.database().value("select job_id from jobs where key = 'nightly'")
}

/// Opens the office of Harbor Counseling on all seven days. A practice begins with its weekend closed, and nothing is missed
/// on a closed day: until Monday noon the backup day is Sunday's.
fn open_every_day(server: &Server) {
    let ids = format!(
        "select practice_id, office_id from offices join practices using (firm_id, practice_id) where practices.name = '{HARBOR}'"
    );
    let found = server.database().rows(&ids);
    let [practice, office] = found.first().expect("it has an office").as_slice() else {
        panic!("two columns were asked for: {found:?}");
    };
    let path = format!("/practices/{practice}/offices/{office}/edit");
    let fields = [
        ("office", "Main office"),
        ("zone", "America/New_York"),
        ("starts", "12:00"),
    ];
    let answer = server.visitor(OLIVIA).post(&path, &fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
}

/// Adds a job at Harbor Counseling that is due once a day, half a day from now: nothing but its reports matters, and none of
/// them is of the slot; its id.
pub(crate) fn add_daily_job(server: &Server, key: &str) -> String {
    let name = format!("{key} backup");
    let zone = TimeZone::get("America/New_York").expect("the office's zone is known");
    let half_a_day_off = (now().to_zoned(zone).hour() + 12) % 24;
    let cron = format!("0 {half_a_day_off} * * *");
    server.operate(&[
        "job",
        "add",
        "--practice",
        HARBOR,
        "--key",
        key,
        "--name",
        &name,
        "--cron",
        &cron,
    ]);
    server
        .database()
        .value(&format!("select job_id from jobs where key = '{key}'"))
}

/// A machine enrolled at Harbor Counseling.
pub(crate) fn enrolled_machine(server: &Server) -> Machine {
    let machine = Machine::new("harbor-srv");
    machine.enrol(&server.token(HARBOR));
    machine
}

/// Waits until a job stands like this.
pub(crate) fn wait_for_state(server: &Server, job: &str, state: &str) {
    let database = server.database();
    wait::until_within(3 * wait::PATIENCE, format!("job {job} to be {state}"), || {
        (database.value(&format!("select state from jobs where job_id = '{job}'")) == state).then_some(())
    });
}

/// Waits until a job's newest run ended like this; the run's id.
pub(crate) fn wait_for_run(server: &Server, job: &str, outcome: &str) -> String {
    let database = server.database();
    let sql = format!(
        "select run_id from runs where job_id = '{job}' and outcome = '{outcome}' order by started_at desc limit 1"
    );
    wait::until_within(2 * wait::PATIENCE, format!("a run of {job} to be {outcome}"), || {
        Some(database.value(&sql)).filter(|run| !run.is_empty())
    })
}

/// Waits until an alert of this kind is open, or closed; its id.
pub(crate) fn wait_for_alert(server: &Server, kind: &str, open: bool) -> String {
    let database = server.database();
    let sql = format!(
        "select alert_id from alerts where kind = '{kind}' and (closed_at is null) = {open} order by opened_at desc limit 1"
    );
    wait::until_within(3 * wait::PATIENCE, format!("an alert {kind}, open: {open}"), || {
        Some(database.value(&sql)).filter(|alert| !alert.is_empty())
    })
}

/// What a reader sees of a page: without markup, white space as single spaces.
pub(crate) fn shown(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let html = answer.text();
    let body = html.split_once("<body").map_or(html.as_str(), |(_, body)| body);
    let mut text = String::new();
    for (index, part) in body.split('<').enumerate() {
        text.push(' ');
        text.push_str(if index == 0 {
            part
        } else {
            part.split_once('>').map_or("", |(_, shown)| shown)
        });
    }
    let text = text
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
        .replace("&#38;", "&")
        .replace("&nbsp;", " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
