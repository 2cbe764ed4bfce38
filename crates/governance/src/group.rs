//! What is the same for every request of one caller for one thing: worked out once, and kept.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid};
use jsonschema::Validator;
use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::permission::{Effect, Grant, Mode, matches_pattern};

use crate::cedar::emit;
use crate::cedar::paths::Needs;
use crate::cedar::schema::action_groups;
use crate::cedar::words::{actions, entity_type, served_id};
use crate::fact::{self, Fact, Record};
use crate::host::Host;
use crate::index::view::Seen;
use crate::index::{Answer, Candidates, Index};
use crate::policy_set::PolicySet;
use crate::request::Request;

/// Groups that are kept; reaching it begins anew.
const GROUPS_MAX: usize = 8192;

/// An entity with everything above it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) uid: EntityUid,
    pub(crate) above: Vec<EntityUid>,
    pub(crate) attributes: Option<Record>,
}

impl Place {
    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen { uid: &self.uid, above: &self.above, attributes: self.attributes.as_ref() }
    }

    fn entity(&self) -> Option<Entity> {
        let attributes: HashMap<_, _> = fact::expressions(self.attributes.as_ref()?).into_iter().collect();
        Entity::new(self.uid.clone(), attributes, self.above.iter().cloned().collect::<HashSet<_>>()).ok()
    }
}

/// One caller and one thing.
#[derive(Debug)]
pub(crate) struct Group {
    key: Key,
    pub(crate) principal: Place,
    pub(crate) action: Place,
    pub(crate) resource: Place,
    pub(crate) entities: Entities,
    pub(crate) candidates: Candidates,
    /// What the candidates look at.
    pub(crate) own_needs: Needs,
    /// What these, and policies that are found by their conditions, look at.
    pub(crate) needs: Needs,
    /// Boundaries that name the caller and count: the enforcing ones where there is one, else the observing ones.
    pub(crate) boundaries: Vec<usize>,
    /// Whether an enforcing boundary names the caller, or the unnamed are held to the policies.
    pub(crate) governed: bool,
    /// The grants of these boundaries that fit the thing, in their order.
    pub(crate) grants: Vec<Granted>,
    /// What the grants say that the thing touches; `None`: none says anything.
    pub(crate) touches: Option<Taint>,
    /// Whether one of the grants lets a person decide where the three come together.
    pub(crate) may_ask: bool,
    /// For lists: whether calling it is refused whatever the arguments, and whether that is enforced.
    pub(crate) never_callable: Option<Mode>,
    last: Mutex<Option<(Record, Answer)>>,
}

/// A grant for one thing.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The boundary, and the index among its grants.
    pub(crate) place: (usize, usize),
    pub(crate) schema: Option<GrantedSchema>,
}

#[derive(Debug)]
pub(crate) struct GrantedSchema {
    /// As in `context.schemas`.
    pub(crate) id: String,
    /// `None`: it is no schema, and nothing satisfies it.
    pub(crate) validator: Option<Arc<Validator>>,
}

impl Group {
    /// The answer to the same question, if it was the last one: what the policies look at is all that an answer rests on, and
    /// most calls of one caller for one thing look the same to them.
    pub(crate) fn answered(&self, context: &Record) -> Option<Answer> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(asked, _)| asked == context).map(|(_, answer)| answer.clone())
    }

    /// Arguments and the time hardly come twice, and arguments may be large.
    pub(crate) fn remember(&self, context: &Record, answer: &Answer) {
        if self.needs.time || self.needs.argument_names || !self.needs.arguments.is_empty() {
            return;
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((context.clone(), answer.clone()));
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    principal: String,
    is_agent: bool,
    team: Option<String>,
    action: Action,
    resource: Resource,
}

/// Groups by the hash of their keys.
#[derive(Debug)]
pub(crate) struct Groups {
    hasher: RandomState,
    kept: RwLock<HashMap<u64, Arc<Group>>>,
}

impl Default for Groups {
    fn default() -> Self {
        Self { hasher: RandomState::new(), kept: RwLock::new(HashMap::new()) }
    }
}

impl Groups {
    pub(crate) fn of(&self, set: &PolicySet, request: &Request<'_>) -> Arc<Group> {
        let hash = self.hash(request);
        if let Some(group) = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&hash)
            && group.key.is_of(request)
        {
            return Arc::clone(group);
        }
        let group = Arc::new(set.group(request));
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= GROUPS_MAX {
            kept.clear();
        }
        kept.insert(hash, Arc::clone(&group));
        group
    }

    fn hash(&self, request: &Request<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        request.agent.unwrap_or(&request.caller.reference).hash(&mut hasher);
        request.agent.is_some().hash(&mut hasher);
        request.team.hash(&mut hasher);
        request.action.hash(&mut hasher);
        request.resource.hash(&mut hasher);
        hasher.finish()
    }
}

impl Key {
    fn new(request: &Request<'_>) -> Self {
        Self {
            principal: request.agent.unwrap_or(&request.caller.reference).to_owned(),
            is_agent: request.agent.is_some(),
            team: request.team.map(str::to_owned),
            action: request.action,
            resource: request.resource.clone(),
        }
    }

    fn is_of(&self, request: &Request<'_>) -> bool {
        self.principal == request.agent.unwrap_or(&request.caller.reference)
            && self.is_agent == request.agent.is_some()
            && self.team.as_deref() == request.team
            && self.action == request.action
            && self.resource == *request.resource
    }
}

impl PolicySet {
    fn group(&self, request: &Request<'_>) -> Group {
        let named = |mode: Mode| -> Vec<usize> {
            let boundaries = self.boundaries.iter().enumerate();
            let naming = boundaries.filter(|(_, b)| b.mode == mode && b.names(request.agent, request.team));
            naming.map(|(index, _)| index).collect()
        };
        let enforcing = named(Mode::Enforce);
        let observing = if enforcing.is_empty() { named(Mode::Observe) } else { Vec::new() };
        let governed = !enforcing.is_empty() || (observing.is_empty() && self.unnamed == Mode::Enforce);
        let boundaries = if enforcing.is_empty() { observing } else { enforcing };
        let names: Vec<&str> = boundaries.iter().map(|index| self.boundaries[*index].name.as_str()).collect();
        let (principal, action, resource) =
            (principal(request, &names), action(request.action), resource(request.resource));
        let candidates = self.index.candidates(principal.seen(), action.seen(), resource.seen());
        let own_needs = self.needs_of(candidates.numbers());
        let mut needs = self.wide_needs.clone();
        needs.merge(&own_needs);
        let needs = needs.within(&self.vocabulary);
        let grants = self.grants(&boundaries, request.resource);
        let touches = grants.iter().filter_map(|(_, grant)| grant.touches).reduce(Taint::union);
        let may_ask = grants.iter().any(|(_, grant)| grant.three_together == Effect::NeedsApproval);
        let grants = grants.into_iter().map(|(place, grant)| Granted { place, schema: self.schema(place, grant) });
        let entities = [&principal, &resource].into_iter().filter_map(Place::entity).chain([with_parents(&action)]);
        Group {
            key: Key::new(request),
            entities: Entities::from_entities(entities, None).unwrap_or_else(|_| Entities::empty()),
            last: Mutex::default(),
            never_callable: is_list(request.action)
                .then(|| self.never_callable(request.resource.kind, &principal, &resource, governed))
                .flatten(),
            principal,
            action,
            resource,
            candidates,
            own_needs,
            needs,
            boundaries,
            governed,
            grants: grants.collect(),
            touches,
            may_ask,
        }
    }

    /// What policies, by number, look at.
    pub(crate) fn needs_of(&self, numbers: &[u32]) -> Needs {
        let mut needs = Needs::default();
        for number in numbers {
            needs.merge(&self.rules[*number as usize].needs);
        }
        needs
    }

    fn grants(&self, boundaries: &[usize], resource: &Resource) -> Vec<((usize, usize), &Grant)> {
        let mut found = Vec::new();
        for boundary in boundaries {
            for (index, (kind, grant)) in emit::grants(&self.boundaries[*boundary]).enumerate() {
                if kind == resource.kind && grant_fits(grant, kind, resource) {
                    found.push(((*boundary, index), grant));
                }
            }
        }
        found
    }

    fn schema(&self, (boundary, index): (usize, usize), grant: &Grant) -> Option<GrantedSchema> {
        grant.schema.as_ref()?;
        let id = emit::schema_id(&self.boundaries[boundary].name, index, grant);
        Some(GrantedSchema { validator: self.validators.get(&id).cloned(), id })
    }

    /// What nothing permits, or a forbid without conditions refuses, may never be called.
    fn never_callable(&self, kind: ResourceKind, principal: &Place, resource: &Place, governed: bool) -> Option<Mode> {
        let call = action(actions(kind).1);
        let candidates = self.index.candidates(principal.seen(), call.seen(), resource.seen());
        let is_plain = |number: u32| {
            let policy = self.index.policy(number);
            policy.is_some_and(|policy| self.index.is_forbid(number) && !policy.has_non_scope_constraint())
        };
        let forbids: Vec<u32> = candidates.numbers().iter().copied().filter(|number| is_plain(*number)).collect();
        let permits = |number: &u32| !self.index.is_forbid(*number);
        let is_permitted = self.has_wide_permits || candidates.numbers().iter().any(permits);
        let is_enforced = governed || forbids.iter().any(|number| self.rules[*number as usize].is_enforced_for_all());
        let mode = if is_enforced { Mode::Enforce } else { Mode::Observe };
        (!forbids.is_empty() || !is_permitted).then_some(mode)
    }
}

pub(crate) fn has_wide_permits(index: &Index) -> bool {
    (0_u32..).take(index.len()).any(|number| index.is_wide(number) && !index.is_forbid(number))
}

pub(crate) const fn is_list(action: Action) -> bool {
    matches!(action, Action::ModelsList | Action::ToolsList | Action::ResourcesList | Action::PromptsList)
}

fn grant_fits(grant: &Grant, kind: ResourceKind, resource: &Resource) -> bool {
    if kind != ResourceKind::Host {
        return grant.what.matches(resource);
    }
    let host = Host::of(&resource.name);
    [host.name.clone(), host.address()].iter().any(|host| matches_pattern(&grant.what.name, host))
}

pub(crate) fn uid(kind: &str, id: &str) -> EntityUid {
    // The types are all of this file and of the schema, and are identifiers.
    let name: EntityTypeName = kind.parse().unwrap_or_else(|_| unreachable_type());
    EntityUid::from_type_name_and_id(name, EntityId::new(id))
}

#[allow(clippy::expect_used, reason = "a constant")]
fn unreachable_type() -> EntityTypeName {
    "Unknown".parse().expect("an identifier is the name of a type")
}

fn principal(request: &Request<'_>, boundaries: &[&str]) -> Place {
    let mut above: Vec<EntityUid> = request.team.map(|team| uid("Team", team)).into_iter().collect();
    let (kind, name) = match request.agent {
        Some(agent) => ("Agent", agent),
        None => ("User", request.caller.reference.as_str()),
    };
    above.extend(boundaries.iter().map(|boundary| uid("Boundary", boundary)));
    let attributes = Record::from([("name".to_owned(), Fact::Text(name.to_owned()))]);
    Place { uid: uid(kind, name), above, attributes: Some(attributes) }
}

fn action(action: Action) -> Place {
    let above = action_groups(action.as_str()).map(|group| uid("Action", group)).into_iter().collect();
    Place { uid: uid("Action", action.as_str()), above, attributes: None }
}

fn with_parents(place: &Place) -> Entity {
    Entity::new_no_attrs(place.uid.clone(), place.above.iter().cloned().collect())
}

fn resource(resource: &Resource) -> Place {
    let kind = entity_type(resource.kind);
    let mut attributes = Record::new();
    let (id, above) = match (resource.kind, &resource.server) {
        (ResourceKind::Host, _) => {
            let host = Host::of(&resource.name);
            let above = host.above().map(|name| uid(kind, &name)).collect();
            let texts = [("name", host.called()), ("host", host.name.clone()), ("address", host.address())];
            attributes.extend(texts.map(|(name, text)| (name.to_owned(), Fact::Text(text))));
            return Place { uid: uid(kind, &host.called()), above, attributes: Some(attributes) };
        }
        (ResourceKind::Tool | ResourceKind::Resource | ResourceKind::Prompt, server) => {
            let server = server.as_deref().unwrap_or_default();
            attributes.insert("server".into(), Fact::Text(server.to_owned()));
            (served_id(server, &resource.name), vec![uid("ToolServer", server)])
        }
        (ResourceKind::Model | ResourceKind::Route, _) => (resource.name.clone(), Vec::new()),
    };
    attributes.insert("name".into(), Fact::Text(resource.name.clone()));
    Place { uid: uid(kind, &id), above, attributes: Some(attributes) }
}
