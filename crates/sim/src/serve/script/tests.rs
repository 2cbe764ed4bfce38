use super::{Rule, rule_for};
use crate::SimConfig;
use crate::serve::ask::Ask;

const SCRIPT: &str = r#"
[[rule]]
user = ["Late", "order"]
turn = 0
calls = [{ tool = "list_orders", arguments = { customer = "C-7" } }]

[[rule]]
user = ["late", "order"]
result = "shipped"
text = "on its way: {result}"

[[rule]]
model = "broken"
error = { status = 529, message = "overloaded" }
"#;

fn rules() -> Vec<Rule> {
    SimConfig::parse(SCRIPT).unwrap().rules
}

fn ask(model: &str, offer: bool) -> Ask {
    let mut ask = Ask::new(model);
    if offer {
        ask.offer("list_orders", "{}");
    }
    ask.user("My order is LATE");
    ask
}

#[test]
fn the_first_rule_whose_conditions_all_hold_answers() {
    let script = rules();
    let mut ask = ask("m", true);
    let rule = rule_for(&script, &ask).unwrap();
    assert_eq!(rule.calls[0].tool, "list_orders");
    assert_eq!(rule.calls[0].arguments["customer"], "C-7");

    ask.assistant("", "[call]");
    ask.tool_result("Shipped today");
    assert_eq!(rule_for(&script, &ask).unwrap().text, "on its way: {result}");
}

#[test]
fn a_tool_that_is_not_offered_is_not_called() {
    let script = rules();
    assert!(rule_for(&script, &ask("m", false)).is_none());
    assert_eq!(rule_for(&script, &ask("broken", false)).unwrap().error.as_ref().unwrap().status, 529);
}

#[test]
fn a_misspelt_key_is_an_error() {
    assert!(SimConfig::parse("[[rule]]\nusers = [\"x\"]\n").is_err());
}
