//! The policies in force, compiled, and the decision.

mod conclude;
mod reason;
mod unread;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Context, Request as CedarRequest};
use jsonschema::Validator;
use mizzen_model::asked::{Action, ResourceKind, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Boundary, Mode};
use serde_json::{Map, Value};

use crate::cedar::emit;
use crate::cedar::paths::Needs;
use crate::compile::{self, Compiled, Rule, Sources};
use crate::fact::Record;
use crate::facts::{self, Touching};
use crate::group::{self, GrantedSchema, Group, Groups};
use crate::index::view::View;
use crate::index::{Answer, Index};
use crate::problem::Problem;
use crate::request::{INPUT_RESPONSES, Outcome, PROVIDER_RUN, Request};

pub(crate) use self::unread::Unread;

/// What the digest is of: another number where the same sources would mean something else.
const FORM: &str = "mizzen policy set 5\n";

/// Compiled policies. Immutable; replaced as a whole.
#[derive(Debug)]
pub struct PolicySet {
    digest: Digest,
    pub(crate) unnamed: Mode,
    pub(crate) boundaries: Vec<Arc<Boundary>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: Index,
    pub(crate) vocabulary: Needs,
    /// Of the policies that may matter for any principal and resource.
    pub(crate) wide_needs: Needs,
    pub(crate) has_wide_permits: bool,
    pub(crate) validators: HashMap<String, Arc<Validator>>,
    groups: Groups,
    schema_text: String,
    cedar_text: String,
    warnings: Vec<Problem>,
}

/// What a request looked like to the policies, and what they said.
pub(crate) struct Evaluated {
    pub(crate) group: Arc<Group>,
    pub(crate) touching: Touching,
    /// Of each of the group's grants, whether the arguments satisfy its schema, if it has one.
    pub(crate) satisfied: Vec<bool>,
    pub(crate) seen: Result<(Record, Answer), Unread>,
}

impl PolicySet {
    /// The set without a boundary or policy of anybody's: only what is built in.
    #[must_use]
    pub fn empty() -> Self {
        Self::compile(&Sources::default())
            .unwrap_or_else(|_| Self::of(Digest::of(b""), Mode::Enforce, Compiled::nothing()))
    }

    /// # Errors
    /// With everything that is wrong with the sources; then none of them can be used.
    pub fn compile(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let compiled = compile::compile(sources)?;
        Ok(Self::of(digest(sources), sources.unnamed, compiled))
    }

    fn of(digest: Digest, unnamed: Mode, compiled: Compiled) -> Self {
        let index = Index::new(compiled.policies);
        let mut wide_needs = Needs::default();
        for (number, rule) in (0_u32..).zip(&compiled.rules) {
            if index.is_wide(number) {
                wide_needs.merge(&rule.needs);
            }
        }
        let mut validators = HashMap::new();
        for boundary in &compiled.boundaries {
            for (index, (_, grant)) in emit::grants(boundary).enumerate() {
                let validator = grant.schema.as_ref().and_then(|schema| jsonschema::validator_for(schema).ok());
                validators.extend(validator.map(|v| (emit::schema_id(&boundary.name, index, grant), Arc::new(v))));
            }
        }
        Self {
            digest,
            unnamed,
            boundaries: compiled.boundaries,
            rules: compiled.rules,
            has_wide_permits: group::has_wide_permits(&index),
            index,
            vocabulary: compiled.vocabulary,
            wide_needs,
            validators,
            groups: Groups::default(),
            schema_text: compiled.schema_text,
            cedar_text: compiled.cedar_text,
            warnings: compiled.warnings,
        }
    }

    /// Of all sources that it was compiled from.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    #[must_use]
    pub fn boundaries(&self) -> &[Arc<Boundary>] {
        &self.boundaries
    }

    /// All policies as Cedar text: those made from boundaries, then those written by hand.
    #[must_use]
    pub fn cedar_text(&self) -> &str {
        &self.cedar_text
    }

    /// The Cedar schema that they were checked against.
    #[must_use]
    pub fn schema_text(&self) -> &str {
        &self.schema_text
    }

    /// What is suspicious and does not keep the set from being used.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no policy but those built in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.iter().all(|rule| rule.origin == compile::Origin::BuiltIn)
    }

    /// The boundaries that count for a caller: those that enforce, or else those that observe.
    #[must_use]
    pub fn boundaries_of(&self, agent: Option<&str>, team: Option<&str>) -> Vec<&Arc<Boundary>> {
        let naming =
            |mode| -> Vec<_> { self.boundaries.iter().filter(|b| b.mode == mode && b.names(agent, team)).collect() };
        let enforcing = naming(Mode::Enforce);
        if enforcing.is_empty() { naming(Mode::Observe) } else { enforcing }
    }

    /// Decides. Never fails: what cannot be evaluated denies, and says so.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Outcome {
        let evaluated = self.evaluate(request);
        self.conclude(request, &evaluated)
    }

    pub(crate) fn evaluate(&self, request: &Request<'_>) -> Evaluated {
        let group = self.groups.of(self, request);
        let satisfied = satisfied(request, &group);
        let may_ask = group.may_ask && self.may_ask(request, &group, &satisfied);
        let touching = touching(request, &group, may_ask);
        let seen = self.see(request, &group, touching, &satisfied);
        Evaluated { group, touching, satisfied, seen }
    }

    fn see(
        &self,
        request: &Request<'_>,
        group: &Group,
        touching: Touching,
        satisfied: &[bool],
    ) -> Result<(Record, Answer), Unread> {
        if request.arguments.is_some_and(|arguments| !arguments.is_object() && !arguments.is_null()) {
            return Err("the arguments are no JSON object; send one".to_owned().into());
        }
        let schemas = group.grants.iter().zip(satisfied).filter(|(_, is_satisfied)| **is_satisfied);
        let schemas: Vec<&str> =
            schemas.filter_map(|(granted, _)| granted.schema.as_ref()).map(|schema| schema.id.as_str()).collect();
        let context = facts::context(request, &group.needs, touching, &schemas).map_err(|found| Unread {
            reason: format!(
                "the argument `{}` {}, so that the policies about it cannot be evaluated; send a value that they can compare",
                found.path, found.why
            ),
            enforced: self.enforced_alone(request, group, touching, &schemas),
        })?;
        if let Some(answer) = group.answered(&context) {
            return Ok((context, answer));
        }
        let (principal, action, resource) = (&group.principal, &group.action, &group.resource);
        let view =
            View { principal: principal.seen(), action: action.seen(), resource: resource.seen(), context: &context };
        let wide = self.index.wide(&view);
        // Making Cedar's values takes most of the time, and most of the policies that could look at them are out already.
        let mut needs = self.needs_of(&wide);
        needs.merge(&group.own_needs);
        let asked = cedar_request(group, &context, &needs)?;
        let answer = self.index.answer(&group.candidates, &wide, &asked, &group.entities);
        group.remember(&context, &answer);
        Ok((context, answer))
    }
}

/// With as much of the context as `needs` asks for.
fn cedar_request(group: &Group, context: &Record, needs: &Needs) -> Result<CedarRequest, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("the request cannot be put before the policies: {error}");
    let cedar = Context::from_pairs(facts::needed(context, needs)).map_err(|error| unreadable(&error))?;
    let [principal, action, resource] =
        [&group.principal, &group.action, &group.resource].map(|place| place.uid.clone());
    CedarRequest::new(principal, action, resource, cedar, None).map_err(|error| unreadable(&error))
}

impl Compiled {
    fn nothing() -> Self {
        Self {
            boundaries: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            vocabulary: Needs::default(),
            schema_text: String::new(),
            cedar_text: String::new(),
            warnings: Vec::new(),
        }
    }
}

/// Of each of the group's grants, whether the arguments satisfy its schema, if it has one.
fn satisfied(request: &Request<'_>, group: &Group) -> Vec<bool> {
    let none = Value::Object(Map::new());
    let mut arguments = Cow::Borrowed(request.arguments.filter(|arguments| !arguments.is_null()).unwrap_or(&none));
    // Nobody has seen what would have to satisfy them.
    let is_unseen = arguments.get(PROVIDER_RUN).is_some();
    if !is_unseen
        && group.grants.iter().any(|granted| granted.schema.is_some())
        && arguments.get(INPUT_RESPONSES).is_some()
        && let Some(members) = arguments.to_mut().as_object_mut()
    {
        members.shift_remove(INPUT_RESPONSES);
    }
    let is_valid = |schema: &GrantedSchema| {
        !is_unseen && schema.validator.as_ref().is_some_and(|validator| validator.is_valid(&arguments))
    };
    group.grants.iter().map(|granted| granted.schema.as_ref().is_none_or(is_valid)).collect()
}

/// What this call touches. A grant's word counts before the configuration of the tool server; where nobody said
/// anything, what comes back is untrusted, and what may change something or carries something out reaches outside. Only an
/// owner knows what is private.
fn touching(request: &Request<'_>, group: &Group, may_ask: bool) -> Touching {
    let configured = request.touches;
    let (taint, declared) = match group.touches {
        Some(touches) => (touches.union(configured), true),
        None if configured != Taint::default() => (configured, true),
        None => (unlabelled(request), false),
    };
    let lists = group::is_list(request.action);
    Touching { taint: if lists { Taint::default() } else { taint }, declared, may_ask }
}

fn unlabelled(request: &Request<'_>) -> Taint {
    let carries = request.arguments.and_then(Value::as_object).is_some_and(|arguments| !arguments.is_empty());
    let (untrusted_content, outside_reached) = match request.resource.kind {
        ResourceKind::Tool => (true, !(request.tool.pinned && request.tool.read_only)),
        ResourceKind::Prompt => (true, carries),
        // A URI that the server does not list may be made of anything.
        ResourceKind::Resource => (true, carries || !request.tool.read_only),
        _ => (false, request.action == Action::HostsConnect),
    };
    Taint { private_data: false, untrusted_content, outside_reached }
}

fn digest(sources: &Sources) -> Digest {
    let mut text = format!("{FORM}{}\n", sources.unnamed);
    for (kind, list) in [("boundary", &sources.boundaries), ("policy", &sources.policies)] {
        for source in list {
            // Lengths keep two sources from reading as one.
            text.push_str(&format!(
                "{kind} {} {} {}\n{}\n",
                source.name.len(),
                source.name,
                source.text.len(),
                source.text
            ));
        }
    }
    Digest::of(text.as_bytes())
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
