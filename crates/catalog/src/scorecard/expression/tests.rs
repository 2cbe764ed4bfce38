use mizzen_model::time::Timestamp;

use super::{Answer, BYTES_MAX, Expression, ExpressionError};
use crate::facts::{self, FactOrigin, Facts, MetricEvidence, Origin};

const HERE: Origin = Origin { from: FactOrigin::Catalog, as_of: Timestamp::from_unix_nanos(0) };

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.put(&facts::OWNER_EXISTS, true, HERE);
    facts.put(&facts::OWNER_MEMBERS, 3, HERE);
    facts.put(&facts::TRACES_SHARE, 0.98, HERE);
    facts.put(&facts::RISK_TIER, "medium".to_owned(), HERE);
    facts.put(&facts::TOOLS_UNUSED, vec!["helm/uninstall".to_owned()], HERE);
    facts.put(&facts::RUNS_COUNT, 0, HERE);
    let evidence = MetricEvidence {
        metric: "task_success@1".into(),
        lower: 0.91,
        upper: 0.97,
        n: 60,
        clusters: 50,
        alpha: 0.05,
        age_days: 2.0,
    };
    facts.put_evidence(&evidence, HERE);
    facts
}

fn answer(text: &str) -> Answer {
    Expression::compile(text).unwrap_or_else(|error| panic!("{text}: {error}")).answer(&facts())
}

fn error(text: &str) -> String {
    Expression::compile(text).map(|_| ()).expect_err(text).to_string()
}

#[test]
fn expressions_are_about_facts() {
    for (text, expected) in [
        ("owner.exists && owner.members > 0", true),
        ("owner.members > 3", false),
        ("traces.share >= 0.99", false),
        ("traces.share > 0", true),
        ("double(owner.members) / 4.0 > traces.share - 0.5", true),
        ("size(tools.unused) == 0", false),
        ("'helm/uninstall' in tools.unused", true),
        ("risk.tier in ['low', 'medium'] && !risk.tier.startsWith('h')", true),
        ("(owner.exists ? 1 : 2) == 1", true),
        ("evidence.task_success.lower >= 0.9 && evidence.task_success.clusters >= 50", true),
    ] {
        assert_eq!(answer(text), if expected { Answer::Yes } else { Answer::No }, "{text}");
    }
}

#[test]
fn a_fact_that_is_not_there_is_told_whatever_else_the_expression_says() {
    let missing = |names: &[&str]| Answer::Missing(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(answer("true || docs.exist"), missing(&["docs.exist"]));
    assert_eq!(answer("!docs.exist || audit.verified"), missing(&["audit.verified", "docs.exist"]));
    assert_eq!(answer("evidence.safety.lower > 0.5"), missing(&["evidence.safety.lower"]));
}

#[test]
fn what_cannot_be_worked_out_is_neither_yes_nor_no() {
    assert!(matches!(answer("1 / runs.count > 0"), Answer::Failed(_)));
    assert!(matches!(answer("runs.count == 0 || 1 % runs.count > 0"), Answer::Yes));
}

#[test]
fn mistakes_are_found_at_load_and_name_the_way_out() {
    assert_eq!(error("owner.exist"), "there is no fact `owner.exist`; did you mean `owner.exists`?");
    assert!(error("weather").contains("`mizzen scorecard facts` lists them all"));
    assert!(error("evidence.task_success.lowr > 0.5").contains("did you mean `evidence.task_success.lower`?"));
    assert_eq!(error("owner.members"), "a check says true or false, and this expression is a int");
    assert!(error("owner.exists > 1").contains("`>` does not fit bool and int"), "{}", error("owner.exists > 1"));
    assert!(error("traces.share == 1").contains("write the number with a point"));
    assert!(error("tools.unused == 0").contains("`size(…)` counts"));
    assert!(error("risk.tier.matches('(a+)+$')").contains("`matches` cannot be used"));
    assert!(error("tools.unused.all(t, t == 'x')").contains("loop"));
    assert!(error("has(owner.exists)").contains("cannot be used"));
    assert!(error("owner.exists == null").contains("cannot be used"));
    assert!(error("owner.exists &&").contains("no CEL expression"));
    assert!(error("").contains("no CEL expression"));
}

#[test]
fn size_and_depth_are_bounded() {
    let long = format!("owner.exists{}", " ".repeat(BYTES_MAX));
    assert_eq!(Expression::compile(&long).unwrap_err(), ExpressionError::TooLong(long.len()));
    let wide = vec!["1"; 150].join("+") + " > 0";
    assert_eq!(Expression::compile(&wide).map(|_| ()).unwrap_err(), ExpressionError::TooLarge);
    let deep = format!("{}owner.exists", "!".repeat(1_500));
    assert!(Expression::compile(&deep).is_err() || answer("!!owner.exists") == Answer::Yes);
    let nested = format!("{}true{}", "(true && ".repeat(200), ")".repeat(200));
    assert!(Expression::compile(&nested).is_err());
}
