//! How a job stands: the state lists show, and which alerts about it the evidence opens or closes.
//!
//! Everything here is computed from what is stored and not from what just happened, so that it does not depend on the
//! order in which reports arrive.

mod db;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::judge::Quiet;
use super::{JobState, SlotState, life};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Raising, Recovery, Subject};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, JobId, PracticeId, RunId};
use crate::web::words::{self, Moment};

/// A job of a firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobRef {
    pub(super) firm: FirmId,
    pub(super) job: JobId,
}

/// What is known of a job.
struct Standing {
    job: JobRef,
    practice: PracticeId,
    name: String,
    zone: String,
    known_state: JobState,
    archived: bool,
    expected: bool,
    has_runs: bool,
    /// The newest slot that was judged.
    newest: Option<SlotState>,
    last_good: Option<GoodRun>,
    /// The latest failure since the last good run that will not be tried again.
    failed: Option<BadRun>,
    /// Slots since the last good one that were declared missed and that nothing has filled.
    misses: Option<Misses>,
    /// The state of the newest slot since the last good one that was ever declared missed.
    once_missed: Option<SlotState>,
    excuse: Option<String>,
    overrun: Option<LongRun>,
    no_success_after: Option<SignedDuration>,
    active_from: Option<Timestamp>,
    /// Since when one of its slots cannot be judged, or its rule cannot be followed.
    unjudged_since: Option<Timestamp>,
    open: BTreeSet<AlertKind>,
}

struct GoodRun {
    finished_at: Timestamp,
    bytes: Option<i64>,
}

struct BadRun {
    run: RunId,
    finished_at: Timestamp,
    reason: Option<String>,
    wanted_medium: Option<String>,
    in_a_row: u32,
}

struct Misses {
    days: Vec<Date>,
    since: Timestamp,
    due_at: Timestamp,
}

struct LongRun {
    run: RunId,
    started_at: Timestamp,
    maximum_seconds: i64,
}

/// What is to become of one kind of alert of a job.
enum Verdict {
    /// It is open, since then, with these facts.
    Open(Timestamp, AlertFacts),
    /// It is over, and this shows it.
    Over(Recovery),
    /// Another alert explains it.
    Explained(AlertKind),
}

/// Brings the alerts and the list state of these jobs in line with what is stored. The caller holds their expectations'
/// locks, so that nobody else changes their slots meanwhile.
pub(super) async fn settle(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    jobs: &[JobRef],
) -> Result<(), AppError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let hold = life::hold(app, transaction, now).await?;
    let standings = db::read(transaction, jobs).await?;
    let changed: Vec<_> = standings
        .iter()
        .map(|standing| (standing.job, standing.state()))
        .zip(&standings)
        .filter(|((_, state), standing)| *state != standing.known_state)
        .map(|(changed, _)| changed)
        .collect();
    if !changed.is_empty() {
        db::write_states(transaction, &changed).await?;
    }
    let mut raisings = Vec::new();
    for standing in &standings {
        for (kind, verdict) in standing.verdicts(now, hold) {
            raisings.extend(standing.carry_out(app, transaction, now, kind, verdict).await?);
        }
    }
    alerts::raise_all(app, transaction, now, raisings).await
}

impl Standing {
    /// The state lists show.
    fn state(&self) -> JobState {
        if self.archived || !self.expected {
            return JobState::NoSchedule;
        }
        if !self.has_runs {
            return JobState::NeverReported;
        }
        self.newest.map_or(JobState::Waiting, JobState::from)
    }

    fn verdicts(&self, now: Timestamp, hold: Option<Quiet>) -> Vec<(AlertKind, Verdict)> {
        let mut verdicts = vec![
            (AlertKind::Missed, self.missed(now)),
            (AlertKind::Failed, self.failed(now)),
            (AlertKind::Overrun, self.overrun(now)),
        ];
        if let Some(verdict) = self.no_success(now, hold) {
            verdicts.push((AlertKind::NoSuccess, verdict));
        }
        if self.unjudged_since.is_none() {
            let recovery = Recovery {
                at: now,
                evidence: "Lastgood can judge this job again.".to_owned(),
            };
            verdicts.push((AlertKind::AgentProblem, Verdict::Over(recovery)));
        }
        verdicts
    }

    fn missed(&self, now: Timestamp) -> Verdict {
        if let Some(misses) = self.misses.as_ref().filter(|_| !self.archived) {
            let facts = AlertFacts::Missed {
                days: misses.days.clone(),
                due_at: misses.due_at,
                last_good: self.last_good_at(),
                never_reported: !self.has_runs,
            };
            return Verdict::Open(misses.since, facts);
        }
        match self.once_missed {
            Some(SlotState::Unknown) => Verdict::Explained(AlertKind::AgentSilent),
            Some(SlotState::Failed) => Verdict::Explained(AlertKind::Failed),
            Some(SlotState::Excused) => Verdict::Over(Recovery {
                at: now,
                evidence: match &self.excuse {
                    Some(reason) => format!("Excused: {reason}"),
                    None => "Excused.".to_owned(),
                },
            }),
            _ => Verdict::Over(self.recovery(now)),
        }
    }

    fn failed(&self, now: Timestamp) -> Verdict {
        match self.failed.as_ref().filter(|_| !self.archived) {
            Some(failed) => {
                let facts = AlertFacts::Failed {
                    run: failed.run,
                    finished_at: failed.finished_at,
                    reason: failed.reason.clone(),
                    wanted_medium: failed.wanted_medium.clone(),
                    in_a_row: failed.in_a_row,
                    last_good: self.last_good_at(),
                };
                Verdict::Open(failed.finished_at, facts)
            }
            None => Verdict::Over(self.recovery(now)),
        }
    }

    fn overrun(&self, now: Timestamp) -> Verdict {
        match self.overrun.as_ref().filter(|_| !self.archived) {
            Some(run) => {
                let facts = AlertFacts::Overrun {
                    run: run.run,
                    started_at: run.started_at,
                    maximum_seconds: run.maximum_seconds,
                };
                let since = run
                    .started_at
                    .checked_add(SignedDuration::from_secs(run.maximum_seconds))
                    .unwrap_or(now);
                Verdict::Open(since, facts)
            }
            None if self.failed.is_some() && !self.archived => Verdict::Explained(AlertKind::Failed),
            None if matches!(self.newest, Some(SlotState::Ok | SlotState::Warning)) => {
                Verdict::Over(self.recovery(now))
            }
            None => Verdict::Over(Recovery {
                at: now,
                evidence: "The run has ended.".to_owned(),
            }),
        }
    }

    /// Not declared while reports that were kept back may still land.
    fn no_success(&self, now: Timestamp, hold: Option<Quiet>) -> Option<Verdict> {
        let limit = match self.no_success_after {
            Some(limit) if self.expected && !self.archived => limit,
            _ => return Some(Verdict::Over(self.recovery(now))),
        };
        let since = self.last_good_at().or(self.active_from)?.checked_add(limit).ok()?;
        if now < since {
            return Some(Verdict::Over(self.recovery(now)));
        }
        if hold.is_some_and(|hold| hold.lasts(now)) {
            return None;
        }
        let facts = AlertFacts::NoSuccess {
            last_good: self.last_good_at(),
            limit_seconds: limit.as_secs(),
        };
        Some(Verdict::Open(since, facts))
    }

    fn last_good_at(&self) -> Option<Timestamp> {
        self.last_good.as_ref().map(|run| run.finished_at)
    }

    /// What shows that a problem is over: the last good run, as a rule.
    fn recovery(&self, now: Timestamp) -> Recovery {
        if self.archived {
            return Recovery {
                at: now,
                evidence: "The job was archived.".to_owned(),
            };
        }
        let Some(run) = &self.last_good else {
            return Recovery {
                at: now,
                evidence: "What is expected of the job was changed.".to_owned(),
            };
        };
        let finished = Moment {
            at: run.finished_at,
            zone: words::zone(&self.zone),
        };
        let size = run
            .bytes
            .map(|bytes| format!(", {}", words::size(bytes)))
            .unwrap_or_default();
        Recovery {
            at: run.finished_at,
            evidence: format!("Backup finished {}{size}.", finished.words()),
        }
    }

    /// Closes what is over; what is to be opened is returned, so that all of it is opened together.
    async fn carry_out(
        &self,
        app: &App,
        transaction: &mut Transaction,
        now: Timestamp,
        kind: AlertKind,
        verdict: Verdict,
    ) -> Result<Option<Raising>, AppError> {
        let is_open = self.open.contains(&kind);
        let key = AlertKey {
            firm: self.job.firm,
            practice: self.practice,
            subject: Subject::job(self.job.job, self.name.clone()),
            kind,
        };
        match verdict {
            Verdict::Open(since, facts) => return Ok(Some(Raising { key, since, facts })),
            Verdict::Over(recovery) if is_open => {
                alerts::recover(app, transaction, now, &key, &recovery).await?;
            }
            Verdict::Explained(by) if is_open => {
                alerts::replace(app, transaction, now, &key, by).await?;
            }
            Verdict::Over(_) | Verdict::Explained(_) => {}
        }
        Ok(None)
    }
}

impl From<SlotState> for JobState {
    fn from(state: SlotState) -> Self {
        match state {
            SlotState::Waiting => Self::Waiting,
            SlotState::Running => Self::Running,
            SlotState::Ok => Self::Ok,
            SlotState::Warning => Self::Warning,
            SlotState::Failed => Self::Failed,
            SlotState::Late => Self::Late,
            SlotState::Missed => Self::Missed,
            SlotState::Overrun => Self::Overrun,
            SlotState::Excused => Self::Excused,
            SlotState::NotMonitored => Self::NotMonitored,
            SlotState::Unknown => Self::Unknown,
        }
    }
}
