//! Reports that did not go their usual way: of runs that were broken off, and those that waited in memory because the
//! spool could not be written.

use jiff::Timestamp;
use lastgood_protocol::{AgentProblem, AgentProblemKind, EventBody, RunFinished};

use super::Daemon;
use crate::clock::Moment;
use crate::state::LastRun;
use crate::{backup, ids};

impl Daemon {
    pub(super) fn keep_last(&self, finished: &RunFinished) {
        self.keep(&finished.job, |state| {
            state.last = Some(LastRun {
                run: finished.run,
                started_at: finished.started_at,
                finished_at: finished.finished_at,
                outcome: finished.outcome,
                reason: finished.reason.clone(),
            });
        });
    }

    /// Reports the runs whose process is gone: the agent's own from before a kill, and wrapped ones.
    pub(super) fn report_broken_off(&mut self, now: Moment) {
        let broken = match self.spool.interrupted_runs() {
            Ok(broken) => broken,
            Err(error) => {
                tracing::warn!(%error, "broken-off runs could not be looked for");
                return;
            }
        };
        for run in broken {
            let finished = backup::broken_off(&run.record, now.wall);
            tracing::warn!(job = %finished.job, run = %finished.run, "a backup was broken off");
            self.keep_last(&finished);
            if let Err(error) = self.spool.finish_interrupted(&run, finished) {
                tracing::warn!(%error, "a broken-off run could not be reported yet");
            }
        }
    }

    /// Writes what waits in memory because the spool could not be written, and says that it had to.
    pub(super) fn write_unwritten(&mut self, now: Moment) {
        if self.unwritten.is_empty() {
            return;
        }
        let mut written: u64 = 0;
        while let Some(first) = self.unwritten.first() {
            match self.spool.append_finished(first.event, first.finished.clone()) {
                Ok(_) => {
                    self.unwritten.remove(0);
                    written += 1;
                }
                Err(error) => {
                    tracing::error!(%error, waiting = self.unwritten.len(), "the spool cannot be written");
                    break;
                }
            }
        }
        if written > 0 && self.unwritten.is_empty() {
            self.report_unwritable(written, now.wall);
        }
    }

    fn report_unwritable(&mut self, late: u64, now: Timestamp) {
        let lost = self.unwritten_lost;
        let message =
            format!("The agent could not write to its disk for a while: {late} reports came late, {lost} were lost.");
        let problem = EventBody::AgentProblem(AgentProblem {
            kind: AgentProblemKind::SpoolUnwritable,
            message,
            count: late + lost,
        });
        match self.spool.append(ids::event(), now, problem) {
            Ok(_) => self.unwritten_lost = 0,
            Err(error) => tracing::error!(%error, "the spool cannot be written"),
        }
    }
}
