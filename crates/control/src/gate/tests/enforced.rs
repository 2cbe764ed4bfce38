//! The whole way, under boundaries that are enforced.

use std::sync::Arc;
use std::time::Duration;

use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_model::asked::{Spend, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Effect, Evidence, Mode};

use super::{ask, permitted, refused};
use crate::audit::Kind;
use crate::audit::read::EntryFilter;
use crate::gate::{Answer, Ask, DenialCode, Held};
use crate::keys::NewKey;
use crate::pauses::{PauseKind, Reach};
use crate::plane::tests::{Fixture, planes};
use crate::policies::decisions::DecisionFilter;
use crate::policies::decisions::record::{ARGUMENTS, Draft};
use crate::snapshot::KeyIdentity;
use crate::versions::{AgentVersion, AgentVersions};

const HELM: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: helm}
spec:
  mode: enforce
  agents: [helm]
  tools:
    - tool: helm/list
      calls_per_minute: 2
    - tool: helm/uninstall
      needs_approval: true
    - tool: helm/export
      redact: [/secret]
      result_bytes_max: 9
      record_content: false
    - tool: helm/whisper
      record_content: false
      calls_per_minute: 1
      arguments: {amount: {at_most: 5}}
      beyond_limits: needs_approval
    - tool: helm/erase
      needs_approval: true
      calls_per_minute: 1
    - tool: helm/read
      touches: [private_data, untrusted_content]
    - tool: mail/send
      touches: outside
    - tool: helm/upgrade
      needs_evidence: {metric: task_success, lower_at_least: 0.95, clusters_at_least: 50}
  deny:
    - {tool: helm/whisper, arguments: {amount: {at_least: 50}}}
  budgets:
    - {per: agent, every: day, calls: 5}
";

async fn helm(mode: Mode) -> Vec<(Fixture, Arc<KeyIdentity>)> {
    let mut all = Vec::new();
    for plane in planes().await {
        let text = HELM.replace("mode: enforce", &format!("mode: {mode}"));
        let boundaries = vec![Source { name: "helm.yaml".into(), text }];
        let sources = Sources { boundaries, ..Sources::default() };
        plane.control.publish_policies(Arc::new(PolicySet::compile(&sources).unwrap()));
        let caller = plane.agent("helm").await;
        all.push((plane, caller));
    }
    all
}

fn tool(caller: &Arc<KeyIdentity>, server: &str, name: &str) -> Ask {
    let mut ask = ask(caller);
    (ask.resource.server, ask.resource.name) = (Some(server.into()), name.into());
    ask
}

fn held(answer: Answer) -> Held {
    match answer {
        Answer::Held(held) => held,
        other => panic!("not held: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_granted_is_refused_and_written_down() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let before = plane.control.audit().status().size;
        let denial = refused(plane.control.gate().ask(tool(&caller, "helm", "delete_everything")).await);
        assert_eq!((denial.code, denial.decision.effect), (DenialCode::PolicyDenied, Effect::Deny));
        assert!(denial.message.starts_with("tool:helm/delete_everything was refused"), "{}", denial.message);
        assert_eq!(plane.control.audit().status().size, before + 1, "a refusal is an entry");
        permitted(plane.control.gate().ask(tool(&caller, "helm", "list")).await).settle(Spend::default());
        assert_eq!(plane.control.audit().status().size, before + 2, "on disk before the permit is given");
    }
}

#[tokio::test]
async fn under_observe_nothing_is_refused_but_by_a_pause() {
    for (plane, caller) in helm(Mode::Observe).await {
        for (server, name) in [("helm", "delete_everything"), ("helm", "uninstall"), ("helm", "upgrade")] {
            let permit = permitted(plane.control.gate().ask(tool(&caller, server, name)).await);
            assert_eq!(permit.decision.mode, Mode::Observe);
            assert_ne!(permit.decision.effect, Effect::Allow, "{name} is recorded as what it would have been");
        }
        for _ in 0..5 {
            permitted(plane.control.gate().ask(tool(&caller, "helm", "list")).await).settle(Spend::default());
        }
        let permit = permitted(plane.control.gate().ask(tool(&caller, "helm", "export")).await);
        let duties = &permit.obligations;
        assert!(duties.redact.is_empty() && duties.result_bytes_max.is_none(), "{duties:?}");
        assert_eq!(duties.record_content, Some(false), "what is kept is no refusal");
        plane.control.pauses().pause(Reach::All, PauseKind::Pause, "fire", "ada").await.unwrap();
        refused(plane.control.gate().ask(tool(&caller, "helm", "list")).await);
    }
}

#[tokio::test]
async fn a_held_call_goes_out_once_after_a_yes() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let call = held(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        assert_eq!(call.decision.effect, Effect::NeedsApproval);
        let id = call.approval_id.clone();
        let waiting = tokio::task::JoinSet::from_iter([call.wait()]);
        tokio::time::sleep(Duration::from_millis(20)).await;
        plane.control.approvals().answer(&id, true, "bob", None).await.unwrap();
        let answer = waiting.join_all().await.remove(0);
        permitted(answer).settle(Spend { calls: 1, ..Spend::default() });
        let again = held(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        assert_ne!(again.approval_id, id, "the same call again needs another yes");
        // The client hangs up, the person says yes, the client asks again.
        let id = again.approval_id.clone();
        drop(again);
        plane.control.approvals().answer(&id, true, "bob", None).await.unwrap();
        let permit = permitted(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        drop(permit);
        let used = plane.control.approvals().get(&id).await.unwrap().unwrap();
        assert_eq!(used.state.as_str(), "used", "{}", plane.test.name);
    }
}

#[tokio::test]
async fn that_a_held_call_went_out_after_a_yes_is_told_apart_from_that_it_was_held() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let (mut decisions, policies) = (plane.control.decisions().unwrap(), plane.control.policies());
        let call = held(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        let (approval, first) = (call.approval_id.clone(), call.decision.id.clone());
        plane.control.approvals().answer(&approval, true, "bob", None).await.unwrap();
        let permit = permitted(call.wait().await);
        let second = permit.decision.id.clone();
        permit.settle(Spend::default());
        let watched = Ask { caller: plane.agent("other").await, ..tool(&caller, "helm", "uninstall") };
        let third = permitted(plane.control.gate().ask(watched).await).decision.id.clone();
        let mut kept = Vec::new();
        while let Ok(recorded) = decisions.try_recv() {
            kept.push(Draft::of(&recorded, true).kept(None, None));
        }
        policies.keep_decisions(&kept).await.unwrap();
        let listed = async |enforced: bool| {
            let filter = DecisionFilter { enforced: Some(enforced), ..DecisionFilter::default() };
            let items = policies.decisions(&filter, None, 10).await.unwrap().items;
            let mut ids: Vec<String> = items.into_iter().map(|kept| kept.id).collect();
            ids.sort();
            ids
        };
        let mut went_on = vec![second.clone(), third];
        went_on.sort();
        assert_eq!((listed(true).await, listed(false).await), (vec![first.clone()], went_on), "{}", plane.test.name);

        let filter = EntryFilter { kind: Some(Kind::Decision), ..EntryFilter::default() };
        let found = plane.control.audit().find(filter, None, 10).await.unwrap().items;
        let state = |decision: &str| {
            let (_, entry) = found.iter().find(|(_, entry)| entry.decision.as_deref() == Some(decision)).unwrap();
            (entry.details["approval"].clone(), entry.details["approval_state"].clone())
        };
        assert_eq!(state(&first), (approval.clone(), "waiting".to_owned()));
        assert_eq!(state(&second), (approval, "used".to_owned()));
    }
}

#[tokio::test]
async fn a_held_call_takes_nothing_of_the_rate_that_it_needs_once_it_is_approved() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let erase = || tool(&caller, "helm", "erase");
        let call = held(plane.control.gate().ask(erase()).await);
        plane.control.approvals().answer(&call.approval_id, true, "bob", None).await.unwrap();
        permitted(call.wait().await).settle(Spend::default());
        let again = held(plane.control.gate().ask(erase()).await);
        plane.control.approvals().answer(&again.approval_id, true, "bob", None).await.unwrap();
        let id = again.approval_id.clone();
        assert_eq!(refused(again.wait().await).code, DenialCode::RateLimited, "one in a minute");
        let kept = plane.control.approvals().get(&id).await.unwrap().unwrap();
        assert_eq!(kept.state.as_str(), "approved", "what was not let out has not used its approval");
    }
}

#[tokio::test]
async fn what_may_not_be_recorded_is_not_recorded_of_a_call_that_does_not_go_out_either() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let mut decisions = plane.control.decisions().unwrap();
        let mut kept = || {
            let recorded = decisions.try_recv().unwrap();
            let draft = Draft::of(&recorded, true);
            draft.event().attributes.iter().any(|(name, _)| *name == ARGUMENTS)
        };
        let whisper = |amount: u32| {
            let arguments = Some(Arc::new(serde_json::json!({ "amount": amount })));
            Ask { arguments, ..tool(&caller, "helm", "whisper") }
        };
        let answer = plane.control.gate().ask(whisper(1)).await;
        assert!(answer.record_content() == Some(false) && !kept(), "permitted");
        drop(permitted(answer));
        let answer = plane.control.gate().ask(whisper(1)).await;
        assert!(answer.record_content() == Some(false) && !kept(), "rate limited");
        assert_eq!(refused(answer).code, DenialCode::RateLimited);
        let answer = plane.control.gate().ask(whisper(9)).await;
        assert!(answer.record_content() == Some(false) && !kept(), "held");
        let call = held(answer);
        plane.control.approvals().answer(&call.approval_id, false, "bob", None).await.unwrap();
        let answer = call.wait().await;
        assert_eq!((answer.record_content(), refused(answer).code), (Some(false), DenialCode::ApprovalDenied));
        let answer = plane.control.gate().ask(whisper(99)).await;
        assert!(answer.record_content() == Some(false) && !kept(), "denied");
        assert_eq!(refused(answer).code, DenialCode::PolicyDenied);
        plane.control.pauses().pause(Reach::All, PauseKind::Pause, "fire", "ada").await.unwrap();
        let answer = plane.control.gate().ask(whisper(1)).await;
        assert!(answer.record_content() == Some(false) && !kept(), "paused");
        assert_eq!(refused(answer).code, DenialCode::Paused);
        let other = plane.control.gate().ask(tool(&caller, "helm", "list")).await;
        assert!(other.record_content().is_none() && kept(), "nothing is said of it");
    }
}

#[tokio::test]
async fn a_no_an_end_and_a_stop_refuse_with_their_reasons() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let approvals = plane.control.approvals();
        let call = held(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        approvals.answer(&call.approval_id, false, "bob", Some("not on a Friday")).await.unwrap();
        let denial = refused(call.wait().await);
        assert_eq!(denial.code.as_str(), "approval_denied");
        assert!(denial.message.contains("`bob` denied it: not on a Friday"), "{}", denial.message);
        let denial = refused(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        assert_eq!(denial.code, DenialCode::ApprovalDenied, "asking again finds the answer");
        plane.clock.advance(Duration::from_secs(900));
        let call = held(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        plane.clock.advance(Duration::from_secs(900));
        assert_eq!(refused(call.wait().await).code, DenialCode::ApprovalExpired);
        let call = held(plane.control.gate().ask(tool(&caller, "helm", "uninstall")).await);
        plane.control.pauses().pause(Reach::All, PauseKind::Stop, "fire", "ada").await.unwrap();
        let denial = refused(call.wait().await);
        assert!(denial.code == DenialCode::Paused && denial.message.contains("fire"), "{}", denial.message);
    }
}

#[tokio::test]
async fn permission_comes_and_goes_with_the_evidence_about_the_very_digest() {
    for (plane, _) in helm(Mode::Enforce).await {
        let mut callers = Vec::new();
        for digest in [Some(Digest::of(b"one")), Some(Digest::of(b"two")), None] {
            let new = NewKey { agent: Some("helm".into()), agent_digest: digest, ..crate::plane::tests::named("helm") };
            let (_, key) = plane.control.keys().mint(new).await.unwrap();
            callers.push(Arc::new(plane.control.snapshot().identify(key.expose()).unwrap()));
        }
        let upgrade = async |place: usize| plane.control.gate().ask(tool(&callers[place], "helm", "upgrade")).await;
        let denial = refused(upgrade(0).await);
        assert_eq!(denial.code.as_str(), "evidence_missing", "{}", denial.message);
        let evidence = Evidence {
            subject: Digest::of(b"one"),
            metric: "task_success@1".into(),
            n: 60,
            clusters: 60,
            method: "clopper_pearson".into(),
            alpha: 0.03,
            lower: 0.96,
            upper: 1.0,
            e_value: None,
            as_of: plane.clock.now(),
            sources: vec![mizzen_model::step::Source::Gateway],
        };
        plane.control.evidence().publish("helm", &evidence).await.unwrap();
        permitted(upgrade(0).await).settle(Spend::default());
        assert_eq!(refused(upgrade(1).await).code, DenialCode::EvidenceMissing, "another version");
        assert_eq!(refused(upgrade(2).await).code, DenialCode::EvidenceMissing, "an unknown one");
        let worse = Evidence { lower: 0.9, as_of: evidence.as_of.plus_nanos(1), ..evidence };
        plane.control.evidence().publish("helm", &worse).await.unwrap();
        assert_eq!(refused(upgrade(0).await).code, DenialCode::EvidenceMissing, "{}", plane.test.name);
        let better = Evidence { lower: 0.97, as_of: worse.as_of.plus_nanos(1), ..worse };
        plane.control.evidence().publish("helm", &better).await.unwrap();
        permitted(upgrade(0).await).settle(Spend::default());
        plane.control.evidence().withdraw(&better.subject, &better.metric, "a bad set", "ana").await.unwrap();
        let denial = refused(upgrade(0).await);
        assert_eq!(denial.code, DenialCode::EvidenceMissing);
        let told = "`task_success@1` was withdrawn by `ana`";
        assert!(denial.message.contains(told) && denial.message.contains("a bad set"), "{}", denial.message);
        assert!(!refused(upgrade(1).await).message.contains("withdrawn"), "it was about another version");
    }
}

#[tokio::test]
async fn private_data_and_untrusted_content_keep_a_run_from_reaching_outside() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let send = || tool(&caller, "mail", "send");
        permitted(plane.control.gate().ask(send()).await).settle(Spend::default());
        let permit = permitted(plane.control.gate().ask(tool(&caller, "helm", "read")).await);
        permit.touched(Taint::default()).await.unwrap();
        permit.settle(Spend::default());
        assert_eq!(refused(plane.control.gate().ask(send()).await).code, DenialCode::PolicyDenied);
        let (_folder, other) = plane.another_node().await;
        other.publish_policies(plane.inner().policy_set.load_full());
        let denial = refused(other.gate().ask(send()).await);
        assert_eq!(denial.code, DenialCode::PolicyDenied, "on another node too, on {}", plane.test.name);
        let elsewhere = Ask { run: Some("run-2".parse().unwrap()), ..send() };
        permitted(plane.control.gate().ask(elsewhere).await).settle(Spend::default());
    }
}

#[tokio::test]
async fn rates_and_budgets_of_a_boundary_are_kept() {
    for (plane, caller) in helm(Mode::Enforce).await {
        let list = || tool(&caller, "helm", "list");
        for _ in 0..2 {
            permitted(plane.control.gate().ask(list()).await).settle(Spend { calls: 1, ..Spend::default() });
        }
        let denial = refused(plane.control.gate().ask(list()).await);
        assert_eq!(denial.code.as_str(), "rate_limited");
        plane.clock.advance(Duration::from_nanos(
            u64::try_from(denial.retry_at.unwrap().nanos_since(plane.clock.now())).unwrap(),
        ));
        for _ in 0..3 {
            permitted(plane.control.gate().ask(list()).await).settle(Spend { calls: 1, ..Spend::default() });
            plane.clock.advance(Duration::from_secs(30));
        }
        let denial = refused(plane.control.gate().ask(list()).await);
        assert_eq!(denial.code, DenialCode::BudgetExhausted);
        assert!(denial.message.contains("`boundary/helm/1`"), "{}", denial.message);
    }
}

#[tokio::test]
async fn a_digest_acts_only_while_the_catalog_has_it_as_approved() {
    let text = HELM.replace("mode: enforce", "mode: enforce\n  versions: approved");
    let boundaries = vec![Source { name: "helm.yaml".into(), text }];
    let set = Arc::new(PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap());
    for plane in planes().await {
        plane.control.publish_policies(Arc::clone(&set));
        let digest = Digest::of(b"version 1");
        let new = NewKey {
            name: "helm".into(),
            agent: Some("helm".into()),
            agent_digest: Some(digest.clone()),
            ..NewKey::default()
        };
        let (_, key) = plane.control.keys().mint(new).await.unwrap();
        let caller = Arc::new(plane.control.snapshot().identify(key.expose()).unwrap());
        let publish = |agent: &str, state: &'static str| {
            let version = AgentVersion { agent: agent.into(), digest: digest.clone(), state };
            plane.control.versions().publish(AgentVersions::new([version]));
        };
        let asked = async || plane.control.gate().ask(tool(&caller, "mail", "send")).await;
        let before = refused(asked().await);
        assert_eq!(before.decision.policies, ["helm:versions"], "nothing was published yet");
        publish("helm", "pending");
        refused(asked().await);
        publish("another", "approved");
        refused(asked().await);
        publish("helm", "approved");
        permitted(asked().await).settle(Spend::default());
        publish("helm", "retired");
        refused(asked().await);
    }
}
