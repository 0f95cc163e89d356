//! A job of Harbor Counseling, backed up each night at 22:00, and the ways in which it is heard of.

use jiff::{SignedDuration, Timestamp};

use super::db::{self, SeenSlot};
use crate::alerts::AlertKind;
use crate::db::{Scope, Transaction};
use crate::expectations::schedule::Schedule;
use crate::expectations::{
    DstPolicy, ExpectedJob, JobState, RunRule, SlotState, agent_heard, evaluate_at, expect_nothing, expect_runs,
    run_changed,
};
use crate::ids::{self, AgentId, FirmId, JobId, OfficeId, PracticeId, RunId};
use crate::runs::Outcome;
use crate::testing::TestApp;
use crate::users::sessions::{self, NewSession};
use crate::web::session_cookie::SessionToken;

/// The evaluator looks this often in a played history, and the agent is heard from as often.
const STEP: SignedDuration = SignedDuration::from_mins(20);

/// What there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub(super) firm: FirmId,
    pub(super) practice: PracticeId,
    pub(super) office: OfficeId,
    pub(super) agent: AgentId,
    pub(super) job: JobId,
}

/// What an agent says of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) run: RunId,
    pub(super) started_at: Timestamp,
    pub(super) ended: Option<(Timestamp, Outcome)>,
    pub(super) will_be_retried: bool,
}

pub(super) struct Stage {
    pub(super) test: TestApp,
    pub(super) given: Given,
}

impl Stage {
    /// A job with this schedule and the usual durations, heard from now on. The evaluator has run once.
    pub(super) async fn with(cron: &str, silent_after: SignedDuration) -> Self {
        let test = TestApp::start().await;
        let now = test.now();
        let given = Given {
            firm: test.cast.northwind,
            practice: test.cast.harbor,
            office: test.cast.harbor_office,
            agent: ids::new(now),
            job: ids::new(now),
        };
        let stage = Self { test, given };
        let mut transaction = stage.begin().await;
        let silent_after = i32::try_from(silent_after.as_secs()).unwrap();
        db::add_agent(&mut transaction, now, stage.place(), silent_after).await;
        transaction.commit().await.unwrap();
        stage.add_job(cron).await;
        stage.tick().await;
        stage
    }

    fn place(&self) -> (FirmId, PracticeId, OfficeId, AgentId) {
        let given = &self.given;
        (given.firm, given.practice, given.office, given.agent)
    }

    async fn add_job(&self, cron: &str) {
        let now = self.test.now();
        let mut transaction = self.begin().await;
        db::add_job(&mut transaction, now, self.place(), self.given.job, "Nightly to disk").await;
        let schedule = Schedule::parse(cron, DstPolicy::Cron).unwrap();
        let rule = RunRule::usual(schedule, now, &crate::web::words::zone(crate::testing::ZONE));
        expect_runs(&mut transaction, now, self.expected(), &rule)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    /// Another job of another agent from now on; the ones before are over.
    pub(super) async fn begin_again(&mut self, cron: &str, silent_after: SignedDuration) {
        self.end().await;
        self.add(cron, silent_after).await;
    }

    /// Nothing is expected of the job from now on, and its agent is revoked.
    pub(super) async fn end(&self) {
        let now = self.test.now();
        let mut transaction = self.begin().await;
        expect_nothing(&mut transaction, now, self.given.firm, self.given.job)
            .await
            .unwrap();
        db::end(&mut transaction, now, &self.given).await;
        transaction.commit().await.unwrap();
    }

    /// Another job of another agent beside those there are; it is the one that is spoken of from now on.
    pub(super) async fn add(&mut self, cron: &str, silent_after: SignedDuration) {
        let now = self.test.now();
        self.given.agent = ids::new(now);
        self.given.job = ids::new(now);
        let mut transaction = self.begin().await;
        let silent_after = i32::try_from(silent_after.as_secs()).unwrap();
        db::add_agent(&mut transaction, now, self.place(), silent_after).await;
        transaction.commit().await.unwrap();
        self.add_job(cron).await;
    }

    /// The evaluator looks, and has been looking all the while.
    pub(super) async fn look(&self) {
        let mut transaction = self.begin().await;
        db::note_alive(&mut transaction, self.test.now()).await;
        transaction.commit().await.unwrap();
        self.tick().await;
    }

    pub(super) fn expected(&self) -> ExpectedJob {
        ExpectedJob {
            firm: self.given.firm,
            practice: self.given.practice,
            office: self.given.office,
            job: self.given.job,
        }
    }

    /// Theo's session, begun now: the ones of the cast end while a history is played.
    pub(super) async fn session(&self) -> SessionToken {
        let mut transaction = self.begin().await;
        let now = self.test.now();
        let session = NewSession {
            firm: self.given.firm,
            user: self.test.cast.theo,
            practice: None,
            address: "192.0.2.7",
            user_agent: "the test",
            idle_expires_at: now + SignedDuration::from_hours(1),
            expires_at: now + SignedDuration::from_hours(12),
        };
        let token = sessions::begin(&mut transaction, now, &session).await.unwrap();
        transaction.commit().await.unwrap();
        token
    }

    pub(super) async fn begin(&self) -> Transaction {
        self.test.app.db.begin(Scope::Everything).await.unwrap()
    }

    pub(super) async fn tick(&self) {
        evaluate_at(&self.test.app, self.test.now()).await.unwrap();
    }

    /// The evaluator runs on until `at`, and the agent is heard from all the while.
    pub(super) async fn pass_until(&self, at: &str) {
        self.pass(at, true).await;
    }

    /// The evaluator runs on until `at`, and nothing is heard from the agent.
    pub(super) async fn pass_in_silence_until(&self, at: &str) {
        self.pass(at, false).await;
    }

    async fn pass(&self, at: &str, heard: bool) {
        let until: Timestamp = at.parse().unwrap();
        while self.test.now() < until {
            self.test.advance(until.duration_since(self.test.now()).min(STEP));
            if heard {
                self.hear().await;
            }
            self.look().await;
        }
    }

    /// Nobody evaluates until `at`.
    pub(super) async fn be_down_until(&self, at: &str) {
        let until: Timestamp = at.parse().unwrap();
        self.test.advance(until.duration_since(self.test.now()));
        self.tick().await;
    }

    pub(super) async fn hear(&self) {
        let mut transaction = self.begin().await;
        agent_heard(
            &self.test.app,
            &mut transaction,
            self.test.now(),
            self.given.firm,
            self.given.agent,
        )
        .await
        .unwrap();
        transaction.commit().await.unwrap();
    }

    /// A report arrives now.
    pub(super) async fn report(&self, report: Report) {
        let mut transaction = self.begin().await;
        let now = self.test.now();
        db::store_run(&mut transaction, now, &self.given, &report).await;
        run_changed(&self.test.app, &mut transaction, now, self.given.firm, report.run)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    /// A new run that began at `started_at` and ended as said.
    pub(super) fn run(&self, started_at: &str, ended: Option<(&str, Outcome)>) -> Report {
        Report {
            run: ids::new(self.test.now()),
            started_at: started_at.parse().unwrap(),
            ended: ended.map(|(at, outcome)| (at.parse().unwrap(), outcome)),
            will_be_retried: false,
        }
    }

    pub(super) async fn slots(&self) -> Vec<SeenSlot> {
        db::slots(&mut self.begin().await, &self.given).await
    }

    /// The states of the slots that were due by now or have changed, oldest first.
    pub(super) async fn states(&self) -> Vec<SlotState> {
        let now = self.test.now();
        self.slots()
            .await
            .into_iter()
            .filter(|slot| slot.due_at <= now || !matches!(slot.state, SlotState::Waiting | SlotState::Excused))
            .map(|slot| slot.state)
            .collect()
    }

    pub(super) async fn open_alerts(&self) -> Vec<AlertKind> {
        db::open_alerts(&mut self.begin().await, &self.given).await
    }

    pub(super) async fn closed_alerts(&self) -> Vec<(AlertKind, String)> {
        db::closed_alerts(&mut self.begin().await, &self.given).await
    }

    pub(super) async fn job_state(&self) -> JobState {
        db::job_state(&mut self.begin().await, &self.given).await
    }
}
