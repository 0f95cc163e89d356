//! `lastgood-agent`: the program on one machine at a practice. It runs or wraps backup jobs, measures what they did,
//! keeps what it has to say in a spool that survives a power cut, and delivers it, signed, to its server.
//!
//! Nothing that is received is ever run, and nothing received becomes a path: the server can answer, never command.

mod backup;
pub mod cli;
mod client;
mod clock;
mod config;
mod copy;
mod coverage;
mod daemon;
mod discover;
mod drill;
mod engine;
mod enrolment;
mod exec;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
mod ids;
mod media;
mod platform;
mod redaction;
mod secrets;
mod spool;
mod state;
mod tls;
mod tools;
mod verify;
mod watch;
