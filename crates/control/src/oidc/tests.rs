use std::collections::BTreeMap;
use std::time::Duration;

use mizzen_model::permission::Role;
use mizzen_runtime::clock::Clock;
use mizzen_store::testing::{TestStore, stores};
use serde_json::{Value, json};

use super::{Answer, Oidc, OidcConfig, OidcError, Started};
use crate::Control;
use crate::environment::Environment;
use crate::tokens::tests::fake::{FakeIssuer, Key};
use crate::tokens::tests::{client, clock};

const CALLBACK: &str = "https://mizzen.example/oidc/callback";

struct Setup {
    test: TestStore,
    control: Control,
    fake: FakeIssuer,
    oidc: Oidc,
    key: Key,
    clock: Clock,
}

fn config(fake: &FakeIssuer) -> OidcConfig {
    let roles = [("viewer", vec!["staff"]), ("administrator", vec!["ops", "root"])];
    let roles = roles.map(|(role, values)| (role.to_owned(), values.into_iter().map(str::to_owned).collect()));
    OidcConfig {
        issuer: fake.url.clone(),
        client_id: "mizzen portal".to_owned(),
        client_secret: "env:SECRET".to_owned(),
        roles: roles.into(),
        ..OidcConfig::default()
    }
}

fn environment() -> Environment {
    Environment::of(BTreeMap::from([("SECRET".to_owned(), "s:e c".to_owned())]))
}

async fn setups() -> Vec<Setup> {
    let mut setups = Vec::new();
    for test in stores(&[crate::MIGRATIONS, super::MIGRATIONS].concat()).await {
        let (fake, clock, key) = (FakeIssuer::start().await, clock(), Key::ed25519("k", 3));
        fake.publish(&[&key]);
        let control = Control::open(test.store.clone(), test.data_dir(), clock.clone(), environment()).await.unwrap();
        let oidc = Oidc::new(&config(&fake), &control, &environment(), client()).unwrap().unwrap();
        setups.push(Setup { test, control, fake, oidc, key, clock });
    }
    setups
}

impl Setup {
    async fn start(&self) -> (Started, BTreeMap<String, String>) {
        let started = self.oidc.start(CALLBACK, Some("/runs?x=1")).await.unwrap();
        let query = started.location.split_once('?').unwrap().1;
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (started, pairs)
    }

    fn claims(&self, nonce: &str) -> Value {
        let now = self.clock.now().unix_nanos() / 1_000_000_000;
        json!({
            "iss": self.fake.url, "sub": "u-1", "aud": "mizzen portal", "exp": now + 300, "iat": now, "nonce": nonce,
            "email": "anna@example.com", "email_verified": true, "groups": ["staff", "ops"],
        })
    }

    /// A sign-in whose ID token a test may change.
    async fn with(&self, change: impl FnOnce(&mut Value)) -> Result<super::Finished, OidcError> {
        let (started, query) = self.start().await;
        let mut claims = self.claims(&query["nonce"]);
        change(&mut claims);
        self.finish(&started, &query, self.key.sign(&claims)).await
    }

    async fn finish(
        &self,
        started: &Started,
        query: &BTreeMap<String, String>,
        id_token: String,
    ) -> Result<super::Finished, OidcError> {
        self.fake.lay_ready("c0de", id_token);
        self.oidc.finish(&answer(started, query)).await
    }
}

fn answer(started: &Started, query: &BTreeMap<String, String>) -> Answer {
    Answer {
        code: Some("c0de".to_owned()),
        state: Some(query["state"].clone()),
        browser: Some(started.browser.expose().to_owned()),
        ..Answer::default()
    }
}

fn code(result: Result<super::Finished, OidcError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "signed in")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_the_provider_knows_gets_a_session_with_the_role_of_a_group() {
    for setup in setups().await {
        let (started, query) = setup.start().await;
        assert!(
            started
                .location
                .starts_with(&format!("{}/authorize?response_type=code&client_id=mizzen%20portal&", setup.fake.url))
        );
        assert_eq!(query["redirect_uri"], "https%3A%2F%2Fmizzen.example%2Foidc%2Fcallback");
        assert_eq!(
            (query["scope"].as_str(), query["code_challenge_method"].as_str()),
            ("openid%20profile%20email", "S256")
        );
        let id_token = setup.key.sign(&setup.claims(&query["nonce"]));
        let finished = setup.finish(&started, &query, id_token).await.unwrap();
        assert_eq!(finished.return_to, "/runs?x=1");
        let session = setup.control.sign_in().session(finished.cookie.value.expose()).await.unwrap().unwrap();
        assert_eq!((session.role, session.name.as_str()), (Role::Administrator, "anna@example.com"));
        let (form, authorization) = setup.fake.last_exchange();
        assert!(form.starts_with("grant_type=authorization_code&code=c0de&redirect_uri=https%3A%2F%2F"), "{form}");
        // Both sides of PKCE belong together, and the secret never goes through the browser.
        let verifier = form.split("code_verifier=").nth(1).unwrap();
        let challenge = <sha2::Sha256 as sha2::Digest>::digest(verifier);
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, challenge);
        assert_eq!(encoded, query["code_challenge"]);
        assert_eq!(authorization.unwrap(), "Basic bWl6emVuJTIwcG9ydGFsOnMlM0FlJTIwYw==");
        assert!(!started.location.contains(verifier) && !started.location.contains(started.browser.expose()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_come_from_groups_only() {
    for setup in setups().await {
        let role = |finished: super::Finished| (finished.cookie.session.role, finished.cookie.session.name);
        let viewer = setup.with(|claims| claims["groups"] = json!("staff")).await.unwrap();
        assert_eq!(role(viewer), (Role::Viewer, "anna@example.com".to_owned()));
        setup.fake.tell_beside(json!({ "sub": "u-1" }));
        for groups in [json!(["other"]), json!([]), json!(null), json!({ "staff": true }), json!(["administrator"])] {
            let refused = setup.with(|claims| claims["groups"] = groups.clone()).await;
            assert!(matches!(refused, Err(OidcError::NoRole { .. })), "{groups}");
        }
        let reserved = setup.with(|claims| claims["email"] = json!("Administrator")).await;
        assert!(matches!(reserved, Err(OidcError::Reserved)), "who has the administration token is called so");
        for unseen in ["anna\u{200b}@example.com", "\u{202e}anna", "an\nna", "administrator\u{2060}", " "] {
            let refused = setup.with(|claims| claims["email"] = json!(unseen)).await;
            assert!(matches!(refused, Err(OidcError::Name { .. })), "{unseen:?}");
        }
        for told in [json!(false), json!("false")] {
            let unchecked = setup.with(|claims| claims["email_verified"] = told.clone()).await.unwrap();
            assert_eq!(role(unchecked).1, "u-1", "an address that nobody checked names nobody: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_id_token_leaves_out_is_asked_for_and_believed_of_the_same_person_only() {
    for setup in setups().await {
        let without = |claims: &mut Value| {
            for claim in ["groups", "email", "email_verified"] {
                claims.as_object_mut().unwrap().remove(claim);
            }
        };
        // One that refuses takes nothing from what the ID token says, and adds nothing.
        assert_eq!(code(setup.with(without).await), "oidc_no_role");
        let nameless = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("email"));
        let session = setup.with(nameless).await.unwrap().cookie.session;
        assert_eq!((session.role, session.name.as_str()), (Role::Administrator, "u-1"));
        let told = json!({ "sub": "u-1", "groups": ["staff"], "email": "anna@example.com", "email_verified": true });
        setup.fake.tell_beside(told.clone());
        let session = setup.with(without).await.unwrap().cookie.session;
        assert_eq!((session.role, session.name.as_str()), (Role::Viewer, "anna@example.com"));
        // What is signed counts, and not what is told beside it.
        let signed = |claims: &mut Value| {
            without(claims);
            claims["groups"] = json!(["other"]);
        };
        assert_eq!(code(setup.with(signed).await), "oidc_no_role");
        for other in [json!("u-2"), json!(null)] {
            setup.fake.tell_beside(json!({ "sub": other, "groups": ["ops"] }));
            assert_eq!(code(setup.with(without).await), "oidc_token", "{other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_answer_to_this_sign_in_is_refused() {
    for setup in setups().await {
        assert_eq!(code(setup.with(|_| {}).await), "signed in");
        assert_eq!(code(setup.with(|claims| claims["nonce"] = json!("other")).await), "oidc_token");
        assert_eq!(
            code(setup.with(|claims| drop(claims.as_object_mut().unwrap().remove("nonce"))).await),
            "oidc_token"
        );
        assert_eq!(code(setup.with(|claims| claims["aud"] = json!("another client")).await), "oidc_token");
        assert_eq!(code(setup.with(|claims| claims["azp"] = json!("another client")).await), "oidc_token");
        assert_eq!(code(setup.with(|claims| claims["iss"] = json!("https://evil.example")).await), "oidc_token");
        assert_eq!(code(setup.with(|claims| claims["exp"] = json!(1)).await), "oidc_token");
        // Signed by somebody else, or with the secret that both sides know.
        for forger in [Key::ed25519("k", 4), Key::hmac("k", b"s:e c")] {
            let (started, query) = setup.start().await;
            let token = forger.sign(&setup.claims(&query["nonce"]));
            assert_eq!(code(setup.finish(&started, &query, token).await), "oidc_token");
        }
        // Once only.
        let (started, query) = setup.start().await;
        let token = setup.key.sign(&setup.claims(&query["nonce"]));
        assert_eq!(code(setup.finish(&started, &query, token.clone()).await), "signed in");
        assert_eq!(code(setup.finish(&started, &query, token).await), "oidc_state");
        // In another browser, or in none: and then not in the right one either.
        let (other, _) = setup.start().await;
        for browser in [Some(other.browser.expose().to_owned()), Some("mzb_x".to_owned()), None] {
            let (started, query) = setup.start().await;
            setup.fake.lay_ready("c0de", setup.key.sign(&setup.claims(&query["nonce"])));
            let right = answer(&started, &query);
            assert_eq!(code(setup.oidc.finish(&Answer { browser, ..right.clone() }).await), "oidc_state");
            assert_eq!(code(setup.oidc.finish(&right).await), "oidc_state");
        }
        for state in [None, Some(String::new()), Some("mzo_unknown".to_owned())] {
            let (started, query) = setup.start().await;
            assert_eq!(code(setup.oidc.finish(&Answer { state, ..answer(&started, &query) }).await), "oidc_state");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_is_slow_or_another_is_told_apart() {
    for setup in setups().await {
        let (started, query) = setup.start().await;
        let refused = Answer { error: Some("access_denied\n".to_owned()), ..answer(&started, &query) };
        let told = setup.oidc.finish(&refused).await.unwrap_err();
        assert_eq!(told.to_string(), "the provider refused the sign-in: access_denied");
        let (started, query) = setup.start().await;
        let other = Answer { issuer: Some("https://evil.example".to_owned()), ..answer(&started, &query) };
        assert_eq!(code(setup.oidc.finish(&other).await), "oidc_refused");
        let (started, query) = setup.start().await;
        let unknown = Answer { code: Some("unknown".to_owned()), ..answer(&started, &query) };
        let told = setup.oidc.finish(&unknown).await.unwrap_err();
        assert_eq!(told.to_string(), "the provider did not exchange the code: invalid_grant");
        let (started, query) = setup.start().await;
        setup.clock.advance(Duration::from_secs(601));
        let late = setup.key.sign(&setup.claims(&query["nonce"]));
        assert_eq!(code(setup.finish(&started, &query, late).await), "oidc_state");
        // Where one wants to go afterwards is on this server.
        for path in ["//evil.example", "/\\evil.example", "https://evil.example", "", "runs", "/a\nb"] {
            let started = setup.oidc.start(CALLBACK, Some(path)).await.unwrap();
            let state = started.location.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
            let query = BTreeMap::from([("state".to_owned(), state)]);
            let nonce = started.location.split("nonce=").nth(1).unwrap().split('&').next().unwrap();
            let token = setup.key.sign(&setup.claims(nonce));
            assert_eq!(setup.finish(&started, &query, token).await.unwrap().return_to, "/", "{path}");
        }
        // New keys of the provider are found.
        let new = Key::ed25519("new", 9);
        setup.fake.publish(&[&new]);
        setup.clock.advance(Duration::from_secs(11));
        let (started, query) = setup.start().await;
        let token = new.sign(&setup.claims(&query["nonce"]));
        assert_eq!(code(setup.finish(&started, &query, token).await), "signed in");
        setup.fake.fail(true);
        setup.clock.advance(Duration::from_secs(3_601));
        let (started, query) = setup.start().await;
        let token = new.sign(&setup.claims(&query["nonce"]));
        assert_eq!(code(setup.finish(&started, &query, token).await), "oidc_unavailable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_section_that_cannot_work_is_told_at_the_start() {
    let setup = setups().await.remove(0);
    let right = config(&setup.fake);
    let told = |config: OidcConfig| match Oidc::new(&config, &setup.control, &environment(), client()) {
        Ok(_) => "right".to_owned(),
        Err(error) => mizzen_runtime::error::Chain(&error).to_string(),
    };
    assert_eq!(told(right.clone()), "right");
    let with_secret = |secret: &str| told(OidcConfig { client_secret: secret.to_owned(), ..right.clone() });
    assert!(with_secret("hunter2").contains("and not be one") && !with_secret("hunter2").contains("hunter2"));
    assert!(with_secret("env:MISSING").contains("`MISSING`, which is not set"));
    let folder = setup.test.folder.path().join("secret");
    std::fs::write(&folder, "x\n").unwrap();
    assert_eq!(with_secret(&format!("file:{}", folder.display())), "right");
    assert!(told(OidcConfig { client_id: String::new(), ..right.clone() }).contains("oidc.client_id"));
    assert!(told(OidcConfig { issuer: "http://login.example".into(), ..right.clone() }).contains("https"));
    assert!(told(OidcConfig { roles: BTreeMap::new(), ..right.clone() }).contains("nobody a role"));
    let roles = BTreeMap::from([("viewr".to_owned(), vec!["x".to_owned()])]);
    assert!(told(OidcConfig { roles, ..right.clone() }).contains("did you mean `viewer`"));
    for (redirect, fits) in [
        ("", true),
        ("https://mizzen.example/oidc/callback", true),
        ("http://localhost:7600/oidc/callback", true),
        ("not a url", false),
        ("http://mizzen.example/oidc/callback", false),
        ("https://mizzen.example/", false),
        ("https://mizzen.example/oidc/callback?x=1", false),
    ] {
        let checked = OidcConfig { redirect_url: redirect.to_owned(), ..right.clone() }.check(&environment());
        assert_eq!(checked.is_ok(), fits, "{redirect}: {checked:?}");
    }
    assert!(serde_json::from_value::<OidcConfig>(json!({ "isuer": "x" })).is_err());
    let off = Oidc::new(&OidcConfig::default(), &setup.control, &environment(), client());
    assert!(off.unwrap().is_none());
}
