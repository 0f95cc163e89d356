//! `drill record`: what a person writes down is checked and reported as it was.

use lastgood_protocol::{DrillOutcome, EventBody, StepOutcome};

use crate::machine::Machine;

const RIGHT: [&str; 15] = [
    "drill",
    "record",
    "--job",
    "nightly",
    "--backup",
    "9532c3f5",
    "--step",
    "Stop the database=2026-11-20 10:02..2026-11-20 10:04",
    "--step",
    "Restore=2026-11-20 10:04..2026-11-20 10:31:failed",
    "--check",
    "The program opens=no",
    "--by",
    "Dana Reyes",
    "--outcome",
];

#[test]
fn a_drill_is_reported_as_it_was_written_down() {
    let machine = Machine::new();
    let said = machine.succeed(&[&RIGHT[..], &["failed"]].concat());
    assert!(said.contains("2 steps (1 failed)"), "{said}");
    let EventBody::DrillRecorded(drill) = machine.events().remove(0).what else {
        panic!("it is a drill");
    };
    assert_eq!(
        (drill.outcome, drill.performed_by.as_str()),
        (DrillOutcome::Failed, "Dana Reyes")
    );
    assert_eq!(drill.steps[1].outcome, StepOutcome::Failed);
    assert!(!drill.checks[0].passed);
}

#[test]
fn what_contradicts_itself_or_is_missing_is_not_reported() {
    let machine = Machine::new();
    let said = machine.fail(&[&RIGHT[..], &["passed"]].concat());
    assert!(said.contains("outcome: "), "{said}");
    let said = machine.fail(&["drill", "record"]);
    assert!(
        said.contains("--backup"),
        "without a terminal nobody can be asked: {said}"
    );
    let said = machine.fail(&[
        "drill",
        "record",
        "--backup",
        "x",
        "--outcome",
        "failed",
        "--by",
        "Dana",
    ]);
    assert!(said.contains("step: "), "{said}");
    assert_eq!(machine.events().len(), 0);
}
