//! Messages that wait for somebody who left.

use jiff::Timestamp;

use super::{About, db};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId};

/// What is due for somebody who receives alerts no more goes to those who do, unless one of them has it already. A message
/// may have waited for days: it must not go to a mailbox that is not ours to write to any more, and it must not be lost.
pub(super) async fn hand_over(app: &App, transaction: &mut Transaction, now: Timestamp) -> Result<(), AppError> {
    let orphans = db::withdraw_orphans(transaction, now).await?;
    if orphans.is_empty() {
        return Ok(());
    }
    let alerts: Vec<AlertId> = orphans.iter().map(|orphan| orphan.alert).collect();
    let mut told = db::told(transaction, &alerts).await?;
    let mut firms: Vec<FirmId> = orphans.iter().map(|orphan| orphan.firm).collect();
    firms.sort_unstable();
    firms.dedup();
    let recipients = db::recipients(transaction, &firms).await?;
    let mut postings = Vec::new();
    for orphan in orphans {
        let matter = (orphan.alert, orphan.message.purpose);
        if told.contains(&matter) {
            continue;
        }
        told.push(matter);
        let about = About {
            firm: orphan.firm,
            practice: orphan.practice,
            alert: Some(orphan.alert),
        };
        let theirs = recipients.iter().filter(|recipient| recipient.firm == orphan.firm);
        postings.extend(theirs.map(|recipient| about.posting(recipient.clone(), orphan.message.clone(), now)));
    }
    db::insert(transaction, now, app.mailer.domain(), &postings).await
}
