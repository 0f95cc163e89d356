//! The short-lived token that signs each request: EdDSA (RFC 8037) and nothing else.
//!
//! `jsonwebtoken` is given a cryptography provider that knows Ed25519 alone, so no other algorithm, `none` included,
//! can be reached whatever a token's header says.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::AgentId;

/// The audience every agent token names.
pub const TOKEN_AUDIENCE: &str = "lastgood/agent/v1";

/// The issuer every agent token names.
pub const TOKEN_ISSUER: &str = "lastgood-agent";

/// How long a token is valid after it is signed.
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(1);

/// How far a token's times may differ from the verifier's clock, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Always [`TOKEN_ISSUER`].
    pub iss: String,
    /// The agent.
    pub sub: AgentId,
    /// Always [`TOKEN_AUDIENCE`].
    pub aud: String,
    /// When it was signed, seconds since 1970.
    pub iat: i64,
    /// When it stops being valid, seconds since 1970.
    pub exp: i64,
    /// Unique per token.
    pub jti: Uuid,
    /// SHA-256 of the request's body, base64url without padding.
    pub body: String,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a token, names another audience or issuer, or its signature does not verify.
    #[error("the token does not verify")]
    Invalid,
    /// It verifies, but not at this time.
    #[error("the token is not valid at this time")]
    Clock,
    /// It verifies, but signs another body.
    #[error("the token signs another body")]
    OtherBody,
}

/// Why a private key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an Ed25519 private key in PKCS #8 form")]
pub struct AgentKeyError;

/// An agent's private key. It is made on the agent's machine and never leaves it; `Debug` does not show it.
pub struct AgentKey {
    pkcs8: Vec<u8>,
    public: PublicKey,
}

impl AgentKey {
    /// Makes a new key from the system's randomness.
    pub fn generate() -> Result<Self, AgentKeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).map_err(|_| AgentKeyError)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a key that [`Self::as_pkcs8`] gave.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, AgentKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| AgentKeyError)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| AgentKeyError)?;
        Ok(Self {
            pkcs8: pkcs8.to_vec(),
            public: PublicKey(public),
        })
    }

    /// The key in PKCS #8 v2 form, to be stored where only the agent can read it.
    pub fn as_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The half that the server knows.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a request with this body, as `agent`, at `now` by the server's clock as far as the agent knows it.
    pub fn sign(&self, agent: AgentId, jti: Uuid, now: Timestamp, body: &[u8]) -> Result<String, TokenError> {
        install_provider();
        let lifetime = i64::try_from(TOKEN_LIFETIME.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: TOKEN_ISSUER.to_owned(),
            sub: agent,
            aud: TOKEN_AUDIENCE.to_owned(),
            iat: now.as_second(),
            exp: now.as_second().saturating_add(lifetime),
            jti,
            body: body_hash(body),
        };
        let key = EncodingKey::from_ed_der(&self.pkcs8);
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).map_err(|_| TokenError::Invalid)
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// An agent's Ed25519 public key; base64url without padding on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key from its 32 bytes; `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Whom a token claims to be from, unverified: only to find the key to verify it with.
    pub fn claimed_agent(token: &str) -> Option<AgentId> {
        #[derive(Deserialize)]
        struct Subject {
            sub: AgentId,
        }
        let payload = token.split('.').nth(1)?;
        let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
        serde_json::from_slice::<Subject>(&json).ok().map(|subject| subject.sub)
    }

    /// Verifies a token at `now`, and that it signs exactly this body.
    ///
    /// The times are compared here, with the caller's clock; `jsonwebtoken` would read the system's.
    pub fn verify(&self, token: &str, now: Timestamp, body: &[u8]) -> Result<Claims, TokenError> {
        install_provider();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[TOKEN_AUDIENCE]);
        validation.set_issuer(&[TOKEN_ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_exp = false;
        let key = DecodingKey::from_ed_der(&self.0);
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;

        let lifetime = i64::try_from(TOKEN_LIFETIME.as_secs()).unwrap_or(i64::MAX);
        if claims.exp.saturating_sub(claims.iat) > lifetime {
            return Err(TokenError::Invalid);
        }
        let seconds = now.as_second();
        if claims.exp.saturating_add(LEEWAY_SECONDS) < seconds || claims.iat.saturating_sub(LEEWAY_SECONDS) > seconds {
            return Err(TokenError::Clock);
        }
        if claims.body != body_hash(body) {
            return Err(TokenError::OtherBody);
        }
        Ok(claims)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or("a public key is 32 bytes in base64url without padding")
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        URL_SAFE_NO_PAD.encode(key.0)
    }
}

fn body_hash(body: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, body))
}

struct Ed25519Signer(Ed25519KeyPair);

impl signature::Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(Vec<u8>);

impl signature::Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the type of CryptoProvider::signer_factory"
)]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, JwtError> {
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let pair = Ed25519KeyPair::from_pkcs8(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Signer(pair)))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the type of CryptoProvider::verifier_factory"
)]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, JwtError> {
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Ed25519Verifier(key.try_get_as_bytes()?.to_vec())))
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

fn install_provider() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        PROVIDER
            .install_default()
            .expect("this is the only place that installs a provider");
    });
}

#[cfg(test)]
mod tests;
