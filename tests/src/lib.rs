//! The stage on which the tests play: the real programs, started as a person would start them, and what surrounds them in
//! life (a mail server, a practice's machine, somebody with a browser).
//!
//! Nothing here knows the inside of the server but its route table. What a test wants to see it asks for through HTTPS, mail,
//! the command line, or with the database owner's own `psql`.

#![expect(
    clippy::disallowed_methods,
    reason = "the world around the product: it reads clocks, starts programs and waits, as people and machines do"
)]

pub mod agent;
pub mod cluster;
pub mod database;
pub mod demo;
pub mod folder;
pub mod mail;
pub mod process;
pub mod programs;
pub mod reporter;
pub mod server;
pub mod visitor;
pub mod wait;
pub mod wine;
pub mod wire;
