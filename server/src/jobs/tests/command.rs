//! The commands, on an application that is open.

use clap::Parser;

use crate::expectations::evaluate_at;
use crate::jobs::command::{JobCommand, perform};
use crate::testing::TestApp;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: JobCommand,
}

async fn job(test: &TestApp, arguments: &[&str]) -> Result<(String, serde_json::Value), String> {
    let line = Line::try_parse_from([&["job"], arguments].concat()).unwrap();
    perform(&test.app, line.command)
        .await
        .map_err(|error| error.to_string())
}

const ADD: [&str; 11] = [
    "add",
    "--firm=Northwind IT",
    "--practice",
    "Harbor Counseling",
    "--key",
    "nightly",
    "--name",
    "Nightly to disk",
    "--cron",
    "0 22 * * *",
    "--late-after=30m",
];

#[tokio::test]
async fn a_job_is_added_listed_and_explained() {
    let test = TestApp::start().await;
    let (said, value) = job(&test, &ADD).await.unwrap();
    assert_eq!(
        said,
        "Nightly to disk was added at Harbor Counseling. At 22:00. Late after 30 min, missed after 3 h."
    );
    assert_eq!(value["next"][0], "2026-11-24T03:00:00Z");
    let (said, value) = job(&test, &["list", "--firm", "Northwind IT"]).await.unwrap();
    assert_eq!(said, "Harbor Counseling  Nightly to disk (nightly): never reported");
    assert_eq!(value[0]["state"], "never_reported");
    evaluate_at(&test.app, test.now()).await.unwrap();
    test.advance(jiff::SignedDuration::from_hours(18));
    evaluate_at(&test.app, test.now()).await.unwrap();
    let (said, value) = job(&test, &["explain", "nightly", "--firm", "Northwind IT"])
        .await
        .unwrap();
    assert!(said.contains("Mon 23 Nov: not monitored. Lastgood was down"), "{said}");
    assert_eq!(value["slots"][0]["state"], "not_monitored");
}

#[tokio::test]
async fn what_is_wrong_names_its_flag() {
    let test = TestApp::start().await;
    let wrong = [&ADD[..], &["--max-run=soon", "--opens-before=1 month"]].concat();
    let error = job(&test, &wrong).await.unwrap_err();
    assert!(error.contains("--max-run: `soon` is not a duration"), "{error}");
    assert!(error.contains("--opens-before: `1 month` has months"), "{error}");
    let error = job(&test, &["explain", "nothing", "--firm", "Northwind IT"])
        .await
        .unwrap_err();
    assert!(error.contains("there is no job nothing"), "{error}");
}
