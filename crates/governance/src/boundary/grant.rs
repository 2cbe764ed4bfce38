//! What a boundary grants.

use mizzen_model::asked::{ResourceKind, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Effect, Evidence, EvidenceRule, Grant, Pattern};
use mizzen_model::yaml::{At, Kind, Node};

use super::limit;
use super::reader::{Fields, Reader};
use crate::decimal::{self, Rounding};
use crate::host;

const FIELDS: &[&str] = &[
    "touches",
    "arguments",
    "other_arguments",
    "schema",
    "beyond_limits",
    "needs_approval",
    "needs_evidence",
    "list",
    "three_together",
    "redact",
    "result_bytes_max",
    "calls_per_minute",
    "record_content",
];
const DENY_OR_ASK: &[(&str, Effect)] = &[("deny", Effect::Deny), ("needs_approval", Effect::NeedsApproval)];
const ALLOW_OR_DENY: &[(&str, bool)] = &[("allow", true), ("deny", false)];

pub(super) fn grant(reader: &mut Reader<'_>, node: &Node, kind: ResourceKind) -> Option<Grant> {
    let noun = kind.as_str();
    if matches!(node.kind, Kind::Text(_) | Kind::Number(_)) {
        let text = reader.text(node, noun)?;
        return Some(Grant::plain(pattern(reader, node.at, &text, kind)?, node.at.line));
    }
    let known: Vec<&str> = std::iter::once(noun).chain(FIELDS.iter().copied()).collect();
    let fields = reader.fields(node, &format!("a {noun} grant"), &known)?;
    let Some(what) = fields.get(noun) else {
        reader.error(fields.at, format!("a {noun} grant needs `{noun}`: what it grants"));
        return None;
    };
    let text = reader.text(what, noun)?;
    let mut grant = Grant::plain(pattern(reader, what.at, &text, kind)?, node.at.line);
    conditions(reader, &mut grant, fields);
    obligations(reader, &mut grant, fields);
    Some(grant)
}

fn conditions(reader: &mut Reader<'_>, grant: &mut Grant, fields: Fields<'_>) {
    grant.touches = fields.get("touches").and_then(|node| touches(reader, node));
    grant.arguments = fields.get("arguments").map(|node| limit::arguments(reader, node)).unwrap_or_default();
    grant.other_arguments = reader.word(fields.get("other_arguments"), "other_arguments", ALLOW_OR_DENY, true);
    grant.schema = fields.get("schema").map(|node| schema(reader, node));
    grant.needs_approval = reader.boolean(fields.get("needs_approval"), "needs_approval", false);
    grant.list = reader.boolean(fields.get("list"), "list", true);
    grant.three_together = reader.word(fields.get("three_together"), "three_together", DENY_OR_ASK, Effect::Deny);
    if let Some(node) = fields.get("beyond_limits") {
        grant.beyond_limits = reader.word(Some(node), "beyond_limits", DENY_OR_ASK, Effect::Deny);
        if !grant.is_limited() {
            reader.error(
                node.at,
                "`beyond_limits` means something only beside `arguments`, `other_arguments: deny` or `schema`",
            );
        }
        if grant.needs_approval && grant.beyond_limits == Effect::NeedsApproval {
            reader.error(node.at, "`needs_approval: true` already asks for every call; say `beyond_limits: deny`, or leave out `needs_approval`");
        }
    }
    if let Some(node) = fields.get("needs_evidence") {
        grant.needs_evidence = Reader::one_or_more(node).iter().filter_map(|node| evidence(reader, node)).collect();
    }
}

fn obligations(reader: &mut Reader<'_>, grant: &mut Grant, fields: Fields<'_>) {
    grant.redact = reader.texts(fields.get("redact"), "redact");
    if let Some(pointer) = grant.redact.iter().find(|pointer| !pointer.starts_with('/')) {
        let message = format!("`redact` takes JSON pointers, which begin with `/`; did you mean `/{pointer}`?");
        reader.error(fields.get("redact").map_or(fields.at, |node| node.at), message);
    }
    grant.result_bytes_max = fields.get("result_bytes_max").and_then(|node| reader.whole(node, "result_bytes_max"));
    if let Some(node) = fields.get("calls_per_minute") {
        let calls = reader.whole(node, "calls_per_minute").and_then(|calls| u32::try_from(calls).ok());
        if calls == Some(0) {
            reader.error(node.at, "`calls_per_minute: 0` would grant nothing; leave the grant out instead");
        }
        grant.calls_per_minute = calls;
    }
    if fields.get("record_content").is_some() {
        grant.record_content = Some(reader.boolean(fields.get("record_content"), "record_content", false));
    }
}

/// `server/name` for what comes from a tool server, a name for the rest.
pub(crate) fn pattern(reader: &mut Reader<'_>, at: At, text: &str, kind: ResourceKind) -> Option<Pattern> {
    match kind {
        ResourceKind::Tool | ResourceKind::Resource | ResourceKind::Prompt => {
            match (of_kind(text), text.split_once('/')) {
                (Some(word), _) => {
                    reader.error(at, format!("no {kind} is named `{text}`, as decisions show it; leave out `{word}:`"));
                    None
                }
                (None, Some((server, name))) if !server.is_empty() && !name.is_empty() => {
                    Some(Pattern { server: Some(server.to_owned()), name: name.to_owned() })
                }
                _ => {
                    let message =
                        format!("a {kind} is named `server/{kind}` (`server/*` for all of a server), got `{text}`");
                    reader.error(at, message);
                    None
                }
            }
        }
        ResourceKind::Host => match host::never(text) {
            Some(why) => {
                reader.error(at, format!("no host is called `{text}`: {why}"));
                None
            }
            None => Some(Pattern { server: None, name: host::canonical(text) }),
        },
        ResourceKind::Model | ResourceKind::Route => Some(Pattern { server: None, name: text.to_owned() }),
    }
}

/// The kind before a name that was taken from a decision: `tool:server/name`. No server is called so.
pub(crate) fn of_kind(text: &str) -> Option<&str> {
    let (word, _) = text.split_once(':')?;
    ResourceKind::ALL.iter().any(|kind| kind.as_str() == word).then_some(word)
}

/// A list of what is touched; the empty list says: nothing.
pub(crate) fn touches(reader: &mut Reader<'_>, node: &Node) -> Option<Taint> {
    let words = [
        ("private_data", Taint { private_data: true, ..Taint::default() }),
        ("untrusted_content", Taint { untrusted_content: true, ..Taint::default() }),
        ("outside", Taint { outside_reached: true, ..Taint::default() }),
        ("nothing", Taint::default()),
    ];
    let mut all = Taint::default();
    for member in Reader::one_or_more(node) {
        all = all.union(reader.word(Some(member), "touches", &words, Taint::default()));
    }
    Some(all)
}

fn schema(reader: &mut Reader<'_>, node: &Node) -> serde_json::Value {
    let schema = node.to_json();
    if let Err(error) = jsonschema::validator_for(&schema) {
        reader.error(node.at, format!("`schema` is not a valid JSON Schema: {error}"));
    }
    schema
}

fn evidence(reader: &mut Reader<'_>, node: &Node) -> Option<EvidenceRule> {
    let known = ["metric", "evaluator", "set", "lower_at_least", "clusters_at_least", "alpha_at_most"];
    let fields = reader.fields(node, "an evidence rule", &known)?;
    let (Some(metric), Some(lower)) = (fields.get("metric"), fields.get("lower_at_least")) else {
        reader.error(fields.at, "an evidence rule needs `metric` and `lower_at_least`");
        return None;
    };
    let alpha_at_most = match fields.get("alpha_at_most") {
        None => EvidenceRule::alpha_default(),
        Some(node) => {
            let alpha = fraction(reader, node, "alpha_at_most")?;
            if alpha <= 0.0 || alpha >= 1.0 {
                reader.error(node.at, "`alpha_at_most` must lie between 0 and 1");
            }
            alpha
        }
    };
    let clusters_at_least =
        fields.get("clusters_at_least").map_or(Some(1), |node| reader.whole(node, "clusters_at_least"))?;
    let lower_at_least = fraction(reader, lower, "lower_at_least")?;
    if lower_at_least > 1.0 {
        // Also of what counts: evidence is about how many of the cases passed.
        let message = "`lower_at_least` is a share of the cases, which is at most 1: no evidence could satisfy";
        reader.error(lower.at, format!("{message} {lower_at_least}"));
    }
    Some(EvidenceRule { metric: measured(reader, metric, fields)?, lower_at_least, clusters_at_least, alpha_at_most })
}

/// The metric with the digests that `fields` name beside it, as evidence has it.
pub(crate) fn measured(reader: &mut Reader<'_>, metric: &Node, fields: Fields<'_>) -> Option<String> {
    let name = reader.text(metric, "metric")?;
    if name.contains(' ') {
        reader.error(metric.at, "`metric` is a name alone; say `evaluator` and `set` beside it");
        return None;
    }
    let mut digest = |what: &str| -> Option<Option<Digest>> {
        let Some(node) = fields.get(what) else { return Some(None) };
        let read = reader.text(node, what)?.parse::<Digest>();
        if read.is_err() {
            reader.error(node.at, format!("`{what}` is a digest, as `mizzen eval evidence -o json` shows it"));
        }
        read.ok().map(Some)
    };
    let (evaluator, set) = (digest("evaluator")?, digest("set")?);
    Some(Evidence::metric_of(&name, evaluator.as_ref(), set.as_ref()))
}

fn fraction(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<f64> {
    let number = reader.number(node, what)?.as_f64()?;
    if decimal::from_f64(number, Rounding::Exact).is_none() {
        reader.error(node.at, format!("`{what}` has at most four places, got {number}"));
        return None;
    }
    Some(number)
}
