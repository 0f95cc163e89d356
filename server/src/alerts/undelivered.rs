//! A message that does not arrive is itself a problem.

use jiff::Timestamp;

use super::model::{AlertFacts, AlertKey, AlertKind, Recovery, Subject};
use super::{Raising, Tell, db, raising};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::PracticeId;
use crate::notifications::{Consequences, Recipient, Undelivered};

/// Makes alerts of messages that do not arrive, and closes them when messages arrive again.
#[derive(Debug, Clone, Copy)]
pub struct UndeliveredAlerts;

impl Consequences for UndeliveredAlerts {
    /// The others are told by mail where this recipient alone is the trouble. Where no mail leaves at all, a mail about it
    /// would only wait too: the alert stands on the pages.
    async fn undelivered(
        &self,
        app: &App,
        transaction: &mut Transaction,
        now: Timestamp,
        undelivered: &Undelivered,
    ) -> Result<(), AppError> {
        let facts = AlertFacts::Undelivered {
            count: undelivered.count,
            problem: undelivered.problem.clone(),
        };
        let tell = if undelivered.refused {
            Tell::AllBut(Some(undelivered.recipient.user))
        } else {
            Tell::Nobody
        };
        let key = key(&undelivered.recipient, undelivered.practice);
        let raising = Raising {
            key,
            since: undelivered.due,
            facts,
        };
        raising::raise(app, transaction, now, vec![raising], tell).await
    }

    async fn delivered(
        &self,
        app: &App,
        transaction: &mut Transaction,
        now: Timestamp,
        recipient: &Recipient,
    ) -> Result<(), AppError> {
        let recovery = Recovery {
            at: now,
            evidence: "A message to this address was delivered.".to_owned(),
        };
        // Almost always none, and never more than the firm has practices with trouble.
        for practice in db::undelivered_to(transaction, recipient).await? {
            super::recover(app, transaction, now, &key(recipient, practice), &recovery).await?;
        }
        Ok(())
    }
}

fn key(recipient: &Recipient, practice: PracticeId) -> AlertKey {
    AlertKey {
        firm: recipient.firm,
        practice,
        subject: Subject::recipient(recipient.user, recipient.address.clone()),
        kind: AlertKind::Undelivered,
    }
}
