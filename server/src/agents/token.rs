//! Making enrolment tokens.

use jiff::Timestamp;
use lastgood_protocol::EnrolmentToken;
use sha2::{Digest as _, Sha256};

use super::db;
use super::model::Place;
use crate::app::Options;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, TokenId, UserId};

/// Makes a token for one agent of this place. The word is shown once: only its secret's SHA-256 is stored.
///
/// # Errors
/// When the place does not exist in the transaction's scope.
pub async fn make_token(
    options: &Options,
    transaction: &mut Transaction,
    now: Timestamp,
    place: &Place,
    created_by: Option<UserId>,
) -> Result<(TokenId, EnrolmentToken), AppError> {
    let secret: [u8; 32] = ids::random();
    let token: TokenId = ids::new(now);
    let hash = Sha256::digest(secret);
    db::insert_token(transaction, now, token, place, &hash, created_by).await?;
    let word = EnrolmentToken {
        server: options.public_url.clone(),
        authority_pin: options.authority_pin,
        secret,
    };
    Ok((token, word))
}
