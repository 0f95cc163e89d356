//! Tells everybody who receives alerts that fewer people will (house rule 9).

use crate::db::Transaction;
use crate::error::AppError;
use crate::notifications::{self, Letter, Posting, Purpose, Recipient};
use crate::web::Context;

/// Who receives this firm's alerts before a change, so that whoever it takes off the list hears of it too.
pub(super) async fn recipients(context: &Context, transaction: &mut Transaction) -> Result<Vec<Recipient>, AppError> {
    notifications::recipients(transaction, &[context.person()?.firm]).await
}

/// Puts the notice into the outbox, in the transaction of the change.
pub(super) async fn tell(
    context: &Context,
    transaction: &mut Transaction,
    recipients: Vec<Recipient>,
    sentence: String,
) -> Result<(), AppError> {
    let letter = Letter {
        purpose: Purpose::Notice,
        practice: String::new(),
        fact: "somebody changed who receives alerts".to_owned(),
        mark: String::new(),
        first_line: sentence,
        details: vec!["If this is a surprise, ask whoever is named here.".to_owned()],
        days: Vec::new(),
        button: (
            "See who receives alerts",
            format!("{}/people", context.app.options.public_url),
        ),
        reason: "You get this because you receive your firm's alerts, or did until now.",
    };
    let message = letter.message()?;
    let postings: Vec<Posting> = recipients
        .into_iter()
        .map(|recipient| Posting {
            recipient,
            practice: None,
            alert: None,
            message: message.clone(),
            in_reply_to: None,
            due: context.now,
        })
        .collect();
    notifications::post(&context.app, transaction, context.now, &postings).await
}
