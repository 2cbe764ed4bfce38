//! An issuer on loopback that signs real tokens, and everything that somebody else could sign or change.

pub(crate) mod fake;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use serde_json::{Value, json};

use self::fake::{FakeIssuer, Key};
use super::{Expected, Issuer, IssuerConfig, TokenError, issuer_of};

const NOW_SECONDS: i64 = 1_800_000_000;
const FOR_US: &str = "https://mizzen.example/mcp";

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_unix_nanos(NOW_SECONDS * 1_000_000_000))
}

pub(crate) fn client() -> HttpClient {
    HttpClient::new(ClientConfig::default()).unwrap()
}

fn claims(fake: &FakeIssuer) -> Value {
    json!({
        "iss": fake.url, "sub": "agent-7", "aud": FOR_US, "exp": NOW_SECONDS + 300, "iat": NOW_SECONDS,
        "scope": "tools:read tools:call", "azp": "some-client", "realm_access": { "roles": ["a", "b"] },
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

async fn started() -> (FakeIssuer, Issuer, Clock) {
    let (fake, clock) = (FakeIssuer::start().await, clock());
    let issuer = Issuer::new(IssuerConfig::new(&fake.url), client(), clock.clone()).unwrap();
    (fake, issuer, clock)
}

async fn verify(issuer: &Issuer, token: &str) -> Result<super::Claims, TokenError> {
    let audiences = [FOR_US.to_owned()];
    let scopes = ["tools:call".to_owned()];
    issuer.verify(token, &Expected { audiences: &audiences, scopes: &scopes, nonce: None }).await
}

async fn code(issuer: &Issuer, token: &str) -> &'static str {
    verify(issuer, token).await.map_or_else(|error| error.code(), |_| "verified")
}

#[tokio::test]
async fn tokens_of_every_kind_of_key_are_verified_and_say_who_and_what() {
    let (fake, issuer, _clock) = started().await;
    for key in [Key::rsa("r"), Key::ed25519("e", 7)] {
        fake.publish(&[&key]);
        let (_, issuer) = (&issuer, Issuer::new(IssuerConfig::new(&fake.url), client(), clock()).unwrap());
        let found = verify(&issuer, &key.sign(&claims(&fake))).await.unwrap();
        assert_eq!((found.subject.as_str(), found.texts("azp")), ("agent-7", vec!["some-client"]));
        assert!(found.scopes.contains("tools:read"));
        assert_eq!(found.texts("realm_access.roles"), ["a", "b"]);
        assert_eq!(found.texts("nothing.here"), [""; 0]);
        let several = with(claims(&fake), "aud", json!(["other", FOR_US]));
        assert!(verify(&issuer, &key.sign(&several)).await.is_ok());
    }
}

#[tokio::test]
async fn what_a_token_says_must_be_meant_for_us_now() {
    let (fake, issuer, clock) = started().await;
    let key = Key::ed25519("e", 7);
    fake.publish(&[&key]);
    let good = claims(&fake);
    let cases = [
        (with(good.clone(), "iss", json!("https://evil.example")), "token_issuer"),
        (with(good.clone(), "iss", json!([fake.url])), "token_claim"),
        (with(good.clone(), "iss", json!(format!("{}/", fake.url))), "token_issuer"),
        (without(good.clone(), "iss"), "token_claim"),
        (with(good.clone(), "aud", json!("https://other.example")), "token_audience"),
        (with(good.clone(), "aud", json!([])), "token_audience"),
        (without(good.clone(), "aud"), "token_claim"),
        (with(good.clone(), "exp", json!(NOW_SECONDS - 61)), "token_expired"),
        (with(good.clone(), "exp", json!("tomorrow")), "token_claim"),
        (without(good.clone(), "exp"), "token_claim"),
        (with(good.clone(), "nbf", json!(NOW_SECONDS + 61)), "token_not_yet_valid"),
        (with(good.clone(), "iat", json!(NOW_SECONDS + 61)), "token_not_yet_valid"),
        (with(good.clone(), "scope", json!("tools:read")), "insufficient_scope"),
        (without(good.clone(), "scope"), "insufficient_scope"),
        (without(good.clone(), "sub"), "token_claim"),
        (with(good.clone(), "exp", json!(NOW_SECONDS - 59)), "verified"),
        (with(without(good.clone(), "scope"), "scp", json!(["tools:call"])), "verified"),
    ];
    for (claims, expected) in cases {
        assert_eq!(code(&issuer, &key.sign(&claims)).await, expected, "{claims}");
    }
    let token = key.sign(&good);
    assert_eq!(code(&issuer, &token).await, "verified");
    clock.advance(Duration::from_secs(361));
    assert_eq!(code(&issuer, &token).await, "token_expired");
}

#[tokio::test]
async fn what_the_issuer_did_not_sign_is_refused() {
    let (fake, issuer, _clock) = started().await;
    let (rsa, ed, thief) = (Key::rsa("r"), Key::ed25519("e", 7), Key::ed25519("e", 8));
    fake.publish(&[&rsa, &ed]);
    let good = claims(&fake);
    assert_eq!(code(&issuer, &ed.sign(&good)).await, "verified");
    assert_eq!(code(&issuer, &thief.sign(&good)).await, "token_signature");
    assert_eq!(code(&issuer, &Key::ed25519("r", 7).sign(&good)).await, "token_key_unknown", "key of another kind");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for header in [json!({ "alg": "none", "kid": "r" }), json!({ "alg": "None" }), json!({ "alg": "" }), json!({})] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{}.{signature}", part(&header), part(&good));
            assert_eq!(code(&issuer, &token).await, "token_algorithm", "{header}");
        }
    }
    // The public key is no secret: who uses it as one proves nothing.
    for secret in rsa.public_texts() {
        assert_eq!(code(&issuer, &Key::hmac("r", secret.as_bytes()).sign(&good)).await, "token_algorithm");
    }
    // A key that the token brings along.
    let brought = json!({ "alg": "EdDSA", "kid": "x", "jwk": thief.jwk(), "jku": "https://evil.example/keys" });
    assert_eq!(code(&issuer, &thief.sign_with(&brought, &good)).await, "token_key_unknown");
    let critical = json!({ "alg": "EdDSA", "kid": "e", "crit": ["b64"], "b64": false });
    assert_eq!(code(&issuer, &ed.sign_with(&critical, &good)).await, "token_malformed");
    // One byte of it changed.
    let token = ed.sign(&good);
    let claims_at = token.find('.').unwrap() + 1;
    for place in (claims_at..token.len()).step_by(7).filter(|place| token.as_bytes()[*place] != b'.') {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        assert_eq!(code(&issuer, &String::from_utf8(bytes).unwrap()).await, "token_signature", "byte {place}");
    }
    for token in ["", "a.b", "a.b.c.d", &"a".repeat(super::TOKEN_BYTES_MAX + 1)] {
        assert_eq!(code(&issuer, token).await, "token_malformed");
        assert!(matches!(issuer_of(token), Err(TokenError::Malformed)));
    }
}

#[tokio::test]
async fn whom_to_ask_is_read_from_tokens_of_anybody_and_is_one_name() {
    let (fake, _issuer, _clock) = started().await;
    let (key, good) = (Key::ed25519("nobody's", 9), claims(&fake));
    assert_eq!(issuer_of(&key.sign(&good)).unwrap(), fake.url);
    for iss in [json!(null), json!([fake.url]), json!(7)] {
        let told = issuer_of(&key.sign(&with(good.clone(), "iss", iss.clone())));
        assert!(matches!(told, Err(TokenError::Claim("iss"))), "{iss}");
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_they_change() {
    let (fake, issuer, clock) = started().await;
    let (old, new) = (Key::ed25519("old", 1), Key::ed25519("new", 2));
    fake.publish(&[&old]);
    let good = claims(&fake);
    for _ in 0..5 {
        assert_eq!(code(&issuer, &old.sign(&good)).await, "verified");
    }
    assert_eq!(fake.key_fetches(), 1);
    fake.publish(&[&new]);
    assert_eq!(code(&issuer, &new.sign(&good)).await, "token_key_unknown", "not asked again so soon");
    assert_eq!(fake.key_fetches(), 1);
    clock.advance(Duration::from_secs(10));
    let good = with(good, "exp", json!(NOW_SECONDS + 9_000));
    assert_eq!(code(&issuer, &new.sign(&good)).await, "verified");
    assert_eq!(fake.key_fetches(), 2);
    assert_eq!(code(&issuer, &old.sign(&good)).await, "token_key_unknown", "what is not published any more");
    // Old keys are not believed for ever, even when nobody names an unknown one.
    fake.publish(&[&old]);
    clock.advance(Duration::from_secs(3_601));
    assert_eq!(code(&issuer, &new.sign(&good)).await, "token_key_unknown");
    fake.fail(true);
    clock.advance(Duration::from_secs(3_601));
    assert_eq!(code(&issuer, &old.sign(&good)).await, "issuer_unavailable");
}

#[tokio::test]
async fn metadata_must_name_the_issuer_that_was_asked_and_addresses_must_be_safe() {
    let fake = FakeIssuer::start().await;
    let key = Key::ed25519("e", 7);
    fake.publish(&[&key]);
    let by_other_name = fake.url.replace("127.0.0.1", "localhost");
    let other = Issuer::new(IssuerConfig::new(&by_other_name), client(), clock()).unwrap();
    assert!(matches!(other.metadata().await, Err(TokenError::Issuer(_))));
    let with_path = IssuerConfig { jwks_uri: Some(format!("{}/keys", fake.url)), ..IssuerConfig::new(&by_other_name) };
    let other = Issuer::new(with_path, client(), clock()).unwrap();
    let claims = with(claims(&fake), "iss", json!(by_other_name));
    assert_eq!(code(&other, &key.sign(&claims)).await, "verified", "the keys were configured");
    for address in ["http://login.example", "ftp://x", "login.example", "", "http://127.0.0.1.evil.example/"] {
        assert!(Issuer::new(IssuerConfig::new(address), client(), clock()).is_err(), "{address}");
    }
}
