use std::time::Duration;

use mizzen_model::permission::Role;

use super::{ApiTokenError, NewApiToken};
use crate::plane::tests::planes;
use crate::sign_in::SignInError;

fn named(name: &str) -> NewApiToken {
    NewApiToken { name: name.into(), role: Role::Approver, created_by: "ada".into(), ttl: None }
}

#[tokio::test]
async fn a_token_is_who_it_names_with_its_role_until_it_is_revoked() {
    for plane in planes().await {
        let (info, token) = plane.control.api_tokens().mint(named("chat of bob")).await.unwrap();
        let (_folder, other) = plane.another_node().await;
        let session = plane.control.sign_in().bearer(token.expose()).unwrap();
        assert_eq!((session.name.as_str(), session.role, session.expires_at), ("chat of bob", Role::Approver, None));
        assert_eq!(other.sign_in().bearer(token.expose()), Some(session), "on another node, on {}", plane.test.name);
        assert_eq!(plane.control.api_tokens().list().await.unwrap(), std::slice::from_ref(&info));
        assert!(plane.control.snapshot().identify(token.expose()).is_none(), "it opens no door of a gateway");
        let signed_in = plane.control.sign_in().redeem_token(token.expose()).await;
        assert!(matches!(signed_in, Err(SignInError::WrongToken)), "a session would outlive the token");
        assert!(plane.control.api_tokens().revoke(&info.id).await.unwrap());
        assert!(!plane.control.api_tokens().revoke(&info.id).await.unwrap());
        assert_eq!(plane.control.sign_in().bearer(token.expose()), None);
        other.refresh().await.unwrap();
        assert_eq!(other.sign_in().bearer(token.expose()), None, "on another node, on {}", plane.test.name);
    }
}

#[tokio::test]
async fn a_token_expires_and_is_forgotten_later() {
    for plane in planes().await {
        let minute = Some(Duration::from_secs(60));
        let (_, token) = plane.control.api_tokens().mint(NewApiToken { ttl: minute, ..named("bot") }).await.unwrap();
        assert!(plane.control.sign_in().bearer(token.expose()).unwrap().expires_at.is_some());
        plane.clock.advance(Duration::from_secs(60));
        assert_eq!(plane.control.sign_in().bearer(token.expose()), None);
        assert_eq!(plane.control.api_tokens().list().await.unwrap().len(), 1);
        plane.clock.advance(Duration::from_secs(8 * 24 * 3600));
        plane.control.sweep().await;
        assert_eq!(plane.control.api_tokens().list().await.unwrap(), [], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_token_is_stored_as_its_hash_and_bears_no_name_that_is_another_s() {
    let plane = planes().await.swap_remove(0);
    let tokens = plane.control.api_tokens();
    let (info, token) = tokens.mint(named("bot")).await.unwrap();
    assert!(token.expose().starts_with("mzt_") && token.expose().ends_with(&info.last_four));
    let stored = sqlx::query_scalar::<_, String>("SELECT hash FROM control_api_tokens");
    let stored: String = stored.fetch_one(plane.test.store.pool()).await.unwrap();
    assert!(!stored.contains(&token.expose()[4..]));
    for name in ["Administrator", " administrator "] {
        assert!(matches!(tokens.mint(named(name)).await, Err(ApiTokenError::Reserved)), "{name}");
    }
    for name in ["", "  ", "a\nb", "bot\u{200d}", &"x".repeat(129)] {
        assert!(matches!(tokens.mint(named(name)).await, Err(ApiTokenError::Name)), "{name:?}");
    }
}
