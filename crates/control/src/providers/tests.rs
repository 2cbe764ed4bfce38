use std::collections::BTreeMap;

use mizzen_runtime::secret::Secret;
use mizzen_store::testing::{TestStore, stores};
use proptest::prelude::*;
use sqlx::Row as _;

use super::{ProviderError, ProviderKey, ProviderOrigin, Resolved, SecretError, Stored, Vault};
use crate::environment::Environment;
use crate::plane::tests::{Fixture, planes};
use crate::schema::MIGRATIONS;

async fn put(plane: &Fixture, name: &str, secret: &str) {
    plane.control.providers().put(name, ProviderKey::Secret(Secret::new(secret))).await.unwrap();
}

async fn ciphertext(test: &TestStore, name: &str) -> String {
    let row = sqlx::query("SELECT ciphertext FROM control_providers WHERE name = $1").bind(name);
    row.fetch_one(test.store.pool()).await.unwrap().get(0)
}

async fn overwrite(test: &TestStore, name: &str, ciphertext: &str) {
    let update = sqlx::query("UPDATE control_providers SET ciphertext = $1 WHERE name = $2");
    update.bind(ciphertext).bind(name).execute(test.store.pool()).await.unwrap();
}

#[tokio::test]
async fn a_stored_key_is_used_at_once_and_after_a_restart_and_can_be_replaced_and_removed() {
    for plane in planes().await {
        let providers = plane.control.providers();
        assert!(providers.secret("openai").unwrap().is_none());
        put(&plane, "openai", "sk-one").await;
        put(&plane, "openai", "sk-two").await;
        assert_eq!(providers.secret("openai").unwrap().unwrap().expose(), "sk-two");
        let again = plane.reopen().await.unwrap();
        assert_eq!(again.providers().secret("openai").unwrap().unwrap().expose(), "sk-two");
        let listed = providers.list().await.unwrap();
        assert_eq!((listed.len(), &listed[0].origin, &listed[0].fault), (1, &ProviderOrigin::Stored, &None));
        assert!(providers.remove("openai").await.unwrap() && !providers.remove("openai").await.unwrap());
        assert!(providers.secret("openai").unwrap().is_none(), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn the_database_does_not_hold_the_key_and_one_key_never_looks_the_same_twice() {
    for plane in planes().await {
        put(&plane, "openai", "sk-one").await;
        let first = ciphertext(&plane.test, "openai").await;
        put(&plane, "openai", "sk-one").await;
        let second = ciphertext(&plane.test, "openai").await;
        assert!(first != second && !first.contains("sk-one"));
    }
}

#[tokio::test]
async fn what_was_changed_moved_or_cut_is_not_used_and_its_provider_is_named() {
    for plane in planes().await {
        put(&plane, "openai", "sk-one").await;
        put(&plane, "other", "sk-other").await;
        let whole = ciphertext(&plane.test, "openai").await;
        let mut changed = whole.clone();
        let last = if changed.ends_with('A') { "B" } else { "A" };
        changed.replace_range(40..41, if &changed[40..41] == "A" { "B" } else { "A" });
        for bad in [changed, whole[..30].into(), String::new(), format!("2{}", &whole[1..]), format!("{whole}{last}")] {
            overwrite(&plane.test, "openai", &bad).await;
            let again = plane.reopen().await.unwrap();
            let error = again.providers().secret("openai").unwrap_err();
            assert_eq!(error, SecretError::NotDecrypted { provider: "openai".into() }, "{bad}");
            assert!(error.to_string().contains("`openai`"));
            assert_eq!(again.providers().list().await.unwrap()[0].fault, Some(error));
            assert!(again.providers().secret("other").unwrap().is_some());
        }
        overwrite(&plane.test, "other", &whole).await;
        let moved = plane.reopen().await.unwrap();
        assert!(moved.providers().secret("other").is_err(), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn another_key_file_opens_nothing_and_says_so() {
    for plane in planes().await {
        put(&plane, "openai", "sk-one").await;
        std::fs::remove_file(plane.test.data_dir().join("secret.key")).unwrap();
        let again = plane.reopen().await.unwrap();
        assert!(matches!(again.providers().secret("openai"), Err(SecretError::NotDecrypted { .. })));
    }
}

#[tokio::test]
async fn a_key_in_the_environment_is_looked_up_there() {
    for test in stores(MIGRATIONS).await {
        let variables =
            BTreeMap::from([("KEY_A".to_owned(), "sk-env".to_owned()), ("EMPTY".to_owned(), String::new())]);
        let plane = Fixture::open(test, Environment::of(variables)).await;
        let providers = plane.control.providers();
        providers.put("openai", ProviderKey::Environment("KEY_A".into())).await.unwrap();
        providers.put("groq", ProviderKey::Environment("EMPTY".into())).await.unwrap();
        assert_eq!(providers.secret("openai").unwrap().unwrap().expose(), "sk-env");
        let message = providers.secret("groq").unwrap_err().to_string();
        assert!(message.contains("`groq`") && message.contains("`EMPTY`"), "{message}");
        let origin = ProviderOrigin::Environment { variable: "KEY_A".into() };
        assert_eq!(providers.list().await.unwrap()[1].origin, origin);
        put(&plane, "openai", "sk-stored").await;
        assert_eq!(providers.secret("openai").unwrap().unwrap().expose(), "sk-stored");
    }
}

#[tokio::test]
async fn what_cannot_be_a_name_a_variable_or_a_header_is_refused_without_being_repeated() {
    let plane = planes().await.swap_remove(0);
    let providers = plane.control.providers();
    for name in ["", "Open AI", "a/b", &"x".repeat(65)] {
        let result = providers.put(name, ProviderKey::Secret("sk".into())).await;
        assert!(matches!(result, Err(ProviderError::Name(_))), "{name}");
    }
    for secret in ["", "sk one", "sk\r\nx-evil: 1", "schlüssel"] {
        let error = providers.put("openai", ProviderKey::Secret(secret.into())).await.unwrap_err();
        assert!(matches!(error, ProviderError::Secret(_)));
        assert!(secret.is_empty() || !format!("{error} {error:?}").contains(secret));
    }
    let pasted = providers.put("openai", ProviderKey::Environment("sk-proj-123456".into())).await.unwrap_err();
    assert!(!format!("{pasted} {pasted:?}").contains("123456"));
    assert!(providers.put("openai", ProviderKey::Environment("1KEY".into())).await.is_err());
}

#[test]
fn any_secret_survives_encryption_under_its_own_name_only() {
    let folder = mizzen_store::testing::data_dir();
    let vault = Vault::open(&folder.1, Environment::empty()).unwrap();
    proptest!(|(name in "[a-z0-9._-]{1,64}", other in "[a-z0-9._-]{1,64}", secret in "[!-~]{1,200}")| {
        let ciphertext = vault.encrypt(&name, &Secret::new(secret.clone())).unwrap();
        let stored = |name: &str| Stored {
            name: name.to_owned(),
            ciphertext: Some(ciphertext.clone()),
            variable: None,
            created_at: mizzen_model::time::Timestamp::default(),
        };
        let Resolved::Ready(opened) = vault.resolve(&stored(&name)) else { panic!("not opened") };
        prop_assert_eq!(opened.expose(), secret);
        prop_assert_eq!(matches!(vault.resolve(&stored(&other)), Resolved::Ready(_)), name == other);
    });
}
