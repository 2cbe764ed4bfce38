//! The Cedar policies of one boundary.

use std::collections::{HashMap, HashSet};

use mizzen_model::asked::{Action, ResourceKind};
use mizzen_model::permission::{Boundary, Denial, Effect, Grant, Mode, Pattern, VersionRule};

use super::conditions::{self, Reading, THREE_TOGETHER};
use super::words::{access, action, actions, entity_type, pattern, quoted, served_id};

/// One policy made from a boundary, and what it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Emitted {
    pub(crate) id: String,
    pub(crate) line: u32,
    pub(crate) text: String,
    pub(crate) part: Part,
}

/// What a policy stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The grant with this index among [`grants`], at the time of the call.
    Call(usize),
    /// The same grant, in lists.
    List(usize),
    /// The same grant, for arguments that are not within its limits.
    Beyond(usize),
    /// The same grant, where the three come together.
    Three(usize),
    /// The denial with this index.
    Denial(usize),
    /// All tools of a server at once, where a line has more to say of some.
    Whole,
    /// Only approved versions act.
    Versions,
}

/// What a refusal of [`Part::Versions`] says.
const NOT_APPROVED: &str =
    "its digest belongs to no approved version in the catalog; have the version approved, or start one that is";

/// All grants of a boundary, with their kinds, in a fixed order.
pub(crate) fn grants(boundary: &Boundary) -> impl Iterator<Item = (ResourceKind, &Grant)> {
    by_kind(boundary).into_iter().flat_map(|(kind, grants)| grants.iter().map(move |grant| (kind, grant)))
}

/// The one with this index among [`grants`], without a walk over those before it.
pub(crate) fn grant(boundary: &Boundary, index: usize) -> Option<&Grant> {
    let mut left = index;
    for (_, grants) in by_kind(boundary) {
        match left.checked_sub(grants.len()) {
            Some(rest) => left = rest,
            None => return grants.get(left),
        }
    }
    None
}

fn by_kind(boundary: &Boundary) -> [(ResourceKind, &[Grant]); 6] {
    [
        (ResourceKind::Model, &boundary.models),
        (ResourceKind::Tool, &boundary.tools),
        (ResourceKind::Resource, &boundary.resources),
        (ResourceKind::Prompt, &boundary.prompts),
        (ResourceKind::Route, &boundary.routes),
        (ResourceKind::Host, &boundary.hosts),
    ]
}

/// What the JSON Schema of the grant with this index among [`grants`] is known by in `context.schemas`. One line may hold several
/// grants of one thing.
pub(crate) fn schema_id(boundary: &str, index: usize, grant: &Grant) -> String {
    format!("{boundary}:{}/{index}:{}", grant.line, grant.what)
}

/// A comment that says whom the boundary is about; who is in it is worked out when a request comes.
pub(crate) fn heading(boundary: &Boundary) -> String {
    let mut who = Vec::new();
    if !boundary.agents.is_empty() {
        who.push(format!("agents {}", boundary.agents.join(", ")));
    }
    if !boundary.teams.is_empty() {
        who.push(format!("teams {}", boundary.teams.join(", ")));
    }
    let name = quoted(&boundary.name);
    format!("// Boundary {name} ({}): {}\n", boundary.mode, who.join("; ").replace(['\n', '\r'], " "))
}

pub(crate) fn boundary(boundary: &Boundary) -> Vec<Emitted> {
    let mut out = Out { boundary, emitted: Vec::new(), seen: HashMap::new(), whole: HashSet::new() };
    for (index, (kind, grant)) in grants(boundary).enumerate() {
        out.grant(index, kind, grant);
    }
    for (index, denial) in boundary.deny.iter().enumerate() {
        out.denial(index, denial);
    }
    if boundary.versions == VersionRule::Approved {
        out.versions();
    }
    out.emitted
}

struct Out<'a> {
    boundary: &'a Boundary,
    emitted: Vec<Emitted>,
    /// How many policies a line has already given, so that ids stay unique.
    seen: HashMap<String, usize>,
    /// Servers whose tools may not all be run at once.
    whole: HashSet<Option<String>>,
}

impl Out<'_> {
    fn grant(&mut self, index: usize, kind: ResourceKind, grant: &Grant) {
        let (list, call) = actions(kind);
        let (scope, mut common) = resource_scope(kind, &grant.what);
        common.extend(grant.needs_evidence.iter().map(conditions::evidence));
        if let Some(list) = list.filter(|_| grant.list) {
            let policy =
                Policy { suffix: "/list", effect: "permit", asks: false, actions: &[list], when: &common, unless: &[] };
            self.push(grant.line, Part::List(index), &scope, &policy, None);
        }
        let limits = conditions::of_grant(grant, &schema_id(&self.boundary.name, index, grant));
        let within: Vec<String> = common.iter().chain(&limits).cloned().collect();
        let policy = Policy {
            suffix: "",
            effect: "permit",
            asks: grant.needs_approval,
            actions: &[call],
            when: &within,
            unless: &[],
        };
        self.push(grant.line, Part::Call(index), &scope, &policy, None);
        if grant.beyond_limits == Effect::NeedsApproval {
            let all: Vec<String> = limits.iter().map(|limit| format!("({limit})")).collect();
            let unless = [all.join("\n    && ")];
            let policy = Policy {
                suffix: "/beyond-limits",
                effect: "permit",
                asks: true,
                actions: &[call],
                when: &common,
                unless: &unless,
            };
            self.push(grant.line, Part::Beyond(index), &scope, &policy, None);
        }
        if grant.three_together == Effect::NeedsApproval {
            let mut when = vec![THREE_TOGETHER.to_owned()];
            when.extend(within);
            let policy = Policy {
                suffix: "/three-together",
                effect: "permit",
                asks: true,
                actions: &[call],
                when: &when,
                unless: &[],
            };
            self.push(grant.line, Part::Three(index), &scope, &policy, None);
        }
        let name_alone = Grant { list: grant.list, ..Grant::plain(grant.what.clone(), grant.line) };
        if kind == ResourceKind::Tool && *grant != name_alone {
            self.whole(grant.line, &grant.what);
        }
    }

    fn denial(&mut self, index: usize, denial: &Denial) {
        let (list, call) = actions(denial.kind);
        let (scope, mut when) = resource_scope(denial.kind, &denial.what);
        when.extend(conditions::within(&denial.arguments, Reading::Presumed));
        // What may never be called is not listed.
        let both: Vec<Action> = list.filter(|_| denial.arguments.is_empty()).into_iter().chain([call]).collect();
        let policy =
            Policy { suffix: "/deny", effect: "forbid", asks: false, actions: &both, when: &when, unless: &[] };
        self.push(denial.line, Part::Denial(index), &scope, &policy, denial.because.as_deref());
        if denial.kind == ResourceKind::Tool {
            self.whole(denial.line, &denial.what);
        }
    }

    /// A server that a model's provider runs, and of which no tools are named, is asked about as `server/*`. What is said of some
    /// of its tools would not be held to then, so they must be named; of each server the first line that says something counts.
    fn whole(&mut self, line: u32, what: &Pattern) {
        if what.name == "*" || !self.whole.insert(what.server.clone()) {
            return;
        }
        let server = what.server.as_deref().unwrap_or_default();
        let is_exact = !server.contains('*');
        let scope = if is_exact {
            format!("resource == Tool::{}", quoted(&served_id(server, "*")))
        } else {
            "resource is Tool".to_owned()
        };
        let mut when = vec![conditions::provider_runs()];
        when.extend((!is_exact).then(|| "resource.name == \"*\"".to_owned()));
        when.extend((!is_exact && server != "*").then(|| format!("resource.server like {}", pattern(server))));
        let because = format!(
            "the model's provider could run any tool of the server, and line {line} has more to say of `{what}`; \
             name the tools that it may run (`allowed_tools`)"
        );
        let actions = [Action::ToolsCall];
        let policy =
            Policy { suffix: "/whole", effect: "forbid", asks: false, actions: &actions, when: &when, unless: &[] };
        self.push(line, Part::Whole, &scope, &policy, Some(&because));
    }

    fn versions(&mut self) {
        let unless = [conditions::APPROVED_VERSION.to_owned()];
        let policy = Policy { suffix: "", effect: "forbid", asks: false, actions: &[], when: &[], unless: &unless };
        // No grant's line is called `versions`, so that the id is its own.
        let id = format!("{}:versions", self.boundary.name);
        self.write(id, 0, Part::Versions, "resource", &policy, Some(NOT_APPROVED));
    }

    fn push(&mut self, line: u32, part: Part, scope: &str, policy: &Policy<'_>, because: Option<&str>) {
        let plain = format!("{}:{line}{}", self.boundary.name, policy.suffix);
        let count = self.seen.entry(plain.clone()).or_default();
        *count += 1;
        let id = if *count == 1 { plain } else { format!("{plain}#{count}") };
        self.write(id, line, part, scope, policy, because);
    }

    fn write(&mut self, id: String, line: u32, part: Part, scope: &str, policy: &Policy<'_>, because: Option<&str>) {
        let mut text = format!("@id({})\n", quoted(&id));
        if policy.asks {
            text.push_str("@effect(\"needs_approval\")\n");
        }
        if self.boundary.mode == Mode::Observe {
            text.push_str("@mode(\"observe\")\n");
        }
        if let Some(because) = because {
            text.push_str(&format!("@because({})\n", quoted(because)));
        }
        let name = quoted(&self.boundary.name);
        text.push_str(&format!(
            "{} (\n  principal in Boundary::{name},\n  {},\n  {scope}\n)",
            policy.effect,
            action_scope(policy.actions)
        ));
        for condition in policy.when {
            text.push_str(&format!("\nwhen {{ {condition} }}"));
        }
        for condition in policy.unless {
            text.push_str(&format!("\nunless {{\n  {condition}\n}}"));
        }
        text.push_str(";\n");
        self.emitted.push(Emitted { id, line, text, part });
    }
}

struct Policy<'a> {
    suffix: &'a str,
    effect: &'a str,
    asks: bool,
    actions: &'a [Action],
    when: &'a [String],
    unless: &'a [String],
}

fn action_scope(actions: &[Action]) -> String {
    match actions {
        [] => "action".to_owned(),
        [only] => format!("action == {}", action(*only)),
        many => {
            let names: Vec<String> = many.iter().map(|one| action(*one)).collect();
            format!("action in [{}]", names.join(", "))
        }
    }
}

/// The scope, and what it cannot say.
fn resource_scope(kind: ResourceKind, what: &Pattern) -> (String, Vec<String>) {
    let entity = entity_type(kind);
    let like = |attribute: &str, text: &str| format!("{} like {}", access("resource", attribute), pattern(text));
    if kind == ResourceKind::Host {
        let host = &what.name;
        return match host.strip_prefix("*.").unwrap_or(host).contains('*') {
            false => (format!("resource in Host::{}", quoted(host)), vec![]),
            true if host == "*" => ("resource is Host".to_owned(), vec![]),
            // With the port or without.
            true => ("resource is Host".to_owned(), vec![["host", "address"].map(|of| like(of, host)).join(" || ")]),
        };
    }
    let mut conditions = Vec::new();
    let scope = match &what.server {
        _ if what.is_exact() => {
            let id = what.server.as_deref().map_or_else(|| what.name.clone(), |server| served_id(server, &what.name));
            return (format!("resource == {entity}::{}", quoted(&id)), conditions);
        }
        Some(server) if !server.contains('*') => format!("resource is {entity} in ToolServer::{}", quoted(server)),
        Some(server) => {
            if server != "*" {
                conditions.push(like("server", server));
            }
            format!("resource is {entity}")
        }
        None => format!("resource is {entity}"),
    };
    if what.name != "*" {
        conditions.push(like("name", &what.name));
    }
    (scope, conditions)
}
