//! What an agent may use, what it used, and whether that is as it was approved.
//!
//! What was used is taken from decisions, which name a tool with its server. Functions of an agent's own never come past the
//! gateway: they are shown, and no boundary is about them.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_catalog::facts::figures::Granted;
use mizzen_catalog::facts::{self, FactOrigin, Facts, Figures};
use mizzen_model::asked::{Resource, ResourceKind};
use mizzen_model::permission::{Boundary, Effect, Grant, Mode, Pattern};
use serde_json::Value;

use super::Asked;

const TOOL: &str = "tool:";
const MODEL: &str = "model:";

/// How often something was used and refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Use {
    calls: u64,
    denied: u64,
    /// Went on though a boundary that is only watched does not grant it.
    outside: u64,
}

pub(super) fn tell(asked: &Asked<'_>, facts: &mut Facts, figures: &mut Figures) {
    let control = asked.from(FactOrigin::Control);
    let used = uses(asked, TOOL);
    let called: BTreeSet<&str> = used.iter().filter(|(_, of)| of.calls > 0).map(|(name, _)| name.as_str()).collect();
    let granted = granted(asked);
    if let Some(granted) = &granted {
        facts.put(&facts::TOOLS_GRANTED, i64::try_from(granted.len()).unwrap_or(i64::MAX), control);
    }
    // What an agent that did nothing did not use says nothing.
    if is_known(asked) && !asked.decisions.kinds.is_empty() {
        let outside = used.iter().filter(|(_, of)| of.outside > 0).map(|(name, _)| name.clone()).collect();
        facts.put(&facts::TOOLS_OUTSIDE, outside, control);
        facts.put(
            &facts::TOOLS_USED,
            i64::try_from(called.len()).unwrap_or(i64::MAX),
            asked.from(FactOrigin::Telemetry),
        );
        if let Some(granted) = &granted {
            let unused = granted.iter().filter(|name| !called.contains(name.as_str())).cloned().collect();
            facts.put(&facts::TOOLS_UNUSED, unused, control);
        }
    }
    facts.put_some(&facts::TOOLS_UNATTENDED, unattended(asked), control);
    if is_known(asked) {
        definitions(asked, &called, granted.as_ref(), facts);
    }
    show(asked, &used, granted.as_ref(), figures);
}

/// Whether it is known what it used: of part of it nothing follows.
const fn is_known(asked: &Asked<'_>) -> bool {
    asked.decisions.tells_resources_apart
}

/// By name: `server/tool` for tools, and models without their upstream.
fn uses(asked: &Asked<'_>, prefix: &str) -> BTreeMap<String, Use> {
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for decision in asked.decisions.kinds.iter().filter(|decision| !decision.action.ends_with(":list")) {
        let Some(mut name) = decision.resource.strip_prefix(prefix) else { continue };
        // A model is what it is behind whichever upstream, in whose name is no slash.
        if prefix == MODEL {
            name = name.split_once('/').map_or(name, |(_, model)| model);
        }
        let entry = uses.entry(name.to_owned()).or_default();
        match (decision.effect.as_str(), decision.enforced) {
            (effect, _) if effect == Effect::Allow.as_str() => entry.calls += decision.count,
            (effect, true) if effect == Effect::Deny.as_str() => entry.denied += decision.count,
            (effect, false) if effect == Effect::Deny.as_str() => {
                entry.calls += decision.count;
                entry.outside += decision.count;
            }
            // After a yes. While it waited it was no call yet.
            (_, false) => entry.calls += decision.count,
            (_, true) => {}
        }
    }
    uses
}

fn resource(server: &str, tool: &str) -> Resource {
    Resource { kind: ResourceKind::Tool, server: Some(server.to_owned()), name: tool.to_owned() }
}

fn grants<'a>(asked: &'a Asked<'_>) -> impl Iterator<Item = (&'a Boundary, &'a Grant)> {
    asked.boundaries.iter().flat_map(|boundary| boundary.tools.iter().map(|grant| (boundary.as_ref(), grant)))
}

fn is_denied(boundaries: &[std::sync::Arc<Boundary>], resource: &Resource) -> bool {
    boundaries.iter().flat_map(|boundary| &boundary.deny).any(|denial| denial.what.matches(resource))
}

/// The tools that boundaries grant: the known ones that a pattern means, and those that are named exactly. `None`: no boundary.
fn granted(asked: &Asked<'_>) -> Option<BTreeSet<String>> {
    if asked.boundaries.is_empty() {
        return None;
    }
    let mut names = BTreeSet::new();
    for (server, tools) in &asked.shared.definitions {
        for tool in tools.iter().filter(|(_, known)| !known.gone).map(|(tool, _)| tool) {
            let resource = resource(server, tool);
            if grants(asked).any(|(_, grant)| grant.what.matches(&resource)) && !is_denied(&asked.boundaries, &resource)
            {
                names.insert(format!("{server}/{tool}"));
            }
        }
    }
    names.extend(grants(asked).filter_map(|(_, grant)| exact(&grant.what)));
    Some(names)
}

fn exact(what: &Pattern) -> Option<String> {
    let server = what.server.as_ref()?;
    what.is_exact().then(|| format!("{server}/{}", what.name))
}

/// Irreversible tools, as declared, that the agent can call without a person; `None` when it declares nothing.
fn unattended(asked: &Asked<'_>) -> Option<Vec<String>> {
    let tools = asked.about.entity.as_ref()?.value(&["spec", "agent", "tools"])?.as_array()?;
    let text = |tool: &Value, name: &str| tool.get(name).and_then(Value::as_str).map(str::to_owned);
    let irreversible = tools.iter().filter(|tool| text(tool, "effect").as_deref() == Some("irreversible"));
    let open = |tool: &Value| {
        let (server, name) = (text(tool, "server").unwrap_or_default(), text(tool, "tool")?);
        let resource = resource(&server, &name);
        let is_attended =
            |(boundary, grant): (&Boundary, &Grant)| boundary.mode == Mode::Enforce && grant.needs_approval;
        let mut matching = grants(asked).filter(|(_, grant)| grant.what.matches(&resource)).peekable();
        let is_open = if asked.boundaries.is_empty() {
            asked.shared.policies.as_ref().is_none_or(|policies| policies.unnamed == Mode::Observe)
        } else if matching.peek().is_none() {
            // Not granted: refused, unless a boundary is only watched.
            asked.boundaries.iter().any(|boundary| boundary.mode == Mode::Observe)
        } else {
            !matching.all(is_attended)
        };
        is_open.then(|| format!("{server}/{name}"))
    };
    Some(irreversible.filter_map(open).collect())
}

/// Whether definitions are the approved ones, of what it used and what it may use.
fn definitions(asked: &Asked<'_>, called: &BTreeSet<&str>, granted: Option<&BTreeSet<String>>, facts: &mut Facts) {
    let origin = asked.from(FactOrigin::Mcp);
    let known = |name: &str| {
        let (server, tool) = name.split_once('/')?;
        asked.shared.definitions.get(server)?.get(tool)
    };
    let meant: BTreeSet<&str> =
        called.iter().copied().chain(granted.into_iter().flatten().map(String::as_str)).collect();
    let known_ones: Vec<_> = meant.iter().filter_map(|name| Some((*name, known(name)?))).collect();
    if known_ones.is_empty() {
        return;
    }
    let is_changed = |known: &super::Known| known.pin.as_ref().is_some_and(|pin| pin.digest != known.digest);
    let changed = known_ones.iter().filter(|(_, known)| !known.gone && is_changed(known));
    facts.put(&facts::TOOLS_CHANGED, changed.map(|(name, _)| (*name).to_owned()).collect(), origin);
    if called.is_empty() {
        return;
    }
    let are_pinned = called.iter().all(|name| known(name).is_some_and(|known| known.pin.is_some()));
    facts.put(&facts::TOOLS_PINNED, are_pinned, origin);
}

fn show(asked: &Asked<'_>, used: &BTreeMap<String, Use>, granted: Option<&BTreeSet<String>>, figures: &mut Figures) {
    let summary = asked.shared.agents.get(&asked.about.name.to_lowercase());
    let mut names: BTreeSet<String> = used.keys().cloned().chain(granted.into_iter().flatten().cloned()).collect();
    // Functions of its own: called, and never at the gateway.
    let at_gateway =
        |tool: &str| names.iter().any(|name| name.rsplit('/').next() == Some(tool) || name.replace('/', "__") == tool);
    let own = summary.map(|agent| agent.tools.as_slice()).unwrap_or_default();
    let own: Vec<String> = own.iter().filter(|tool| !at_gateway(tool)).cloned().collect();
    names.extend(own.iter().cloned());
    let tool = |name: String| {
        let of = used.get(&name).copied();
        Granted {
            granted: granted.filter(|_| !own.contains(&name)).map(|granted| granted.contains(&name)),
            used: own.contains(&name) || of.is_some_and(|of| of.calls > 0),
            calls: of.map(|of| of.calls),
            denied: of.map(|of| of.denied),
            name,
        }
    };
    figures.tools = names.into_iter().map(tool).collect();
    let count = |counts: &dyn Fn(&Granted) -> bool| {
        u32::try_from(figures.tools.iter().filter(|tool| counts(tool)).count()).unwrap_or(u32::MAX)
    };
    figures.tools_used = count(&|tool| tool.used);
    figures.tools_granted = granted.map(|_| count(&|tool| tool.granted == Some(true)));
    figures.tools_unused =
        granted.filter(|_| is_known(asked)).map(|_| count(&|tool| tool.granted == Some(true) && !tool.used));
    figures.models = models(asked, summary.map(|agent| agent.models.as_slice()).unwrap_or_default());
}

fn models(asked: &Asked<'_>, seen: &[String]) -> Vec<Granted> {
    let decided = uses(asked, MODEL);
    let grants = || asked.boundaries.iter().flat_map(|boundary| &boundary.models);
    let exact = grants().filter(|grant| grant.what.is_exact()).map(|grant| grant.what.name.clone());
    let names: BTreeSet<String> = seen.iter().cloned().chain(decided.keys().cloned()).chain(exact).collect();
    let model = |name: String| {
        let of = decided.get(&name).copied();
        let is_granted = || {
            grants().any(|grant| {
                grant.what.matches(&Resource { kind: ResourceKind::Model, server: None, name: name.clone() })
            })
        };
        Granted {
            granted: (!asked.boundaries.is_empty()).then(is_granted),
            used: seen.contains(&name) || of.is_some_and(|of| of.calls > 0),
            calls: of.map(|of| of.calls),
            denied: of.map(|of| of.denied),
            name,
        }
    };
    names.into_iter().map(model).collect()
}

#[cfg(test)]
mod tests;
