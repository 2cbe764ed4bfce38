//! Time from raw JSON arguments to a decision, by the number of policies, beside plain Cedar with the same policies in the
//! same process. `cargo xtask bench policy` drives it; prints one JSON object a line. Arguments are other numbers of
//! policies, each at least 10.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PolicySet as CedarSet, Request as CedarRequest,
    RestrictedExpression,
};
use mizzen_governance::request::{BudgetLeft, ToolFacts};
use mizzen_governance::{PolicySet, Request, Source, Sources};
use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::permission::{Caller, Mode};
use mizzen_model::time::Timestamp;
use serde_json::Value;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// A boundary's tools; each makes two policies, for lists and for calls.
const TOOLS_MAX: usize = 10;
const WARM_UP: usize = 2_000;
const ROUNDS: usize = 20_000;
/// Plain Cedar is measured for at most this long a size.
const CEDAR_TIME: Duration = Duration::from_secs(4);
/// Callers and tools that take turns.
const ASKING_MAX: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let given: Vec<usize> = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    for size in sizes {
        writeln!(out, "{}", measure(size)?)?;
        out.flush()?;
    }
    Ok(())
}

fn measure(size: usize) -> Result<Value, Box<dyn Error>> {
    let sources = sources(size);
    let started = Instant::now();
    let set = PolicySet::compile(&sources).map_err(|problems| problems[0].clone())?;
    let compile_ms = started.elapsed().as_secs_f64() * 1e3;
    let asking = asking(size);
    let raw: Vec<String> = (0..asking.len()).map(arguments).collect();
    let ask = |turn: usize| {
        let at = turn % asking.len();
        let arguments: Value = serde_json::from_str(&raw[at]).unwrap_or_default();
        asking[at].of(&set, &arguments)
    };
    let (mut first, mut times) = (Vec::new(), Vec::new());
    for turn in 0..asking.len() {
        first.push(timed(|| ask(turn)));
    }
    for turn in 0..WARM_UP {
        black_box(ask(turn));
    }
    for turn in 0..ROUNDS {
        times.push(timed(|| ask(turn)));
    }
    let (evaluation, whole) = plain_cedar(&set, &asking, &raw)?;
    Ok(serde_json::json!({
        "policies": set.len(),
        "unscoped_forbids": size / 10,
        "compile_ms": compile_ms,
        "first_p50_us": percentile(&mut first, 50),
        "p50_us": percentile(&mut times.clone(), 50),
        "p99_us": percentile(&mut times, 99),
        "cedar_evaluation_p50_us": evaluation,
        "cedar_p50_us": whole,
    }))
}

/// Nine tenths from boundaries, as owners write them; one tenth forbids without a scope, in the forms that owners give
/// them: a blocked recipient, a blocked address, a quarantined server for tainted runs, an amount, a tag, a word in a text.
fn sources(size: usize) -> Sources {
    let scoped = size - size / 10;
    let mut boundaries = Vec::new();
    for number in 0..scoped.div_ceil(2 * TOOLS_MAX) {
        let tools = TOOLS_MAX.min(scoped / 2 - number * TOOLS_MAX);
        let mut text = format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b{number}}}\nspec:\n  mode: enforce\n  agents: [agent-{number}]\n  tools:\n"
        );
        for tool in 0..tools {
            let _ = write!(
                text,
                "    - tool: server-{}/tool-{tool}\n      touches: [private_data]\n      arguments: {{amount: {{at_most: 500}}, recipient: {{like: ['DE*', 'GB*']}}}}\n",
                number % 50
            );
        }
        boundaries.push(Source { name: format!("b{number}.yaml"), text });
    }
    let mut cedar = String::new();
    for number in 0..size / 10 {
        let condition = match number % 6 {
            0 => format!(
                "context.arguments has recipient.string && context.arguments.recipient.string == \"blocked-{number}\""
            ),
            1 => format!(
                "context.arguments has url.string && context.arguments.url.string like \"https://bad-{number}.example/*\""
            ),
            2 => format!("context.taint.untrusted_content && resource in ToolServer::\"quarantined-{number}\""),
            3 => format!(
                "context.arguments has amount.number && context.arguments.amount.number.greaterThan(decimal(\"{number}000000.5\"))"
            ),
            4 => format!(
                "context.arguments has tags.strings && context.arguments.tags.strings.contains(\"secret-{number}\")"
            ),
            _ => format!(
                "context.arguments has note.string && context.arguments.note.string like \"*codename {number} *\""
            ),
        };
        let _ = writeln!(
            cedar,
            "@id(\"forbid-{number}\") forbid(principal, action, resource is Tool) when {{ {condition} }};"
        );
    }
    // The first amounts would refuse everything.
    let cedar = cedar.replace("decimal(\"3000000.5\")", "decimal(\"900000000.5\")");
    Sources { boundaries, policies: vec![Source { name: "hand.cedar".into(), text: cedar }], unnamed: Mode::Observe }
}

fn arguments(turn: usize) -> String {
    format!(
        r#"{{"recipient":"DE{turn:020}","amount":{}.25,"url":"https://shop-{turn}.example/pay","tags":["bill","may"],"note":"the rent for May, as agreed with the landlord in March; reference {turn}","currency":"EUR"}}"#,
        100 + turn
    )
}

struct Asking {
    agent: String,
    caller: Caller,
    resource: Resource,
    boundary: usize,
}

fn asking(size: usize) -> Vec<Asking> {
    let scoped = size - size / 10;
    let boundaries = scoped.div_ceil(2 * TOOLS_MAX);
    let count = ASKING_MAX.min(scoped / 2);
    (0..count)
        .map(|turn| {
            let boundary = turn % boundaries;
            let tools = TOOLS_MAX.min(scoped / 2 - boundary * TOOLS_MAX);
            let name = format!("tool-{}", (turn / boundaries) % tools);
            Asking {
                agent: format!("agent-{boundary}"),
                caller: Caller { reference: format!("agent:default/agent-{boundary}"), agent_digest: None },
                resource: Resource {
                    kind: ResourceKind::Tool,
                    server: Some(format!("server-{}", boundary % 50)),
                    name,
                },
                boundary,
            }
        })
        .collect()
}

impl Asking {
    fn of(&self, set: &PolicySet, arguments: &Value) -> bool {
        let outcome = set.decide(&Request {
            caller: &self.caller,
            agent: Some(&self.agent),
            team: None,
            action: Action::ToolsCall,
            resource: &self.resource,
            tool: ToolFacts::default(),
            arguments: Some(arguments),
            taint: Taint { untrusted_content: true, ..Taint::default() },
            touches: Taint::default(),
            budget: BudgetLeft::default(),
            evidence: &[],
            version: None,
            at: Timestamp::from_unix_nanos(1_763_800_000_000_000_000),
        });
        outcome.effect == mizzen_model::permission::Effect::Allow
    }
}

/// Cedar's authoriser over all policies: evaluation alone, and with the request made from the same raw arguments.
fn plain_cedar(set: &PolicySet, asking: &[Asking], raw: &[String]) -> Result<(f64, f64), Box<dyn Error>> {
    let policies: CedarSet = set.cedar_text().parse()?;
    let authorizer = Authorizer::new();
    let (mut evaluation, mut whole) = (Vec::new(), Vec::new());
    let started = Instant::now();
    let mut turn = 0;
    while turn < ROUNDS && (started.elapsed() < CEDAR_TIME || turn < 20) {
        let at = turn % asking.len();
        let begun = Instant::now();
        let arguments: Value = serde_json::from_str(&raw[at])?;
        let (request, entities) = cedar_request(&asking[at], &arguments)?;
        let made = Instant::now();
        let response = authorizer.is_authorized(&request, &policies, &entities);
        let ended = Instant::now();
        if response.decision() != cedar_policy::Decision::Allow || !asking[at].of(set, &arguments) {
            return Err(format!("{} should be allowed by both", asking[at].resource).into());
        }
        evaluation.push((ended - made).as_secs_f64() * 1e6);
        whole.push((ended - begun).as_secs_f64() * 1e6);
        turn += 1;
    }
    Ok((percentile(&mut evaluation, 50), percentile(&mut whole, 50)))
}

fn cedar_request(asking: &Asking, arguments: &Value) -> Result<(CedarRequest, Entities), Box<dyn Error>> {
    let uid = |text: String| text.parse::<EntityUid>().map_err(Box::new);
    let server = asking.resource.server.clone().unwrap_or_default();
    let principal = uid(format!("Agent::\"{}\"", asking.agent))?;
    let resource = uid(format!("Tool::\"{server}/{}\"", asking.resource.name))?;
    let action = uid("Action::\"tools:call\"".into())?;
    let above = |text| Ok::<_, Box<dyn Error>>(std::iter::once(uid(text)?).collect());
    let entities = Entities::from_entities(
        [
            Entity::new_no_attrs(principal.clone(), above(format!("Boundary::\"b{}\"", asking.boundary))?),
            Entity::new_no_attrs(resource.clone(), above(format!("ToolServer::\"{server}\""))?),
        ],
        None,
    )?;
    let text = |name: &str| RestrictedExpression::new_string(arguments[name].as_str().unwrap_or_default().to_owned());
    let reading = |name: &str, value| RestrictedExpression::new_record([(name.to_owned(), value)]);
    let tags = arguments["tags"].as_array().into_iter().flatten();
    let tags = RestrictedExpression::new_set(
        tags.map(|tag| RestrictedExpression::new_string(tag.as_str().unwrap_or_default().to_owned())),
    );
    let amount = RestrictedExpression::new_decimal(arguments["amount"].to_string());
    let read = RestrictedExpression::new_record([
        ("recipient".to_owned(), reading("string", text("recipient"))?),
        ("url".to_owned(), reading("string", text("url"))?),
        ("note".to_owned(), reading("string", text("note"))?),
        ("amount".to_owned(), reading("number", amount)?),
        ("tags".to_owned(), reading("strings", tags)?),
    ])?;
    let touched = |untrusted: bool, private: bool| {
        RestrictedExpression::new_record([
            ("private_data".to_owned(), RestrictedExpression::new_bool(private)),
            ("untrusted_content".to_owned(), RestrictedExpression::new_bool(untrusted)),
            ("outside_reached".to_owned(), RestrictedExpression::new_bool(false)),
            ("may_ask".to_owned(), RestrictedExpression::new_bool(false)),
        ])
    };
    let context = Context::from_pairs([
        ("arguments".to_owned(), read),
        ("taint".to_owned(), touched(true, false)?),
        ("touches".to_owned(), touched(false, true)?),
    ])?;
    Ok((CedarRequest::new(principal, action, resource, context, None)?, entities))
}

fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    black_box(work());
    started.elapsed().as_secs_f64() * 1e6
}

fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() * percent / 100).copied().unwrap_or(f64::NAN)
}
