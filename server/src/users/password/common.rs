//! Passwords of twelve characters or more that are tried first by whoever guesses: common words, keyboard rows and
//! names of our own trade, with what people add to them to reach the length asked for.

/// Words and rows that, alone, repeated, one after the other or with a few digits and signs around them, make a password
/// that is guessed first.
const WORDS: [&str; 109] = [
    "123456789012",
    "1234567890",
    "123456789",
    "12345678",
    "1234567",
    "123456",
    "12345",
    "1234",
    "0987654321",
    "987654321",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfgh",
    "asdf",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t",
    "1q2w3e4r",
    "1qaz2wsx3edc",
    "1qaz2wsx",
    "qazwsxedc",
    "qazwsx",
    "zaq12wsx",
    "q1w2e3r4",
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "pa55word",
    "passwort",
    "passphrase",
    "passcode",
    "pass",
    "letmein",
    "welcome",
    "willkommen",
    "bienvenue",
    "login",
    "signin",
    "changeme",
    "change",
    "secret",
    "default",
    "administrator",
    "admin",
    "root",
    "user",
    "guest",
    "test",
    "tester",
    "testing",
    "temp",
    "demo",
    "example",
    "sample",
    "iloveyou",
    "loveyou",
    "princess",
    "sunshine",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "monkey",
    "dragon",
    "master",
    "shadow",
    "michael",
    "jessica",
    "jennifer",
    "charlie",
    "freedom",
    "whatever",
    "trustno1",
    "starwars",
    "computer",
    "internet",
    "samsung",
    "microsoft",
    "windows",
    "google",
    "office",
    "company",
    "server",
    "backup",
    "backups",
    "restore",
    "lastgood",
    "practice",
    "therapy",
    "clinic",
    "doctor",
    "patient",
    "health",
    "medical",
    "hipaa",
    "spring",
    "summer",
    "autumn",
    "winter",
    "january",
    "december",
    "abcdefghijkl",
];

/// Whether this password, in lower case, is made of such words alone, whatever digits and signs stand around them.
pub(super) fn is_common(lower: &str) -> bool {
    let bare: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let distinct: std::collections::BTreeSet<char> = lower.chars().collect();
    distinct.len() <= 3 || bare.is_empty() || is_made_of_words(&bare) || is_made_of_words(lower)
}

/// Greedy from the left, longest word first; digits may stand between words.
fn is_made_of_words(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let longest = WORDS
            .iter()
            .filter_map(|word| rest.strip_prefix(word))
            .min_by_key(|rest| rest.len());
        rest = match longest {
            Some(shorter) => shorter,
            None => match rest.strip_prefix(|c: char| c.is_ascii_digit()) {
                Some(shorter) => shorter,
                None => return false,
            },
        };
    }
    true
}
