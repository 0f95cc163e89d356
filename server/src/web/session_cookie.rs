//! The cookie that carries a session's token.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretBox};

/// `__Host-` makes browsers refuse it from another host, without TLS or for a part of the site (RFC 6265bis, 4.1.3.2).
const NAME: &str = "__Host-lastgood";

/// A session's 256-bit token. The database knows its SHA-256 alone.
pub type SessionToken = SecretBox<[u8; 32]>;

/// The token of a request, if it carries one.
pub fn read(headers: &HeaderMap) -> Option<SessionToken> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .and_then(|(_, value)| URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok())
        .map(|token: [u8; 32]| SecretBox::new(Box::new(token)))
}

/// The header that gives a browser its token.
pub fn set(token: &SessionToken) -> HeaderValue {
    let token = URL_SAFE_NO_PAD.encode(token.expose_secret());
    let cookie = format!("{NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(cookie).expect("base64 is a valid header value")
}

/// The header that takes it away again.
pub fn clear() -> HeaderValue {
    HeaderValue::from_static("__Host-lastgood=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}
