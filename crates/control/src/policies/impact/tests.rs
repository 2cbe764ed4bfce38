use std::sync::Arc;

use mizzen_governance::request::ToolFacts;
use mizzen_model::asked::{Resource, ResourceKind, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Decision, Effect, Evidence, Mode};
use mizzen_model::step::Source;
use serde_json::json;

use super::{Proposed, Standing};
use crate::plane::tests::planes;
use crate::policies::decisions::KeptDecision;
use crate::policies::decisions::record::{ArgumentsKept, DecisionDocument};
use crate::policies::{By, Expected, FileText, Policies, PolicyKind};
use crate::versions::{AgentVersion, AgentVersions};

fn helm(mode: &str) -> FileText {
    let text = format!(
        "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: helm}}\nspec:\n  mode: {mode}\n  agents: [helm-agent]\n  \
         tools: [helm/list_*]\n"
    );
    FileText::named("helm.yaml", &text).unwrap()
}

fn proposed(policies: &Policies<'_>, file: FileText) -> Arc<Proposed> {
    Arc::new(Proposed::of(&policies.published(), &[file], &[]).unwrap())
}

/// What was decided while no boundary named the agent.
fn document(number: i64, tool: &str, at: mizzen_model::time::Timestamp) -> DecisionDocument {
    let resource = Resource { kind: ResourceKind::Tool, server: Some("helm".to_owned()), name: tool.to_owned() };
    DecisionDocument {
        decision: Decision {
            id: format!("dec_{number:03}"),
            at: at.plus_nanos(number),
            caller: Caller { reference: "agent:default/helm-agent".to_owned(), agent_digest: None },
            action: "tools:call".to_owned(),
            resource: resource.to_string(),
            effect: Effect::Deny,
            mode: Mode::Observe,
            policies: vec![],
            policy_set: Digest::of(b""),
            reason: "no boundary names `helm-agent`".to_owned(),
        },
        enforced: false,
        code: None,
        approval: None,
        run_id: Some("run-1".to_owned()),
        trace_id: None,
        span_id: None,
        key_id: None,
        agent: Some("helm-agent".to_owned()),
        team: None,
        session: None,
        resource,
        tool: ToolFacts { digest: None, pinned: true, read_only: true },
        arguments_kept: ArgumentsKept::Whole,
        arguments: Some(json!({})),
        arguments_hash: None,
        taint: Taint::default(),
        touches: Taint { private_data: true, ..Taint::default() },
        evidence: vec![],
        version: None,
        obligations: mizzen_governance::request::Obligations::default(),
    }
}

#[tokio::test]
async fn a_rare_agent_is_not_crowded_out_by_a_busy_one() {
    for plane in planes().await {
        let (policies, now) = (plane.control.policies(), plane.clock.now());
        let mut rows: Vec<KeptDecision> = (0..5).map(|number| kept(&document(number, "uninstall", now))).collect();
        // Newer, and more than are read.
        rows.extend((10..2_600).map(|number| {
            let agent = Some("busy".to_owned());
            kept(&DecisionDocument { agent, ..document(number, "uninstall", now) })
        }));
        policies.keep_decisions(&rows).await.unwrap();
        let report = policies.impact_of(&proposed(&policies, helm("enforce")), now, 2_000).await.unwrap();
        let counts = (report.examined, report.changed, report.truncated);
        assert_eq!(counts, (5, 5, false), "{}", plane.test.name);
        let both = helm("enforce").text.replace("[helm-agent]", "[busy, helm-agent, nobody]");
        let both = FileText::named("helm.yaml", &both).unwrap();
        let report = policies.impact_of(&proposed(&policies, both), now, 2_000).await.unwrap();
        assert_eq!((report.examined, report.truncated), (2_005, true), "a page of each in turn");
        assert!(report.groups.iter().any(|group| group.agent.as_deref() == Some("helm-agent") && group.count == 5));
        let all = FileText::named("helm.yaml", &helm("enforce").text.replace("helm-agent", "helm-*")).unwrap();
        let report = policies.impact_of(&proposed(&policies, all), now, 2_000).await.unwrap();
        assert_eq!((report.examined, report.truncated), (0, true), "everybody's are read for a pattern");
    }
}

fn kept(document: &DecisionDocument) -> KeptDecision {
    KeptDecision {
        id: document.decision.id.clone(),
        at: document.decision.at,
        run_id: document.run_id.clone(),
        agent: document.agent.clone(),
        caller: document.decision.caller.reference.clone(),
        action: document.decision.action.clone(),
        resource: document.decision.resource.clone(),
        effect: document.decision.effect.to_string(),
        mode: document.decision.mode.to_string(),
        enforced: document.enforced,
        code: document.code.clone(),
        document: serde_json::to_string(document).unwrap(),
    }
}

#[tokio::test]
async fn a_report_says_what_would_change_for_whom_and_what_it_cannot_say() {
    for plane in planes().await {
        let policies = plane.control.policies();
        let now = plane.clock.now();
        let mut rows = Vec::new();
        rows.extend((0..1_200).map(|number| document(number, "list_releases", now)));
        rows.extend((1_200..1_205).map(|number| document(number, "uninstall", now)));
        rows.push(DecisionDocument { arguments_kept: ArgumentsKept::Hash, ..document(1_205, "uninstall", now) });
        rows.push(DecisionDocument { code: Some("paused".to_owned()), ..document(1_206, "uninstall", now) });
        let before = document(-5, "uninstall", now);
        let rows: Vec<KeptDecision> = rows.iter().chain([&before]).map(kept).collect();
        policies.keep_decisions(&rows).await.unwrap();

        let report = policies.impact(&proposed(&policies, helm("enforce")), now).await.unwrap();
        assert_eq!((report.examined, report.replayed, report.changed), (1_207, 1_205, 1_205), "{}", plane.test.name);
        assert_eq!(report.not_replayed_reasons["arguments_not_kept"], 1);
        assert_eq!(report.not_replayed_reasons["not_decided_by_policy"], 1);
        assert_eq!(report.already_different, 0, "it was decided under the set in force");
        assert!(!report.truncated);
        let told: Vec<_> = report.groups.iter().map(|g| (g.resource.as_str(), g.would_be, g.count)).collect();
        let stands = |effect, enforced| Standing { effect, enforced };
        assert_eq!(
            told,
            [
                ("tool:helm/uninstall", stands(Effect::Deny, true), 5),
                ("tool:helm/list_releases", stands(Effect::Allow, false), 1_200)
            ],
            "what stops calls comes first"
        );
        assert_eq!(report.groups[0].was, stands(Effect::Deny, false), "the same effect, now enforced, is a change");
        assert_eq!(report.groups[0].agent.as_deref(), Some("helm-agent"));
        assert_eq!(report.groups[0].example.decision_id, "dec_1204", "the newest");

        let watched = policies.impact(&proposed(&policies, helm("observe")), now).await.unwrap();
        assert_eq!((watched.changed, watched.as_enforced), (1_205, vec!["helm".to_owned()]), "as if it enforced");
        let other = FileText::named("x.yaml", &helm("enforce").text.replace("helm-agent", "other")).unwrap();
        let other = policies.impact(&proposed(&policies, other), now).await.unwrap();
        assert_eq!((other.examined, other.changed), (0, 0), "it names another agent");

        let by = By { name: "anna".to_owned(), role: None, reason: String::new() };
        policies.put(PolicyKind::Boundary, "helm", &helm("enforce").text, &Expected::Anything, &by).await.unwrap();
        let loosened = policies.impact(&proposed(&policies, helm("observe")), now).await.unwrap();
        assert_eq!((loosened.changed, loosened.as_enforced.len()), (5, 0), "observing is the change");
        assert_eq!(loosened.already_different, 1_205, "{}", plane.test.name);
        assert_eq!(
            loosened.groups[0].example.reason_then, "no boundary names `helm-agent`",
            "not why it is refused now"
        );
        assert_eq!((loosened.groups[0].was, loosened.groups[0].would_be.enforced), (stands(Effect::Deny, true), false));
        let nobody = FileText::named("x.cedar", "forbid (principal == Agent::\"nobody\", action, resource);").unwrap();
        let nobody = policies.impact(&proposed(&policies, nobody), now).await.unwrap();
        assert_eq!(
            (nobody.replayed, nobody.changed, nobody.already_different),
            (1_205, 0, 1_205),
            "it changes nothing"
        );
        let renamed = FileText::named("x.yaml", &helm("enforce").text.replace("helm-agent", "other")).unwrap();
        let renamed = policies.impact(&proposed(&policies, renamed), now).await.unwrap();
        assert_eq!(renamed.replayed, 1_205, "whom it does not name any more");
    }
}

#[tokio::test]
async fn what_would_be_said_now_goes_by_the_evidence_and_the_version_of_now() {
    for plane in planes().await {
        let (policies, digest) = (plane.control.policies(), Digest::of(b"helm-agent 1"));
        let spec =
            "tools: [{tool: helm/list, needs_evidence: {metric: steps, lower_at_least: 0.9, clusters_at_least: 1}}]";
        let text = format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: helm}}\nspec:\n  mode: enforce\n  versions: approved\n  \
             agents: [helm-agent]\n  {spec}\n"
        );
        let by = By { name: "anna".to_owned(), role: None, reason: String::new() };
        policies.put(PolicyKind::Boundary, "helm", &text, &Expected::Anything, &by).await.unwrap();
        let evidence = Evidence {
            subject: digest.clone(),
            metric: "steps@1".into(),
            n: 60,
            clusters: 50,
            method: "wilson".into(),
            alpha: 0.01,
            lower: 0.95,
            upper: 1.0,
            e_value: None,
            as_of: plane.clock.now(),
            sources: vec![Source::Gateway],
        };
        let mut then = document(1, "list", plane.clock.now());
        then.decision.caller.agent_digest = Some(digest.clone());
        (then.evidence, then.version) = (vec![evidence.clone()], Some("approved".to_owned()));
        let publish = |state| {
            let version = AgentVersion { agent: "Helm-Agent".into(), digest: digest.clone(), state };
            plane.control.versions().publish(AgentVersions::new([version]));
        };
        let now = || policies.ask_now(&then).unwrap().effect;
        publish("approved");
        assert_eq!(now(), Effect::Deny, "nothing is in force any more, on {}", plane.test.name);
        assert!(plane.control.evidence().publish("helm-agent", &evidence).await.unwrap());
        assert_eq!(now(), Effect::Allow, "{:?}", policies.ask_now(&then).map(|outcome| outcome.reason));
        publish("retired");
        assert_eq!(now(), Effect::Deny);
    }
}
