//! The files of `static/`, inside the binary, under names that change with their content.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use rust_embed::RustEmbed;

use super::{Access, Ids, Path, Route};
use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "../static/"]
#[exclude = "*.md"]
#[exclude = "*.txt"]
#[exclude = "*/MANIFEST"]
struct Files;

/// The address of a file of `static/`: it holds the file's hash, so that browsers may keep it for ever.
pub fn address(name: &str) -> String {
    match Files::get(name) {
        Some(file) => format!("/static/{}/{name}", short_hash(&file)),
        None => format!("/static/missing/{name}"),
    }
}

/// The routes of static files.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/static/{hash}/{*name}", Access::Anyone, serve).by(Ids::File)]
}

async fn serve(Path((_, name)): Path<(String, String)>) -> Result<Response, AppError> {
    let file = Files::get(&name).ok_or(AppError::NotFound)?;
    let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let mut response = file.data.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    Ok(response)
}

fn short_hash(file: &rust_embed::EmbeddedFile) -> String {
    file.metadata
        .sha256_hash()
        .iter()
        .take(6)
        .fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("writing to a String does not fail");
            hash
        })
}
