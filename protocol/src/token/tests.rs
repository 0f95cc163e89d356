use super::*;

fn agent() -> AgentId {
    AgentId(Uuid::from_u128(7))
}

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn forged(header: &str, claims: &str, signature: &str) -> String {
    format!(
        "{}.{}.{signature}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

#[test]
fn a_signed_request_verifies() {
    let key = AgentKey::generate().unwrap();
    let token = key.sign(agent(), Uuid::from_u128(1), noon(), b"body").unwrap();
    assert_eq!(PublicKey::claimed_agent(&token), Some(agent()));
    assert_eq!(key.public().verify(&token, noon(), b"body").unwrap().sub, agent());
}

#[test]
fn another_body_key_or_time_is_refused() {
    let key = AgentKey::generate().unwrap();
    let token = key.sign(agent(), Uuid::from_u128(1), noon(), b"body").unwrap();
    let seconds = jiff::SignedDuration::from_secs;
    assert_eq!(
        key.public().verify(&token, noon(), b"other"),
        Err(TokenError::OtherBody)
    );
    assert_eq!(
        AgentKey::generate().unwrap().public().verify(&token, noon(), b"body"),
        Err(TokenError::Invalid)
    );
    assert_eq!(
        key.public().verify(&token, noon() + seconds(91), b"body"),
        Err(TokenError::Clock)
    );
    assert_eq!(
        key.public().verify(&token, noon() - seconds(31), b"body"),
        Err(TokenError::Clock)
    );
    assert!(key.public().verify(&token, noon() + seconds(90), b"body").is_ok());
}

#[test]
fn no_other_algorithm_is_reachable() {
    let key = AgentKey::generate().unwrap();
    let good = key.sign(agent(), Uuid::from_u128(1), noon(), b"body").unwrap();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(good.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let signature = good.split('.').nth(2).unwrap();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"RS256","typ":"JWT"}"#,
        r#"{"alg":"ES256","typ":"JWT"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"../../x"}"#,
        r"{}",
        "not json",
    ] {
        assert_eq!(
            key.public()
                .verify(&forged(header, &claims, signature), noon(), b"body"),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            key.public().verify(&forged(header, &claims, ""), noon(), b"body"),
            Err(TokenError::Invalid)
        );
    }
}

#[test]
fn a_token_that_outlives_its_lifetime_is_refused() {
    let key = AgentKey::generate().unwrap();
    install_provider();
    let claims = Claims {
        iss: TOKEN_ISSUER.to_owned(),
        sub: agent(),
        aud: TOKEN_AUDIENCE.to_owned(),
        iat: noon().as_second(),
        exp: noon().as_second() + 86_400,
        jti: Uuid::from_u128(1),
        body: body_hash(b"body"),
    };
    let private = EncodingKey::from_ed_der(key.as_pkcs8());
    let sign = |claims: &Claims| jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &private).unwrap();
    assert_eq!(
        key.public().verify(&sign(&claims), noon(), b"body"),
        Err(TokenError::Invalid)
    );
    let elsewhere = Claims {
        aud: "elsewhere".to_owned(),
        exp: claims.iat + 60,
        ..claims
    };
    assert_eq!(
        key.public().verify(&sign(&elsewhere), noon(), b"body"),
        Err(TokenError::Invalid)
    );
}

#[test]
fn garbage_is_refused_without_a_panic() {
    let key = AgentKey::generate().unwrap().public();
    for token in ["", ".", "..", "a.b.c", "....", "\u{0}", &"x".repeat(1_000_000)] {
        assert_eq!(key.verify(token, noon(), b""), Err(TokenError::Invalid));
        assert_eq!(PublicKey::claimed_agent(token), None);
    }
}
