//! What one run shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mizzen_catalog::observed::{Observation, Subject, SubjectKind};
use mizzen_model::id::SpanId;
use mizzen_model::run::{JUDGE_CALLER, RunSummary};
use mizzen_model::step::{Source, Step, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_telemetry::record::GATEWAY_SERVICE;

/// Things that one run used, each with whoever used it.
const PAIRS_MAX: usize = 1_000;
/// Between server and tool in the names that the tool gateway gives to clients.
const SEPARATOR: &str = "__";

/// Tools behind the tool gateway.
#[derive(Debug, Default)]
pub(super) struct KnownTools {
    servers: BTreeMap<String, BTreeSet<String>>,
}

/// An observation; `asks_span`: which server its tool is of can only be told by that span.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) observation: Observation,
    pub(super) asks_span: Option<SpanId>,
}

impl KnownTools {
    pub(super) const fn new(servers: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { servers }
    }

    pub(super) fn has(&self, server: &str, tool: &str) -> bool {
        self.servers.get(server).is_some_and(|tools| tools.contains(tool))
    }

    /// A tool as the catalog calls it, and whether that is not certain.
    fn name(&self, tool: &str, source: Source) -> (String, bool) {
        if let Some((server, own)) = tool.split_once(SEPARATOR)
            && self.has(server, own)
        {
            return (format!("{server}/{own}"), false);
        }
        // Of an agent's own functions only the agent tells: a name that a server has too says nothing.
        if source != Source::Gateway {
            return (tool.to_owned(), false);
        }
        let mut servers = self.servers.iter().filter(|(_, tools)| tools.contains(tool)).map(|(server, _)| server);
        match (servers.next(), servers.next()) {
            (Some(server), None) => (format!("{server}/{tool}"), false),
            (Some(_), Some(_)) => (tool.to_owned(), true),
            (None, _) => (tool.to_owned(), false),
        }
    }
}

/// The server that the tool gateway wrote into its span.
pub(super) fn server_in(attributes: &str) -> Option<String> {
    let attributes: serde_json::Value = serde_json::from_str(attributes).ok()?;
    attributes.get("mizzen.tool.server")?.as_str().map(str::to_owned)
}

/// What the summary alone shows of a run that is one call of a model, as most of a gateway are: nobody has to look into it.
pub(super) fn in_summary(run: &RunSummary) -> Option<Vec<Seen>> {
    let [model] = run.models.as_slice() else { return None };
    if (run.spans, run.steps, run.model_calls) != (1, 1, 1) {
        return None;
    }
    let at = run.started_at.plus_nanos(run.duration_ns.max(0));
    let mut pairs = Pairs { seen: BTreeMap::new(), shed: 0 };
    if let Some(root) = actor(run) {
        pairs.add(root.clone(), None, 1, (at, None));
        pairs.add(root, Some(Subject { kind: SubjectKind::Model, name: model.clone() }), 1, (at, None));
    }
    Some(pairs.finish().0)
}

/// What a run shows, and how much of it was left out.
pub(super) fn in_run(run: &RunSummary, steps: &[Step], known: &KnownTools) -> (Vec<Seen>, u64) {
    let at = run.started_at.plus_nanos(run.duration_ns.max(0));
    let mut pairs = Pairs { seen: BTreeMap::new(), shed: 0 };
    let root = actor(run);
    if let Some(root) = &root {
        pairs.add(root.clone(), None, 1, (at, None));
    }
    let by_span: HashMap<SpanId, &Step> = steps.iter().map(|step| (step.span_id, step)).collect();
    for step in steps.iter().filter(|step| step.counted_as.is_none()) {
        let parent = step.parent_step.and_then(|parent| by_span.get(&parent).copied());
        let Some(user) = user(step, parent, root.as_ref()) else { continue };
        let ended = step.started_at.plus_nanos(step.duration_ns.max(0));
        let (used, span) = match step.kind {
            StepKind::ModelCall => (step.model.clone().map(|name| Subject { kind: SubjectKind::Model, name }), None),
            StepKind::ToolCall => match step.tool.as_deref().map(|tool| known.name(tool, step.source)) {
                Some((name, is_open)) => {
                    (Some(Subject { kind: SubjectKind::Tool, name }), is_open.then_some(step.span_id))
                }
                None => (None, None),
            },
            StepKind::AgentCall => (step.agent.clone().map(agent), None),
            StepKind::Retrieval | StepKind::Guardrail | StepKind::Human | StepKind::Group => (None, None),
        };
        if let Some(used) = used.filter(|used| *used != user) {
            pairs.add(user, Some(used), 1, (ended, span));
        }
    }
    pairs.finish()
}

const fn agent(name: String) -> Subject {
    Subject { kind: SubjectKind::Agent, name }
}

/// An agent by its name. The gateway's own name stands where nobody said which agent it was.
fn named(name: Option<&String>) -> Option<Subject> {
    name.filter(|name| *name != GATEWAY_SERVICE).cloned().map(agent)
}

/// Who did the run: its agent, or else whoever's key it came with. What Mizzen itself asks a judging model is nobody's.
fn actor(run: &RunSummary) -> Option<Subject> {
    let caller = |name: String| Subject { kind: SubjectKind::Caller, name };
    let others = run.caller.clone().filter(|name| name != JUDGE_CALLER);
    named(run.agent.as_ref()).or_else(|| others.map(caller))
}

/// Who did a step. A call of an agent is done by who is around it, and names whom it calls.
fn user(step: &Step, parent: Option<&Step>, root: Option<&Subject>) -> Option<Subject> {
    let own = match step.kind {
        StepKind::AgentCall => parent.and_then(|parent| parent.agent.clone()),
        _ => step.agent.clone(),
    };
    named(own.as_ref()).or_else(|| root.cloned())
}

type Key = (Subject, Option<Subject>, Option<SpanId>);

/// Every pair once.
struct Pairs {
    seen: BTreeMap<Key, (u64, Timestamp)>,
    shed: u64,
}

impl Pairs {
    fn add(&mut self, user: Subject, used: Option<Subject>, calls: u64, (at, span): (Timestamp, Option<SpanId>)) {
        let key = (user, used, span);
        if !self.seen.contains_key(&key) && self.seen.len() >= PAIRS_MAX {
            self.shed += 1;
            return;
        }
        let entry = self.seen.entry(key).or_insert((0, at));
        *entry = (entry.0 + calls, entry.1.max(at));
    }

    fn finish(self) -> (Vec<Seen>, u64) {
        let seen = self.seen.into_iter().map(|((subject, uses, asks_span), (calls, at))| Seen {
            observation: Observation { subject, uses, calls, at },
            asks_span,
        });
        (seen.collect(), self.shed)
    }
}

#[cfg(test)]
mod tests;
