//! Opens alerts, many at once: how many queries that takes does not grow with how many alerts there are, until they are
//! so many that their letters would need much memory.

mod db;

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::model::{AlertFacts, AlertKey, AlertKind, SubjectKind};
use super::setting::Setting;
use super::{QUIET_BETWEEN, Tell};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId, PracticeId};
use crate::notifications::{self, About, Posting, Recipient};

use db::Line;

/// Alerts opened together; their letters are in memory at the same time.
const TOGETHER: usize = 64;

/// A problem that was found.
#[derive(Debug, Clone)]
pub struct Raising {
    /// Which.
    pub key: AlertKey,
    /// When it began.
    pub since: Timestamp,
    /// What is known of it.
    pub facts: AlertFacts,
}

/// What opening found.
#[derive(Debug)]
struct Found {
    alert: AlertId,
    /// It was not open before.
    is_new: bool,
    /// Its facts before this.
    facts: AlertFacts,
}

/// See [`super::raise_all`].
pub(super) async fn raise(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    raisings: Vec<Raising>,
    tell: Tell,
) -> Result<(), AppError> {
    let raisings: Vec<Raising> = each_once(raisings).into_values().collect();
    for some in raisings.chunks(TOGETHER) {
        raise_some(app, transaction, now, some, tell).await?;
    }
    Ok(())
}

type KeyParts = (FirmId, PracticeId, SubjectKind, Uuid, AlertKind);

/// In one order, so that two transactions never wait for each other.
fn each_once(raisings: Vec<Raising>) -> BTreeMap<KeyParts, Raising> {
    let mut once: BTreeMap<KeyParts, Raising> = BTreeMap::new();
    for raising in raisings {
        let key = &raising.key;
        let parts = (key.firm, key.practice, key.subject.kind, key.subject.id, key.kind);
        match once.get_mut(&parts) {
            Some(known) => known.facts = known.facts.with(&raising.facts).0,
            None => {
                once.insert(parts, raising);
            }
        }
    }
    once
}

async fn raise_some(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    raisings: &[Raising],
    tell: Tell,
) -> Result<(), AppError> {
    let found = db::open_or_find(transaction, now, raisings).await?;
    let mut changed = Vec::new();
    let mut lines = Vec::new();
    let mut new = Vec::new();
    for (raising, found) in raisings.iter().zip(&found) {
        let line = |what| Line {
            key: &raising.key,
            alert: found.alert,
            what,
            facts: &raising.facts,
        };
        if found.is_new {
            lines.push(line("opened"));
            new.push((raising, found.alert));
            continue;
        }
        let (together, is_news) = found.facts.with(&raising.facts);
        if together != found.facts {
            changed.push((raising.key.firm, found.alert, together));
        }
        if is_news {
            lines.push(line("repeated"));
        }
    }
    db::set_facts(transaction, &changed).await?;
    db::add_lines(transaction, now, &lines).await?;
    tell_of(app, transaction, now, &new, tell).await
}

/// Writes the messages about alerts that were opened.
async fn tell_of(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    new: &[(&Raising, AlertId)],
    tell: Tell,
) -> Result<(), AppError> {
    let Tell::AllBut(but) = tell else {
        return Ok(());
    };
    if new.is_empty() {
        return Ok(());
    }
    let mut firms: Vec<FirmId> = new.iter().map(|(raising, _)| raising.key.firm).collect();
    firms.sort_unstable();
    firms.dedup();
    let mut recipients: BTreeMap<FirmId, Vec<Recipient>> = BTreeMap::new();
    for recipient in notifications::recipients(transaction, &firms).await? {
        if Some(recipient.user) != but {
            recipients.entry(recipient.firm).or_default().push(recipient);
        }
    }
    let told: Vec<_> = new
        .iter()
        .filter(|(raising, _)| recipients.contains_key(&raising.key.firm))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let keys: Vec<&AlertKey> = told.iter().map(|(raising, _)| &raising.key).collect();
    let settings = Setting::find_all(transaction, now, &keys).await?;
    let last_told = db::last_told(transaction, &keys, now - QUIET_BETWEEN).await?;
    let earliest = now + app.options.alert_hold;
    let mut postings: Vec<Posting> = Vec::new();
    for (((raising, alert), setting), last_told) in told.into_iter().zip(&settings).zip(last_told) {
        let key = &raising.key;
        let message = setting
            .matter(app, key, *alert, raising.since, &raising.facts)
            .opened()?;
        let due = last_told.map_or(earliest, |last| earliest.max(last + QUIET_BETWEEN));
        let about = About {
            firm: key.firm,
            practice: key.practice,
            alert: Some(*alert),
        };
        let theirs = recipients.get(&key.firm).into_iter().flatten();
        postings.extend(theirs.map(|recipient| about.posting(recipient.clone(), message.clone(), due)));
    }
    notifications::post(app, transaction, now, &postings).await
}
