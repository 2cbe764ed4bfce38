use std::time::Duration;

use mizzen_model::id::Digest;
use mizzen_model::run::JUDGE_CALLER;
use proptest::prelude::*;
use sqlx::Row as _;

use super::{EXPIRED_KEPT, KeyError, KeyInfo, NAME_BYTES_MAX, NewKey};
use crate::plane::tests::{named, planes};
use crate::snapshot::KeyIdentity;

#[tokio::test]
async fn a_key_names_its_caller_at_once_and_after_a_restart() {
    for plane in planes().await {
        let new = NewKey {
            name: "helm".into(),
            agent: Some("helm-agent".into()),
            team: Some("platform".into()),
            run_id: Some("run-1".parse().unwrap()),
            agent_digest: Some(Digest::of(b"helm")),
            minted_by: Some("ada".into()),
            ttl: Some(Duration::from_secs(60)),
        };
        let (info, key) = plane.control.keys().mint(new).await.unwrap();
        let expected = KeyIdentity {
            key_id: info.id.clone(),
            caller: "helm".into(),
            agent: Some("helm-agent".into()),
            team: Some("platform".into()),
            agent_digest: Some(Digest::of(b"helm")),
            minted_by: Some("ada".into()),
            run_id: Some("run-1".parse().unwrap()),
            expires_at: Some(plane.clock.now().plus_nanos(60_000_000_000)),
        };
        assert!(key.expose().starts_with("mzk_") && key.expose().ends_with(&info.last_four));
        assert_eq!(plane.control.snapshot().identify(key.expose()), Some(expected.clone()));
        assert_eq!(plane.reopen().await.unwrap().snapshot().identify(key.expose()), Some(expected));
        assert_eq!(plane.control.keys().list().await.unwrap(), [info], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn an_expired_key_names_nobody_from_the_very_instant() {
    for plane in planes().await {
        let new = NewKey { ttl: Some(Duration::from_secs(60)), ..named("agent") };
        let (_, key) = plane.control.keys().mint(new).await.unwrap();
        let snapshot = plane.control.snapshot();
        plane.clock.advance(Duration::from_nanos(59_999_999_999));
        assert!(snapshot.identify(key.expose()).is_some());
        plane.clock.advance(Duration::from_nanos(1));
        assert_eq!(snapshot.identify(key.expose()), None);
        assert_eq!(plane.control.keys().list().await.unwrap().len(), 1);
        plane.clock.advance(EXPIRED_KEPT + Duration::from_secs(1));
        plane.control.sweep().await;
        assert_eq!(plane.control.keys().list().await.unwrap(), [], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_revoked_key_names_nobody_and_others_still_do() {
    for plane in planes().await {
        let (info, key) = plane.control.keys().mint(named("one")).await.unwrap();
        let (_, other) = plane.control.keys().mint(named("two")).await.unwrap();
        assert!(plane.control.keys().revoke(&info.id).await.unwrap());
        assert!(!plane.control.keys().revoke(&info.id).await.unwrap());
        assert_eq!(plane.control.snapshot().identify(key.expose()), None);
        assert_eq!(plane.control.snapshot().identify(other.expose()).unwrap().caller, "two");
        assert_eq!(plane.reopen().await.unwrap().snapshot().identify(key.expose()), None, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn an_extended_key_lives_longer_and_never_shorter() {
    for plane in planes().await {
        let ttl = Duration::from_secs(60);
        let (info, key) = plane.control.keys().mint(NewKey { ttl: Some(ttl), ..named("agent") }).await.unwrap();
        let (_folder, other) = plane.another_node().await;
        let until = plane.clock.now().plus_nanos(90_000_000_000);
        let extended = plane.control.keys().extend(&info.id, until).await.unwrap().unwrap();
        assert_eq!(extended, KeyInfo { expires_at: Some(until), ..info.clone() });
        let sooner = plane.control.keys().extend(&info.id, plane.clock.now()).await.unwrap().unwrap();
        assert_eq!(sooner.expires_at, Some(until), "{}", plane.test.name);
        plane.clock.advance(Duration::from_secs(89));
        assert!(plane.control.snapshot().identify(key.expose()).is_some());
        assert_eq!(other.snapshot().identify(key.expose()), None, "it has not heard of it yet");
        other.refresh().await.unwrap();
        assert!(other.snapshot().identify(key.expose()).is_some(), "{}", plane.test.name);
        plane.clock.advance(Duration::from_secs(1));
        assert_eq!(other.snapshot().identify(key.expose()), None);
    }
}

#[tokio::test]
async fn a_key_without_an_end_keeps_having_none() {
    for plane in planes().await {
        let (info, _) = plane.control.keys().mint(named("agent")).await.unwrap();
        let extended = plane.control.keys().extend(&info.id, plane.clock.now()).await.unwrap();
        assert_eq!(extended, Some(info), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn what_was_revoked_or_has_expired_opens_nothing_again() {
    for plane in planes().await {
        let new = || NewKey { ttl: Some(Duration::from_secs(60)), ..named("agent") };
        let (revoked, revoked_key) = plane.control.keys().mint(new()).await.unwrap();
        let (expired, expired_key) = plane.control.keys().mint(new()).await.unwrap();
        assert!(plane.control.keys().revoke(&revoked.id).await.unwrap());
        plane.clock.advance(Duration::from_secs(60));
        let until = plane.clock.now().plus_nanos(60_000_000_000);
        for (id, key) in [(&revoked.id, revoked_key), (&expired.id, expired_key)] {
            assert_eq!(plane.control.keys().extend(id, until).await.unwrap(), None);
            assert_eq!(plane.control.snapshot().identify(key.expose()), None, "{}", plane.test.name);
        }
    }
}

#[tokio::test]
async fn the_database_does_not_hold_the_key() {
    for plane in planes().await {
        let (_, key) = plane.control.keys().mint(named("agent")).await.unwrap();
        let rows = sqlx::query("SELECT key_id, hash, name, last_four FROM control_keys");
        let row = rows.fetch_one(plane.test.store.pool()).await.unwrap();
        let random = key.expose().strip_prefix("mzk_").unwrap();
        for column in 0..4 {
            assert!(!row.get::<String, _>(column).contains(&random[..20]), "{}", plane.test.name);
        }
    }
}

#[tokio::test]
async fn a_key_is_no_token_no_link_and_no_session() {
    for plane in planes().await {
        let (_, key) = plane.control.keys().mint(named("administrator")).await.unwrap();
        let sign_in = plane.control.sign_in();
        assert_eq!(sign_in.bearer(key.expose()), None);
        assert_eq!(sign_in.session(key.expose()).await.unwrap(), None);
        assert!(sign_in.redeem_token(key.expose()).await.is_err());
        assert!(sign_in.redeem_link(key.expose()).await.is_err());
        assert_eq!(plane.control.snapshot().identify(sign_in.admin_token().expose()), None);
    }
}

#[tokio::test]
async fn names_that_would_break_a_log_or_a_label_are_refused() {
    for plane in planes().await {
        for name in [String::new(), " ".into(), "a\nb".into(), "x".repeat(NAME_BYTES_MAX + 1)] {
            let error = plane.control.keys().mint(named(&name)).await.unwrap_err();
            assert!(matches!(error, KeyError::Name { what: "name" }), "{name:?}");
            let new = NewKey { agent: Some(name), ..named("agent") };
            let error = plane.control.keys().mint(new).await.unwrap_err();
            assert!(matches!(error, KeyError::Name { what: "agent" }));
        }
    }
}

#[tokio::test]
async fn the_name_of_the_judges_is_for_nobody_else() {
    for plane in planes().await {
        for name in [JUDGE_CALLER, " mizzen judge ", "Mizzen Judge"] {
            let error = plane.control.keys().mint(named(name)).await.unwrap_err();
            assert!(matches!(error, KeyError::Reserved), "{name:?}: {error}");
        }
        assert_eq!(plane.control.keys().list().await.unwrap(), [], "{}", plane.test.name);
        let key = plane.control.keys().mint_for_judges().await.unwrap();
        assert_eq!(plane.control.snapshot().identify(key.expose()).unwrap().caller, JUDGE_CALLER);
    }
}

#[test]
fn nothing_but_the_key_itself_is_the_key() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let plane = runtime.block_on(planes()).swap_remove(0);
    let (_, key) = runtime.block_on(plane.control.keys().mint(named("agent"))).unwrap();
    let snapshot = plane.control.snapshot();
    // A refused key is written down on a thread of the runtime.
    let _inside = runtime.enter();
    let other = prop_oneof![
        any::<String>(),
        "mzk_[A-Za-z0-9_-]{43}",
        (0..key.expose().len(), any::<char>()).prop_map({
            let key = key.clone();
            move |(at, character)| {
                let rest: String = key.expose().chars().skip(at + 1).collect();
                format!("{}{character}{rest}", &key.expose()[..at])
            }
        }),
    ];
    proptest!(|(other in other)| {
        prop_assert_eq!(snapshot.identify(&other).is_some(), other == key.expose());
    });
}
