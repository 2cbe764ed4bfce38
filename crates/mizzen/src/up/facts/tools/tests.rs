use mizzen_catalog::facts::{FactValue, Facts, Figures};
use mizzen_control::policies::decisions::DecisionCounts;
use mizzen_model::permission::{Boundary, Grant, Mode, Pattern};
use serde_json::json;

use super::super::Asked;
use super::super::double::{Agent, texts, value};
use super::tell;

fn told(agent: &Agent) -> (Facts, Figures) {
    let (mut facts, mut figures) = (Facts::default(), Figures::default());
    tell(&agent.asked(), &mut facts, &mut figures);
    (facts, figures)
}

fn grant(server: &str, tool: &str) -> Grant {
    Grant::plain(Pattern { server: Some(server.to_owned()), name: tool.to_owned() }, 1)
}

fn boundary(tools: Vec<Grant>, mode: Mode) -> Boundary {
    Boundary { name: "helm".into(), mode, tools, ..Boundary::default() }
}

#[test]
fn granted_and_unused_is_told_apart_from_used_and_not_granted() {
    let mut agent = Agent::new(&json!({}));
    agent.knows("helm", "list", Some(b"1"), b"1");
    agent.knows("helm", "history", Some(b"1"), b"1");
    agent.knows("mail", "send", Some(b"1"), b"1");
    agent.boundaries = vec![boundary(vec![grant("helm", "*")], Mode::Observe)];
    assert!(value(&told(&agent).0, "tools.unused").is_none(), "it did nothing yet");
    agent.decided("tool:helm/list", "allow", false);
    agent.decided("tool:mail/send", "deny", false);
    let (facts, figures) = told(&agent);
    assert_eq!(value(&facts, "tools.granted"), Some(FactValue::Int(2)));
    assert_eq!(value(&facts, "tools.unused"), texts(&["helm/history"]));
    assert_eq!(value(&facts, "tools.outside"), texts(&["mail/send"]));
    assert_eq!((figures.tools_granted, figures.tools_used, figures.tools_unused), (Some(2), 2, Some(1)));
    let list = figures.tools.iter().find(|tool| tool.name == "helm/list").unwrap();
    assert_eq!((list.granted, list.used, list.calls), (Some(true), true, Some(1)));
    agent.boundaries = vec![boundary(vec![grant("helm", "list")], Mode::Enforce)];
    agent.decisions.remove(1);
    agent.decided("tool:mail/send", "deny", true);
    let (facts, figures) = told(&agent);
    assert_eq!((value(&facts, "tools.unused"), value(&facts, "tools.outside")), (texts(&[]), texts(&[])));
    assert_eq!(figures.tools.iter().find(|tool| tool.name == "mail/send").and_then(|tool| tool.denied), Some(1));
}

#[test]
fn an_irreversible_tool_is_unattended_unless_an_enforced_grant_asks_a_person() {
    let spec = json!({ "tools": [ { "server": "helm", "tool": "uninstall", "effect": "irreversible" },
        { "server": "helm", "tool": "list", "effect": "read" } ] });
    let mut agent = Agent::new(&spec);
    let unattended = |agent: &Agent| value(&told(agent).0, "tools.unattended");
    assert_eq!(
        unattended(&agent),
        texts(&["helm/uninstall"]),
        "no boundary, and nobody said that the unnamed are held"
    );
    let asking = Grant { needs_approval: true, ..grant("helm", "uninstall") };
    agent.boundaries = vec![boundary(vec![asking.clone()], Mode::Enforce)];
    assert_eq!(unattended(&agent), texts(&[]));
    agent.boundaries = vec![boundary(vec![asking.clone()], Mode::Observe)];
    assert_eq!(unattended(&agent), texts(&["helm/uninstall"]));
    agent.boundaries = vec![boundary(vec![asking, grant("helm", "*")], Mode::Enforce)];
    assert_eq!(unattended(&agent), texts(&["helm/uninstall"]), "another grant lets it through");
    agent.boundaries = vec![boundary(vec![], Mode::Enforce)];
    assert_eq!(unattended(&agent), texts(&[]), "not granted at all");
    agent.about.entity = None;
    assert_eq!(unattended(&agent), None);
}

#[test]
fn definitions_are_held_against_their_pins() {
    let mut agent = Agent::new(&json!({}));
    agent.knows("helm", "list", Some(b"1"), b"1");
    agent.knows("helm", "history", Some(b"1"), b"2");
    agent.decided("tool:helm/list", "allow", false);
    let facts = told(&agent).0;
    assert_eq!(
        (value(&facts, "tools.changed"), value(&facts, "tools.pinned")),
        (texts(&[]), Some(FactValue::Bool(true)))
    );
    agent.boundaries = vec![boundary(vec![grant("helm", "*")], Mode::Enforce)];
    assert_eq!(value(&told(&agent).0, "tools.changed"), texts(&["helm/history"]), "what it may use counts too");
    agent.decided("tool:mail/send", "allow", false);
    assert_eq!(value(&told(&agent).0, "tools.pinned"), Some(FactValue::Bool(false)), "never seen");
    let nothing = Agent::new(&json!({}));
    assert!(value(&told(&nothing).0, "tools.changed").is_none());
}

#[test]
fn of_more_kinds_of_decisions_than_are_told_apart_nothing_is_said_of_tools() {
    let mut agent = Agent::new(&json!({}));
    agent.knows("helm", "list", Some(b"1"), b"1");
    agent.boundaries = vec![boundary(vec![grant("helm", "*")], Mode::Enforce)];
    agent.decided("", "allow", false);
    let decisions = DecisionCounts { tells_resources_apart: false, ..agent.asked().decisions };
    let (mut facts, mut figures) = (Facts::default(), Figures::default());
    tell(&Asked { decisions, ..agent.asked() }, &mut facts, &mut figures);
    for name in ["tools.used", "tools.unused", "tools.outside", "tools.changed", "tools.pinned"] {
        assert!(value(&facts, name).is_none(), "{name}");
    }
    assert_eq!((value(&facts, "tools.granted"), figures.tools_unused), (Some(FactValue::Int(1)), None));
}

#[test]
fn models_are_shown_with_what_may_be_used() {
    let mut agent = Agent::new(&json!({}));
    agent.decided("model:fake/gpt-4o", "allow", false);
    agent.decided("model:other/meta/llama", "allow", false);
    let model = |agent: &Agent, name: &str| told(agent).1.models.into_iter().find(|model| model.name == name).unwrap();
    assert_eq!((model(&agent, "gpt-4o").granted, model(&agent, "gpt-4o").calls), (None, Some(1)));
    assert_eq!(model(&agent, "meta/llama").calls, Some(1), "a slash of its own name stays");
    let models = vec![Grant::plain(Pattern { server: None, name: "claude".to_owned() }, 1)];
    agent.boundaries = vec![Boundary { name: "m".into(), models, ..Boundary::default() }];
    assert_eq!((model(&agent, "gpt-4o").granted, model(&agent, "claude").used), (Some(false), false));
}
