#![no_main]

use std::sync::LazyLock;

static SCRATCH: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir_in("/dev/shm").expect("there is room"));

libfuzzer_sys::fuzz_target!(|input: &[u8]| lastgood_agent::fuzzing::medium(input, SCRATCH.path()));
