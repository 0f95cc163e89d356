#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| lastgood_agent::fuzzing::redaction(input));
