//! The index against Cedar itself: the same decision, determining policies and errors for whatever set and request.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Effect, Entities, Entity, EntityUid, Policy, PolicyId,
    PolicySet, Request, Response,
};

use super::guard::{self, Key};
use super::view::{Seen, View};
use super::{Answer, Index, clauses};
use crate::fact::{self, Fact, Record};

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

const AGENTS: &[&str] = &["Agent::\"a0\"", "Agent::\"a1\"", "User::\"u0\""];
const ABOVE_AGENTS: &[&str] = &["Team::\"t0\"", "Team::\"t1\"", "Boundary::\"b0\""];
const TOOLS: &[&str] = &["Tool::\"s0/x\"", "Tool::\"s0/y\"", "Tool::\"s1/x\"", "Model::\"m\""];
const SERVERS: &[&str] = &["ToolServer::\"s0\"", "ToolServer::\"s1\""];
const ACTIONS: &[&str] = &["Action::\"tools:call\"", "Action::\"tools:list\"", "Action::\"models:call\""];
const GROUPS: &[&str] = &["Action::\"tools\"", "Action::\"models\""];
const TEXTS: &[&str] = &["", "a", "ab", "abc", "b", "xyz", "rent May"];
const FIELDS: &[&str] = &["n", "s", "d", "f", "set", "r", "u"];

fn scope(dice: &mut Dice, variable: &str, selves: &[&str], above: &[&str], kinds: &[&str]) -> String {
    match dice.below(8) {
        0 | 1 => format!("{variable} == {}", dice.pick(selves)),
        2 => format!("{variable} in {}", dice.pick(above)),
        3 => format!("{variable} in {}", dice.pick(selves)),
        4 => format!("{variable} is {}", dice.pick(kinds)),
        5 => format!("{variable} is {} in {}", dice.pick(kinds), dice.pick(above)),
        _ => variable.to_owned(),
    }
}

fn action_scope(dice: &mut Dice) -> String {
    match dice.below(5) {
        0 | 1 => format!("action == {}", dice.pick(ACTIONS)),
        2 => format!("action in [{}, {}]", dice.pick(ACTIONS), dice.pick(GROUPS)),
        3 => format!("action in {}", dice.pick(GROUPS)),
        _ => "action".to_owned(),
    }
}

/// A place in the context or an entity, and whether its presence is asked for first.
fn place(dice: &mut Dice) -> (String, String) {
    let guards = !dice.one_in(3);
    let field = dice.pick(FIELDS);
    let (record, name) = match dice.below(6) {
        0 => (dice.pick(&["resource", "principal"]).to_owned(), dice.pick(&["name", "n"]).to_owned()),
        1 | 2 => ("context.r".to_owned(), field.to_owned()),
        _ => ("context".to_owned(), field.to_owned()),
    };
    let guard = match (guards, record.as_str()) {
        (false, _) => String::new(),
        (true, "context.r") if dice.one_in(4) => format!("context.r has {name} && "),
        (true, "context.r") => format!("context has r.{name} && "),
        (true, record) => format!("{record} has {name} && "),
    };
    (guard, format!("{record}.{name}"))
}

fn test(dice: &mut Dice, depth: usize) -> String {
    let (guard, at) = place(dice);
    let number = dice.pick(&["0", "1", "2", "-3"]);
    let decimal = dice.pick(&["decimal(\"0.5\")", "decimal(\"1.0\")", "decimal(\"-2.25\")"]);
    let text = dice.pick(TEXTS);
    let scalar = match dice.below(5) {
        0 => number.to_owned(),
        1 => decimal.to_owned(),
        2 => "true".to_owned(),
        3 => dice.pick(TOOLS).to_owned(),
        _ => format!("\"{text}\""),
    };
    let plain = match dice.below(22) {
        0 | 1 => format!("{at} == {scalar}"),
        2 => format!("{scalar} == {at}"),
        3 => format!("{at} != {scalar}"),
        4 => at,
        5 => format!("!{at}"),
        6 => format!("{at} {} {number}", dice.pick(&["<", "<=", ">", ">="])),
        7 => format!(
            "{at}.{}({decimal})",
            dice.pick(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])
        ),
        8 => format!("{at} like \"{}\"", dice.pick(&["a*", "*c", "*b*", "abc", "*", "rent*May", "x*z"])),
        9 => format!("[{scalar}, \"a\", 1].contains({at})"),
        10 => format!("{at}.contains({scalar})"),
        11 => format!("{at}.containsAny([{scalar}, \"ab\"])"),
        12 => format!("{at}.containsAll([{scalar}])"),
        13 => format!("[{scalar}, \"a\"].{}({at})", dice.pick(&["containsAll", "containsAny"])),
        14 => format!("resource == {}", dice.pick(TOOLS)),
        15 => format!("resource in [{}, {}]", dice.pick(SERVERS), dice.pick(TOOLS)),
        16 => format!("principal in {}", dice.pick(ABOVE_AGENTS)),
        17 => format!("principal is Agent in {}", dice.pick(ABOVE_AGENTS)),
        18 => format!("{at} * 9223372036854775807 > {number}"),
        19 => format!("(if {at} == {scalar} then {at} == 1 else true)"),
        20 if depth > 0 => format!("({}{} || {})", "", test(dice, depth - 1), test(dice, depth - 1)),
        21 if depth > 0 => format!("!({})", test(dice, depth - 1)),
        _ => dice.pick(&["true", "false", "context == {}", "resource is Tool"]).to_owned(),
    };
    format!("{guard}{plain}")
}

fn policy(dice: &mut Dice, number: usize) -> String {
    let effect = dice.pick(&["permit", "permit", "forbid"]);
    let wide = dice.one_in(2);
    let (principal, resource) = match wide {
        true => ("principal".to_owned(), dice.pick(&["resource", "resource is Tool"]).to_owned()),
        false => (
            scope(dice, "principal", AGENTS, ABOVE_AGENTS, &["Agent", "User"]),
            scope(dice, "resource", TOOLS, SERVERS, &["Tool", "Model"]),
        ),
    };
    let mut text = format!("@id(\"p{number}\") {effect}({principal}, {}, {resource})", action_scope(dice));
    for _ in 0..dice.below(3) {
        let (first, second) = (test(dice, 2), test(dice, 1));
        let clause = dice.pick(&["when", "when", "when", "unless"]);
        let body = if dice.one_in(2) { format!("{first} && {second}") } else { first };
        text.push_str(&format!(" {clause} {{ {body} }}"));
    }
    text + ";"
}

fn value(dice: &mut Dice, depth: usize) -> Fact {
    match dice.below(if depth > 0 { 8 } else { 7 }) {
        0 | 1 => Fact::Text(dice.pick(TEXTS).to_owned()),
        2 => Fact::Long([0, 1, 2, -3, i64::MAX][dice.below(5)]),
        3 => Fact::Decimal([5_000, 10_000, -22_500, 0][dice.below(4)]),
        4 => Fact::Bool(dice.one_in(2)),
        5 => {
            let count = dice.below(3);
            Fact::Set(
                (0..count)
                    .map(|_| if dice.one_in(2) { Fact::Long(1) } else { Fact::Text(dice.pick(TEXTS).to_owned()) })
                    .collect(),
            )
        }
        6 => Fact::Uid(dice.pick(TOOLS).parse().unwrap()),
        _ => Fact::Record(record(dice, depth - 1)),
    }
}

/// Mostly of the type that its name has in policies, so that what is compared is often comparable.
fn record(dice: &mut Dice, depth: usize) -> Record {
    let mut record = Record::new();
    for field in FIELDS {
        if dice.one_in(3) {
            continue;
        }
        let usual = match *field {
            "n" => Fact::Long([0, 1, 2, -3][dice.below(4)]),
            "s" => Fact::Text(dice.pick(TEXTS).to_owned()),
            "d" => Fact::Decimal([5_000, 10_000, -22_500][dice.below(3)]),
            "f" => Fact::Bool(dice.one_in(2)),
            "r" if depth > 0 => Fact::Record(self::record(dice, depth - 1)),
            _ => value(dice, depth),
        };
        record.insert((*field).to_owned(), if dice.one_in(12) { value(dice, depth) } else { usual });
    }
    record
}

/// An entity as the test made it.
struct Made {
    uid: EntityUid,
    above: Vec<EntityUid>,
    attributes: Option<Record>,
}

impl Made {
    fn new(dice: &mut Dice, selves: &[&str], above: &[&str]) -> Self {
        let uid = dice.pick(selves).parse().unwrap();
        if dice.one_in(8) {
            // Cedar does not know it.
            return Self { uid, above: vec![], attributes: None };
        }
        let above: Vec<EntityUid> = above.iter().filter(|_| dice.one_in(2)).map(|uid| uid.parse().unwrap()).collect();
        let mut attributes = Record::new();
        if !dice.one_in(4) {
            attributes.insert(
                "name".into(),
                if dice.one_in(6) { Fact::Long(1) } else { Fact::Text(dice.pick(TEXTS).into()) },
            );
        }
        if dice.one_in(2) {
            attributes.insert("n".into(), Fact::Long(1));
        }
        Self { uid, above, attributes: Some(attributes) }
    }

    fn seen(&self) -> Seen<'_> {
        Seen { uid: &self.uid, above: &self.above, attributes: self.attributes.as_ref() }
    }

    fn entity(&self) -> Option<Entity> {
        let attributes: HashMap<_, _> = fact::expressions(self.attributes.as_ref()?).into_iter().collect();
        Some(Entity::new(self.uid.clone(), attributes, self.above.iter().cloned().collect::<HashSet<_>>()).unwrap())
    }
}

/// What Cedar says with the whole set; which permits are satisfied, with those alone.
fn full(
    (set, permits): (&PolicySet, &PolicySet),
    numbers: &HashMap<PolicyId, u32>,
    request: &Request,
    entities: &Entities,
) -> (bool, Answer) {
    let reasons =
        |response: &Response| -> BTreeSet<u32> { response.diagnostics().reason().map(|id| numbers[id]).collect() };
    let response = Authorizer::new().is_authorized(request, set, entities);
    let mut errors: Vec<(u32, String)> = (response.diagnostics().errors())
        .map(|AuthorizationError::PolicyEvaluationError(error)| (numbers[error.policy_id()], error.inner().to_string()))
        .collect();
    errors.sort();
    let permits = reasons(&Authorizer::new().is_authorized(request, permits, entities));
    let allowed = response.decision() == Decision::Allow;
    let forbids = if allowed { BTreeSet::new() } else { reasons(&response) };
    (allowed, Answer { permits, forbids, errors })
}

/// What the cases had in them, so that the test cannot pass by never getting anywhere.
#[derive(Default)]
struct Tally {
    cases: usize,
    allowed: usize,
    forbidden: usize,
    failed: usize,
    wide: usize,
    skipped: usize,
}

/// `policies`: the fewest of a set, and how many more there may be.
fn compare(seed: u64, sets: usize, policies: (usize, usize), requests: usize) -> Tally {
    let mut dice = Dice(seed);
    let mut tally = Tally::default();
    for _ in 0..sets {
        let count = policies.0 + dice.below(policies.1);
        let texts: Vec<String> = (0..count).map(|number| policy(&mut dice, number)).collect();
        let policies: Vec<Policy> = (texts.iter().enumerate())
            .map(|(number, text)| {
                Policy::parse(Some(PolicyId::new(format!("p{number}"))), text).unwrap_or_else(|e| panic!("{e}: {text}"))
            })
            .collect();
        let numbers: HashMap<PolicyId, u32> =
            (0_u32..).zip(&policies).map(|(number, policy)| (policy.id().clone(), number)).collect();
        let set = PolicySet::from_policies(policies.iter().cloned()).unwrap();
        let permits = policies.iter().filter(|policy| policy.effect() == Effect::Permit).cloned();
        let permits = PolicySet::from_policies(permits).unwrap();
        let index = Index::new(policies);
        tally.wide += (0..u32::try_from(count).unwrap()).filter(|number| index.is_wide(*number)).count();
        for _ in 0..requests {
            let principal = Made::new(&mut dice, AGENTS, ABOVE_AGENTS);
            let action = Made { above: vec![dice.pick(GROUPS).parse().unwrap()], ..Made::new(&mut dice, ACTIONS, &[]) };
            let resource = Made::new(&mut dice, TOOLS, SERVERS);
            let action_entity = Entity::new_no_attrs(action.uid.clone(), action.above.iter().cloned().collect());
            let known = [&principal, &resource].into_iter().filter_map(Made::entity).chain([action_entity]);
            let entities = Entities::from_entities(known, None).unwrap();
            let context = record(&mut dice, 2);
            let cedar = Context::from_pairs(fact::expressions(&context)).unwrap();
            let request =
                Request::new(principal.uid.clone(), action.uid.clone(), resource.uid.clone(), cedar, None).unwrap();
            let candidates = index.candidates(principal.seen(), action.seen(), resource.seen());
            let view = View {
                principal: principal.seen(),
                action: action.seen(),
                resource: resource.seen(),
                context: &context,
            };
            let found = index.answer(&candidates, &index.wide(&view), &request, &entities);
            let expected = full((&set, &permits), &numbers, &request, &entities);
            assert_eq!(
                (found.allowed(), &found),
                (expected.0, &expected.1),
                "seed {seed}\n{}\n{request}\n{context:?}",
                texts.join("\n")
            );
            tally.cases += 1;
            tally.allowed += usize::from(found.allowed());
            tally.forbidden += usize::from(!found.forbids.is_empty());
            tally.failed += usize::from(!found.errors.is_empty());
            tally.skipped += count - candidates.numbers().len() - index.keyed.candidates(&view).len();
        }
    }
    tally
}

fn compare_enough(seed: u64) {
    let tally = compare(seed, 84, (3, 7), 300);
    assert!(tally.cases >= 25_000);
    for (what, count) in [("allowed", tally.allowed), ("forbidden", tally.forbidden), ("failed", tally.failed)] {
        assert!(count > tally.cases / 20, "only {count} of {} cases {what}", tally.cases);
    }
    assert!(tally.wide > 50, "only {} policies were found by their conditions", tally.wide);
    assert!(tally.skipped > tally.cases, "only {} policies were left out", tally.skipped);
}

// 100,800 cases, in four parts so that they run beside each other.

#[test]
fn the_index_decides_as_cedar_does_first_part() {
    compare_enough(1);
}

#[test]
fn the_index_decides_as_cedar_does_second_part() {
    compare_enough(2);
}

#[test]
fn the_index_decides_as_cedar_does_third_part() {
    compare_enough(3);
}

#[test]
fn the_index_decides_as_cedar_does_fourth_part() {
    compare_enough(4);
}

/// Sets in which many policies share a scope and a text, as a server with many boundaries has them.
#[test]
fn the_index_decides_as_cedar_does_over_many_policies() {
    let tally = compare(5, 4, (500, 1_500), 100);
    assert!(tally.cases == 400 && tally.wide > 1_000, "only {} policies were found by their conditions", tally.wide);
    // Something is forbidden in nearly every case, or fails: with so many, both must have been compared.
    assert!(tally.forbidden > 100 && tally.failed > 100, "{} forbidden, {} failed", tally.forbidden, tally.failed);
}

fn keys(condition: &str) -> Option<Vec<Key>> {
    let policy = Policy::parse(None, format!("forbid(principal, action, resource) {condition};")).unwrap();
    guard::guard(&clauses(&policy)).map(|guard| guard.keys)
}

#[test]
fn the_most_telling_condition_is_the_key() {
    let text = "when { context has a.s && context.a.s like \"ab*\" && context.t.x && context.a.k == \"z\" }";
    let found = keys(text).unwrap();
    assert!(
        matches!(&found[..], [Key::Equal(path, Fact::Text(z))] if path.attributes == ["a", "k"] && z == "z"),
        "{found:?}"
    );
    let either = keys("when { context.t.x && (context.n > 4 || resource in ToolServer::\"s\") }").unwrap();
    assert_eq!(either.len(), 2, "either of two is needed, and tells more than a flag: {either:?}");
    assert_eq!(keys("unless { context.t.x }").unwrap().len(), 1);
    assert!(keys("when { false }").unwrap().is_empty());
}

#[test]
fn what_may_fail_first_gives_no_key() {
    for condition in
        ["", "when { context.n + 1 > 2 && context.s == \"a\" }", "when { context.s == \"a\" || context.n * 2 == 4 }"]
    {
        assert!(keys(condition).is_none(), "{condition}");
    }
}
