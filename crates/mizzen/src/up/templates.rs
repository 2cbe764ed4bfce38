//! What templates want of the planes: checked when it is planned, done when it is not a dry run. What a person may not do
//! himself is left to do, and who may is said.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mizzen_catalog::apply::{ApplyOptions, Outcome};
use mizzen_catalog::document::{self, Document, Read};
use mizzen_catalog::locations::LocationKind;
use mizzen_catalog::observed::{Subject, SubjectKind};
use mizzen_catalog::plane::Actor;
use mizzen_catalog::template::effects::{Done, EffectError, Effects, Period, Plan, Wanted};
use mizzen_catalog::{Catalog, EntityRef};
use mizzen_control::Control;
use mizzen_control::audit::{AuditEntry, Durability, Kind, Who};
use mizzen_control::budgets::{Added, Budget, Limits, Per, Window};
use mizzen_control::keys::NewKey;
use mizzen_control::policies::{By, Expected, PolicyError, PolicyKind};
use mizzen_eval::plane::Eval;
use mizzen_eval::set::EvalSet;
use mizzen_model::permission::{Mode, Role};
use mizzen_model::time::Timestamp;
use mizzen_telemetry::Telemetry;
use mizzen_telemetry::{Page, RunFilter};
use serde_json::{Value, json};

const MONTH_SECONDS: u64 = 30 * 24 * 3_600;

/// The planes that templates reach.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    pub(super) catalog: Catalog,
    pub(super) control: Control,
    pub(super) eval: Eval,
    pub(super) telemetry: Telemetry,
}

impl Effects for Planes {
    fn plan<'a>(&'a self, by: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>> {
        self.planned(by, wanted).boxed()
    }

    fn perform<'a>(&'a self, by: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>> {
        self.done(by, wanted).boxed()
    }

    fn newest_run<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>> {
        async move {
            let filter = RunFilter { agent: Some(agent.to_owned()), ..RunFilter::default() };
            let runs =
                self.telemetry.runs(&filter, &Page { cursor: None, limit: 1 }).await.map_err(EffectError::new)?;
            Ok(runs.items.first().map(|run| run.started_at))
        }
        .boxed()
    }

    fn level<'a>(&'a self, entity: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>> {
        async move {
            let stored = self.catalog.get(entity).await.map_err(EffectError::new)?;
            let stored = stored.ok_or_else(|| EffectError::new(format!("there is no `{entity}` in the catalog")))?;
            let level = stored.level;
            let level =
                level.ok_or_else(|| EffectError::new(format!("no scorecard of `{entity}` was computed yet")))?;
            Ok((level, None))
        }
        .boxed()
    }

    fn agent<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>> {
        async move {
            let subject = Subject { kind: SubjectKind::Agent, name: name.to_owned() };
            self.catalog.standing_for(&subject).await.map_err(EffectError::new)
        }
        .boxed()
    }

    fn entity<'a>(&'a self, entity: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>> {
        async move {
            let stored = self.catalog.get(entity).await.map_err(EffectError::new)?;
            Ok(stored.map(|stored| Value::Object(stored.document())))
        }
        .boxed()
    }
}

impl Planes {
    async fn planned(&self, by: &Actor, wanted: &Wanted) -> Result<Plan, EffectError> {
        Ok(match wanted {
            Wanted::Boundary { name, text } => boundary(&self.control, by, name, text)?.1,
            Wanted::EvalSet { name, content } => {
                let set = EvalSet::read(name, content).map_err(EffectError::new)?;
                plan(format!("eval set `{name}` of {} cases", set.cases.len()), None)
            }
            Wanted::Budget { name, agent, usd, period } => {
                let days = if *period == Period::Month { "30 days" } else { "a day" };
                let summary = format!("budget `{name}` of {usd} USD for {days} for agent `{agent}`");
                budget(&self.control, by, &budget_of(name, agent, *period, *usd)?, summary).1
            }
            Wanted::Key { agent, .. } => {
                let left = needs(by, Role::Developer, "make a key", "`mizzen keys create`");
                plan(format!("a key for agent `{agent}`"), left)
            }
            Wanted::Entities { source, text } => self.plan_entities(by, source, text).await?,
            Wanted::Location { url } => {
                let left = needs(by, Role::Administrator, "add a location", "the page of locations");
                plan(format!("`{url}` is read from now on"), left)
            }
        })
    }

    async fn plan_entities(&self, by: &Actor, source: &str, text: &str) -> Result<Plan, EffectError> {
        let documents = documents(source, text).await?;
        let entities: Vec<EntityRef> = documents.iter().map(|document| document.entity.reference()).collect();
        let options = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
        self.applied(documents, by, &options).await?;
        let names: Vec<String> = entities.iter().map(|reference| format!("`{reference}`")).collect();
        Ok(Plan { summary: format!("in the catalog: {}", names.join(", ")), entities, left: None })
    }

    async fn applied(&self, documents: Vec<Document>, by: &Actor, options: &ApplyOptions) -> Result<(), EffectError> {
        let applied = self.catalog.apply(documents, by, options).await.map_err(EffectError::new)?;
        match applied.into_iter().find(|applied| applied.outcome == Outcome::Rejected) {
            Some(applied) => Err(EffectError {
                place: Some((applied.line, applied.column)),
                message: applied.error.unwrap_or_else(|| "the catalog rejects it".to_owned()),
            }),
            None => Ok(()),
        }
    }

    async fn done(&self, by: &Actor, wanted: &Wanted) -> Result<Done, EffectError> {
        let name = by.reference.strip_prefix("user:default/").unwrap_or(&by.reference);
        match wanted {
            Wanted::Boundary { name: boundary, text } => make_boundary(&self.control, by, name, boundary, text).await,
            Wanted::EvalSet { name: set, content } => {
                let kept = self.eval.upload_set(Some(set), content, name).await.map_err(EffectError::new)?;
                Ok(Done { output: json!({ "name": set, "digest": kept.digest }), ..Done::default() })
            }
            Wanted::Budget { name: budget, agent, period, usd } => {
                make_budget(&self.control, by, name, budget_of(budget, agent, *period, *usd)?).await
            }
            Wanted::Key { .. } => self.key(by, name, wanted).await,
            Wanted::Entities { source, text } => {
                let documents = documents(source, text).await?;
                let entities = documents.iter().map(|document| document.entity.reference()).collect();
                self.applied(documents, by, &ApplyOptions::default()).await?;
                Ok(Done { entities, ..Done::default() })
            }
            Wanted::Location { url } => {
                let added = self.catalog.add_location(LocationKind::Url, url, by).await;
                added.map(|_| Done::default()).map_err(EffectError::new)
            }
        }
    }

    async fn key(&self, by: &Actor, name: &str, wanted: &Wanted) -> Result<Done, EffectError> {
        let Wanted::Key { name: key, agent, team, ttl } = wanted else { return Ok(Done::default()) };
        let new = NewKey {
            name: key.clone(),
            agent: Some(agent.clone()),
            team: team.clone(),
            ttl: *ttl,
            minted_by: Some(name.to_owned()),
            ..NewKey::default()
        };
        let (info, secret) = self.control.keys().mint(new).await.map_err(EffectError::new)?;
        let audit = self.control.audit();
        let who = Who { role: by.role, ..Who::named(by.reference.clone()) };
        let resource = Some(format!("key:{}", info.id));
        let entry = AuditEntry { resource, ..AuditEntry::new(audit.now(), Kind::KeyCreated, who) };
        // Nobody knows the key yet: what is not written down goes again.
        if let Err(error) = audit.append(entry, Durability::Durable).await {
            self.control.keys().revoke(&info.id).await.map_err(EffectError::new)?;
            return Err(EffectError::new(error));
        }
        let detail = Some("the key is shown once; keep it where the agent reads it".to_owned());
        Ok(Done { output: json!({ "id": info.id, "key": secret.expose() }), detail, ..Done::default() })
    }
}

/// What is to be made, and whether the very thing is in force already. What somebody else has in force is not replaced.
fn boundary(control: &Control, by: &Actor, name: &str, text: &str) -> Result<(bool, Plan), EffectError> {
    let summary = format!("boundary `{name}`");
    match control.policies().get(PolicyKind::Boundary, name) {
        Ok(policy) if *policy.text == *text => Ok((true, plan(format!("{summary}, as it is already"), None))),
        Ok(_) => {
            let left = format!(
                "a {summary} with other content is in force and stays; compare the two, then `mizzen policy apply -f boundary.yaml`"
            );
            Ok((false, plan(summary, Some(left))))
        }
        Err(PolicyError::NotFound { .. }) => {
            let left =
                needs(by, Role::Administrator, "put a boundary in force", "`mizzen policy apply -f boundary.yaml`");
            Ok((false, plan(summary, left)))
        }
        Err(error) => Err(EffectError::new(error)),
    }
}

/// As [`boundary`].
fn budget(control: &Control, by: &Actor, wanted: &Budget, summary: String) -> (bool, Plan) {
    let all = control.budgets().list();
    match all.into_iter().find(|set| set.budget.name == wanted.name) {
        Some(set) if set.budget == *wanted => (true, plan(format!("{summary}, as it is already"), None)),
        Some(_) => (false, plan(summary, Some(other_budget(&wanted.name)))),
        None => (false, plan(summary, needs(by, Role::Administrator, "set a budget", "`mizzen budgets set`"))),
    }
}

fn other_budget(name: &str) -> String {
    format!("a budget `{name}` with other content is in force and stays; compare the two, then `mizzen budgets set`")
}

/// What the plan said may not be so any more: it is looked at again, and what came in between stays.
async fn make_boundary(
    control: &Control,
    by: &Actor,
    person: &str,
    name: &str,
    text: &str,
) -> Result<Done, EffectError> {
    let (is_there, Plan { left, .. }) = boundary(control, by, name, text)?;
    if left.is_some() || is_there {
        return Ok(Done { left, ..Done::default() });
    }
    let reason = "made from a template".to_owned();
    let who = By { name: person.to_owned(), role: by.role, reason };
    match control.policies().put(PolicyKind::Boundary, name, text, &Expected::Nothing, &who).await {
        Ok(_) => Ok(Done::default()),
        Err(error @ PolicyError::Exists { .. }) => {
            let left = format!("{error}: compare the two, then `mizzen policy apply -f boundary.yaml`");
            Ok(Done { left: Some(left), ..Done::default() })
        }
        Err(error) => Err(policy_error(error)),
    }
}

/// As [`make_boundary`].
async fn make_budget(control: &Control, by: &Actor, person: &str, wanted: Budget) -> Result<Done, EffectError> {
    let (is_there, Plan { left, .. }) = budget(control, by, &wanted, String::new());
    if left.is_some() || is_there {
        return Ok(Done { left, ..Done::default() });
    }
    let left = other_budget(&wanted.name);
    let added = control.budgets().add(wanted, person).await.map_err(EffectError::new)?;
    Ok(Done { left: (added == Added::Taken).then_some(left), ..Done::default() })
}

fn plan(summary: String, left: Option<String>) -> Plan {
    Plan { summary, left, entities: Vec::new() }
}

fn needs(by: &Actor, role: Role, what: &str, how: &str) -> Option<String> {
    let may = by.role.is_some_and(|own| own >= role);
    (!may).then(|| format!("the role `{}` is needed to {what}; ask for it, or have it done with {how}", role.as_str()))
}

fn budget_of(name: &str, agent: &str, period: Period, usd: f64) -> Result<Budget, EffectError> {
    let nano = usd * 1e9;
    if !(1.0..9e18).contains(&nano) {
        return Err(EffectError::new(format!("{usd} USD is no budget")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    let cost_nano_usd = Some(nano as u64);
    Ok(Budget {
        name: name.to_owned(),
        agent: Some(agent.to_owned()),
        team: None,
        named: None,
        per: Per::Agent,
        window: if period == Period::Month { Window::Seconds(MONTH_SECONDS) } else { Window::Day },
        mode: Mode::Enforce,
        limits: Limits { cost_nano_usd, ..Limits::default() },
    })
}

/// A large file takes longer than an async thread should be held.
async fn documents(source: &str, text: &str) -> Result<Vec<Document>, EffectError> {
    let (source, text) = (source.to_owned(), text.to_owned());
    tokio::task::spawn_blocking(move || read(&source, &text)).await.map_err(EffectError::new)?
}

fn read(source: &str, text: &str) -> Result<Vec<Document>, EffectError> {
    let mut documents = Vec::new();
    for read in document::read(source, text) {
        match read {
            Read::Valid(document) => documents.push(*document),
            Read::Rejected(rejected) => {
                let first = rejected.problems.into_iter().next();
                let place = first.as_ref().map(|problem| (problem.line, problem.column));
                let message = first.map_or_else(|| "the document is not valid".to_owned(), |problem| problem.message);
                return Err(EffectError { place, message });
            }
        }
    }
    if documents.is_empty() {
        return Err(EffectError::new(format!("`{source}` has no document")));
    }
    Ok(documents)
}

fn policy_error(error: PolicyError) -> EffectError {
    match &error {
        PolicyError::Invalid(problems) => {
            let first = problems.0.iter().find(|problem| problem.is_error());
            EffectError { place: first.map(|problem| (problem.line, problem.column)), message: error.to_string() }
        }
        _ => EffectError::new(error),
    }
}

#[cfg(test)]
mod tests;
