//! Offices: where a practice works, its time zone, and when it is closed.

mod db;

pub(super) use db::{ClosureRow, OfficeRow, add_closure, change_office, closures, office, offices, remove_closure};
