//! The central server.

pub mod config;
