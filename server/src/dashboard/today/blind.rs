//! What Today cannot see: said even when all is well.

use crate::web::words::count;

/// What cannot be judged, and who would not hear of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Blind {
    /// Agents that are silent.
    pub(super) silent_agents: i64,
    /// Jobs that cannot be judged because of it.
    pub(super) unknown_jobs: i64,
    /// Jobs whose last slot fell into a time in which we were down.
    pub(super) not_monitored: i64,
    /// Jobs of which nothing is expected.
    pub(super) unscheduled: i64,
    /// Practices without an agent.
    pub(super) without_agent: i64,
    /// People who receive alerts.
    pub(super) recipients: i64,
    /// Messages that were tried and are not delivered.
    pub(super) undelivered: i64,
    /// Reports that could not be read.
    pub(super) set_aside: i64,
}

/// One thing that Today cannot see, and where to go about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlindSpot {
    /// What it is.
    pub(super) words: String,
    /// Where to go.
    pub(super) path: &'static str,
}

impl Blind {
    /// The blind spots there are, in words.
    pub(super) fn spots(&self) -> Vec<BlindSpot> {
        let said = |number: i64, path, words: String| (number > 0).then_some(BlindSpot { words, path });
        let unheard = i64::from(self.recipients == 0);
        [
            said(unheard, "/people", "Nobody receives alerts by mail.".to_owned()),
            said(self.silent_agents, "/agents", self.silence()),
            said(
                self.not_monitored,
                "/practices",
                format!(
                    "{} last due while this server was down.",
                    count(self.not_monitored, "job was", "jobs were")
                ),
            ),
            said(
                self.unscheduled,
                "/practices",
                format!(
                    "{} no schedule, so nothing is expected.",
                    count(self.unscheduled, "job has", "jobs have")
                ),
            ),
            said(
                self.without_agent,
                "/practices",
                format!(
                    "{} no agent.",
                    count(self.without_agent, "practice has", "practices have")
                ),
            ),
            said(
                self.undelivered,
                "/messages",
                format!(
                    "{} not been delivered yet.",
                    count(self.undelivered, "message has", "messages have")
                ),
            ),
            said(
                self.set_aside,
                "/agents",
                format!(
                    "{} not be read.",
                    count(
                        self.set_aside,
                        "report is set aside, because it could",
                        "reports are set aside, because they could"
                    )
                ),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn silence(&self) -> String {
        let agents = count(self.silent_agents, "agent is silent", "agents are silent");
        match self.unknown_jobs {
            0 => format!("{agents}."),
            jobs => format!("{agents}, so {} cannot be judged.", count(jobs, "job", "jobs")),
        }
    }
}
