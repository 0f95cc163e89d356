use std::fs;

use super::{access, durable, protect, volume};

#[test]
fn a_serial_number_is_shown_as_windows_shows_it() {
    assert_eq!(volume::show_serial(0x01ab_00ff), "01AB-00FF");
}

#[test]
fn what_is_sealed_is_not_readable_and_can_be_opened() {
    let sealed = protect::seal(b"the agent's key").expect("Windows seals");
    assert!(!sealed.windows(5).any(|part| part == b"agent"));
    assert_eq!(protect::unseal(&sealed).expect("it is ours"), b"the agent's key");
}

#[test]
fn a_file_that_is_long_to_name_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut deep = folder.path().to_path_buf();
    for _ in 0..6 {
        deep.push("a folder with a name of fifty characters, or nearly");
    }
    fs::create_dir_all(&deep).expect("a long path");
    assert!(deep.as_os_str().len() > 260);
    let (old, new) = (deep.join("old"), deep.join("new"));
    fs::write(&old, b"old").expect("writable");
    fs::write(&new, b"new").expect("writable");
    durable::replace_file(&new, &old).expect("renamed");
    durable::sync_folder(&deep).expect("flushed");
    assert_eq!(fs::read(&old).expect("readable"), b"new");
    assert!(!new.exists());
}

#[test]
fn a_private_folder_lets_nobody_else_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let private = folder.path().join("one").join("two");
    access::create_private_folder(&private).expect("made");
    access::create_private_folder(&private).expect("it is there already");
    // The folder itself: what is made in it inherits that on Windows, and not under Wine.
    assert!(!access::others_can_read(&private).expect("readable"));
    assert!(!access::others_can_write(&private).expect("readable"));
}
