use std::collections::HashSet;

use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Effect, Evidence, Mode};
use mizzen_model::step::Source as Seen;
use mizzen_model::time::Timestamp;
use serde_json::{Value, json};

use crate::cedar::emit;
use crate::request::{BudgetLeft, Outcome, Request, ToolFacts};
use crate::{PolicySet, Source, Sources};

mod observing;

const BANKING: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: banking, description: Pays bills}
spec:
  mode: enforce
  agents: [bank-agent, 'bank-*']
  models: ['gpt-4o*']
  tools:
    - bank/get_balance
    - tool: bank/read_file
      touches: [private_data, untrusted_content]
    - tool: bank/send_money
      touches: outside
      arguments:
        recipient: {in: [DE89370400440532013000, GB29NWBK60161331926819]}
        amount: {more_than: 0, at_most: 500}
      beyond_limits: needs_approval
    - tool: bank/schedule
      arguments: {recurring: [true], note: {like: ['rent*'], length_at_most: 10, optional: true}}
      other_arguments: deny
    - tool: bank/update_password
      needs_approval: true
    - tool: bank/close
      needs_evidence: {metric: task_success, lower_at_least: 0.95, clusters_at_least: 50}
      list: false
    - tool: web/*
      touches: [untrusted_content]
    - tool: mail/send
      touches: outside
      three_together: needs_approval
  hosts: ['*.bank.example', 'api.example.com:443']
  deny:
    - tool: web/admin
      because: nobody administers the web
    - tool: bank/*
      arguments: {amount: {more_than: 10000}}
  budgets:
    - {per: agent, every: day, usd: 5.25, calls: 100}
";

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.into() }
}

fn compile(boundaries: &[&str], policies: &str) -> PolicySet {
    let boundaries = boundaries.iter().enumerate().map(|(n, text)| source(&format!("b{n}.yaml"), text)).collect();
    let policies = if policies.is_empty() { vec![] } else { vec![source("hand.cedar", policies)] };
    let sources = Sources { boundaries, policies, unnamed: Mode::Observe };
    match PolicySet::compile(&sources) {
        Ok(set) => set,
        Err(problems) => panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()),
    }
}

/// A question that tests change where it matters.
struct Ask {
    agent: Option<&'static str>,
    action: Action,
    resource: Resource,
    arguments: Value,
    taint: Taint,
    digest: Option<Digest>,
    evidence: Vec<Evidence>,
    version: Option<&'static str>,
    tool: ToolFacts,
}

fn tool(server: &str, name: &str, arguments: Value) -> Ask {
    Ask {
        agent: Some("bank-agent"),
        action: Action::ToolsCall,
        resource: Resource { kind: ResourceKind::Tool, server: Some(server.into()), name: name.into() },
        arguments,
        taint: Taint::default(),
        digest: None,
        evidence: vec![],
        version: None,
        tool: ToolFacts::default(),
    }
}

impl Ask {
    fn of(&self, set: &PolicySet) -> Outcome {
        self.put(|request| set.decide(request))
    }

    fn put<T>(&self, before: impl FnOnce(&Request<'_>) -> T) -> T {
        let caller = Caller { reference: "agent:default/x".into(), agent_digest: self.digest.clone() };
        before(&Request {
            caller: &caller,
            agent: self.agent,
            team: None,
            action: self.action,
            resource: &self.resource,
            tool: self.tool.clone(),
            arguments: Some(&self.arguments),
            taint: self.taint,
            touches: Taint::default(),
            budget: BudgetLeft::default(),
            evidence: &self.evidence,
            version: self.version,
            at: Timestamp::from_unix_nanos(1_763_800_000_123_456_789),
        })
    }

    fn effect(&self, set: &PolicySet) -> Effect {
        self.of(set).effect
    }

    fn listed(mut self, set: &PolicySet) -> Effect {
        self.action = Action::ToolsList;
        self.of(set).effect
    }
}

const IBAN: &str = "DE89370400440532013000";

#[test]
fn limits_on_arguments_permit_refuse_and_ask() {
    let set = compile(&[BANKING], "");
    let send = |arguments| tool("bank", "send_money", arguments).of(&set);
    let plain = send(json!({"recipient": IBAN, "amount": 500}));
    assert_eq!((plain.effect, plain.mode), (Effect::Allow, Mode::Enforce), "{}", plain.reason);
    assert_eq!(plain.policies, ["banking:13"]);
    assert!(plain.obligations.touches.outside_reached);
    for beyond in [
        json!({"recipient": IBAN, "amount": 500.01}),
        json!({"recipient": "US1", "amount": 1}),
        json!({"recipient": IBAN, "amount": 0}),
        json!({"recipient": IBAN}),
        json!({"recipient": IBAN, "amount": "1"}),
        json!({"recipient": [IBAN], "amount": 1}),
        json!({"recipient": IBAN, "amount": null}),
    ] {
        let asked = send(beyond.clone());
        let refused_as_text = beyond["amount"] == json!("1");
        let expected = if refused_as_text { Effect::Deny } else { Effect::NeedsApproval };
        assert_eq!(asked.effect, expected, "{beyond}: {}", asked.reason);
    }
    assert_eq!(send(json!({"recipient": IBAN, "amount": 10000.5})).effect, Effect::Deny);
    let unrepresentable = send(json!({"recipient": IBAN, "amount": 1.000_01}));
    assert_eq!(unrepresentable.effect, Effect::Deny);
    assert!(unrepresentable.reason.contains("`amount` has more than four places"), "{}", unrepresentable.reason);
    assert_eq!(send(json!([1])).effect, Effect::Deny);
    let respelled = send(json!({"recipient": IBAN, "amount": 1, "Amount": 9_999}));
    assert_eq!(respelled.effect, Effect::Deny);
    assert!(respelled.reason.contains("`amount` is there in other letters"), "{}", respelled.reason);
}

#[test]
fn an_optional_argument_is_not_missing_when_it_is_written_in_other_letters() {
    let text = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: b}
spec:
  mode: enforce
  agents: [bank-agent]
  tools:
    - tool: bank/pay
      arguments: {to/amount: {at_most: 5, optional: true}}
";
    let set = compile(&[text], "");
    let pay = |arguments| tool("bank", "pay", arguments).of(&set).effect;
    for fine in [json!({}), json!({"to": {"amount": 5}}), json!({"to": {"name": "x"}, "note": {"Amount": 9}})] {
        assert_eq!(pay(fine.clone()), Effect::Allow, "{fine}");
    }
    for other in [json!({"to": {"Amount": 9}}), json!({"To": {"amount": 9}}), json!({"to": {"amount": 5, "AMOUNT": 9}})]
    {
        assert_eq!(pay(other.clone()), Effect::Deny, "{other}");
    }
}

#[test]
fn other_arguments_optional_ones_and_patterns() {
    let set = compile(&[BANKING], "");
    let schedule = |arguments| tool("bank", "schedule", arguments).effect(&set);
    assert_eq!(schedule(json!({"recurring": true})), Effect::Allow);
    assert_eq!(schedule(json!({"recurring": true, "note": "rent May"})), Effect::Allow);
    assert_eq!(schedule(json!({"recurring": true, "note": null})), Effect::Allow);
    for refused in [
        json!({}),
        json!({"recurring": false}),
        json!({"recurring": true, "note": "rent for May"}),
        json!({"recurring": true, "note": "loan"}),
        json!({"recurring": true, "extra": 1}),
    ] {
        assert_eq!(schedule(refused.clone()), Effect::Deny, "{refused}");
    }
    let reason = tool("bank", "schedule", json!({"recurring": true, "extra": 1})).of(&set).reason;
    assert!(reason.contains("`extra` is none of those"), "{reason}");
}

#[test]
fn what_may_never_be_called_is_not_listed() {
    let set =
        compile(&[BANKING], "forbid(principal, action == Action::\"tools:call\", resource == Tool::\"web/evil\");");
    assert_eq!(tool("bank", "send_money", json!({})).listed(&set), Effect::Allow);
    assert_eq!(tool("web", "search", json!({})).listed(&set), Effect::Allow);
    assert_eq!(tool("web", "admin", json!({})).listed(&set), Effect::Deny);
    assert_eq!(tool("web", "evil", json!({})).listed(&set), Effect::Deny);
    assert_eq!(tool("bank", "unknown", json!({})).listed(&set), Effect::Deny);
    assert_eq!(tool("bank", "close", json!({})).listed(&set), Effect::Deny);
    let refused = tool("web", "admin", json!({})).of(&set);
    assert!(refused.reason.contains("nobody administers the web"), "{}", refused.reason);
}

fn evidence(digest: &Digest, lower: f64, clusters: u64) -> Evidence {
    Evidence {
        subject: digest.clone(),
        metric: "task_success@1".into(),
        n: 100,
        clusters,
        method: "wilson".into(),
        alpha: 0.03,
        lower,
        upper: 1.0,
        e_value: None,
        as_of: Timestamp::from_unix_nanos(5),
        sources: vec![Seen::Gateway],
    }
}

#[test]
fn permission_comes_and_goes_with_evidence_about_the_very_digest() {
    let set = compile(&[BANKING], "");
    let digest = Digest::of(b"agent 1");
    let with = |evidence: Vec<Evidence>, digest: Option<&Digest>| {
        Ask { evidence, digest: digest.cloned(), ..tool("bank", "close", json!({})) }.of(&set)
    };
    let missing = with(vec![], Some(&digest));
    assert_eq!(missing.effect, Effect::Deny);
    assert_eq!(missing.missing_evidence.len(), 1);
    assert_eq!(missing.missing_evidence[0].had, None);
    assert_eq!(with(vec![evidence(&digest, 0.95, 50)], Some(&digest)).effect, Effect::Allow);
    let short = with(vec![evidence(&digest, 0.949_999, 50)], Some(&digest));
    assert_eq!(short.effect, Effect::Deny);
    assert_eq!(short.missing_evidence[0].had.as_ref().map(|had| had.clusters), Some(50));
    assert_eq!(with(vec![evidence(&digest, 0.99, 49)], Some(&digest)).effect, Effect::Deny);
    let other = Digest::of(b"agent 2");
    assert_eq!(with(vec![evidence(&digest, 0.99, 60)], Some(&other)).effect, Effect::Deny);
    assert_eq!(with(vec![evidence(&digest, 0.99, 60)], None).effect, Effect::Deny);
    // The newest counts, and the agent's own word alone does not.
    let newer = Evidence { as_of: Timestamp::from_unix_nanos(6), ..evidence(&digest, 0.5, 60) };
    assert_eq!(with(vec![evidence(&digest, 0.99, 60), newer], Some(&digest)).effect, Effect::Deny);
    let own = Evidence { sources: vec![Seen::Sdk], ..evidence(&digest, 0.99, 60) };
    assert_eq!(with(vec![own], Some(&digest)).effect, Effect::Deny);
    let loose = Evidence { alpha: 0.06, ..evidence(&digest, 0.99, 60) };
    assert_eq!(with(vec![loose], Some(&digest)).effect, Effect::Deny);
}

#[test]
fn evidence_that_somebody_chose_counts_for_rules_that_name_it_alone() {
    let (digest, chosen, cases) = (Digest::of(b"agent 1"), Digest::of(b"pattern that all match"), Digest::of(b"cases"));
    let metric = |evaluator, set| Evidence::metric_of("task_success@1", evaluator, set);
    let of = |metric: String, lower: f64| Evidence { metric, ..evidence(&digest, lower, 60) };
    let ask = |set: &PolicySet, evidence: Vec<Evidence>| {
        Ask { evidence, digest: Some(digest.clone()), ..tool("bank", "close", json!({})) }.of(set)
    };
    let open = compile(&[BANKING], "");
    for metric in [metric(Some(&chosen), None), metric(None, Some(&cases)), metric(Some(&chosen), Some(&cases))] {
        let refused = ask(&open, vec![of(metric.clone(), 0.99)]);
        assert_eq!(refused.effect, Effect::Deny, "{metric}");
        assert!(
            refused.reason.contains(&format!("`{metric}` is in force, which the rule does not name")),
            "{}",
            refused.reason
        );
    }
    // Nor does it take the place of what the rule is about.
    let newer = Evidence { as_of: Timestamp::from_unix_nanos(9), ..of(metric(Some(&chosen), None), 0.1) };
    assert_eq!(ask(&open, vec![evidence(&digest, 0.99, 60), newer]).effect, Effect::Allow);

    let rule = format!("metric: task_success, evaluator: '{chosen}', set: '{cases}'");
    let named = compile(&[&BANKING.replace("metric: task_success", &rule)], "");
    assert_eq!(ask(&named, vec![of(metric(Some(&chosen), Some(&cases)), 0.99)]).effect, Effect::Allow);
    for metric in [metric(Some(&cases), Some(&cases)), metric(Some(&chosen), None), metric(None, None)] {
        assert_eq!(ask(&named, vec![of(metric.clone(), 0.99)]).effect, Effect::Deny, "{metric}");
    }
    let by_hand = format!(
        "@id(\"h\") permit(principal, action, resource == Tool::\"bank/close\") when {{ context.evidence has \"{0}\" && \
         context.evidence[\"{0}\"].clusters > 1 }};",
        Evidence::metric_of("task_success", Some(&chosen), None)
    );
    let by_hand = compile(&[BANKING], &by_hand);
    assert_eq!(ask(&by_hand, vec![of(metric(Some(&chosen), None), 0.99)]).effect, Effect::Allow);
}

#[test]
fn the_three_together_are_forbidden_unless_a_person_is_asked() {
    let set = compile(&[BANKING], "");
    let both = Taint { private_data: true, untrusted_content: true, outside_reached: false };
    let send = json!({"recipient": IBAN, "amount": 1});
    let refused = Ask { taint: both, ..tool("bank", "send_money", send.clone()) }.of(&set);
    assert_eq!((refused.effect, refused.policies), (Effect::Deny, vec!["builtin:three-together".to_owned()]));
    let private = Taint { private_data: true, ..Taint::default() };
    assert_eq!(Ask { taint: private, ..tool("bank", "send_money", send) }.effect(&set), Effect::Allow);
    assert_eq!(Ask { taint: both, ..tool("mail", "send", json!({})) }.effect(&set), Effect::NeedsApproval);
    assert_eq!(tool("mail", "send", json!({})).effect(&set), Effect::Allow);
    // What touches none of them goes on.
    assert_eq!(Ask { taint: both, ..tool("web", "search", json!({})) }.effect(&set), Effect::Allow);
    let outside = Taint { outside_reached: true, ..Taint::default() };
    assert_eq!(Ask { taint: outside, ..tool("bank", "read_file", json!({})) }.effect(&set), Effect::Deny);
}

#[test]
fn what_would_help_is_told_before_the_three_together() {
    let set = compile(&[BANKING], "");
    let both = Taint { private_data: true, untrusted_content: true, outside_reached: false };
    let ungranted = Ask { taint: both, ..tool("bank", "unknown", json!({})) }.of(&set);
    assert_eq!(ungranted.policies, ["builtin:three-together"]);
    let begins = "tool:bank/unknown is not granted by `banking`, which names `bank-agent`; ask its owner to add it; besides, it is \
                  refused by `builtin:three-together`: private data";
    assert!(ungranted.reason.starts_with(begins), "{}", ungranted.reason);
    let outside = BANKING.replace("      touches: [untrusted_content]\n", "      touches: outside\n");
    let denied = Ask { taint: both, ..tool("web", "admin", json!({})) }.of(&compile(&[&outside], ""));
    let begins = "tool:web/admin is refused by `banking:34/deny`: nobody administers the web; and by `builtin:three-together`: private data";
    assert!(denied.reason.starts_with(begins), "{}", denied.reason);
    // What lacks its evidence as well has more than that to wait for.
    let lacking = Ask { taint: both, ..tool("bank", "close", json!({})) }.of(&set);
    assert!(lacking.reason.contains("needs evidence") && lacking.missing_evidence.is_empty(), "{}", lacking.reason);
    // What is granted is refused by nothing else.
    let send = Ask { taint: both, ..tool("bank", "send_money", json!({"recipient": IBAN, "amount": 1})) }.of(&set);
    assert!(
        send.reason.starts_with("tool:bank/send_money is refused by `builtin:three-together`: "),
        "{}",
        send.reason
    );
}

#[test]
fn a_grant_that_asks_where_the_three_come_together_lifts_nothing_for_another_one() {
    let mail = "    - tool: mail/send\n      touches: outside\n      three_together: needs_approval\n";
    let both = Taint { private_data: true, untrusted_content: true, outside_reached: false };
    let effect = |grant: &str, arguments: Value, taint| {
        let plain = "    - {tool: mail/send, touches: outside}\n";
        let set = compile(&[&BANKING.replace(mail, &format!("{plain}    - {{tool: mail/send, {grant}}}\n"))], "");
        Ask { taint, ..tool("mail", "send", arguments) }.effect(&set)
    };
    let limited = "arguments: {to: [me]}, three_together: needs_approval";
    assert_eq!(effect(limited, json!({"to": "me"}), both), Effect::NeedsApproval);
    assert_eq!(effect(limited, json!({"to": "you"}), both), Effect::Deny);
    assert_eq!(effect(limited, json!({"to": "you"}), Taint::default()), Effect::Allow);
    let asking = format!("{limited}, beyond_limits: needs_approval");
    assert_eq!(effect(&asking, json!({"to": "you"}), both), Effect::NeedsApproval);
    let shaped = "schema: {required: [to]}, three_together: needs_approval";
    assert_eq!(effect(shaped, json!({"to": "you"}), both), Effect::NeedsApproval);
    assert_eq!(effect(shaped, json!({}), both), Effect::Deny);
    let measured = "needs_evidence: {metric: task_success, lower_at_least: 0.9}, three_together: needs_approval";
    assert_eq!(effect(measured, json!({}), both), Effect::Deny);
}

#[test]
fn a_grant_is_found_by_its_index_whatever_its_kind() {
    let all = format!("{BANKING}  resources: ['web/*']\n  prompts: ['web/*']\n  routes: [a, b]\n");
    let set = compile(&[&all], "");
    let [boundary] = set.boundaries() else { panic!() };
    let grants: Vec<_> = emit::grants(boundary).map(|(_, grant)| grant).collect();
    assert!(grants.iter().enumerate().all(|(index, grant)| emit::grant(boundary, index) == Some(*grant)));
    assert_eq!((grants.len(), emit::grant(boundary, grants.len())), (15, None));
}

#[test]
fn an_unknown_action_is_told_with_the_nearest_the_same_each_time() {
    for (unknown, expected) in [
        ("tools:cal", "unrecognized action `Action::\"tools:cal\"`; did you mean `Action::\"tools:call\"`?"),
        ("tool:lost", "did you mean `Action::\"tools:list\"`?"),
        ("delete", "actions are hosts, hosts:connect, models, "),
    ] {
        let text = format!("permit(principal, action == Action::\"{unknown}\", resource);");
        let sources = || Sources { policies: vec![source("hand.cedar", &text)], ..Sources::default() };
        let told: HashSet<String> =
            (0..8).map(|_| PolicySet::compile(&sources()).unwrap_err()[0].to_string()).collect();
        assert!(told.len() == 1 && told.iter().all(|told| told.contains(expected)), "{told:?}");
    }
}

#[test]
fn cedar_of_ones_own_about_what_there_cannot_be_is_told() {
    let told = |scope: &str| {
        let set = compile(&[BANKING], &format!("forbid(principal {scope};"));
        let messages: Vec<String> = set.warnings().iter().map(ToString::to_string).collect();
        messages.join("\n")
    };
    for (scope, expected) in [
        (
            "in Boundary::\"bankin\", action, resource)",
            "hand.cedar:1: warning: there is no boundary `bankin` here, so that nothing is in it; did you mean `banking`?",
        ),
        (", action, resource) unless { principal in Boundary::\"nope\" }", "there is no boundary `nope` here"),
        (", action, resource == Tool::\"send\")", "nothing is `Tool::\"send\"`; a tool is named `server/tool`"),
        (", action, resource == Tool::\"tool:bank/send\")", "nothing is `Tool::\"tool:bank/send\"`; leave out `tool:`"),
    ] {
        assert!(told(scope).contains(expected), "{scope}: {}", told(scope));
    }
    for fine in [
        "in Boundary::\"banking\", action, resource in ToolServer::\"bank\")",
        "== Agent::\"a\", action, resource == Tool::\"bank/*\")",
        ", action, resource == Model::\"openai/gpt-4o\")",
    ] {
        assert_eq!(told(fine), "", "{fine}");
    }
}

#[test]
fn a_model_that_is_named_as_decisions_show_it_is_told() {
    let told = |models: &str| {
        let set = compile(&[&BANKING.replace("models: ['gpt-4o*']", &format!("models: [{models}]"))], "");
        let messages: Vec<String> = set.warnings().iter().map(ToString::to_string).collect();
        messages.join("\n")
    };
    let message = told("openai/gpt-4o");
    assert!(message.starts_with("b0.yaml:8: warning: a model is named as its upstream calls it"), "{message}");
    let way_out =
        "for `gpt-4o` say `gpt-4o`, beside `arguments: {upstream: openai}` where only that of `openai` is meant";
    assert!(message.ends_with(way_out), "{message}");
    assert!(told("'model:anthropic/claude*'").contains("for `claude*` say `claude*`, beside"));
    assert!(told("'model:gpt-4o'").ends_with("for `gpt-4o` say `gpt-4o`"));
    for fine in ["gpt-4o", "meta-llama/Llama-3", "'llama3:8b'", "{model: openai/gpt-4o, arguments: {upstream: router}}"]
    {
        assert_eq!(told(fine), "", "{fine}");
    }
}

#[test]
fn an_approver_is_told_which_limits_were_passed() {
    let strict = BANKING.replace(
        "      beyond_limits: needs_approval\n",
        "      beyond_limits: needs_approval\n      other_arguments: deny\n      schema: {properties: {note: {maxLength: 3}}}\n",
    );
    let set = compile(&[&strict], "");
    let reason = |arguments| {
        let outcome = tool("bank", "send_money", arguments).of(&set);
        assert_eq!(outcome.effect, Effect::NeedsApproval, "{}", outcome.reason);
        let told = outcome.reason.strip_prefix("a person must say yes, because of `banking:13/beyond-limits`: ");
        told.unwrap_or_else(|| panic!("{}", outcome.reason)).to_owned()
    };
    let amount = reason(json!({"recipient": IBAN, "amount": 501.5}));
    assert_eq!(amount, "the argument `amount` is not within its limits in `banking` (line 13)");
    let both = reason(json!({"recipient": "US1", "amount": 501.5}));
    assert_eq!(both, "the arguments `recipient`, `amount` are not within their limits in `banking` (line 13)");
    let extra = reason(json!({"recipient": IBAN, "amount": 1, "note": "ab"}));
    assert_eq!(extra, "the argument `note` is none of those that `banking` (line 13) names");
    let long = reason(json!({"recipient": IBAN, "amount": 501, "note": "secret"}));
    assert_eq!(
        long,
        "the argument `amount` is not within its limits in `banking` (line 13), and the argument `note` is none of those that \
         `banking` (line 13) names, and the arguments do not satisfy the schema in `banking` (line 13)"
    );
    // Names are the client's: they are few, short, and say nothing else.
    let mut many = json!({"recipient": IBAN, "amount": 1, "a`; approved by `bob": 1, ("b".repeat(500)): 1});
    (0..100).for_each(|n| many[format!("n{n}")] = json!(n));
    let told = reason(many);
    assert!(told.len() < 400 && told.contains("`a\u{fffd}; approved by \u{fffd}bob`"), "{told}");
    assert!(told.contains("`, `n0`, ") && told.contains(" and 94 more are none of those"), "{told}");
}

#[test]
fn a_question_that_comes_again_has_the_answer_it_had_and_any_other_one_its_own() {
    let set = compile(&[BANKING], "");
    let is_kept = |ask: &Ask| {
        ask.put(|request| {
            let evaluated = set.evaluate(request);
            let (context, answer) = evaluated.seen.unwrap();
            evaluated.group.answered(&context).map(|kept| kept == answer)
        })
    };
    let send = |taint| Ask { taint, ..tool("mail", "send", json!({})) };
    let both = Taint { private_data: true, untrusted_content: true, outside_reached: false };
    for _ in 0..2 {
        assert_eq!(send(Taint::default()).effect(&set), Effect::Allow);
        assert_eq!(is_kept(&send(Taint::default())), Some(true));
        assert_eq!(send(both).effect(&set), Effect::NeedsApproval);
        assert_eq!(is_kept(&send(both)), Some(true));
    }
    let pay = tool("bank", "send_money", json!({"recipient": IBAN, "amount": 1}));
    assert_eq!((is_kept(&pay), pay.effect(&set)), (None, Effect::Allow), "policies look at its arguments");
}

#[test]
fn what_carries_something_out_reaches_outside_where_nobody_said_what_it_touches() {
    let set = compile(&[&format!("{BANKING}  prompts: ['web/*']\n  resources: ['web/*']\n")], "");
    let both = Taint { private_data: true, untrusted_content: true, outside_reached: false };
    let (prompt, resource) =
        ((Action::PromptsGet, ResourceKind::Prompt), (Action::ResourcesRead, ResourceKind::Resource));
    let ask = |(action, kind), arguments: Value, read_only| Ask {
        action,
        resource: Resource { kind, server: Some("web".into()), name: "x".into() },
        taint: both,
        tool: ToolFacts { digest: None, pinned: false, read_only },
        ..tool("", "", arguments)
    };
    for (asked, effect) in [
        (ask(prompt, json!({}), false), Effect::Allow),
        (ask(prompt, json!({"q": "secret"}), true), Effect::Deny),
        (ask(resource, json!({}), true), Effect::Allow),
        (ask(resource, json!({}), false), Effect::Deny),
        (ask(resource, json!({"argument": {"value": "secret"}}), true), Effect::Deny),
    ] {
        let outcome = asked.of(&set);
        assert_eq!(outcome.effect, effect, "{:?} {}: {}", asked.resource, asked.arguments, outcome.reason);
        assert!(outcome.obligations.touches.untrusted_content, "{:?}", asked.resource);
    }
}

#[test]
fn what_a_client_answers_is_no_argument() {
    let set = compile(&[BANKING], "");
    let answers = json!({"disk": {"action": "accept"}});
    let ask = |mut arguments: Value, name: &str| {
        arguments[crate::request::INPUT_RESPONSES] = answers.clone();
        tool("bank", name, arguments).effect(&set)
    };
    // No other arguments are taken here.
    assert_eq!(ask(json!({"recurring": true}), "schedule"), Effect::Allow);
    assert_eq!(ask(json!({"recurring": true, "more": 1}), "schedule"), Effect::Deny);
    let schema = BANKING.replace(
        "    - bank/get_balance\n",
        "    - tool: bank/get_balance\n      schema: {type: object, additionalProperties: false, properties: {of: {}}}\n",
    );
    let set = compile(&[&schema], "");
    let ask = |arguments| tool("bank", "get_balance", arguments).effect(&set);
    assert_eq!(ask(json!({"of": 1, (crate::request::INPUT_RESPONSES): answers})), Effect::Allow);
    assert_eq!(ask(json!({"of": 1, "more": answers})), Effect::Deny);
}

#[test]
fn hosts_models_and_people() {
    let set = compile(&[BANKING], "");
    let asking = |action, kind, name: &str| {
        let resource = Resource { kind, server: None, name: name.into() };
        Ask { action, resource, ..tool("", "", json!({})) }.effect(&set)
    };
    let host = |name| asking(Action::HostsConnect, ResourceKind::Host, name);
    assert_eq!(host("a.b.bank.example:8443"), Effect::Allow);
    assert_eq!(host("API.example.com:443"), Effect::Allow);
    assert_eq!(host("api.example.com:80"), Effect::Deny);
    assert_eq!(host("bank.example"), Effect::Deny);
    assert_eq!(host("evilbank.example"), Effect::Deny);
    assert_eq!(asking(Action::ModelsCall, ResourceKind::Model, "gpt-4o-mini"), Effect::Allow);
    assert_eq!(asking(Action::ModelsCall, ResourceKind::Model, "gpt-5"), Effect::Deny);
    assert_eq!(tool("bank", "update_password", json!({})).effect(&set), Effect::NeedsApproval);
}

const HOSTS: &str = "
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: hosts}
spec:
  mode: enforce
  agents: [bank-agent]
  hosts: ['a.test:443', 'B.test', '*.c.test:443', '*.d.test', 'e*.test', 'f*.test:8443', '*.bad.test']
  deny:
    - host: evil.bad.test:443
    - host: worse.bad.test
    - host: '*.worst.bad.test:80'
    - host: 'ill*.bad.test'
    - {host: 'sick*:443', because: sick}
";

#[test]
fn a_host_is_the_same_with_and_without_the_port_that_everybody_uses() {
    let set = compile(&[HOSTS], "");
    let host = |name: &str| {
        let resource = Resource { kind: ResourceKind::Host, server: None, name: name.into() };
        Ask { action: Action::HostsConnect, resource, ..tool("", "", json!({})) }.effect(&set)
    };
    let granted = ["a.test", "A.test:443", "b.test", "b.test:80", "b.test:8443", "x.c.test", "x.y.c.test:443"];
    let also = ["x.d.test", "x.d.test:9", "e1.test", "e1.test:8443", "f1.test:8443", "x.bad.test", "evil.bad.test:80"];
    for name in granted.into_iter().chain(also).chain(["x.worst.bad.test"]) {
        assert_eq!(host(name), Effect::Allow, "{name}");
    }
    let ungranted = ["a.test:80", "a.test:8443", "x.c.test:80", "c.test", "d.test", "f1.test", "aa.test:443"];
    let denied = ["evil.bad.test", "evil.bad.test:443", "worse.bad.test", "worse.bad.test:80", "worse.bad.test:1"];
    let by_pattern = ["x.worst.bad.test:80", "ill1.bad.test", "ill1.bad.test:80", "ill1.bad.test:8443", "sick.d.test"];
    for name in ungranted.into_iter().chain(denied).chain(by_pattern) {
        assert_eq!(host(name), Effect::Deny, "{name}");
    }
}

#[test]
fn cedar_of_ones_own_finds_a_host_by_its_id_and_is_told_of_one_that_no_host_has() {
    let of = |resource: &str| format!("forbid(principal, action, resource {resource});");
    for scope in ["== Host::\"x.bad.test\"", "in Host::\"x.bad.test:443\"", "in Host::\"*.bad.test:443\""] {
        let set = compile(&[HOSTS], &of(scope));
        let host = |name: &str| {
            let resource = Resource { kind: ResourceKind::Host, server: None, name: name.into() };
            Ask { action: Action::HostsConnect, resource, ..tool("", "", json!({})) }.effect(&set)
        };
        assert_eq!((host("x.bad.test"), host("x.bad.test:443")), (Effect::Deny, Effect::Deny), "{scope}");
        assert_eq!(host("x.bad.test:8443"), Effect::Allow, "{scope}");
        assert!(set.warnings().is_empty(), "{:?}", set.warnings());
    }
    let told = compile(&[HOSTS], &of("== Host::\"x.bad.test:443\""));
    let [warning] = told.warnings() else { panic!("{:?}", told.warnings()) };
    assert!(warning.message.ends_with("say `resource in Host::\"x.bad.test:443\"`"), "{warning}");
}

#[test]
fn another_spelling_of_an_address_is_no_way_around_a_denial() {
    let set = compile(
        &[
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {name: b}\nspec:\n  mode: enforce\n  agents: [bank-agent]\n  \
           hosts: ['*', '0x0a.1']\n  deny: [{host: 127.0.0.1}, {host: '[0::1]'}, {host: '*.evil.test'}]\n",
        ],
        "forbid(principal, action, resource in Host::\"10.1\");",
    );
    let host = |name: &str| {
        let resource = Resource { kind: ResourceKind::Host, server: None, name: name.to_owned() };
        Ask { action: Action::HostsConnect, resource, ..tool("", "", json!({})) }.of(&set)
    };
    for denied in ["127.1", "127.1:8080", "0x7f000001:443", "127.0.0.1.", "[::ffff:7f00:1]:80", "[::1]", "x.evil.test."]
    {
        assert_eq!(host(denied).effect, Effect::Deny, "{denied}");
    }
    for granted in ["127.0.0.2", "[::2]:443", "10.0.0.1"] {
        assert_eq!(host(granted).effect, Effect::Allow, "{granted}");
    }
    assert_eq!(host("10.1").policies.len(), 2, "by both grants");
    let told: Vec<&str> = set.warnings().iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(told, ["no host is `Host::\"10.1\"`; it is called `Host::\"10.0.0.1\"`"]);
}

#[test]
fn two_grants_of_one_tool_on_one_line_have_a_schema_each() {
    let grants = "  tools: [{tool: bank/pay, schema: {required: [a]}, needs_approval: true}, {tool: bank/pay, schema: {required: [b]}}]\n";
    let set = compile(
        &[&format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  mode: enforce\n  agents: [bank-agent]\n{grants}"
        )],
        "",
    );
    for (arguments, effect) in
        [(json!({"a": 1}), Effect::NeedsApproval), (json!({"b": 1}), Effect::Allow), (json!({}), Effect::Deny)]
    {
        assert_eq!(tool("bank", "pay", arguments.clone()).effect(&set), effect, "{arguments}");
    }
}

#[test]
fn a_host_that_nothing_can_be_is_refused() {
    for (field, host) in
        [("hosts", "- https://x.test/"), ("deny", "- host: 'x.test.'"), ("deny", "- {host: ' x.test'}")]
    {
        let text = format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  agents: [a]\n  {field}:\n    {host}\n"
        );
        let problems = crate::boundary::parse("b.yaml", &text).unwrap_err();
        assert!(problems.len() == 1 && problems[0].message.starts_with("no host is called `"), "{host}: {problems:?}");
    }
}

#[test]
fn observing_refuses_nothing_but_what_is_written_to_be_enforced() {
    let observe = BANKING.replace("mode: enforce", "mode: observe");
    let set = compile(&[&observe], "@id(\"no-evil\") forbid(principal, action, resource == Tool::\"x/evil\");");
    let unknown = tool("x", "y", json!({})).of(&set);
    assert_eq!((unknown.effect, unknown.mode), (Effect::Deny, Mode::Observe));
    let evil = tool("x", "evil", json!({})).of(&set);
    assert_eq!((evil.effect, evil.mode, evil.policies), (Effect::Deny, Mode::Enforce, vec!["no-evil".to_owned()]));
    let stranger = Ask { agent: Some("stranger"), ..tool("bank", "get_balance", json!({})) }.of(&set);
    assert_eq!((stranger.effect, stranger.mode), (Effect::Deny, Mode::Observe));
    assert!(stranger.reason.starts_with("no boundary names `stranger`"), "{}", stranger.reason);
    let sources = Sources { unnamed: Mode::Enforce, ..Sources::default() };
    let strict = PolicySet::compile(&sources).unwrap();
    assert_eq!(tool("x", "y", json!({})).of(&strict).mode, Mode::Enforce);
}

#[test]
fn what_cannot_be_represented_is_refused_where_a_policy_of_ones_own_could_refuse() {
    const OVER: &str = "forbid(principal, action == Action::\"tools:call\", resource == Tool::\"bank/send\") when { context.arguments has amount.number && context.arguments.amount.number.greaterThan(decimal(\"1000.0\")) };";
    let wide = OVER.replace("resource == Tool::\"bank/send\"", "resource");
    let asking = OVER.replace("forbid(", "@effect(\"needs_approval\") permit(");
    let plain = "forbid(principal, action, resource == Tool::\"bank/send\");";
    let ask = |set: &PolicySet, agent, arguments: Value| {
        let outcome = Ask { agent: Some(agent), ..tool("bank", "send", arguments) }.of(set);
        (outcome.effect, outcome.mode)
    };
    let (unreadable, no_object) = (json!({"amount": 5000.00001}), json!([1]));
    let watching = OVER.replace("forbid(", "@mode(\"observe\") forbid(");
    for enforced in [OVER, &wide, &asking, plain] {
        let set = compile(&[], &format!("{enforced}\n{watching}"));
        for arguments in [&unreadable, &no_object] {
            let found = ask(&set, "stranger", arguments.clone());
            assert_eq!(found, (Effect::Deny, Mode::Enforce), "{enforced} {arguments}");
        }
    }
    // What no policy of one's own could refuse goes on, as it would have been recorded.
    let elsewhere = OVER.replace("bank/send", "bank/other");
    let granting = OVER.replace("forbid(", "permit(");
    let other = OVER.replace("amount", "count");
    for observed in [&format!("{elsewhere}\n{watching}"), &watching, &granting, &format!("{other}\n{watching}")] {
        let set = compile(&[], observed);
        assert_eq!(ask(&set, "stranger", unreadable.clone()), (Effect::Deny, Mode::Observe), "{observed}");
    }
    // What is enforced all the same is told by what it looks at.
    let set = compile(&[], &format!("@id(\"other\") {other}\n{watching}"));
    let both = Ask { agent: Some("stranger"), ..tool("bank", "send", json!({"amount": 5000.00001, "count": 1001})) };
    let explained = both.put(|request| set.explain(request));
    assert_eq!((explained.outcome.mode, explained.outcome.policies), (Mode::Enforce, vec!["other".to_owned()]));
    assert_eq!(explained.policies[0].saw, [("argument `count`".to_owned(), "1001.0".to_owned())]);
}

#[test]
fn who_is_only_watched_has_no_duties_but_of_what_is_recorded() {
    const DUTIES: &str = "[{tool: bank/get, redact: [/iban], result_bytes_max: 9, calls_per_minute: 1, record_content: false, touches: [outside]}]";
    let boundary = |mode| {
        format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  mode: {mode}\n  agents: [bank-agent]\n  tools: {DUTIES}\n"
        )
    };
    let of = |mode, policies| tool("bank", "get", json!({})).of(&compile(&[&boundary(mode)], policies)).obligations;
    let enforced = of("enforce", "");
    assert_eq!((enforced.redact.len(), enforced.result_bytes_max, enforced.calls_per_minute), (1, Some(9), Some(1)));
    let watched = of("observe", "");
    assert_eq!((watched.redact.len(), watched.result_bytes_max, watched.calls_per_minute), (0, None, None));
    assert!(watched.record_content == Some(false) && watched.touches.outside_reached, "{watched:?}");
    // A policy of one's own is enforced for everybody, with its duties.
    let written =
        "@redact(\"/name\") @calls_per_minute(\"3\") permit(principal, action, resource == Tool::\"bank/get\");";
    let own = of("observe", written);
    assert_eq!((own.redact, own.calls_per_minute), (vec!["/name".to_owned()], Some(3)));
    assert_eq!(of("observe", &format!("@mode(\"observe\") {written}")).redact.len(), 0);
}

#[test]
fn a_policy_that_fails_denies() {
    let policy = "@id(\"sum\") forbid(principal, action, resource) when { context.arguments has a.integer && context.arguments.a.integer * 2 > 10 };";
    let set = compile(&[BANKING], policy);
    let ask = |n: i64| tool("bank", "get_balance", json!({"a": n})).of(&set);
    assert_eq!(ask(1).effect, Effect::Allow);
    assert_eq!(ask(6).effect, Effect::Deny);
    let failed = ask(i64::MAX);
    assert_eq!(failed.effect, Effect::Deny);
    assert!(failed.reason.contains("`sum` could not be evaluated"), "{}", failed.reason);
}

#[test]
fn a_boundary_can_let_only_approved_versions_act() {
    let set = compile(&[&BANKING.replace("spec:\n", "spec:\n  versions: approved\n")], "");
    let ask = |version| Ask { version, ..tool("bank", "get_balance", json!({})) };
    for (version, expected) in [
        (Some("approved"), Effect::Allow),
        (Some("deprecated"), Effect::Allow),
        (Some("pending"), Effect::Deny),
        (Some("retired"), Effect::Deny),
        (None, Effect::Deny),
    ] {
        let outcome = ask(version).of(&set);
        assert_eq!(outcome.effect, expected, "{version:?}: {}", outcome.reason);
        assert_eq!(ask(version).listed(&set), expected, "what may not be called is not listed: {version:?}");
    }
    let refused = ask(None).of(&set);
    assert_eq!(refused.policies, ["banking:versions"]);
    assert!(refused.reason.contains("no approved version in the catalog"), "{}", refused.reason);
    // Without the word any digest will do.
    assert_eq!(ask(None).effect(&compile(&[BANKING], "")), Effect::Allow);
}

/// As `docs/catalog.md` has it.
#[test]
fn a_policy_can_refuse_whoever_runs_a_version_that_is_out_of_use() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalog.md");
    let text = std::fs::read_to_string(path).unwrap();
    let policy = text.split("```cedar\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let observed = BANKING.replace("mode: enforce", "mode: observe");
    for set in [compile(&[BANKING], policy), compile(&[&observed], policy), compile(&[], policy)] {
        for version in ["rejected", "retired"] {
            let outcome = Ask { version: Some(version), ..tool("bank", "get_balance", json!({})) }.of(&set);
            assert_eq!((outcome.effect, outcome.mode), (Effect::Deny, Mode::Enforce), "{version}");
            assert_eq!(outcome.policies, ["versions-out-of-use"]);
        }
        for version in [None, Some("pending"), Some("approved")] {
            let outcome = Ask { version, ..tool("bank", "get_balance", json!({})) }.of(&set);
            assert!(outcome.effect == Effect::Allow || outcome.mode == Mode::Observe, "{version:?}");
        }
    }
}

/// As the gateway asks about a server that a model's provider runs.
fn provider_run(server: &str, name: &str) -> Ask {
    tool(server, name, json!({ (crate::request::PROVIDER_RUN): {"type": "mcp", "amount": 1} }))
}

#[test]
fn all_tools_of_a_server_at_once_get_around_no_line_about_one_of_them() {
    let boundary = |tools: &str, deny: &str| {
        format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  mode: enforce\n  agents: [bank-agent]\n  tools: [{tools}]\n  deny: [{deny}]\n"
        )
    };
    let whole = |tools, deny| provider_run("docs", "*").of(&compile(&[&boundary(tools, deny)], ""));
    for plain in [
        "docs/*",
        "docs/*, docs/read",
        "docs/*, {tool: docs/read, list: false}",
        "'*/*', {tool: docs/*, needs_approval: false}",
    ] {
        let outcome = whole(plain, "{tool: web/get}, {model: docs/x}");
        assert_eq!(outcome.effect, Effect::Allow, "{plain}: {}", outcome.reason);
    }
    assert_eq!(whole("{tool: docs/*, needs_approval: true}", "").effect, Effect::NeedsApproval);
    for (tools, deny) in [
        ("docs/*", "{tool: docs/delete_page}"),
        ("docs/*", "{tool: 'docs/delete*'}"),
        ("docs/*", "{tool: '*/delete_page'}"),
        ("docs/*", "{tool: 'do*/delete_page'}"),
        ("docs/*", "{tool: docs/pay, arguments: {amount: {more_than: 100}}}"),
        ("docs/*, {tool: docs/send, needs_approval: true}", ""),
        ("docs/*, {tool: docs/send, needs_evidence: {metric: m, lower_at_least: 0.9}}", ""),
        ("docs/*, {tool: docs/send, arguments: {to: [a]}, beyond_limits: needs_approval}", ""),
        ("docs/*, {tool: docs/send, touches: private_data}", ""),
        ("docs/*, {tool: docs/send, redact: [/a]}", ""),
    ] {
        let outcome = whole(tools, deny);
        assert_eq!(outcome.effect, Effect::Deny, "{tools} {deny}");
        assert!(outcome.policies[0].ends_with("/whole"), "{:?}", outcome.policies);
        assert!(outcome.reason.contains("line 7 ") || outcome.reason.contains("line 8 "), "{}", outcome.reason);
        assert!(outcome.reason.contains("name the tools that it may run (`allowed_tools`)"), "{}", outcome.reason);
        // What is named is decided by itself, and so are the tools of a server of one's own.
        let set = compile(&[&boundary(tools, deny)], "");
        assert_eq!(provider_run("docs", "read").effect(&set), Effect::Allow, "{tools} {deny}");
        assert_eq!(tool("docs", "read", json!({})).effect(&set), Effect::Allow, "{tools} {deny}");
        assert_eq!(tool("docs", "*", json!({})).listed(&set), Effect::Allow, "{tools} {deny}");
    }
    let set =
        compile(&[&boundary("docs/*, {tool: docs/send, needs_approval: true}, docs/pay", "{tool: docs/drop}")], "");
    assert_eq!(set.cedar_text().matches("/whole\")").count(), 1, "one for each server");
}

#[test]
fn a_limit_on_arguments_that_nobody_sees_counts_against_the_call() {
    let set = compile(&[BANKING], "");
    // The denial is about the amount of whatever the bank does.
    let refused = provider_run("bank", "get_balance").of(&set);
    assert!(
        refused.policies[0].ends_with("/deny") && refused.reason.contains("let the client run it"),
        "{}",
        refused.reason
    );
    let open = BANKING.replace("    - tool: bank/*\n      arguments: {amount: {more_than: 10000}}\n", "");
    let set = compile(&[&open], "");
    let expected = [("get_balance", Effect::Allow), ("send_money", Effect::NeedsApproval), ("schedule", Effect::Deny)];
    for (name, effect) in expected {
        let outcome = provider_run("bank", name).of(&set);
        assert_eq!(outcome.effect, effect, "{name}: {}", outcome.reason);
    }
    let own = "@id(\"own\") forbid(principal, action, resource) when { context.arguments has \"dev.mizzen~1providerRun/type\" && \
               context.arguments[\"dev.mizzen~1providerRun/type\"] has string && \
               context.arguments[\"dev.mizzen~1providerRun/type\"].string == \"mcp\" };";
    let set = compile(&[&open], own);
    assert_eq!(provider_run("bank", "get_balance").of(&set).policies, ["own"]);
    assert_eq!(tool("bank", "get_balance", json!({})).effect(&set), Effect::Allow);
    let optional = "    - tool: bank/get_balance\n      arguments: {of: {in: [me], optional: true}}\n";
    let schema = "    - tool: bank/get_balance\n      schema: {type: object}\n";
    for limited in [optional, schema] {
        let set = compile(&[&open.replace("    - bank/get_balance\n", limited)], "");
        assert_eq!(tool("bank", "get_balance", json!({})).effect(&set), Effect::Allow, "{limited}");
        let refused = provider_run("bank", "get_balance").of(&set);
        assert_eq!(refused.effect, Effect::Deny, "{limited}");
        assert!(refused.reason.contains("let the client run it"), "{}", refused.reason);
    }
}

#[test]
fn what_needs_evidence_is_listed_while_there_is_some() {
    let set = compile(&[&BANKING.replace("      list: false\n", "")], "");
    let digest = Digest::of(b"agent 1");
    let listed = |evidence| {
        let mut ask = Ask { evidence, digest: Some(digest.clone()), ..tool("bank", "close", json!({})) };
        ask.action = Action::ToolsList;
        ask.of(&set)
    };
    let without = listed(vec![]);
    assert_eq!((without.effect, without.missing_evidence.len()), (Effect::Deny, 1), "{}", without.reason);
    assert_eq!(listed(vec![evidence(&digest, 0.95, 50)]).effect, Effect::Allow);
    assert_eq!(listed(vec![evidence(&digest, 0.9, 50)]).effect, Effect::Deny);
    // What keeps it out of lists for good is another thing.
    let hidden = Ask { action: Action::ToolsList, ..tool("bank", "close", json!({})) }.of(&compile(&[BANKING], ""));
    assert!(hidden.reason.contains("keeps it out of lists"), "{}", hidden.reason);
}
