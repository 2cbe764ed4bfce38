//! Where every span of a run belongs: its turn, and the calls above it.

use std::collections::HashMap;

use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::step::StepKind;
use mizzen_telemetry::row::{SpanHead, SpanRow};

/// What a span is to the extraction of turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Model,
    /// An agent call or a workflow.
    Agent,
    Tool,
    Other,
}

impl Kind {
    fn of(row: &SpanRow) -> Self {
        match row.head.step {
            Some(StepKind::ModelCall) => Self::Model,
            Some(StepKind::AgentCall) => Self::Agent,
            Some(StepKind::ToolCall) => Self::Tool,
            // Chains and plans group what a framework does; only a workflow is asked something.
            Some(StepKind::Group) if row.body.attributes.contains("\"invoke_workflow\"") => Self::Agent,
            _ => Self::Other,
        }
    }
}

/// One span's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) kind: Kind,
    /// The span that the turn hangs on.
    pub(super) anchor: usize,
    /// The tool span directly above, when no agent or model call lies between.
    pub(super) tool_above: Option<usize>,
    /// Somewhere below a tool span: what is said here is not the turn's own speech.
    pub(super) is_under_tool: bool,
}

/// The spans of a run, each once, with their places.
#[derive(Debug)]
pub(super) struct Forest<'a> {
    pub(super) rows: Vec<&'a SpanRow>,
    pub(super) places: Vec<Place>,
    pub(super) position: HashMap<SpanId, usize>,
}

/// What is handed down while the forest is walked.
#[derive(Debug, Clone, Copy)]
struct Above {
    anchor: usize,
    /// An agent, a workflow or a tool call lies above.
    is_covered: bool,
    tool: Option<usize>,
    is_under_tool: bool,
}

impl<'a> Forest<'a> {
    /// Walks without recursion, so that depth costs no stack; a cycle of parents is cut.
    pub(super) fn grow(rows: &'a [SpanRow]) -> Self {
        let rows = unique(rows);
        let at_of: HashMap<(TraceId, SpanId), usize> =
            rows.iter().enumerate().map(|(at, row)| (key(&row.head), at)).collect();
        let mut children = vec![Vec::new(); rows.len()];
        let mut roots = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let parent = row.head.parent_span_id.and_then(|id| at_of.get(&(row.head.trace_id, id)));
            match parent {
                Some(&parent) if !is_process(&rows[parent].head) => children[parent].push(at),
                _ => roots.push(at),
            }
        }
        let unplaced =
            |at: usize| Place { kind: Kind::of(rows[at]), anchor: at, tool_above: None, is_under_tool: false };
        let mut places: Vec<Place> = (0..rows.len()).map(unplaced).collect();
        let mut reached = vec![false; rows.len()];
        // What no root reaches hangs on a cycle; its first span in time then serves as root.
        for root in roots.into_iter().chain(0..rows.len()) {
            walk(root, &children, &mut places, &mut reached);
        }
        for (at, row) in rows.iter().enumerate() {
            if is_process(&row.head) {
                places[at].kind = Kind::Other;
            }
        }
        let position = rows.iter().enumerate().map(|(at, row)| (row.head.span_id, at)).collect();
        Self { rows, places, position }
    }
}

fn walk(root: usize, children: &[Vec<usize>], places: &mut [Place], reached: &mut [bool]) {
    let mut open = vec![(root, Above { anchor: root, is_covered: false, tool: None, is_under_tool: false })];
    while let Some((at, above)) = open.pop() {
        if std::mem::replace(&mut reached[at], true) {
            continue;
        }
        let kind = places[at].kind;
        let anchor = if kind == Kind::Agent && !above.is_covered { at } else { above.anchor };
        places[at] = Place { kind, anchor, tool_above: above.tool, is_under_tool: above.is_under_tool };
        let below = Above {
            anchor,
            is_covered: above.is_covered || matches!(kind, Kind::Agent | Kind::Tool),
            tool: match kind {
                Kind::Tool => Some(at),
                Kind::Agent | Kind::Model => None,
                Kind::Other => above.tool,
            },
            is_under_tool: above.is_under_tool || kind == Kind::Tool,
        };
        open.extend(children[at].iter().map(|&child| (child, below)));
    }
}

/// Whether this is the span of a whole process, which `mizzen run` sends.
fn is_process(head: &SpanHead) -> bool {
    head.parent_span_id.is_none() && RunId::lossy(&head.run_id).root_trace() == Some(head.trace_id)
}

fn key(head: &SpanHead) -> (TraceId, SpanId) {
    (head.trace_id, head.span_id)
}

/// The last row of every span, in order of time.
fn unique(rows: &[SpanRow]) -> Vec<&SpanRow> {
    let mut last = HashMap::with_capacity(rows.len());
    for row in rows {
        last.insert(key(&row.head), row);
    }
    let mut kept: Vec<&SpanRow> = last.into_values().collect();
    kept.sort_by_key(|row| (row.head.started_at, std::cmp::Reverse(row.head.duration_ns), row.head.span_id));
    kept
}
