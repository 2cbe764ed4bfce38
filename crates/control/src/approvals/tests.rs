use std::sync::Arc;
use std::time::Duration;

use mizzen_model::asked::Taint;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::secret::Secret;
use mizzen_runtime::task::TaskGroup;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    AnswerError, Fingerprint, HeldCall, HeldFilter, HeldState, HoldError, NewHeld, Person, Shown, WAITING_PER_KEY_MAX,
    find_open, follow, hold, take,
};
use crate::audit::read::EntryFilter;
use crate::audit::{AuditEntry, Kind};
use crate::config::{PermissionConfig, PermissionSettings, WebhookConfig};
use crate::gate::Ask;
use crate::gate::tests::ask;
use crate::pauses::{PauseKind, Reach};
use crate::plane::tests::{Fixture, inner, planes};
use crate::policies::decisions::record::Draft;
use crate::snapshot::KeyIdentity;

async fn hold_call(plane: &Fixture, ask: &Ask) -> HeldCall {
    try_hold(plane, ask).await.unwrap()
}

async fn try_hold(plane: &Fixture, ask: &Ask) -> Result<HeldCall, HoldError> {
    let new = NewHeld {
        ask,
        fingerprint: &Fingerprint::of(ask),
        taint: Taint { private_data: true, ..Taint::default() },
        reason: "uninstalling needs a person",
        policies: &["boundary:helm".to_owned()],
        decision_id: "dec_1",
        keep_arguments: true,
    };
    hold(plane.inner(), &new).await
}

#[tokio::test]
async fn an_approver_sees_who_wants_what_and_what_the_run_has_touched() {
    for plane in planes().await {
        let mut changes = plane.control.approvals().subscribe();
        let caller = plane.agent("helm").await;
        let held = hold_call(&plane, &ask(&caller)).await;
        assert_eq!(changes.recv().await.unwrap(), held);
        assert_eq!((held.agent.as_deref(), held.run_id.as_deref()), (Some("helm"), Some("run-1")));
        assert_eq!((held.server.as_deref(), held.name.as_str()), (Some("helm"), "uninstall"));
        assert_eq!(held.arguments.as_deref(), Some(r#"{"release":"x"}"#));
        assert!(held.taint.private_data && !held.taint.untrusted_content);
        assert_eq!(held.expires_at.nanos_since(held.requested_at), 900 * 1_000_000_000);
        assert_eq!(hold_call(&plane, &ask(&caller)).await, held, "the same call joins the wait");
        let waiting = HeldFilter { state: Some(HeldState::Waiting), limit: 10, ..HeldFilter::default() };
        assert_eq!(plane.control.approvals().list(&waiting).await.unwrap(), std::slice::from_ref(&held));
        let before = HeldFilter { before: Some((held.requested_at, held.id.clone())), ..waiting };
        assert_eq!(plane.control.approvals().list(&before).await.unwrap(), [], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn long_arguments_are_cut_and_hidden_ones_are_not_kept() {
    let plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    let long = Ask { arguments: Some(Arc::new(json!({ "text": "ü".repeat(20_000) }))), ..ask(&caller) };
    let held = hold_call(&plane, &long).await;
    assert_eq!(held.arguments_shown, Shown::Cut);
    assert!(held.arguments.unwrap().len() <= super::ARGUMENTS_BYTES_MAX);
    let question = ask(&caller);
    let new = NewHeld {
        ask: &question,
        fingerprint: &Fingerprint::of(&question),
        taint: Taint::default(),
        reason: "",
        policies: &[],
        decision_id: "dec_1",
        keep_arguments: false,
    };
    let held = hold(plane.inner(), &new).await.unwrap();
    assert_eq!((held.arguments, held.arguments_shown), (None, Shown::Hidden));
}

#[tokio::test]
async fn an_approval_is_for_one_call_once_within_its_time() {
    for plane in planes().await {
        let (caller, other) = (plane.agent("helm").await, plane.agent("other").await);
        let held = hold_call(&plane, &ask(&caller)).await;
        assert!(!take(plane.inner(), &held.id).await.unwrap(), "nobody said yes");
        let approved = plane.control.approvals().answer(&held.id, true, "bob", Some("fine")).await.unwrap();
        assert_eq!((approved.state, approved.answered_by.as_deref()), (HeldState::Approved, Some("bob")));
        let found =
            async |ask: &Ask| find_open(plane.inner(), &Fingerprint::of(ask).whole).await.unwrap().map(|call| call.id);
        assert_eq!(found(&ask(&caller)).await, Some(held.id.clone()));
        let others = [
            ask(&other),
            Ask { run: Some("run-2".parse().unwrap()), ..ask(&caller) },
            Ask { arguments: Some(Arc::new(json!({ "release": "y" }))), ..ask(&caller) },
            Ask { action: mizzen_model::asked::Action::ResourcesRead, ..ask(&caller) },
        ];
        for question in &others {
            assert_eq!(found(question).await, None, "{question:?}");
        }
        assert!(take(plane.inner(), &held.id).await.unwrap());
        assert!(!take(plane.inner(), &held.id).await.unwrap(), "a replay");
        assert_eq!(found(&ask(&caller)).await, None, "it must be held anew");
        let again = hold_call(&plane, &ask(&caller)).await;
        assert_ne!(again.id, held.id);
        plane.control.approvals().answer(&again.id, true, "bob", None).await.unwrap();
        plane.clock.advance(Duration::from_secs(600));
        assert!(!take(plane.inner(), &again.id).await.unwrap(), "its time is over on {}", plane.test.name);
        assert_eq!(found(&ask(&caller)).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_for_one_approval_one_gets_it() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let held = hold_call(&plane, &ask(&caller)).await;
        plane.control.approvals().answer(&held.id, true, "bob", None).await.unwrap();
        let mut taking = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (inner, id) = (Arc::clone(plane.inner()), held.id.clone());
            taking.spawn(async move { take(&inner, &id).await.unwrap() });
        }
        let taken = taking.join_all().await.into_iter().filter(|taken| *taken).count();
        assert_eq!(taken, 1, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn the_first_answer_counts_and_the_second_hears_whose_it_was() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let held = hold_call(&plane, &ask(&caller)).await;
        let approvals = plane.control.approvals();
        approvals.answer(&held.id, false, "bob", Some("not on a Friday")).await.unwrap();
        let error = approvals.answer(&held.id, true, "eve", None).await.unwrap_err().to_string();
        assert!(error.contains("denied") && error.contains("`bob`"), "{error}");
        assert!(matches!(approvals.answer("apr_none", true, "bob", None).await, Err(AnswerError::NotFound(_))));
        let found = find_open(plane.inner(), &Fingerprint::of(&ask(&caller)).whole).await.unwrap().unwrap();
        assert_eq!(found.state, HeldState::Denied, "asking again finds the answer");
        plane.clock.advance(Duration::from_secs(900));
        assert_ne!(hold_call(&plane, &ask(&caller)).await.id, held.id, "and later it may be asked anew");
        let denied = approvals.get(&held.id).await.unwrap().unwrap();
        assert_eq!(denied.state, HeldState::Denied, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn what_nobody_answers_expires_and_is_told() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let held = hold_call(&plane, &ask(&caller)).await;
        let mut changes = plane.control.approvals().subscribe();
        follow::expire(plane.inner()).await.unwrap();
        assert!(changes.try_recv().is_err());
        plane.clock.advance(Duration::from_secs(900));
        let error = plane.control.approvals().answer(&held.id, true, "bob", None).await.unwrap_err();
        assert!(matches!(error, AnswerError::AlreadyDecided { state: HeldState::Expired, .. }), "too late");
        follow::expire(plane.inner()).await.unwrap();
        let expired = changes.try_recv().unwrap();
        assert_eq!((expired.id, expired.state), (held.id, HeldState::Expired), "{}", plane.test.name);
    }
}

/// States of held calls with who is said to have brought them about, in the order of the audit log.
async fn written(plane: &Fixture) -> Vec<(String, String)> {
    let filter = EntryFilter { kind: Some(Kind::Approval), ..EntryFilter::default() };
    let found = plane.control.audit().find(filter, None, 20).await.unwrap().items;
    let of = |entry: &AuditEntry| (entry.details["state"].clone(), entry.who.reference.clone());
    found.iter().rev().map(|(_, entry)| of(entry)).collect()
}

#[tokio::test]
async fn each_end_of_a_held_call_is_written_down_once_as_the_doing_of_whose_it_was() {
    for plane in planes().await {
        let (caller, approvals) = (plane.agent("helm").await, plane.control.approvals());
        let of = |state: &str, who: &str| (state.to_owned(), who.to_owned());
        let held = hold_call(&plane, &ask(&caller)).await;
        approvals.answer(&held.id, false, "bob", Some("not on a Friday")).await.unwrap();
        let mut expected = vec![of("denied", "user:default/bob")];
        plane.clock.advance(Duration::from_secs(900));
        follow::expire(plane.inner()).await.unwrap();
        assert_eq!(written(&plane).await, expected, "a denial does not expire, on {}", plane.test.name);

        // Nobody answers, and the client is back before anybody has looked.
        let held = hold_call(&plane, &ask(&caller)).await;
        let mut changes = approvals.subscribe();
        plane.clock.advance(Duration::from_secs(900));
        assert_eq!(find_open(plane.inner(), &Fingerprint::of(&ask(&caller)).whole).await.unwrap(), None);
        expected.push(of("expired", "service:default/mizzen"));
        assert_eq!(written(&plane).await, expected, "{}", plane.test.name);
        assert_eq!(changes.try_recv().unwrap(), HeldCall { state: HeldState::Expired, ..held });
        follow::expire(plane.inner()).await.unwrap();

        let held = hold_call(&plane, &ask(&caller)).await;
        approvals.answer(&held.id, true, "bob", None).await.unwrap();
        plane.clock.advance(Duration::from_secs(900));
        follow::expire(plane.inner()).await.unwrap();
        expected.extend([of("approved", "user:default/bob"), of("expired", "service:default/mizzen")]);
        assert_eq!(written(&plane).await, expected, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_down_is_none() {
    for plane in planes().await {
        let (caller, approvals) = (plane.agent("helm").await, plane.control.approvals());
        let held = hold_call(&plane, &ask(&caller)).await;
        plane.control.audit().break_disk(true);
        for yes in [true, false] {
            let answer = approvals.answer(&held.id, yes, "bob", None).await;
            assert!(matches!(answer, Err(AnswerError::Audit(_))), "{answer:?} on {}", plane.test.name);
            assert_eq!(approvals.get(&held.id).await.unwrap().unwrap(), held, "it waits as before");
        }
        plane.control.audit().break_disk(false);
        approvals.answer(&held.id, true, "bob", None).await.unwrap();
        assert!(take(plane.inner(), &held.id).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_at_once_the_one_that_counts_is_the_one_that_is_written_down() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let held = hold_call(&plane, &ask(&caller)).await;
        let mut answering = tokio::task::JoinSet::new();
        for number in 0..10 {
            let (control, id) = (plane.control.clone(), held.id.clone());
            let by = format!("person-{number}");
            answering
                .spawn(async move { control.approvals().answer(&id, number % 2 == 0, by.as_str(), None).await.ok() });
        }
        let answered: Vec<_> = answering.join_all().await.into_iter().flatten().collect();
        let [first] = &answered[..] else { panic!("{answered:?} on {}", plane.test.name) };
        let by = format!("user:default/{}", first.answered_by.as_ref().unwrap());
        assert_eq!(written(&plane).await, [(first.state.as_str().to_owned(), by)], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn who_answers_sees_what_the_run_did_before() {
    for plane in planes().await {
        let (caller, policies) = (plane.agent("helm").await, plane.control.policies());
        let mut decisions = plane.control.decisions().unwrap();
        let gate = plane.control.gate();
        for number in 0..14 {
            let (run, text) =
                (if number == 3 { "run-2" } else { "run-1" }, "ü".repeat(if number == 12 { 5_000 } else { 1 }));
            let arguments = Some(Arc::new(json!({ "number": number, "text": text })));
            let question = Ask { run: Some(run.parse().unwrap()), arguments, ..ask(&caller) };
            drop(gate.ask(question).await);
            plane.clock.advance(Duration::from_secs(1));
        }
        let mut kept: Vec<_> = std::iter::from_fn(|| decisions.try_recv().ok())
            .map(|recorded| {
                let mut arguments = recorded.ask.arguments.as_ref().unwrap().to_string();
                if arguments.contains(":11") {
                    arguments = arguments.replace('ü', "[redacted]");
                }
                Draft::of(&recorded, true).kept(Some(&arguments), Some("no boundary names `helm`"))
            })
            .collect();
        // The call's own decision, and one from after it was held.
        let (mut own, mut later) = (kept[13].clone(), kept[13].clone());
        (own.id, own.at) = ("dec_1".to_owned(), plane.clock.now());
        (later.id, later.at) = ("dec_later".to_owned(), plane.clock.now().plus_nanos(1));
        kept.extend([own, later]);
        policies.keep_decisions(&kept).await.unwrap();
        let held = hold_call(&plane, &ask(&caller)).await;
        let history = plane.control.approvals().history(&held).await.unwrap();
        let ids: Vec<&str> = history.iter().map(|before| before.decision_id.as_str()).collect();
        let expected: Vec<&str> = kept[4..14].iter().rev().map(|kept| kept.id.as_str()).collect();
        assert_eq!(ids, expected, "newest first, of its run, on {}", plane.test.name);
        assert_eq!(history[0].arguments, Some(json!({ "number": 13, "text": "ü" })));
        assert!(history.iter().all(|before| before.caller == held.caller));
        let redacted = history.iter().map(|before| before.arguments_shown).filter(|shown| *shown == Shown::Redacted);
        assert_eq!((redacted.count(), history[2].arguments_shown), (1, Shown::Redacted));
        let Some(text) = history[2].arguments.as_ref().and_then(|arguments| arguments.get("text")) else {
            panic!("{history:?}")
        };
        assert_eq!(text, "[redacted]");
        let long = history[1].arguments.as_ref().and_then(|text| text.as_str()).unwrap();
        assert!(history[1].arguments_shown == Shown::Cut && long.starts_with("{\"number\":12") && long.len() <= 2_048);
        assert!(!history[0].enforced && history[0].effect == "deny" && history[0].reason.contains("no boundary"));
        let alone = HeldCall { run_id: None, ..held.clone() };
        let of_key = plane.control.approvals().history(&alone).await.unwrap();
        assert_eq!(of_key.len(), super::HISTORY_MAX as usize);
        let of_other = HeldCall { key_id: "another".to_owned(), ..alone };
        let of_other = plane.control.approvals().history(&of_other).await.unwrap();
        assert!(of_other.is_empty(), "the same caller with another key: {of_other:?}");

        let body = super::webhook::body(&held, &history);
        assert_eq!(body["history"][0]["arguments"]["number"], json!(13), "{body}");
        assert!(body["arguments"].is_object() && body["arguments_shown"] == json!("whole"), "{body}");
        let config = PermissionConfig { show_arguments: false, ..PermissionConfig::default() };
        let (_folder, hiding) = plane.another_node().await;
        assert!(hiding.configure(PermissionSettings { config, ..PermissionSettings::default() }));
        for before in hiding.approvals().history(&held).await.unwrap() {
            assert_eq!((before.arguments, before.arguments_shown), (None, Shown::Hidden));
        }
    }
}

#[tokio::test]
async fn who_had_the_key_made_leaves_the_answer_to_somebody_else() {
    let plane = planes().await.swap_remove(0);
    let config = PermissionConfig { four_eyes: true, ..PermissionConfig::default() };
    assert!(plane.control.configure(PermissionSettings { config, ..PermissionSettings::default() }));
    let caller = plane.agent("helm").await;
    let held = hold_call(&plane, &ask(&caller)).await;
    let approvals = plane.control.approvals();
    assert!(matches!(approvals.answer(&held.id, true, "ada", None).await, Err(AnswerError::FourEyes { .. })));
    // The entry of the answer is on disk with whatever was written before it.
    approvals.answer(&held.id, true, "bob", None).await.unwrap();
    let filter = EntryFilter { kind: Some(Kind::DoorRefused), ..EntryFilter::default() };
    let found = plane.control.audit().find(filter, None, 10).await.unwrap();
    let entries: Vec<AuditEntry> = found.items.into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(
        (entries[0].code.as_deref(), entries[0].who.reference.as_str()),
        (Some("four_eyes"), "user:default/ada")
    );
}

#[tokio::test]
async fn who_calls_with_a_token_of_their_own_leaves_the_answer_to_somebody_else() {
    let plane = planes().await.swap_remove(0);
    let config = PermissionConfig { four_eyes: true, ..PermissionConfig::default() };
    assert!(plane.control.configure(PermissionSettings { config, ..PermissionSettings::default() }));
    let identity = KeyIdentity {
        key_id: "token:https://login.example#s1".into(),
        caller: "s1".into(),
        agent: Some("desk".into()),
        team: None,
        agent_digest: None,
        minted_by: None,
        run_id: None,
        expires_at: None,
    };
    let held = hold_call(&plane, &ask(&Arc::new(identity))).await;
    let person = |name, subject| Person { name, subject: Some(subject) };
    let answer = async |person| plane.control.approvals().answer(&held.id, true, person, None).await;
    for own in [person("ada@example.com", "https://login.example#s1"), Person::from("s1")] {
        assert!(matches!(answer(own).await, Err(AnswerError::FourEyes { .. })), "{own:?}");
    }
    answer(person("bob@example.com", "https://other.example#s1")).await.unwrap();
}

#[tokio::test]
async fn one_key_cannot_use_up_the_approvals_of_everybody() {
    for plane in planes().await {
        let (caller, other) = (plane.agent("helm").await, plane.agent("other").await);
        let numbered = |n: i64| Ask { arguments: Some(Arc::new(json!({ "n": n }))), ..ask(&caller) };
        let mut last = None;
        for n in 0..WAITING_PER_KEY_MAX {
            last = Some(hold_call(&plane, &numbered(n)).await);
        }
        let refused = try_hold(&plane, &numbered(-1)).await.unwrap_err();
        assert!(matches!(refused, HoldError::TooManyOfKey), "{}: {refused}", plane.test.name);
        assert_eq!(hold_call(&plane, &ask(&other)).await.state, HeldState::Waiting);
        plane.control.approvals().answer(&last.unwrap().id, false, "bob", None).await.unwrap();
        assert_eq!(hold_call(&plane, &numbered(-1)).await.state, HeldState::Waiting, "there is room again");
    }
}

#[tokio::test]
async fn a_stop_ends_what_is_held() {
    for plane in planes().await {
        let (caller, other) = (plane.agent("helm").await, plane.agent("other").await);
        let (held, others) = (hold_call(&plane, &ask(&caller)).await, hold_call(&plane, &ask(&other)).await);
        let reach = Reach::Agent("helm".into());
        plane.control.pauses().pause(reach, PauseKind::Stop, "it deletes", "ada").await.unwrap();
        let state = async |id: &str| plane.control.approvals().get(id).await.unwrap().unwrap().state;
        assert_eq!((state(&held.id).await, state(&others.id).await), (HeldState::Stopped, HeldState::Waiting));
        let error = plane.control.approvals().answer(&held.id, true, "bob", None).await.unwrap_err();
        assert!(matches!(error, AnswerError::AlreadyDecided { state: HeldState::Stopped, .. }), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn of_more_changes_than_one_statement_reads_all_are_told() {
    for plane in planes().await {
        let mut held = 0;
        for name in ["a", "b", "c"] {
            let caller = plane.agent(name).await;
            for number in 0..WAITING_PER_KEY_MAX {
                let arguments = Some(Arc::new(json!({ "number": number })));
                hold_call(&plane, &Ask { arguments, ..ask(&caller) }).await;
                held += 1;
            }
        }
        let (_folder, other) = plane.another_node().await;
        let (here, there) = (plane.inner(), inner(&other));
        let mut told = follow::Told::default();
        for _turn in 0..2 {
            told.tell_changes(there).await.unwrap();
            assert_eq!(*there.memory.held_changes.watch().borrow(), held, "each once, on {}", plane.test.name);
        }
        plane.control.pauses().pause(Reach::All, PauseKind::Stop, "it deletes", "ada").await.unwrap();
        assert_eq!(*here.memory.held_changes.watch().borrow(), 2 * held, "held and stopped, on {}", plane.test.name);
        told.tell_changes(there).await.unwrap();
        assert_eq!(*there.memory.held_changes.watch().borrow(), 2 * held, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn the_webhook_is_told_once_signed_and_again_only_when_that_failed() {
    let (plane, receiver) = with_webhook().await;
    let caller = plane.agent("helm").await;
    let held = hold_call(&plane, &ask(&caller)).await;
    let answer = async |status: &str| {
        let (mut stream, _) = receiver.accept().await.unwrap();
        let mut request = vec![0; 16 << 10];
        let mut length = 0;
        while !String::from_utf8_lossy(&request[..length]).contains("\"approve\"") {
            length += stream.read(&mut request[length..]).await.unwrap();
        }
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    };
    let notify = async || super::webhook::notify(plane.inner()).await.unwrap();
    let (first, ()) = tokio::join!(answer("500 Sorry"), notify());
    assert!(first.starts_with("POST /held HTTP/1.1") && first.contains(&held.id), "{first}");
    let seconds = plane.clock.now().unix_nanos() / 1_000_000_000;
    assert!(first.contains(&format!("mizzen-signature: t={seconds},v1=")), "{first}");
    notify().await;
    plane.clock.advance(Duration::from_secs(2));
    let (second, ()) = tokio::join!(answer("204 Fine"), notify());
    assert!(second.contains(&held.id));
    plane.clock.advance(Duration::from_secs(600));
    let quiet = tokio::time::timeout(Duration::from_millis(100), receiver.accept());
    let (nobody, ()) = tokio::join!(quiet, notify());
    assert!(nobody.is_err(), "it was told");
}

/// A plane, and what its webhook calls.
async fn with_webhook() -> (Fixture, tokio::net::TcpListener) {
    let plane = planes().await.swap_remove(0);
    let receiver = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/held", receiver.local_addr().unwrap());
    let webhook = WebhookConfig { url, secret: Secret::new("Jefe") };
    let client = Some(HttpClient::new(ClientConfig::default()).unwrap());
    let config = PermissionConfig { webhook, ..PermissionConfig::default() };
    plane.control.configure(PermissionSettings { config, client, ..PermissionSettings::default() });
    (plane, receiver)
}

#[tokio::test]
async fn a_webhook_that_hangs_for_some_is_told_of_others_and_of_none_that_was_answered() {
    let (plane, receiver) = with_webhook().await;
    let caller = plane.agent("helm").await;
    for number in 0..3 {
        let arguments = Some(Arc::new(json!({ "number": number })));
        hold_call(&plane, &Ask { arguments, ..ask(&caller) }).await;
    }
    // Connected, and never answered.
    let three = async {
        [receiver.accept().await.unwrap(), receiver.accept().await.unwrap(), receiver.accept().await.unwrap()]
    };
    let told = tokio::time::timeout(Duration::from_secs(4), async {
        tokio::select! {
            _streams = three => true,
            result = super::webhook::notify(plane.inner()) => { result.unwrap(); false }
        }
    });
    assert!(told.await.expect("one after another they take longer"));

    let answered = hold_call(&plane, &Ask { arguments: None, ..ask(&caller) }).await;
    plane.control.approvals().answer(&answered.id, true, "bob", None).await.unwrap();
    let at = plane.clock.now();
    assert!(!super::storage::claim_notice(plane.inner(), &answered.id, 0, 1, at).await.unwrap(), "it does not wait");
}

#[tokio::test]
async fn a_webhook_that_hangs_keeps_no_call_from_its_end() {
    let (plane, receiver) = with_webhook().await;
    let caller = plane.agent("helm").await;
    let held = hold_call(&plane, &ask(&caller)).await;
    let tasks = TaskGroup::new();
    plane.control.start(&tasks);
    // Connected, and never answered.
    let (_stream, _) = tokio::time::timeout(Duration::from_secs(10), receiver.accept()).await.unwrap().unwrap();
    plane.clock.advance(Duration::from_secs(901));
    let over = async {
        while plane.control.approvals().get(&held.id).await.unwrap().unwrap().state == HeldState::Waiting {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), over).await.expect("it expires while the webhook hangs");
    tasks.drain(Duration::from_secs(5)).await;
}
