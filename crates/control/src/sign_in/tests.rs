use std::time::Duration;

use mizzen_model::permission::Role;
use sqlx::Row as _;

use super::{LINK_TTL, SESSION_IDLE, SESSION_MAX, SLIDE_STEP, SignInError};
use crate::plane::tests::planes;

const MOMENT: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn the_token_is_the_administrator_and_nothing_else_is() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let token = sign_in.admin_token().expose().to_owned();
        assert_eq!(sign_in.bearer(&token).unwrap().role, Role::Administrator);
        for wrong in ["", "mza_", &token[..token.len() - 1], &format!("{token}x"), &token.to_uppercase()] {
            assert_eq!(sign_in.bearer(wrong), None);
            assert!(matches!(sign_in.redeem_token(wrong).await, Err(SignInError::WrongToken)), "{wrong}");
        }
        let cookie = sign_in.redeem_token(&token).await.unwrap();
        let session = sign_in.session(cookie.value.expose()).await.unwrap().unwrap();
        assert_eq!((session.role, session), (Role::Administrator, cookie.session));
    }
}

#[tokio::test]
async fn a_link_signs_in_once_with_the_role_it_was_made_for() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let code = sign_in.one_time_link(Role::Viewer, "ada").await.unwrap();
        let cookie = sign_in.redeem_link(code.expose()).await.unwrap();
        let session = sign_in.session(cookie.value.expose()).await.unwrap().unwrap();
        assert_eq!((session.role, session.name.as_str()), (Role::Viewer, "ada"));
        assert!(matches!(sign_in.redeem_link(code.expose()).await, Err(SignInError::SpentLink)), "{}", plane.test.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_open_one_link_at_once_one_is_let_in() {
    for plane in planes().await {
        let code = plane.control.sign_in().one_time_link(Role::Developer, "ada").await.unwrap();
        let mut attempts = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (control, code) = (plane.control.clone(), code.clone());
            attempts.spawn(async move { control.sign_in().redeem_link(code.expose()).await.is_ok() });
        }
        let let_in = attempts.join_all().await.into_iter().filter(|let_in| *let_in).count();
        assert_eq!(let_in, 1, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_link_expires() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let code = sign_in.one_time_link(Role::Viewer, "ada").await.unwrap();
        plane.clock.advance(LINK_TTL);
        assert!(matches!(sign_in.redeem_link(code.expose()).await, Err(SignInError::SpentLink)));
        assert!(matches!(sign_in.redeem_link("mzl_unknown").await, Err(SignInError::SpentLink)));
        assert!(matches!(sign_in.one_time_link(Role::Viewer, "a\0b").await, Err(SignInError::Name)));
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_lives_while_it_is() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let used = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        let unused = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        plane.clock.advance(SESSION_IDLE - MOMENT);
        let slid = sign_in.session(used.value.expose()).await.unwrap().unwrap();
        assert!(slid.expires_at > used.session.expires_at);
        plane.clock.advance(MOMENT);
        assert_eq!(sign_in.session(unused.value.expose()).await.unwrap(), None, "{}", plane.test.name);
        assert_eq!(sign_in.session(used.value.expose()).await.unwrap(), Some(slid));
    }
}

#[tokio::test]
async fn a_session_ends_for_good_however_much_it_is_used() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let cookie = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        let start = plane.clock.now();
        while sign_in.session(cookie.value.expose()).await.unwrap().is_some() {
            plane.clock.advance(SESSION_IDLE - MOMENT);
            assert!(plane.clock.now().nanos_since(start) < 2 * super::nanos(SESSION_MAX), "it never ends");
        }
        assert!(plane.clock.now().nanos_since(start) >= super::nanos(SESSION_MAX), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn using_a_session_writes_seldom() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let cookie = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        plane.clock.advance(SLIDE_STEP - MOMENT);
        let session = sign_in.session(cookie.value.expose()).await.unwrap().unwrap();
        assert_eq!(session.expires_at, cookie.session.expires_at);
        plane.clock.advance(MOMENT);
        let session = sign_in.session(cookie.value.expose()).await.unwrap().unwrap();
        assert!(session.expires_at > cookie.session.expires_at);
    }
}

#[tokio::test]
async fn a_session_of_a_login_is_nobodys_under_the_administrators_name() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let open = async |name: &str, subject: Option<&str>| {
            let cookie = sign_in.start(Role::Viewer, name.to_owned(), subject.map(str::to_owned)).await.unwrap();
            sign_in.session(cookie.value.expose()).await.unwrap().is_some()
        };
        for name in ["Administrator", "administrator\u{200b}", "administrator\u{fe0f}", "administrator\u{3164}"] {
            assert!(!open(name, Some("https://idp.example#u-1")).await, "{name:?} on {}", plane.test.name);
        }
        assert!(open("anna", Some("https://idp.example#u-1")).await && open("administrator", None).await);
    }
}

#[tokio::test]
async fn signing_out_ends_one_session() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let one = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        let other = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        sign_in.sign_out(one.value.expose()).await.unwrap();
        sign_in.sign_out("nonsense").await.unwrap();
        assert_eq!(sign_in.session(one.value.expose()).await.unwrap(), None);
        assert!(sign_in.session(other.value.expose()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn removing_the_token_file_makes_a_new_token_and_ends_what_the_old_one_opened() {
    let plane = planes().await.swap_remove(0);
    let old = plane.control.sign_in().admin_token().clone();
    let cookie = plane.control.sign_in().redeem_token(old.expose()).await.unwrap();
    std::fs::remove_file(plane.test.data_dir().join("admin-token")).unwrap();
    let again = plane.reopen().await.unwrap();
    assert_eq!(again.sign_in().bearer(old.expose()), None);
    assert_eq!(again.sign_in().session(cookie.value.expose()).await.unwrap(), None);
}

#[tokio::test]
async fn the_database_holds_neither_codes_nor_cookies_and_is_swept() {
    for plane in planes().await {
        let sign_in = plane.control.sign_in();
        let code = sign_in.one_time_link(Role::Viewer, "ada").await.unwrap();
        let cookie = sign_in.redeem_token(sign_in.admin_token().expose()).await.unwrap();
        let rows = sqlx::query("SELECT hash FROM control_links UNION ALL SELECT hash FROM control_sessions");
        let rows = rows.fetch_all(plane.test.store.pool()).await.unwrap();
        assert_eq!(rows.len(), 2);
        for row in rows {
            let hash = row.get::<String, _>(0);
            assert!(!code.expose().contains(&hash) && !cookie.value.expose().contains(&hash));
        }
        plane.clock.advance(SESSION_IDLE);
        plane.control.sweep().await;
        let left = sqlx::query("SELECT (SELECT COUNT(*) FROM control_links) + (SELECT COUNT(*) FROM control_sessions)");
        let left = left.fetch_one(plane.test.store.pool()).await.unwrap();
        assert_eq!(left.get::<i64, _>(0), 0, "{}", plane.test.name);
    }
}
