//! Passwords: which ones are accepted, and their slow hash.

mod common;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::error::AppError;
use crate::ids;

/// The fewest characters of a password (NIST SP 800-63B-4, 3.1.1.2, asks for 15, or for 8 beside a second factor).
pub const SHORTEST: usize = 12;

/// The most bytes that are read of one: more is no safer, and hashing it costs.
const LONGEST: usize = 1000;

/// Hashes at work at a time: each takes 19 MiB and tens of milliseconds of a core.
const AT_A_TIME: usize = 2;

/// Requests that may wait for a hash; about a second of waiting.
const MAY_WAIT: usize = 20;

/// Seconds after which whoever found the queue full should try again.
const FULL_RETRY: u64 = 5;

/// What an unknown account's password is compared with, so that it takes as long as a known one's. Made with the
/// parameters of [`hasher`]; no password is known to fit.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bGFzdGdvb2Qtbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Passwords at work: a few at a time, and a bounded queue, so that sign-ins cannot take the whole machine.
#[derive(Debug)]
pub struct Hashing {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// Counts itself among the waiting for as long as it lives, also when the request is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hashing {
    /// The hash to keep of a password that [`check`] accepted.
    pub async fn hash(&self, password: &SecretString) -> Result<String, AppError> {
        let password = password.clone();
        self.work(move || hash(&password)).await?
    }

    /// Whether the password is the one this hash was made of. Without a hash the answer is no, after the same work.
    ///
    /// # Errors
    /// [`AppError::TooMany`] when too many others wait.
    pub async fn verify(&self, hash: Option<&str>, password: &SecretString) -> Result<bool, AppError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let password = password.clone();
        let fits = self.work(move || verify(&hash, &password)).await??;
        Ok(fits && known)
    }

    async fn work<Done: Send + 'static>(&self, work: impl FnOnce() -> Done + Send + 'static) -> Result<Done, AppError> {
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let waiting = Waiting(&self.waiting);
        if before >= AT_A_TIME + MAY_WAIT {
            return Err(AppError::TooMany {
                retry_after: FULL_RETRY,
            });
        }
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(AppError::internal)?;
        // The work goes on when its request is given up, and so does its permit.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        let done = done.await.map_err(AppError::internal);
        drop(waiting);
        done
    }
}

/// Argon2id with 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
fn hasher() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &SecretString) -> Result<String, AppError> {
    let salt: [u8; 16] = ids::random();
    let hash = hasher()
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
        .map_err(|error| AppError::internal(error.to_string()))?;
    Ok(hash.to_string())
}

fn verify(hash: &str, password: &SecretString) -> Result<bool, AppError> {
    // Longer than any that was accepted; not worth its hashing.
    if password.expose_secret().len() > LONGEST {
        return Ok(false);
    }
    let hash = PasswordHash::new(hash).map_err(|error| AppError::internal(error.to_string()))?;
    Ok(hasher()
        .verify_password(password.expose_secret().as_bytes(), &hash)
        .is_ok())
}

/// Accepts a new password, or says what is wrong with it.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub fn check(password: &SecretString, email: &str) -> Result<(), AppError> {
    let text = password.expose_secret();
    let wrong = |problem: &str| Err(AppError::Invalid(format!("Password {problem}")));
    if text.chars().count() < SHORTEST {
        return wrong(&format!("is shorter than {SHORTEST} characters. Use several words."));
    }
    if text.len() > LONGEST {
        return wrong(&format!("is longer than {LONGEST} bytes. Shorten it."));
    }
    let lower = text.to_lowercase();
    let account = email.split('@').next().unwrap_or_default();
    if lower == email.to_lowercase() || lower.trim_end_matches(|c: char| !c.is_alphabetic()) == account {
        return wrong("is the e-mail address. Choose something that is known to you alone.");
    }
    if common::is_common(&lower) {
        return wrong("is one of the first that anybody would try. Use several words that do not belong together.");
    }
    Ok(())
}
