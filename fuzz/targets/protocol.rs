//! What the server reads before it knows who sent it, and what a person pastes.
#![no_main]

use lastgood_protocol::{EnrolmentToken, EventBody, JobKey, PublicKey, RawBatch, RawEvent};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    if let Ok(token) = text.parse::<EnrolmentToken>() {
        let again = token.to_string().parse::<EnrolmentToken>();
        assert_eq!(again.map(|again| again.to_string()).ok(), Some(token.to_string()));
    }
    drop(text.parse::<JobKey>());
    let _claimed = PublicKey::claimed_agent(&text);
    if let Ok(batch) = serde_json::from_slice::<RawBatch<'_>>(input) {
        for event in batch.events {
            if let Ok(event) = serde_json::from_str::<RawEvent<'_>>(event.get()) {
                let tagged = format!("{{\"kind\":\"{}\",\"body\":{}}}", event.kind.escape_default(), event.body);
                drop(serde_json::from_str::<EventBody>(&tagged));
            }
        }
    }
});
