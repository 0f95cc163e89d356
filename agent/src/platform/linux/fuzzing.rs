//! Doors of this folder for [`crate::fuzzing`].

/// A line of the system's list of mounts.
pub(crate) fn mount(line: &str) {
    drop(super::mounts::parse_mount(line));
}
