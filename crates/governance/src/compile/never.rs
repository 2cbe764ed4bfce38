//! What is written, and can never be: the names of what there is not, or of what is called otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{EntityUid, Policy, ResourceConstraint};
use mizzen_model::asked::ResourceKind;
use mizzen_model::permission::{Boundary, Pattern};
use mizzen_model::suggest::nearest;

use super::{Origin, Rule};
use crate::boundary::of_kind;
use crate::cedar::emit;
use crate::cedar::words::entity_type;
use crate::host::{Host, canonical};
use crate::problem::Problem;

/// Upstreams of models as they are called when nobody calls them otherwise.
const UPSTREAMS: [&str; 2] = ["openai", "anthropic"];

pub(super) fn warnings(rules: &[Rule], policies: &[Policy], boundaries: &[Arc<Boundary>]) -> Vec<Problem> {
    let written = rules.iter().zip(policies).filter(|(rule, _)| rule.origin == Origin::Written);
    let mut found: Vec<Problem> = written.flat_map(|(rule, policy)| of_policy(rule, policy, boundaries)).collect();
    for (index, boundary) in boundaries.iter().enumerate() {
        let of = |rule: &&Rule| matches!(rule.origin, Origin::Boundary(of, _) if of == index);
        let source = rules.iter().find(of).map_or(boundary.name.as_str(), |rule| rule.source.as_str());
        found.extend(models(boundary).map(|(line, message)| Problem::warning(source, line, message)));
    }
    found
}

fn of_policy(rule: &Rule, policy: &Policy, boundaries: &[Arc<Boundary>]) -> Vec<Problem> {
    let named: BTreeSet<EntityUid> = policy.entity_literals().into_iter().collect();
    let messages = named.iter().filter_map(|uid| unknown(uid, boundaries)).chain(never_equal(policy));
    messages.map(|message| Problem::warning(&rule.source, rule.line, message)).collect()
}

/// No host has an id with a usual port.
fn never_equal(policy: &Policy) -> Option<String> {
    let ResourceConstraint::Eq(uid) = policy.resource_constraint() else { return None };
    let id = canonical(uid.id().as_ref());
    if uid.type_name().to_string() != entity_type(ResourceKind::Host) || Host::of(&id).called() == id {
        return None;
    }
    Some(format!("`resource == Host::\"{id}\"` never holds; say `resource in Host::\"{id}\"`"))
}

/// What is wrong with an entity that there cannot be. That its type is one, Cedar has seen to.
fn unknown(uid: &EntityUid, boundaries: &[Arc<Boundary>]) -> Option<String> {
    let (kind, id) = (uid.type_name().to_string(), AsRef::<str>::as_ref(uid.id()));
    if kind == "Boundary" {
        let mut names = boundaries.iter().map(|boundary| boundary.name.as_str());
        if names.clone().any(|name| name == id) {
            return None;
        }
        let way_out = nearest(id, &mut names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Some(format!("there is no boundary `{id}` here, so that nothing is in it{way_out}"));
    }
    let of = |of: &&ResourceKind| entity_type(**of) == kind;
    let resource = ResourceKind::ALL.iter().find(of)?;
    match resource {
        ResourceKind::Tool | ResourceKind::Resource | ResourceKind::Prompt => match of_kind(id) {
            Some(word) => Some(format!("nothing is `{kind}::\"{id}\"`; leave out `{word}:`")),
            None if id.contains('/') => None,
            None => Some(format!("nothing is `{kind}::\"{id}\"`; a {resource} is named `server/{resource}`")),
        },
        ResourceKind::Host if canonical(id) != id => {
            Some(format!("no host is `Host::\"{id}\"`; it is called `Host::\"{}\"`", canonical(id)))
        }
        _ => None,
    }
}

/// Models as decisions show them, `model:UPSTREAM/NAME`. There are models with such names, so that it is no error.
fn models(boundary: &Boundary) -> impl Iterator<Item = (u32, String)> + '_ {
    let granted = emit::grants(boundary).map(|(kind, grant)| (kind, &grant.what, &grant.arguments, grant.line));
    let denied = boundary.deny.iter().map(|denial| (denial.kind, &denial.what, &denial.arguments, denial.line));
    let models = granted.chain(denied).filter(|(kind, ..)| *kind == ResourceKind::Model);
    // Who says which upstream means its model.
    let unsaid = models.filter(|(_, _, arguments, _)| arguments.iter().all(|argument| argument.path != "upstream"));
    unsaid.filter_map(|(_, what, _, line)| Some((line, as_shown(what)?)))
}

fn as_shown(Pattern { name, .. }: &Pattern) -> Option<String> {
    let word = of_kind(name).map(|word| format!("{word}:"));
    let rest = &name[word.as_ref().map_or(0, String::len)..];
    let upstream = rest.split_once('/').filter(|(upstream, _)| UPSTREAMS.contains(upstream));
    if word.is_none() && upstream.is_none() {
        return None;
    }
    let (said, model) = upstream.map_or((String::new(), rest), |(upstream, model)| {
        (format!(", beside `arguments: {{upstream: {upstream}}}` where only that of `{upstream}` is meant"), model)
    });
    Some(format!(
        "a model is named as its upstream calls it, and `{name}` is only one that is called so; for `{model}` say `{model}`{said}"
    ))
}
