//! Plumbing of pages that knows no word of the domain, except who may call what.

pub mod access;
pub mod assets;
pub mod context;
pub mod cross_site;
pub mod extract;
pub mod health;
pub mod layout;
pub mod page;
pub mod reader;
pub mod security_headers;
pub mod session_cookie;
#[cfg(test)]
mod tests;
pub mod words;

pub use access::{Access, Audit, Ids, Route};
pub use context::{Context, Person};
pub use extract::{Form, Path, Query};
pub use layout::{Layout, Section};
pub use page::redirect;
pub use reader::Theme;
