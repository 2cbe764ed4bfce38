use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_control::tokens::{Claims, TokenError};
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use serde_json::{Value, json};

use super::{IssuerTokens, ResourceError, identity};
use crate::gateway::config::ResourceConfig;
use crate::gateway::pipeline::TokenCheck as _;

fn resource(more: &Value) -> ResourceConfig {
    let mut all =
        json!({ "url": "https://tools.example.com", "issuers": ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"] });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

fn claims(all: &Value) -> Claims {
    Claims {
        issuer: "https://login.example.com".into(),
        subject: "s-1".into(),
        audiences: vec!["https://tools.example.com".into()],
        expires_at: Timestamp::default(),
        scopes: BTreeSet::new(),
        all: all.as_object().unwrap().clone(),
    }
}

#[test]
fn a_token_names_its_agent_in_one_of_the_claims_or_is_refused() {
    let usual = resource(&json!({}));
    let own = resource(&json!({ "agent_claims": ["agent.name"], "team_claim": "team" }));
    for (resource, said, agent, team) in [
        (&usual, json!({ "azp": "a", "client_id": "b", "team": "t" }), Some("a"), None),
        (&usual, json!({ "client_id": "b" }), Some("b"), None),
        (&usual, json!({ "cid": "okta" }), Some("okta"), None),
        (&usual, json!({ "appid": "entra" }), Some("entra"), None),
        (&usual, json!({ "azp": "", "client_id": ["c", "d"], "cid": 7, "appid": "entra" }), Some("entra"), None),
        (&usual, json!({ "azp": "" }), None, None),
        (&usual, json!({ "agent": { "name": "a" } }), None, None),
        (&own, json!({ "agent": { "name": "a" }, "team": "t" }), Some("a"), Some("t")),
        (&own, json!({ "agent": { "name": "a" }, "team": ["t", "u"] }), Some("a"), None),
        (&own, json!({ "azp": "a", "team": "t" }), None, None),
    ] {
        match (identity(resource, claims(&said)), agent) {
            (Ok(found), Some(_)) => {
                assert_eq!((found.agent.as_deref(), found.team.as_deref()), (agent, team), "{said}")
            }
            (Err(TokenError::Agent(_)), None) => {}
            (found, _) => panic!("{said}: {found:?}"),
        }
    }
}

/// Nobody listens where the issuers are: whoever is asked is named in the fault.
#[tokio::test]
async fn the_issuer_that_a_token_names_decides_about_it_and_no_other() {
    let client = HttpClient::new(ClientConfig::default()).unwrap();
    let tokens = IssuerTokens::new(&resource(&json!({})), &client, &Clock::system()).unwrap();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token =
        |iss: &str| format!("{}.{}.AAAA", part(json!({ "alg": "EdDSA", "kid": "e" })), part(json!({ "iss": iss })));
    let away = tokens.check(&token("http://127.0.0.1:1/a"), &[]).await;
    assert!(matches!(&away, Err(TokenError::Unavailable { issuer, .. }) if issuer.ends_with("/a")), "{away:?}");
    let nobody = tokens.check(&token("https://login.example.com"), &[]).await;
    assert!(matches!(&nobody, Err(TokenError::Issuer(ours)) if ours.contains("/a` or `http")), "{nobody:?}");
}

#[test]
fn a_configuration_under_which_every_token_is_refused_is_refused_itself() {
    let client = HttpClient::new(ClientConfig::default()).unwrap();
    let tokens = |more: Value| IssuerTokens::new(&resource(&more), &client, &Clock::system());
    assert!(tokens(json!({ "agent_claims": ["", "agent"] })).is_ok());
    for none in [json!([]), json!([""])] {
        let refused = tokens(json!({ "agent_claims": none }));
        assert!(matches!(refused, Err(ResourceError::NoAgentClaim)), "{refused:?}");
    }
    let refused = tokens(json!({ "issuers": [] }));
    assert!(matches!(refused, Err(ResourceError::NoIssuer)), "{refused:?}");
}
