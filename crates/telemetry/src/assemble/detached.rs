//! The same call in different places of the run, by time, model and tokens, where nobody passed on an id.
//!
//! Two calls that become one lose what one of them used, so that what is in doubt stays apart.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};
use mizzen_model::step::{Outcome, Source, StepKind};

use super::ids::id_of;
use super::nesting::is_embedding;
use super::tree::{NONE, Tree};
use super::twins::{self, LAYERS_MAX, Twins, is_call};
use crate::row::SpanHead;

/// Observers of one call on one machine disagree by less.
const CLOCK_SLACK_NS: i64 = 50_000_000;
/// SDK calls looked at for one gateway call of the same model and tokens; more overlap only where time tells nothing.
const CANDIDATES_MAX: usize = 64;

/// Joins gateway calls with the SDK calls around them in time: first those that carry no trace context, then those
/// whose context is the client library's own.
pub(super) fn join(tree: &Tree<'_>, twins: &mut Twins) {
    let groups = Groups::of(tree, twins);
    let model_call = |at: u32| tree.heads[at as usize].step == Some(StepKind::ModelCall) && twins.counts(at);
    let calls: Vec<u32> = (0..tree.len() as u32).filter(|&at| model_call(at)).collect();
    let is_nameless = |at: &u32| tree.heads[*at as usize].source == Source::Sdk && !groups.has_id[*at as usize];
    let sdk: Vec<u32> = calls.iter().copied().filter(is_nameless).collect();
    let gateway = calls.into_iter().filter(|&at| tree.heads[at as usize].source == Source::Gateway);
    let (told, mut untold): (Vec<u32>, Vec<u32>) =
        gateway.partition(|&at| tree.heads[at as usize].parent_span_id.is_some());
    // A winner that stands for others is matched already.
    untold.retain(|&at| groups.others[at as usize] == 0);
    let mut open = Open { sdk, gateway: untold };
    for key in [same_tokens_and_name, same_tokens_and_family, same_family] {
        open.join_by(tree, twins, key, |sdk, gateway| {
            sweep(tree, sdk, gateway, |at, call| may_be_one(tree.heads[at as usize], tree.heads[call as usize]))
        });
    }
    if open.sdk.is_empty() {
        return;
    }
    let layers = layers_of(tree, twins, &groups, &told);
    let outermost = tree.outermost();
    open.gateway = told;
    open.gateway.retain(|call| layers.contains_key(call));
    for key in [sure_tokens_and_name, sure_tokens_and_family, same_failure] {
        open.join_by(tree, twins, key, |sdk, gateway| {
            certain(tree, sdk, gateway, |at, call| {
                may_be_one(tree.heads[at as usize], tree.heads[call as usize])
                    && layers[&call].leave_room_for(tree, at)
                    && layers[&call].are_beside(tree, &outermost, call, at)
            })
        });
    }
}

/// Per winner, what it stands for.
struct Groups {
    others: Vec<u32>,
    /// One with an id in its group would have been joined by it.
    has_id: Vec<bool>,
}

impl Groups {
    fn of(tree: &Tree<'_>, twins: &mut Twins) -> Self {
        let mut groups = Self { others: vec![0; tree.len()], has_id: vec![false; tree.len()] };
        for at in 0..tree.len() as u32 {
            let head = tree.heads[at as usize];
            if is_call(head) {
                let winner = twins.winner(at);
                groups.others[winner as usize] += u32::from(winner != at);
                groups.has_id[winner as usize] |= id_of(head).is_some();
            }
        }
        groups
    }
}

/// What is not joined yet, each in order of time.
struct Open {
    sdk: Vec<u32>,
    gateway: Vec<u32>,
}

impl Open {
    /// Joins the pairs found among calls of the same key.
    fn join_by(
        &mut self,
        tree: &Tree<'_>,
        twins: &mut Twins,
        key: for<'a> fn(&'a SpanHead) -> Option<Key<'a>>,
        pairs_of: impl Fn(&[u32], &[u32]) -> Vec<(u32, u32)>,
    ) {
        let mut alike: HashMap<Key<'_>, (Vec<u32>, Vec<u32>)> = HashMap::new();
        let keyed = |at: u32| Some((key(tree.heads[at as usize])?, at));
        for (key, at) in self.sdk.iter().filter_map(|&at| keyed(at)) {
            alike.entry(key).or_default().0.push(at);
        }
        for (key, call) in self.gateway.iter().filter_map(|&call| keyed(call)) {
            if let Some((_, gateway)) = alike.get_mut(&key) {
                gateway.push(call);
            }
        }
        let pairs: Vec<(u32, u32)> = alike.values().flat_map(|(sdk, gateway)| pairs_of(sdk, gateway)).collect();
        let mut joined = HashSet::new();
        for (at, call) in pairs {
            twins.yield_to(at, call);
            joined.extend([at, call]);
        }
        self.sdk.retain(|at| !joined.contains(at));
        self.gateway.retain(|call| !joined.contains(call));
    }
}

/// Matches each of `gateway` with the one of `sdk` that agrees and is around it in time, and each of those once. Of several
/// the one that ends first is taken: the others can still be around those that start later.
fn sweep(tree: &Tree<'_>, sdk: &[u32], gateway: &[u32], agree: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
    let mut coming = sdk.iter().copied().peekable();
    let mut begun = BTreeSet::new();
    let mut pairs = Vec::new();
    for &call in gateway {
        let (from, to) = (started(tree, call), tree.ended(call as usize));
        while let Some(at) = coming.next_if(|&at| started(tree, at) <= from.saturating_add(CLOCK_SLACK_NS)) {
            begun.insert((tree.ended(at as usize), at));
        }
        let around = begun.range((to.saturating_sub(CLOCK_SLACK_NS), 0)..).take(CANDIDATES_MAX);
        let fits = |&&(end, at): &&(i64, u32)| started(tree, at) < to && from < end && agree(at, call);
        if let Some(&found) = around.into_iter().find(fits) {
            begun.remove(&found);
            pairs.push((found.1, call));
        }
    }
    pairs
}

/// The pairs of [`sweep`] where, among all that overlap, each call has one: else nobody can say which one has none.
fn certain(tree: &Tree<'_>, sdk: &[u32], gateway: &[u32], agree: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for together in overlapping(tree, [sdk, gateway].concat()) {
        let is_sdk = |at: &u32| tree.heads[*at as usize].source == Source::Sdk;
        let (sdk, mut gateway): (Vec<u32>, Vec<u32>) = together.into_iter().partition(is_sdk);
        let are_many = sdk.len() > CANDIDATES_MAX;
        gateway.retain(|&call| are_many || sdk.iter().any(|&at| agree(at, call)));
        let found = sweep(tree, &sdk, &gateway, &agree);
        if found.len() == sdk.len() && found.len() == gateway.len() {
            pairs.extend(found);
        }
    }
    pairs
}

/// `calls` in groups of those that overlap, each in order of time.
fn overlapping(tree: &Tree<'_>, mut calls: Vec<u32>) -> Vec<Vec<u32>> {
    calls.sort_unstable();
    let (mut groups, mut end): (Vec<Vec<u32>>, _) = (Vec::new(), i64::MIN);
    for at in calls {
        match groups.last_mut() {
            Some(group) if started(tree, at) < end => group.push(at),
            _ => groups.push(vec![at]),
        }
        end = end.max(tree.ended(at as usize));
    }
    groups
}

fn started(tree: &Tree<'_>, at: u32) -> i64 {
    tree.heads[at as usize].started_at.unix_nanos()
}

/// What a client library reported around a gateway's call, in the trace that it told the gateway.
struct Layers {
    /// Those of the calls that the gateway's stands for.
    calls: Vec<u32>,
    /// The step around them, `NONE` when nothing is.
    holder: u32,
}

/// The layers of each of `gateway` that stands for nothing else.
fn layers_of(tree: &Tree<'_>, twins: &mut Twins, groups: &Groups, gateway: &[u32]) -> HashMap<u32, Layers> {
    let of = |&call: &u32| {
        let mut calls = Vec::new();
        let holder = twins::holder(tree, call, |above| {
            let is_own = twins.winner(above) == call;
            calls.extend(is_own.then_some(above));
            is_own
        });
        (calls.len() == groups.others[call as usize] as usize).then_some((call, Layers { calls, holder }))
    };
    gateway.iter().filter_map(of).collect()
}

impl Layers {
    /// Whether the observer of `sdk` told nothing of the call yet, so that what it tells is not another one, nor that it failed
    /// otherwise. The gateway has other words for errors than libraries have.
    fn leave_room_for(&self, tree: &Tree<'_>, sdk: u32) -> bool {
        let told = tree.heads[sdk as usize];
        self.calls.iter().map(|&at| tree.heads[at as usize]).all(|layer| {
            let errors = (told.error_type.as_deref().map(class), layer.error_type.as_deref().map(class));
            layer.name != told.name && (errors.0.is_none() || errors.1.is_none() || errors.0 == errors.1)
        })
    }

    /// Whether `sdk` lies where the client of `call` was called: below what holds it, or anywhere when that is nothing
    /// but the client's own trace. A trace that somebody else began says where the call belongs.
    fn are_beside(&self, tree: &Tree<'_>, outermost: &[u32], call: u32, sdk: u32) -> bool {
        if tree.is_above_all(self.holder) {
            let top = outermost[call as usize] as usize;
            return tree.parent[top] != NONE || tree.heads[top].parent_span_id.is_none();
        }
        let mut above = sdk;
        for _ in 0..LAYERS_MAX {
            above = tree.parent_step[above as usize];
            if above == self.holder || above == NONE {
                break;
            }
        }
        above == self.holder
    }
}

/// What both observers of a call must tell alike: input and output tokens, and the model.
type Key<'a> = (Option<(u64, u64)>, &'a str);

fn same_tokens_and_name(head: &SpanHead) -> Option<Key<'_>> {
    Some((Some(tokens(head)?), name(head)?))
}

fn same_tokens_and_family(head: &SpanHead) -> Option<Key<'_>> {
    Some((Some(tokens(head)?), family(name(head)?)))
}

fn same_family(head: &SpanHead) -> Option<Key<'_>> {
    Some((None, family(name(head)?)))
}

fn sure_tokens_and_name(head: &SpanHead) -> Option<Key<'_>> {
    same_tokens_and_name(head).filter(|_| is_telling(head))
}

fn sure_tokens_and_family(head: &SpanHead) -> Option<Key<'_>> {
    same_tokens_and_family(head).filter(|_| is_telling(head))
}

fn same_failure(head: &SpanHead) -> Option<Key<'_>> {
    (head.outcome == Outcome::Error).then_some((None, name(head)?))
}

/// Whether equal tokens are unlikely in two calls. Texts are embedded in pieces of one size.
fn is_telling(head: &SpanHead) -> bool {
    !is_embedding(head) && tokens(head).is_some_and(|(_, output)| output > 0)
}

fn tokens(head: &SpanHead) -> Option<(u64, u64)> {
    head.usage.map(|usage| (usage.input_tokens, usage.output_tokens))
}

fn may_be_one(sdk: &SpanHead, gateway: &SpanHead) -> bool {
    let (Some(asked), Some(answered)) = (name(sdk), name(gateway)) else { return false };
    let is_one_model = asked == answered || asked == family(answered) || family(asked) == answered;
    is_one_model && tokens(sdk).zip(tokens(gateway)).is_none_or(|(told, seen)| told == seen)
}

/// `gpt-4o` of `openai/gpt-4o`.
fn name(head: &SpanHead) -> Option<&str> {
    head.model.as_deref().and_then(|model| model.rsplit('/').next())
}

/// `gpt-4o` of `gpt-4o-2024-08-06`.
fn family(model: &str) -> &str {
    let ends = model.match_indices(['-', '@', ':']).map(|(end, _)| model.split_at(end));
    let mut versions = ends.filter(|(family, version)| !family.is_empty() && is_version(version));
    versions.next().map_or(model, |(family, _)| family)
}

/// `-2024-08-06`, `-0613`, `-20241022-v2:0`, `-v2`, `-latest`, `@2024`, `:0`; not `-mini`, `-32k`, `-4-5`.
fn is_version(suffix: &str) -> bool {
    let is_numbered =
        |text: &str| text.strip_prefix('v').is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    let Some(text) = suffix.strip_prefix('-') else { return true };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    let is_dated = digits >= 3 && (rest.is_empty() || rest.starts_with(['@', ':']) || is_numbered(rest));
    is_dated || text == "latest" || is_numbered(text)
}

/// `RateLimitError` of `openai.RateLimitError`.
fn class(error: &str) -> &str {
    error.rsplit('.').next().unwrap_or(error)
}
