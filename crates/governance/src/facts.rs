//! A request as the context that policies see. How JSON becomes Cedar values is written down in `docs/boundaries.md`.

use cedar_policy::RestrictedExpression;
use mizzen_model::asked::Taint;
use mizzen_model::permission::{Evidence, EvidenceHad};
use mizzen_model::respelled::is_respelled;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value};

use crate::cedar::paths::{Needs, Readings};
use crate::decimal::{self, Rounding};
use crate::fact::{Fact, Record};
use crate::request::{INPUT_RESPONSES, Request};

const NANOS_PER_MS: i64 = 1_000_000;
const MS_PER_DAY: i64 = 86_400_000;
const NANO_USD_PER_TEN_THOUSANDTH: u64 = 100_000;

/// An argument that policies look at and that Cedar cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unrepresentable {
    pub(crate) path: String,
    pub(crate) why: &'static str,
}

/// What this call touches, with what a boundary says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Touching {
    pub(crate) taint: Taint,
    pub(crate) declared: bool,
    pub(crate) may_ask: bool,
}

/// The context, as far as `needs` asks for it.
pub(crate) fn context(
    request: &Request<'_>,
    needs: &Needs,
    touching: Touching,
    schemas: &[&str],
) -> Result<Record, Unrepresentable> {
    let mut context = Record::new();
    let empty = Map::new();
    let arguments = request.arguments.and_then(Value::as_object).unwrap_or(&empty);
    let mut read = Record::new();
    for (path, readings) in &needs.arguments {
        if is_respelled_in(arguments, path) {
            let why = "is there in other letters too, and servers that tell no case apart would read that";
            return Err(Unrepresentable { path: path.clone(), why });
        }
        let Some(value) = lookup(arguments, path) else { continue };
        let fact = argument(value, *readings).map_err(|why| Unrepresentable { path: path.clone(), why })?;
        read.insert(path.clone(), fact);
    }
    context.insert("arguments".into(), Fact::Record(read));
    let metrics = needs.metrics.iter().filter_map(|metric| Some((metric.clone(), measured(best(request, metric)?))));
    context.insert("evidence".into(), Fact::Record(metrics.collect()));
    if needs.argument_names {
        let names = arguments.keys().filter(|name| *name != INPUT_RESPONSES).map(|name| Fact::Text(name.clone()));
        context.insert("argument_names".into(), Fact::Set(names.collect()));
    }
    if needs.schemas {
        let satisfied = schemas.iter().map(|id| Fact::Text((*id).to_owned()));
        context.insert("schemas".into(), Fact::Set(satisfied.collect()));
    }
    if needs.taint {
        context.insert("taint".into(), Fact::Record(touched(request.taint)));
    }
    if needs.touches {
        let mut record = touched(touching.taint);
        record.insert("declared".into(), Fact::Bool(touching.declared));
        record.insert("may_ask".into(), Fact::Bool(touching.may_ask));
        context.insert("touches".into(), Fact::Record(record));
    }
    rest(&mut context, request, needs);
    Ok(context)
}

/// Of a context what `needs` asks for, as Cedar takes it. The records of arguments and of evidence are always there: policies
/// ask whether they hold something.
pub(crate) fn needed(context: &Record, needs: &Needs) -> Vec<(String, RestrictedExpression)> {
    let wanted = |name: &str| match name {
        "argument_names" => needs.argument_names,
        "schemas" => needs.schemas,
        "taint" => needs.taint,
        "touches" => needs.touches,
        "tool" => needs.tool,
        "time" => needs.time,
        "budget" => needs.budget,
        "agent_digest" => needs.agent_digest,
        "version" => needs.version,
        _ => true,
    };
    let members = context.iter().filter(|(name, _)| needs.everything || wanted(name));
    let expression = |(name, fact): (&String, &Fact)| {
        let expression = match (name.as_str(), fact) {
            (_, fact) if needs.everything => fact.expression(),
            ("arguments", Fact::Record(all)) => part(all, |argument| needs.arguments.contains_key(argument)),
            ("evidence", Fact::Record(all)) => part(all, |metric| needs.metrics.contains(metric)),
            (_, fact) => fact.expression(),
        };
        (name.clone(), expression)
    };
    members.map(expression).collect()
}

fn part(record: &Record, wanted: impl Fn(&str) -> bool) -> RestrictedExpression {
    let members = record.iter().filter(|(name, _)| wanted(name));
    let members = members.map(|(name, fact)| (name.clone(), fact.expression()));
    // The names of a map are unique, which is all that can be wrong with a record.
    RestrictedExpression::new_record(members).unwrap_or_else(|_| RestrictedExpression::new_set([]))
}

fn rest(context: &mut Record, request: &Request<'_>, needs: &Needs) {
    if needs.tool {
        let mut tool = Record::new();
        tool.insert("pinned".into(), Fact::Bool(request.tool.pinned));
        tool.insert("read_only".into(), Fact::Bool(request.tool.read_only));
        if let Some(digest) = &request.tool.digest {
            tool.insert("digest".into(), Fact::Text(digest.to_string()));
        }
        context.insert("tool".into(), Fact::Record(tool));
    }
    if needs.time {
        context.insert("time".into(), Fact::Record(time(request.at)));
    }
    if needs.budget {
        let mut left = Record::new();
        let long = |count: u64| Fact::Long(i64::try_from(count).unwrap_or(i64::MAX));
        left.extend(request.budget.calls.map(|calls| ("calls_left".into(), long(calls))));
        left.extend(request.budget.tokens.map(|tokens| ("tokens_left".into(), long(tokens))));
        // Rounded down: what is left is not overstated.
        let usd = request.budget.cost_nano_usd.map(|nano| nano / NANO_USD_PER_TEN_THOUSANDTH);
        left.extend(usd.map(|usd| ("usd_left".into(), Fact::Decimal(i64::try_from(usd).unwrap_or(i64::MAX)))));
        context.insert("budget".into(), Fact::Record(left));
    }
    if let Some(digest) = request.caller.agent_digest.as_ref().filter(|_| needs.agent_digest) {
        context.insert("agent_digest".into(), Fact::Text(digest.to_string()));
    }
    if let Some(state) = request.version.filter(|_| needs.version) {
        context.insert("version".into(), Fact::Text(state.to_owned()));
    }
}

fn touched(taint: Taint) -> Record {
    [
        ("private_data", taint.private_data),
        ("untrusted_content", taint.untrusted_content),
        ("outside_reached", taint.outside_reached),
    ]
    .into_iter()
    .map(|(name, flag)| (name.to_owned(), Fact::Bool(flag)))
    .collect()
}

fn time(at: Timestamp) -> Record {
    let ms = at.unix_nanos().div_euclid(NANOS_PER_MS);
    let (day, of_day) = (ms.div_euclid(MS_PER_DAY), ms.rem_euclid(MS_PER_DAY));
    let text = Timestamp::from_unix_nanos(ms.saturating_mul(NANOS_PER_MS)).to_string();
    // Nine digits of a second to Cedar's three.
    let now = text
        .split_once('.')
        .map_or_else(|| text.clone(), |(seconds, fraction)| format!("{seconds}.{}Z", &fraction[..3]));
    let mut time = Record::new();
    time.insert("now".into(), Fact::Datetime(now));
    time.insert("hour".into(), Fact::Long(of_day / 3_600_000));
    time.insert("minute".into(), Fact::Long(of_day / 60_000 % 60));
    // 1970-01-01 was a Thursday.
    time.insert("weekday".into(), Fact::Long((day + 3).rem_euclid(7) + 1));
    time
}

/// Whether something on the way to a path is neither missing nor an object.
pub(crate) fn is_elsewhere(arguments: &Map<String, Value>, path: &str) -> bool {
    let above = path.match_indices('/').map(|(end, _)| &path[..end]);
    above.filter_map(|above| lookup(arguments, above)).any(|value| !value.is_object())
}

/// Whether something on the way to a path, or at its end, has a namesake that differs in case only.
fn is_respelled_in(arguments: &Map<String, Value>, path: &str) -> bool {
    let mut object = Some(arguments);
    names(path).any(|name| {
        let members = object.take();
        object = members.and_then(|members| members.get(&name)).and_then(Value::as_object);
        members.is_some_and(|members| members.keys().any(|other| is_respelled(other, &name)))
    })
}

/// Of a JSON pointer without its first slash.
fn names(path: &str) -> impl Iterator<Item = String> {
    path.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"))
}

/// The value at a path; null is as good as missing.
pub(crate) fn lookup<'a>(arguments: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if !path.contains(['/', '~']) {
        return arguments.get(path).filter(|value| !value.is_null());
    }
    let mut names = names(path);
    let mut value = arguments.get(&names.next()?)?;
    for name in names {
        value = value.as_object()?.get(&name)?;
    }
    (!value.is_null()).then_some(value)
}

/// The readings of one argument, as far as they are asked for.
fn argument(value: &Value, asked: Readings) -> Result<Fact, &'static str> {
    let mut record = Record::new();
    let kind = match value {
        Value::String(text) => {
            if asked.has(Readings::STRING) {
                record.insert("string".into(), Fact::Text(text.clone()));
            }
            if asked.has(Readings::LENGTH) {
                record.insert("length".into(), length(text.chars().count()));
            }
            "string"
        }
        Value::Number(number) => {
            if asked.has(Readings::INTEGER) {
                let whole = decimal::integer(number).ok_or("is no whole number of 64 bits")?;
                record.insert("integer".into(), Fact::Long(whole));
            }
            if asked.has(Readings::NUMBER) {
                let scaled =
                    decimal::from_number(number).ok_or("has more than four places, or is too large for a decimal")?;
                record.insert("number".into(), Fact::Decimal(scaled));
            }
            "number"
        }
        Value::Bool(flag) => {
            if asked.has(Readings::BOOLEAN) {
                record.insert("boolean".into(), Fact::Bool(*flag));
            }
            "boolean"
        }
        Value::Array(members) => {
            if asked.has(Readings::LENGTH) {
                record.insert("length".into(), length(members.len()));
            }
            sets(&mut record, members, asked)?;
            "array"
        }
        Value::Object(_) => "object",
        Value::Null => "null",
    };
    record.insert("kind".into(), Fact::Text(kind.to_owned()));
    Ok(Fact::Record(record))
}

fn length(length: usize) -> Fact {
    Fact::Long(i64::try_from(length).unwrap_or(i64::MAX))
}

/// An array is a set of whatever all its members are.
fn sets(record: &mut Record, members: &[Value], asked: Readings) -> Result<(), &'static str> {
    type Read = fn(&Value) -> Option<Fact>;
    let readings: [(&str, Readings, Read); 4] = [
        ("strings", Readings::STRINGS, |value| value.as_str().map(|text| Fact::Text(text.to_owned()))),
        ("integers", Readings::INTEGERS, |value| decimal::integer(value.as_number()?).map(Fact::Long)),
        ("numbers", Readings::NUMBERS, |value| decimal::from_number(value.as_number()?).map(Fact::Decimal)),
        ("booleans", Readings::BOOLEANS, |value| value.as_bool().map(Fact::Bool)),
    ];
    let mut any = !asked.has(Readings::OF_ARRAYS);
    for (name, reading, read) in readings {
        if asked.has(reading)
            && let Some(set) = members.iter().map(read).collect::<Option<Vec<_>>>()
        {
            record.insert(name.to_owned(), Fact::Set(set));
            any = true;
        }
    }
    if any { Ok(()) } else { Err("has members that the policies cannot compare") }
}

fn measured(evidence: &Evidence) -> Fact {
    let mut record = Record::new();
    // Both against the caller. What has no decimal is as bad as can be.
    let lower = decimal::from_f64(evidence.lower, Rounding::Down).unwrap_or(i64::MIN);
    let alpha = decimal::from_f64(evidence.alpha, Rounding::Up).unwrap_or(i64::MAX);
    record.insert("lower".into(), Fact::Decimal(lower));
    record.insert("alpha".into(), Fact::Decimal(alpha));
    record.insert("clusters".into(), Fact::Long(i64::try_from(evidence.clusters).unwrap_or(i64::MAX)));
    Fact::Record(record)
}

/// The evidence in force for a metric: about the caller's very digest, sound, not from the agent's own word alone, and
/// of these the newest; of several of one instant the weakest.
pub(crate) fn best<'a>(request: &Request<'a>, metric: &str) -> Option<&'a Evidence> {
    let digest = request.caller.agent_digest.as_ref()?;
    let fits = |evidence: &&Evidence| {
        evidence.subject == *digest
            && is_metric(&evidence.metric, metric)
            && evidence.validate().is_ok()
            && evidence.sources.iter().any(|source| *source != Source::Sdk)
    };
    request.evidence.iter().filter(fits).max_by(|a, b| a.as_of.cmp(&b.as_of).then(b.lower.total_cmp(&a.lower)))
}

pub(crate) fn had(request: &Request<'_>, metric: &str) -> Option<EvidenceHad> {
    best(request, metric).map(|evidence| EvidenceHad {
        metric: evidence.metric.clone(),
        lower: evidence.lower,
        clusters: evidence.clusters,
        alpha: evidence.alpha,
    })
}

/// Evidence of the same evaluator that a rule about `metric` does not name: with other parameters, or over another set. For
/// whoever wonders why it does not count.
pub(crate) fn unnamed<'a>(request: &Request<'a>, metric: &str) -> Option<&'a Evidence> {
    let digest = request.caller.agent_digest.as_ref()?;
    let (wanted, _) = parts(metric);
    let is_of = |evidence: &&Evidence| {
        let is_same = is_metric(parts(&evidence.metric).0, wanted);
        evidence.subject == *digest && is_same && !is_metric(&evidence.metric, metric)
    };
    request.evidence.iter().filter(is_of).max_by_key(|evidence| evidence.as_of)
}

/// Whether a rule that says `wanted` is about evidence of `metric`: any version when it says none, and nothing else left open.
#[must_use]
pub fn is_metric(metric: &str, wanted: &str) -> bool {
    let ((name, named), (wanted, wanted_named)) = (parts(metric), parts(wanted));
    let unversioned = name.split_once('@').map_or(name, |(name, _)| name);
    named == wanted_named && (name == wanted || unversioned == wanted)
}

/// The evaluator with its version, and what is named besides.
fn parts(metric: &str) -> (&str, &str) {
    metric.split_at(metric.find(' ').unwrap_or(metric.len()))
}
