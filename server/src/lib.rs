//! Lastgood's server: knows what should have happened by when, and says when it did not.
//!
//! `routes` and `worker` list everything that can happen here; each slice folder holds one thing whole.

pub mod agents;
pub mod alerts;
pub mod app;
pub mod audit;
pub mod clock;
pub mod command;
pub mod config;
pub mod dashboard;
pub mod db;
pub mod demo;
pub mod discovery;
pub mod drills;
pub mod error;
pub mod expectations;
pub mod firms;
pub mod ids;
pub mod ingest;
pub mod jobs;
pub mod listen;
pub mod media;
pub mod notifications;
pub mod postgres;
pub mod practices;
pub mod routes;
pub mod runs;
#[cfg(test)]
pub mod testing;
pub mod tls;
pub mod users;
pub mod web;
pub mod worker;
