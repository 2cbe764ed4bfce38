//! `mizzen:*`: what an agent gets beside its files, and the proof that it works.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Context, Input, Output, StepFault};
use crate::entity::Entity;
use crate::observed::{Subject, SubjectKind};
use crate::reference::{DEFAULT_NAMESPACE, EntityRef};
use crate::storage::subjects::{NAMES_LOOKED_AT, discovered_names};
use crate::template::effects::{Period, Wanted};
use crate::template::files::File;
use crate::template::record::Level;

/// How long a step waits for an agent's first run.
const VERIFY_SECONDS: f64 = 60.0;
const VERIFY_SECONDS_MAX: f64 = 300.0;
const VERIFY_EVERY: Duration = Duration::from_millis(500);

/// What the levels of a scorecard are called.
const LEVELS: [&str; 5] = ["none", "known", "controlled", "proven", "trusted"];

pub(super) async fn boundary(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let path = input.path("path")?;
    let text = context.workspace.get(&path).and_then(File::text).map(str::to_owned);
    let text = text.ok_or_else(|| StepFault::of("path", format!("no text file `{path}` was written")))?;
    let boundary = mizzen_governance::boundary::parse(path.as_str(), &text).map_err(|problems| {
        let first = problems.into_iter().next();
        let place = first
            .as_ref()
            .map(|problem| (path.to_string(), mizzen_model::yaml::At { line: problem.line, column: problem.column }));
        StepFault { place, ..StepFault::of("path", first.map_or_else(String::new, |problem| problem.message)) }
    })?;
    let wanted = Wanted::Boundary { name: boundary.name.clone(), text };
    context.effect(&wanted, "path", Some(&path)).await?;
    Ok([("name".to_owned(), boundary.name.into())].into_iter().collect())
}

pub(super) async fn eval_set(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let path = input.path("path")?;
    let content = context.workspace.get(&path).map(|file| file.content.to_vec());
    let content = content.ok_or_else(|| StepFault::of("path", format!("no file `{path}` was written")))?;
    let name = input.needed("name")?.to_owned();
    context.effect(&Wanted::EvalSet { name: name.clone(), content }, "path", Some(&path)).await?;
    Ok([("name".to_owned(), name.into())].into_iter().collect())
}

pub(super) async fn budget(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let agent = input.needed("agent")?.to_owned();
    let (period, usd, named) = match (input.number("dailyUsd")?, input.number("monthlyUsd")?) {
        (Some(usd), None) => (Period::Day, usd, "dailyUsd"),
        (None, Some(usd)) => (Period::Month, usd, "monthlyUsd"),
        _ => return Err(StepFault::of("monthlyUsd", "give either `dailyUsd` or `monthlyUsd`")),
    };
    let name = input.text("name")?.unwrap_or(&agent).to_owned();
    context.effect(&Wanted::Budget { name: name.clone(), agent, period, usd }, named, None).await?;
    Ok([("name".to_owned(), name.into())].into_iter().collect())
}

pub(super) async fn key(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let agent = input.needed("agent")?.to_owned();
    let ttl = input.number("ttlSeconds")?;
    let ttl = ttl.map(Duration::try_from_secs_f64).transpose().map_err(|error| StepFault::of("ttlSeconds", error))?;
    let wanted = Wanted::Key {
        name: input.text("name")?.unwrap_or(&agent).to_owned(),
        team: input.text("team")?.map(str::to_owned),
        agent,
        ttl,
    };
    let output = context.effect(&wanted, "agent", None).await?;
    // The key itself is for whoever started the template: no later step can write it into a file.
    Ok([("id".to_owned(), output.get("id").cloned().unwrap_or(Value::Null))].into_iter().collect())
}

/// Waits until a run of the agent is there.
pub(super) async fn verify_telemetry(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let agent = input.needed("agent")?;
    let seconds = input.number("seconds")?.unwrap_or(VERIFY_SECONDS);
    if seconds > VERIFY_SECONDS_MAX {
        return Err(StepFault::of("seconds", format!("a step waits at most {VERIFY_SECONDS_MAX} seconds")));
    }
    let name = entity_name(agent, context).await?;
    let known = context.effects.agent(agent).await.map_err(|error| StepFault::of("agent", error))?;
    let reference = known.unwrap_or_else(|| EntityRef::new("component", DEFAULT_NAMESPACE, &name)).to_string();
    let told = [("entityName".to_owned(), name.into()), ("entityRef".to_owned(), reference.into())];
    let mut output: Output = told.into_iter().collect();
    if context.is_dry_run {
        context.log.info(format!("would wait up to {seconds} seconds for a run of `{agent}`"));
        return Ok(output);
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    loop {
        let newest = timeout_at(end + VERIFY_EVERY, context.effects.newest_run(agent)).await;
        let newest = newest.map_err(|_| StepFault::new("the runs could not be read in time"))?;
        if let Some(at) = newest.map_err(|error| StepFault::of("agent", error))? {
            context.log.info(format!("`{agent}` has run, last at {at}"));
            output.extend([("seen".to_owned(), json!(true)), ("at".to_owned(), json!(at))]);
            return Ok(output);
        }
        if Instant::now() >= end {
            break;
        }
        sleep(VERIFY_EVERY).await;
    }
    let why =
        format!("no run of `{agent}` was seen in {seconds} seconds; start it with `mizzen run --agent {agent} -- …`");
    if input.flag("optional")? {
        context.log.say(Level::Warn, why);
        output.insert("seen".to_owned(), json!(false));
        return Ok(output);
    }
    Err(StepFault::of("agent", why))
}

/// What the entity of an agent is called that traffic calls `agent`, or may be called while it has none: the first of the names
/// that discovery gives which is the agent's own or free. Nothing else that has such a name is written over.
async fn entity_name(agent: &str, context: &Context<'_>) -> Result<String, StepFault> {
    let subject = Subject { kind: SubjectKind::Agent, name: agent.to_owned() };
    for name in discovered_names(&subject).take(NAMES_LOOKED_AT) {
        let reference = EntityRef::new("component", DEFAULT_NAMESPACE, &name);
        let found = context.effects.entity(&reference).await.map_err(|error| StepFault::of("agent", error))?;
        let Some(Value::Object(document)) = found else { return Ok(name) };
        let held = Subject::of(&Entity::new(document));
        if held.is_some_and(|held| held.kind == subject.kind && held.name.to_lowercase() == agent.to_lowercase()) {
            return Ok(name);
        }
    }
    Err(StepFault::of("agent", format!("other entities have every name that `{agent}` could have; rename one of them")))
}

pub(super) async fn assert_level(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let reference: EntityRef = input.needed("entityRef")?.parse().map_err(|error| StepFault::of("entityRef", error))?;
    let asked = match input.get("level") {
        Some(Value::Number(number)) => number.as_u64().filter(|level| (1..=4).contains(level)),
        Some(Value::String(text)) => LEVELS.iter().position(|name| name.eq_ignore_ascii_case(text)).map(|at| at as u64),
        _ => None,
    };
    let asked = asked.filter(|level| *level > 0);
    let asked =
        asked.ok_or_else(|| StepFault::of("level", "`level` must be 1 to 4, or known, controlled, proven, trusted"))?;
    if context.is_dry_run {
        context.log.info(format!("would ask that `{reference}` is at level {asked}"));
        return Ok(Output::new());
    }
    let (level, failing) =
        context.effects.level(&reference).await.map_err(|error| StepFault::of("entityRef", error))?;
    if u64::from(level) >= asked {
        context.log.info(format!("`{reference}` is at level {level}"));
        return Ok([("level".to_owned(), json!(level))].into_iter().collect());
    }
    let next = failing.map(|check| format!("; next: {check}")).unwrap_or_default();
    Err(StepFault::of("level", format!("`{reference}` is at level {level}, asked is {asked}{next}")))
}
