//! Limits on arguments as Cedar expressions.
//!
//! An argument is a record of *readings* (`docs/boundaries.md`): `context.arguments.amount.number`. A grant's limit
//! holds only where the reading it needs is there; a denial's limit holds also where it is not, so that writing a number
//! as a text gets around neither. Neither does a text or an array in place of the object that a limited argument is a field of:
//! what it would be read as is the tool's to know.

use mizzen_model::permission::{ArgumentKind, EvidenceRule, Grant, Limit, LimitedArgument};
use serde_json::{Number, Value};

use super::words::{access, attribute, is_identifier, pattern, quoted};
use crate::decimal::{self, Rounding};
use crate::limits;

/// The digest belongs to a version that was approved and is not retired.
pub(crate) const APPROVED_VERSION: &str =
    r#"context has version && ["approved", "deprecated"].contains(context.version)"#;

/// The path of [`crate::request::PROVIDER_RUN`], as policies name it.
pub(crate) const PROVIDER_RUN_PATH: &str = "dev.mizzen~1providerRun";

/// Which way a missing reading is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The limit does not hold.
    Needed,
    /// The limit holds.
    Presumed,
}

/// What must hold so that all of `arguments` are within their limits; one expression for each.
pub(crate) fn within(arguments: &[LimitedArgument], reading: Reading) -> Vec<String> {
    arguments.iter().map(|argument| argument_within(argument, reading)).collect()
}

/// Everything that a grant asks of the arguments.
pub(crate) fn of_grant(grant: &Grant, schema_id: &str) -> Vec<String> {
    let mut conditions = within(&grant.arguments, Reading::Needed);
    if !grant.other_arguments {
        let mut names: Vec<&str> = grant.arguments.iter().map(|argument| first_name(&argument.path)).collect();
        names.dedup();
        let names: Vec<String> = names.into_iter().map(|name| quoted(&unescaped(name))).collect();
        conditions.push(format!("[{}].containsAll(context.argument_names)", names.join(", ")));
    }
    if grant.schema.is_some() {
        conditions.push(format!("context.schemas.contains({})", quoted(schema_id)));
    }
    conditions
}

pub(crate) fn evidence(rule: &EvidenceRule) -> String {
    let record = access("context.evidence", &rule.metric);
    // What does not fit was refused when the boundary was read; a bound that nothing reaches is the safe fallback.
    let bound = |number, rounding| decimal::text(decimal::from_f64(number, rounding).unwrap_or(i64::MAX));
    format!(
        "context.evidence has {} && {record}.lower.greaterThanOrEqual(decimal(\"{}\")) && {record}.clusters >= {} && \
         {record}.alpha.lessThanOrEqual(decimal(\"{}\"))",
        attribute(&rule.metric),
        bound(rule.lower_at_least, Rounding::Up),
        i64::try_from(rule.clusters_at_least).unwrap_or(i64::MAX),
        decimal::text(decimal::from_f64(rule.alpha_at_most, Rounding::Down).unwrap_or(0)),
    )
}

/// Private data, untrusted content and the outside in one run, with this call, which brings one of them.
pub(crate) const THREE_TOGETHER: &str = "(context.touches.private_data || context.touches.untrusted_content || context.touches.outside_reached) && \
     (context.taint.private_data || context.touches.private_data) && \
     (context.taint.untrusted_content || context.touches.untrusted_content) && \
     (context.taint.outside_reached || context.touches.outside_reached)";

fn first_name(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// JSON pointer escapes.
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// That the model's provider would run the tool.
pub(crate) fn provider_runs() -> String {
    format!("context.arguments has {}", attribute(PROVIDER_RUN_PATH))
}

fn argument_within(argument: &LimitedArgument, reading: Reading) -> String {
    let limit = &argument.limit;
    let atoms = Atoms { path: &argument.path, reading };
    let held = atoms.all(limit);
    let present = format!("context.arguments has {}", attribute(&argument.path));
    let unread = elsewhere(&argument.path).chain([provider_runs()]);
    match (reading, limit.optional) {
        (Reading::Needed, true) => {
            let missing = std::iter::once(format!("!({present})")).chain(unread.map(|it| format!("!({it})")));
            format!("{} || ({held})", missing.collect::<Vec<_>>().join(" && "))
        }
        (Reading::Needed, false) => held,
        (Reading::Presumed, _) => {
            let ways = std::iter::once(format!("{present} && {held}")).chain(unread);
            ways.collect::<Vec<_>>().join(" || ")
        }
    }
}

/// That one of the objects that a nested argument is a field of is something else; one expression for each of them.
fn elsewhere(path: &str) -> impl Iterator<Item = String> + '_ {
    path.match_indices('/').map(|(end, _)| {
        let above = &path[..end];
        let record = access("context.arguments", above);
        format!("context.arguments has {} && {record}.kind != \"object\"", attribute(above))
    })
}

struct Atoms<'a> {
    path: &'a str,
    reading: Reading,
}

impl Atoms<'_> {
    fn all(&self, limit: &Limit) -> String {
        let mut atoms = Vec::new();
        atoms.extend(limit.kind.map(|kind| self.kind(kind)));
        atoms.extend(limit.one_of.as_ref().map(|values| self.one_of(values, false)));
        atoms.extend(limit.none_of.as_ref().map(|values| self.one_of(values, true)));
        atoms.extend(limit.like.as_ref().map(|patterns| self.like(patterns, false)));
        atoms.extend(limit.not_like.as_ref().map(|patterns| self.like(patterns, true)));
        let bounds = [
            (&limit.at_least, "greaterThanOrEqual", ">="),
            (&limit.at_most, "lessThanOrEqual", "<="),
            (&limit.more_than, "greaterThan", ">"),
            (&limit.less_than, "lessThan", "<"),
        ];
        for (bound, method, operator) in bounds {
            atoms.extend(bound.as_ref().map(|bound| self.bound(bound, method, operator)));
        }
        let lengths = [(limit.length_at_least, ">="), (limit.length_at_most, "<=")];
        for (length, operator) in lengths {
            let Some(length) = length.map(|length| i64::try_from(length).unwrap_or(i64::MAX)) else { continue };
            atoms.push(self.with("length", |length_of| format!("{length_of} {operator} {length}")));
        }
        atoms.extend(limit.each_in.as_ref().map(|values| self.members(values, false)));
        atoms.extend(limit.none_in.as_ref().map(|values| self.members(values, true)));
        if let Some(alternatives) = &limit.any {
            let each: Vec<String> = alternatives.iter().map(|limit| format!("({})", self.all(limit))).collect();
            atoms.push(if each.is_empty() { "false".to_owned() } else { format!("({})", each.join(" || ")) });
        }
        match atoms.is_empty() {
            true => self.present(),
            false => atoms.join(" && "),
        }
    }

    fn present(&self) -> String {
        format!("context.arguments has {}", attribute(self.path))
    }

    fn record(&self) -> String {
        access("context.arguments", self.path)
    }

    /// That the argument is there with this reading.
    fn has(&self, reading: &str) -> String {
        if is_identifier(self.path) {
            format!("context.arguments has {}.{reading}", self.path)
        } else {
            format!("{} && {} has {reading}", self.present(), self.record())
        }
    }

    /// `test` on a reading that may be missing.
    fn with(&self, reading: &str, test: impl FnOnce(&str) -> String) -> String {
        let test = test(&format!("{}.{reading}", self.record()));
        match self.reading {
            Reading::Needed => format!("{} && {test}", self.has(reading)),
            Reading::Presumed => format!("(if {} then {test} else true)", self.has(reading)),
        }
    }

    fn kind(&self, kind: ArgumentKind) -> String {
        match kind {
            ArgumentKind::Integer => self.has("integer"),
            kind => format!("{} && {}.kind == {}", self.present(), self.record(), quoted(kind.as_str())),
        }
    }

    /// Whether the argument, or with `members` all of the array's, is one of values of several types by any of its readings; or
    /// with `negated`, none by all that it has.
    fn alternatives(
        &self,
        groups: &[(&'static str, Vec<String>)],
        negated: bool,
        test: impl Fn(&str, &str) -> String,
    ) -> String {
        let read = |(reading, literals): &(&'static str, Vec<String>)| {
            let set = format!("[{}]", literals.join(", "));
            (self.has(reading), test(&set, &format!("{}.{reading}", self.record())))
        };
        let read: Vec<(String, String)> = groups.iter().map(read).collect();
        let each = |form: fn(&str, &str) -> String, operator: &str| {
            let tests: Vec<String> = read.iter().map(|(has, test)| form(has, test)).collect();
            tests.join(operator)
        };
        let holds = |has: &str, test: &str| format!("({has} && {test})");
        let presumed = |has: &str, test: &str| format!("(if {has} then {test} else true)");
        match (self.reading, negated, read.as_slice()) {
            (Reading::Needed, _, [(has, test)]) => format!("{has} && {test}"),
            (Reading::Presumed, _, [(has, test)]) => presumed(has, test),
            (Reading::Needed, false, _) => format!("({})", each(holds, " || ")),
            (Reading::Presumed, false, _) => {
                format!("({} || ({}))", each(holds, " || "), each(|has, _| format!("!({has})"), " && "))
            }
            (Reading::Needed, true, _) => {
                format!("({}) && {}", each(|has, _| format!("({has})"), " || "), each(presumed, " && "))
            }
            (Reading::Presumed, true, _) => each(presumed, " && "),
        }
    }

    fn one_of(&self, values: &[Value], negated: bool) -> String {
        let groups = grouped(values, ["string", "integer", "number", "boolean"]);
        self.alternatives(&groups, negated, |set, reading| {
            let single = set.strip_prefix('[').and_then(|set| set.strip_suffix(']')).filter(|_| values.len() == 1);
            match (single, negated) {
                (Some(literal), false) => format!("{reading} == {literal}"),
                (Some(literal), true) => format!("{reading} != {literal}"),
                (None, false) => format!("{set}.contains({reading})"),
                (None, true) => format!("!{set}.contains({reading})"),
            }
        })
    }

    fn members(&self, values: &[Value], negated: bool) -> String {
        let groups = grouped(values, ["strings", "integers", "numbers", "booleans"]);
        self.alternatives(&groups, negated, |set, reading| match negated {
            false => format!("{set}.containsAll({reading})"),
            true => format!("!{set}.containsAny({reading})"),
        })
    }

    /// What `..` leads to is the tool's to know: a text with one is within no limit of a grant on paths, and any of a denial.
    fn like(&self, patterns: &[String], negated: bool) -> String {
        self.with("string", |text| {
            let within = any_or_none(text, patterns, negated);
            let permits = matches!(self.reading, Reading::Needed) != negated;
            if !limits::are_paths(patterns, permits) {
                return within;
            }
            let climbs: Vec<String> = limits::climbing().map(|climbing| like(text, &climbing)).collect();
            match self.reading {
                Reading::Needed => format!("{within} && !({})", climbs.join(" || ")),
                Reading::Presumed => format!("({within} || {})", climbs.join(" || ")),
            }
        })
    }

    fn bound(&self, bound: &Number, method: &str, operator: &str) -> String {
        match decimal::from_number(bound) {
            Some(scaled) => {
                let literal = decimal::text(scaled);
                self.with("number", |number| format!("{number}.{method}(decimal(\"{literal}\"))"))
            }
            // Too large for a decimal, so a whole number: identifiers, times in nanoseconds.
            None => {
                let literal = decimal::integer(bound).unwrap_or_default();
                self.with("integer", |integer| format!("{integer} {operator} {literal}"))
            }
        }
    }
}

fn like(text: &str, p: &str) -> String {
    format!("{text} like {}", pattern(p))
}

/// That one of the patterns fits, or none.
fn any_or_none(text: &str, patterns: &[String], negated: bool) -> String {
    let like = patterns.iter().map(|p| like(text, p));
    let each: Vec<String> = like.map(|test| if negated { format!("!({test})") } else { test }).collect();
    match (each.len(), negated) {
        (0, _) => negated.to_string(),
        (1, _) => each.concat(),
        (_, true) => format!("({})", each.join(" && ")),
        (_, false) => format!("({})", each.join(" || ")),
    }
}

/// Literals by the reading that they are compared with. Whole numbers stand with the fractions when there are any.
fn grouped(values: &[Value], readings: [&'static str; 4]) -> Vec<(&'static str, Vec<String>)> {
    let fractions =
        values.iter().any(|value| value.as_number().is_some_and(|number| decimal::integer(number).is_none()));
    let mut groups: Vec<(&'static str, Vec<String>)> = readings.into_iter().map(|reading| (reading, vec![])).collect();
    for value in values {
        let (group, literal) = match value {
            Value::String(text) => (0, quoted(text)),
            Value::Number(number) => match (fractions, decimal::from_number(number), decimal::integer(number)) {
                (true, Some(scaled), _) => (2, format!("decimal(\"{}\")", decimal::text(scaled))),
                (_, _, Some(whole)) => (1, whole.to_string()),
                (false, Some(scaled), None) => (2, format!("decimal(\"{}\")", decimal::text(scaled))),
                (_, None, None) => continue,
            },
            Value::Bool(flag) => (3, flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        groups[group].1.push(literal);
    }
    groups.retain(|(_, literals)| !literals.is_empty());
    groups
}
