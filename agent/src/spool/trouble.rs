//! What went wrong with the spool itself, told to the consultant.

use jiff::Timestamp;
use lastgood_protocol::{AgentProblem, AgentProblemKind, EventBody, EventId};

use super::{Appended, Spool, SpoolError};

impl Spool {
    /// Turns what was counted since the last time (dropped, damaged, refused) into events that say so. The counts are
    /// forgotten only once those events are durable.
    pub(crate) fn report_troubles(
        &self,
        now: Timestamp,
        mut new_id: impl FnMut() -> EventId,
    ) -> Result<(), SpoolError> {
        let mut held = self.hold()?;
        let troubles = [
            (AgentProblemKind::SpoolOverflow, held.ledger.dropped),
            (AgentProblemKind::SpoolCorrupt, held.ledger.damaged),
            (AgentProblemKind::EventsRejected, held.ledger.refused),
        ];
        for (kind, count) in troubles {
            if count == 0 {
                continue;
            }
            let problem = EventBody::AgentProblem(AgentProblem {
                kind,
                message: trouble_message(kind, count),
                count,
            });
            if self.append_held(&mut held, new_id(), now, problem)? != Appended::Stored {
                continue;
            }
            let counter = match kind {
                AgentProblemKind::SpoolOverflow | AgentProblemKind::SpoolUnwritable => &mut held.ledger.dropped,
                AgentProblemKind::SpoolCorrupt => &mut held.ledger.damaged,
                AgentProblemKind::EventsRejected => &mut held.ledger.refused,
            };
            *counter = counter.saturating_sub(count);
            self.save(&mut held).map_err(|source| self.error(source))?;
        }
        Ok(())
    }
}

fn trouble_message(kind: AgentProblemKind, count: u64) -> String {
    let (one, many, what) = match kind {
        AgentProblemKind::SpoolOverflow | AgentProblemKind::SpoolUnwritable => (
            "report was",
            "reports were",
            "dropped because the agent had no room to keep it until the server could be reached",
        ),
        AgentProblemKind::SpoolCorrupt => (
            "record was",
            "records were",
            "damaged on the agent's disk and set aside",
        ),
        AgentProblemKind::EventsRejected => ("report was", "reports were", "refused by the server and set aside"),
    };
    let subject = if count == 1 { one } else { many };
    format!("{count} {subject} {what}.")
}
