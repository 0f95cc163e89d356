//! The real agent on a real machine: hostile servers, killed processes, power cuts, full disks, mounted media.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start processes, wait for real time to pass and read the real clock"
)]
#![expect(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    reason = "a test that looks for one thing fails where it is not found"
)]

mod daemon;
mod database_copy;
mod databases;
mod discover;
mod drill;
mod hostile_server;
mod machine;
mod media;
mod mounted;
mod output;
mod server;
mod spool_faults;
mod tools;
mod verify;
mod watch;
mod wrapped;
