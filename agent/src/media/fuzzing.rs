//! Doors of this folder for [`crate::fuzzing`].

use std::fs;
use std::path::Path;

/// A marker on a medium of anybody.
pub(crate) fn marker(content: &[u8], scratch: &Path) {
    fs::write(scratch.join(super::MARKER_FILE), content).expect("the scratch folder can be written");
    if let Some(marker) = super::read_marker(scratch) {
        let names = [Some(&marker.label), marker.set.as_ref()];
        for name in names.into_iter().flatten() {
            assert!(!name.chars().any(char::is_control), "what is reported is plain");
        }
    }
}
