use jiff::{SignedDuration, Timestamp};

use super::model::DatabaseServer;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_database_server_that_is_not_restarted_daily_is_said_so() {
    let seen_at = at("2026-11-23T03:00:00Z");
    let said = |hours: i64, more: i64| {
        let ran_for = SignedDuration::from_hours(hours) + SignedDuration::from_secs(more);
        DatabaseServer::new(seen_at - ran_for, seen_at).unwrap().not_restarted()
    };
    assert_eq!(said(0, 0), None);
    assert_eq!(said(24, 0), None);
    assert_eq!(said(36, 0), None, "a night that begins later is no other day");
    assert_eq!(said(36, 1).as_deref(), Some("not restarted for 1 day"));
    assert_eq!(said(71, 3599).as_deref(), Some("not restarted for 2 days"));
    assert_eq!(said(24 * 400, 0).as_deref(), Some("not restarted for 400 days"));
}

#[test]
fn a_start_that_cannot_be_is_not_told() {
    let seen_at = at("2026-11-23T03:00:00Z");
    for wrong in [
        "1970-01-01T00:00:00Z",
        "-009999-01-02T01:59:59Z",
        "2026-11-23T03:00:01Z",
    ] {
        assert_eq!(DatabaseServer::new(at(wrong), seen_at), None, "{wrong}");
    }
}
