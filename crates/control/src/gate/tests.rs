mod enforced;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mizzen_governance::request::ToolFacts;
use mizzen_model::asked::{Action, Resource, ResourceKind, Spend, Taint};
use mizzen_model::permission::{Effect, Mode};
use mizzen_runtime::metrics::Metrics;
use serde_json::json;

use super::{Answer, Ask, Denial, DenialCode, Permit};
use crate::budgets::{Budget, Limits, Per, Window};
use crate::config::PermissionSettings;
use crate::keys::NewKey;
use crate::pauses::{PauseKind, Reach};
use crate::plane::tests::{Fixture, planes};
use crate::snapshot::KeyIdentity;

impl Fixture {
    /// A key of an agent of the team `platform`.
    pub(crate) async fn agent(&self, name: &str) -> Arc<KeyIdentity> {
        let new = NewKey {
            name: name.into(),
            agent: Some(name.into()),
            team: Some("platform".into()),
            minted_by: Some("ada".into()),
            ..NewKey::default()
        };
        let (_, key) = self.control.keys().mint(new).await.unwrap();
        Arc::new(self.control.snapshot().identify(key.expose()).unwrap())
    }
}

/// A call of a tool.
pub(crate) fn ask(caller: &Arc<KeyIdentity>) -> Ask {
    Ask {
        caller: Arc::clone(caller),
        run: Some("run-1".parse().unwrap()),
        session: None,
        action: Action::ToolsCall,
        resource: Resource { kind: ResourceKind::Tool, server: Some("helm".into()), name: "uninstall".into() },
        tool: ToolFacts::default(),
        arguments: Some(Arc::new(json!({ "release": "x" }))),
        touches: Taint::default(),
        estimate: Spend { calls: 1, ..Spend::default() },
        trace: None,
    }
}

/// A call of a model that takes at most so many tokens and so much money.
pub(crate) fn model_ask(caller: &Arc<KeyIdentity>, tokens: u64, cost_nano_usd: Option<u64>) -> Ask {
    Ask {
        action: Action::ModelsCall,
        resource: Resource { kind: ResourceKind::Model, server: Some("openai".into()), name: "gpt".into() },
        estimate: Spend { calls: 1, tokens, cost_nano_usd, duration_ms: 0 },
        ..ask(caller)
    }
}

pub(crate) fn budget(name: &str, per: Per, limits: Limits) -> Budget {
    Budget {
        name: name.into(),
        agent: None,
        team: None,
        named: None,
        per,
        window: Window::Day,
        mode: Mode::Enforce,
        limits,
    }
}

pub(crate) fn permitted(answer: Answer) -> Permit {
    match answer {
        Answer::Permitted(permit) => permit,
        other => panic!("not permitted: {other:?}"),
    }
}

pub(crate) fn refused(answer: Answer) -> Denial {
    match answer {
        Answer::Refused(denial) => denial,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_agent_that_no_boundary_names_works_and_leaves_a_record_of_what_would_have_been() {
    for plane in planes().await {
        let metrics = Metrics::new();
        plane.control.configure(PermissionSettings { metrics: metrics.clone(), ..PermissionSettings::default() });
        let mut decisions = plane.control.decisions().unwrap();
        assert!(plane.control.decisions().is_none(), "there is one recorder");
        let caller = plane.agent("helm").await;
        let permit = permitted(plane.control.gate().ask(ask(&caller)).await);
        let recorded = decisions.try_recv().unwrap();
        assert_eq!(recorded.decision.id, permit.decision.id);
        assert_eq!((recorded.decision.effect, recorded.decision.mode), (Effect::Deny, Mode::Observe));
        assert_eq!((recorded.decision.action.as_str(), recorded.code), ("tools:call", None));
        assert_eq!(recorded.ask.arguments, ask(&caller).arguments);
        permit.settle(Spend::default());
        let told = r#"mizzen_permission_decisions_total{effect="deny",mode="observe",code="none"} 1"#;
        assert!(metrics.render().contains(told), "{}", metrics.render());
    }
}

#[tokio::test]
async fn decisions_that_nobody_takes_are_shed_and_counted_and_the_calls_go_on() {
    let plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    let began = Instant::now();
    for _ in 0..5_000 {
        permitted(plane.control.gate().ask(reading(&caller)).await).settle(Spend::default());
    }
    let memory = &plane.inner().memory;
    assert_eq!(memory.measures().shed.get(), 5_000 - 4_096);
    assert!(began.elapsed() < Duration::from_secs(60), "each waited for a place: {:?}", began.elapsed());
    let mut decisions = memory.take_decisions().unwrap();
    assert_eq!(decisions.len(), 4_096);
    decisions.recv().await.unwrap();
    permitted(plane.control.gate().ask(reading(&caller)).await).settle(Spend::default());
    assert_eq!((decisions.len(), memory.measures().shed.get()), (4_096, 5_000 - 4_096));
}

#[tokio::test]
async fn a_call_waits_for_a_place_when_whoever_keeps_decisions_is_behind() {
    let plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    let memory = &plane.inner().memory;
    let mut decisions = memory.take_decisions().unwrap();
    for _ in 0..4_096 {
        permitted(plane.control.gate().ask(reading(&caller)).await).settle(Spend::default());
    }
    let late = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(decisions.len(), 4_096, "nothing came in while it was full");
        decisions.recv().await.unwrap();
    };
    let gate = plane.control.gate();
    let (outcome, ()) = tokio::join!(gate.ask(reading(&caller)), late);
    permitted(outcome).settle(Spend::default());
    assert_eq!((decisions.len(), memory.measures().shed.get()), (4_096, 0));
}

/// What changes nothing does not wait for the disk.
fn reading(caller: &Arc<KeyIdentity>) -> Ask {
    Ask { tool: ToolFacts { pinned: true, read_only: true, digest: None }, ..ask(caller) }
}

#[tokio::test]
async fn without_the_database_a_budget_denies_and_says_the_way_out() {
    let plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    let limits = Limits { calls: Some(5), ..Limits::default() };
    plane.control.budgets().set(budget("calls", Per::Agent, limits), "ada").await.unwrap();
    plane.test.store.close().await;
    let denial = refused(plane.control.gate().ask(ask(&caller)).await);
    assert_eq!(denial.code, DenialCode::Unavailable);
    assert!(denial.message.contains("ask again") && denial.retry_at.is_some(), "{}", denial.message);
}

#[tokio::test]
async fn who_may_be_paused_by_another_node_that_is_not_heard_does_not_go_on() {
    let plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    let (gate, memory) = (plane.control.gate(), &plane.inner().memory);
    let permit = permitted(gate.ask(ask(&caller)).await);
    assert_eq!(gate.barred(&caller), None);
    memory.was_fresh_before(Duration::from_secs(60));
    assert_eq!(gate.barred(&caller).unwrap().0, DenialCode::Unavailable);
    assert!(gate.paused(&caller).unwrap().contains("ask again"));
    memory.is_fresh_now();
    assert_eq!(gate.barred(&caller), None);
    // A stop that was lifted again ended what was permitted before it.
    let stop = plane.control.pauses().pause(Reach::All, PauseKind::Stop, "it loops", "ada").await.unwrap();
    assert_eq!(gate.barred(&caller).unwrap().0, DenialCode::Paused);
    plane.control.pauses().resume(&stop.id, "ada").await.unwrap();
    assert!(gate.barred(&caller).is_none() && permit.is_stopped());
    permit.settle(Spend::default());
}

#[tokio::test]
async fn a_refusal_by_a_pause_is_recorded_as_the_pauses() {
    let plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    let mut decisions = plane.control.decisions().unwrap();
    let reach = Reach::Agent("helm".into());
    let pause = plane.control.pauses().pause(reach, PauseKind::Pause, "it loops", "ada").await.unwrap();
    let denial = refused(plane.control.gate().ask(ask(&caller)).await);
    assert_eq!(denial.code.as_str(), "paused");
    assert!(denial.message.contains("it loops") && denial.message.contains(&pause.id), "{}", denial.message);
    let recorded = decisions.try_recv().unwrap();
    assert_eq!(recorded.decision.policies, [format!("pause:{}", pause.id)]);
    assert_eq!((recorded.decision.effect, recorded.code), (Effect::Deny, Some(DenialCode::Paused)));
}
