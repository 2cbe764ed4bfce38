//! What the catalog itself knows of an agent: what it declares, who owns it, what of it is approved.

use mizzen_model::permission::matches_pattern;
use mizzen_model::time::Timestamp;
use serde_json::Value;

use crate::compat::UNOWNED;
use crate::entity::Entity;
use crate::facts::{self, About, FactOrigin, Facts, Origin};
use crate::observed::{Subject, SubjectKind};
use crate::plane::{Catalog, CatalogError};
use crate::query::{Direction, Origin as Known, REFS_MAX, Stored, Walk};
use crate::reference::{DEFAULT_NAMESPACE, EntityRef};
use crate::relation::{self, Named, Provenance};

/// Annotations that say where somebody is to be called.
const CALLED_AT: &[&str] = &[
    "pagerduty.com/integration-id",
    "pagerduty.com/service-id",
    "opsgenie.com/component-selector",
    "mizzen.dev/on-call",
];
/// Types of links that do.
const CALL_LINKS: &[&str] = &["on-call", "oncall", "pager", "pagerduty", "opsgenie"];

/// What others are asked about an agent with.
///
/// # Errors
/// When the database fails.
pub async fn about(catalog: &Catalog, stored: &Stored) -> Result<About, CatalogError> {
    let is_declared = stored.origin == Known::Declared;
    let name = Subject::of(&stored.entity).map_or_else(|| stored.entity.name().to_owned(), |subject| subject.name);
    let mut approved = Vec::new();
    if is_declared {
        for version in catalog.versions(&stored.reference).await?.iter().filter(|version| version.state.is_usable()) {
            approved.push(version.digest.to_string());
            approved.extend(version.entity.text(&["spec", "agent", "digest"]).map(str::to_owned));
        }
    }
    let entity = is_declared.then(|| stored.entity.clone());
    Ok(About { reference: stored.reference.clone(), name, entity, approved })
}

/// # Errors
/// When the database fails.
pub async fn facts(catalog: &Catalog, stored: &Stored, now: Timestamp) -> Result<Facts, CatalogError> {
    let origin = Origin { from: FactOrigin::Catalog, as_of: now };
    let mut facts = Facts::default();
    let is_declared = stored.origin == Known::Declared;
    facts.put(&facts::ENTITY_DECLARED, is_declared, origin);
    if is_declared {
        declared(&stored.entity, &mut facts, origin);
    }
    let owner = owner(catalog, stored).await?;
    facts.put(&facts::OWNER_DECLARED, owner_ref(stored).is_some(), origin);
    facts.put(&facts::OWNER_EXISTS, owner.is_some(), origin);
    facts.put_some(&facts::OWNER_MEMBERS, owner.as_ref().map(members), origin);
    facts.put(&facts::CONTACT_DECLARED, contact(&stored.entity, owner.as_ref()).is_some(), origin);
    // An annotation says where documentation is to be, not that it is there.
    facts.put(&facts::DOCS_EXIST, !catalog.documents(&stored.reference).await?.is_empty(), origin);
    let is_usable = stored.version.as_ref().map(|version| version.state.is_usable());
    facts.put_some(&facts::VERSION_APPROVED, is_usable, origin);
    if is_declared && stored.last_seen.is_some() {
        facts.put_some(&facts::DEPENDENCIES_UNDECLARED, undeclared(catalog, stored).await?, origin);
    }
    Ok(facts)
}

/// How much traffic showed it using that it does not declare; `None` when that is too much to be looked through.
async fn undeclared(catalog: &Catalog, stored: &Stored) -> Result<Option<i64>, CatalogError> {
    let related = catalog.relations_of(&stored.reference, &Walk::new(1, Direction::Out)).await?;
    if related.is_cut {
        return Ok(None);
    }
    let observed = related.edges.into_iter().filter(|edge| edge.provenance == Provenance::Observed);
    let observed: Vec<EntityRef> = observed.map(|edge| edge.to).collect();
    let declared = declared_tools(catalog, &stored.entity).await?;
    let whole = |count: usize| Ok(Some(i64::try_from(count).unwrap_or(i64::MAX)));
    if declared.is_empty() {
        return whole(observed.len());
    }
    let mut count = 0;
    for some in observed.chunks(REFS_MAX) {
        let targets = catalog.by_refs(some).await?;
        let is_covered =
            |target: &&Option<Stored>| target.as_ref().is_some_and(|target| is_covered(&target.entity, &declared));
        count += some.len().saturating_sub(targets.iter().filter(is_covered).count());
    }
    whole(count)
}

/// `spec.agent.tools`: servers by their names in traffic, each with a tool, as a pattern like that of a boundary, or, without
/// one, with all. In lower case.
async fn declared_tools(catalog: &Catalog, agent: &Entity) -> Result<Vec<(String, Option<String>)>, CatalogError> {
    let tools = agent.value(&["spec", "agent", "tools"]).and_then(Value::as_array);
    let mut declared = Vec::new();
    for tool in tools.into_iter().flatten() {
        let Some(server) = tool.get("server").and_then(Value::as_str) else { continue };
        let server = match relation::named(agent, server, SubjectKind::ToolServer) {
            Named::Subject(subject) => Some(subject.name),
            Named::Entity(reference) => {
                catalog.get(&reference).await?.and_then(|server| Subject::of(&server.entity)).map(|server| server.name)
            }
        };
        let tool = tool.get("tool").and_then(Value::as_str).map(str::to_lowercase);
        declared.extend(server.map(|server| (server.to_lowercase(), tool)));
    }
    Ok(declared)
}

/// Whether a tool is one of those, or of a server of which all are.
fn is_covered(tool: &Entity, declared: &[(String, Option<String>)]) -> bool {
    let Some(subject) = Subject::of(tool).filter(|subject| subject.kind == SubjectKind::Tool) else { return false };
    let name = subject.key();
    let Some((of, own)) = name.split_once('/') else { return false };
    let is_own = |tool: &Option<String>| tool.as_deref().is_none_or(|tool| matches_pattern(tool, own));
    declared.iter().any(|(server, tool)| server == of && is_own(tool))
}

/// The owner, when there is one in the catalog.
///
/// # Errors
/// When the database fails.
pub async fn owner(catalog: &Catalog, stored: &Stored) -> Result<Option<Stored>, CatalogError> {
    match owner_ref(stored) {
        Some(reference) => {
            catalog.get(&reference).await.map(|owner| owner.filter(|owner| owner.origin == Known::Declared))
        }
        None => Ok(None),
    }
}

/// Whom a document names as its owner; a group unless it says otherwise.
#[must_use]
pub fn owner_ref(stored: &Stored) -> Option<EntityRef> {
    let is_told = |owner: &&str| stored.origin == Known::Declared && *owner != UNOWNED;
    let owner = stored.entity.text(&["spec", "owner"]).filter(is_told)?;
    let namespace = stored.entity.namespace();
    let namespace = if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace };
    EntityRef::parse(owner, Some("group"), namespace).ok()
}

/// People of a group; a person is one.
#[must_use]
pub fn members(owner: &Stored) -> i64 {
    if owner.reference.kind() == "user" {
        return 1;
    }
    let count = owner.relations.iter().filter(|relation| relation.kind == "hasMember").count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Where somebody is to be called about an entity.
#[must_use]
pub fn contact(entity: &Entity, owner: Option<&Stored>) -> Option<String> {
    let annotated = |entity: &Entity| {
        CALLED_AT.iter().find_map(|name| {
            Some(format!("{name}: {}", entity.annotation(name).filter(|value| !value.trim().is_empty())?))
        })
    };
    let linked = |entity: &Entity| {
        let links = entity.value(&["metadata", "links"])?.as_array()?;
        let calls = |link: &&Value| {
            link.get("type")
                .and_then(Value::as_str)
                .is_some_and(|kind| CALL_LINKS.contains(&kind.to_lowercase().as_str()))
        };
        links.iter().find(calls)?.get("url")?.as_str().map(str::to_owned)
    };
    let of_owner = || {
        let owner = &owner?.entity;
        let mail = owner.text(&["spec", "profile", "email"]).filter(|mail| mail.contains('@'));
        annotated(owner).or_else(|| linked(owner)).or_else(|| mail.map(|mail| format!("mailto:{mail}")))
    };
    annotated(entity).or_else(|| linked(entity)).or_else(of_owner)
}

/// What the document says of the agent.
fn declared(entity: &Entity, facts: &mut Facts, origin: Origin) {
    let text = |path: &[&str]| entity.text(path).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    facts.put_some(&facts::ENTITY_LIFECYCLE, text(&["spec", "lifecycle"]), origin);
    let tier = autonomy(entity);
    let risk = text(&["spec", "agent", "riskTier"]);
    let list = |name: &str| entity.value(&["spec", "agent", name]).and_then(Value::as_array).map(Vec::as_slice);
    let count = |items: Option<&[Value]>, counts: &dyn Fn(&Value) -> bool| {
        i64::try_from(items.unwrap_or_default().iter().filter(|item| counts(item)).count()).unwrap_or(i64::MAX)
    };
    facts.put(&facts::PURPOSE_DECLARED, text(&["spec", "agent", "purpose"]).is_some(), origin);
    let is_text = |item: &Value| item.as_str().is_some_and(|text| !text.trim().is_empty());
    facts.put(&facts::PURPOSE_PROHIBITED_USES, count(list("prohibitedUses"), &is_text), origin);
    facts.put(&facts::AUTONOMY_DECLARED, tier.is_some(), origin);
    facts.put_some(&facts::AUTONOMY_TIER, tier, origin);
    facts.put(&facts::RISK_DECLARED, risk.is_some(), origin);
    facts.put_some(&facts::RISK_TIER, risk, origin);
    facts.put(&facts::RUNBOOK_DECLARED, text(&["spec", "agent", "runbook"]).is_some(), origin);
    if !entity.value(&["spec", "agent"]).is_some_and(Value::is_object) {
        // It says nothing of itself, which is not the same as saying that there is nothing.
        return;
    }
    let thresholds = thresholds(entity);
    let adversarial = thresholds.iter().filter(|threshold| threshold.is_adversarial).count();
    facts.put(&facts::EVALS_DECLARED, i64::try_from(thresholds.len()).unwrap_or(i64::MAX), origin);
    facts.put(&facts::EVALS_ADVERSARIAL, i64::try_from(adversarial).unwrap_or(i64::MAX), origin);
    let is_irreversible = |tool: &Value| tool.get("effect").and_then(Value::as_str) == Some("irreversible");
    facts.put(&facts::TOOLS_IRREVERSIBLE, count(list("tools"), &is_irreversible), origin);
    let sandbox = entity.value(&["spec", "agent", "sandbox"]);
    let is_needed = sandbox
        .is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("none"));
    facts.put(&facts::SANDBOX_DECLARED, is_needed, origin);
    let slo = entity.value(&["spec", "agent", "slo"]).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    facts.put(&facts::SLO_DECLARED, i64::try_from(slo).unwrap_or(i64::MAX), origin);
}

/// `spec.agent.autonomy`, as a number or as its text.
#[must_use]
pub fn autonomy(entity: &Entity) -> Option<i64> {
    let value = entity.value(&["spec", "agent", "autonomy"])?;
    let tier = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (0..=4).contains(&tier).then_some(tier)
}

/// What an agent declares that evaluations must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The eval set that it is about, by name or digest; `None`: any.
    pub set: Option<String>,
    pub metric: String,
    /// The lower bound must reach it.
    pub at_least: f64,
    pub is_adversarial: bool,
}

/// `spec.agent.evals`: those with a metric and a number.
#[must_use]
pub fn thresholds(entity: &Entity) -> Vec<Threshold> {
    let evals = entity.value(&["spec", "agent", "evals"]).and_then(Value::as_array);
    let threshold = |item: &Value| {
        let set = item.get("set").and_then(Value::as_str).map(str::to_owned);
        let metric = item.get("metric")?.as_str()?.to_owned();
        let at_least = item.get("threshold")?.as_f64()?;
        let is_adversarial = item.get("adversarial").and_then(Value::as_bool).unwrap_or(false);
        Some(Threshold { set, metric, at_least, is_adversarial })
    };
    evals.into_iter().flatten().filter_map(threshold).collect()
}

#[cfg(test)]
pub(super) mod tests;
