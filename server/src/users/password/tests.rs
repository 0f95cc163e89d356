use secrecy::SecretString;

use super::{Hashing, NOBODY, check, hasher};

fn problem(password: &str) -> Option<String> {
    check(&SecretString::from(password), "theo.long.name@example.test")
        .err()
        .map(|error| error.sentence())
}

#[test]
fn passwords_that_are_guessed_first_are_refused_with_their_field_named() {
    for guessed in [
        "elevenchars",
        "password1234",
        "Password2026!",
        "passwordpassword",
        "Summer2026!!",
        "qwertyuiop123",
        "aaaaaaaaaaaaaaaa",
        "123123123123123",
        "Welcome-Admin-1",
        "theo.long.name@example.test",
        "Theo.Long.Name1!",
        "!!!!!!!!????????",
    ] {
        let problem = problem(guessed).unwrap_or_else(|| panic!("{guessed} was accepted"));
        assert!(problem.starts_with("Password is "), "{problem}");
    }
    assert!(
        problem(&"long enough ".repeat(100))
            .unwrap()
            .contains("longer than 1000")
    );
}

#[test]
fn several_words_are_accepted() {
    for good in [
        "correct horse battery",
        "mittwoch-laterne-7",
        "backup of the blue elephant",
    ] {
        assert_eq!(problem(good), None);
    }
}

#[tokio::test]
async fn a_password_fits_its_own_hash_alone() {
    let hashing = Hashing::default();
    let (right, wrong) = (
        SecretString::from("a quiet green lamp"),
        SecretString::from("a quiet green lamb"),
    );
    let hash = hashing.hash(&right).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(hashing.verify(Some(&hash), &right).await.unwrap());
    assert!(!hashing.verify(Some(&hash), &wrong).await.unwrap());
    assert!(!hashing.verify(None, &right).await.unwrap());
    assert_ne!(
        hashing.hash(&right).await.unwrap(),
        hash,
        "two hashes should not share their salt"
    );
}

#[test]
fn an_unknown_account_costs_what_a_known_one_does() {
    let params = hasher().params().clone();
    let expected = format!(
        "$argon2id$v=19$m={},t={},p={}$",
        params.m_cost(),
        params.t_cost(),
        params.p_cost()
    );
    assert!(NOBODY.starts_with(&expected));
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let hashing = Hashing::default();
    let password = SecretString::from("a quiet green lamp");
    let many = (0..40).map(|_| hashing.verify(None, &password));
    let answers = futures_util::future::join_all(many).await;
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(refused, 40 - 22);
    assert!(
        hashing.verify(None, &password).await.is_ok(),
        "the queue should be free again"
    );
}
