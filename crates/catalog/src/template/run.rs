//! Runs a template: answers in, a folder and a list of effects out.

mod render;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mizzen_governance::problem::Problem;
use mizzen_model::id::Digest;
use mizzen_model::yaml::At;
use serde_json::{Map, Value, json};

use self::render::Renderer;
use super::actions::{self, ACTIONS, Context, Input, StepFault};
use super::definition::{Step, Template};
use super::effects::Effects;
use super::files::{File, Files, FilesLimits};
use super::parameters::Answers;
use super::path::FilePath;
use super::problem::at;
use super::record::{EffectRecord, EffectState, Level, Log, LogLine};
use crate::plane::Actor;
use crate::reference::EntityRef;

/// What a folder remembers of the template that made it.
pub const RECORD_FILE: &str = ".mizzen/template.json";
/// Rounds of all `each` together.
const ROUNDS_MAX: usize = 1_000;
/// A template that runs longer is ended.
const TIME_MAX: Duration = Duration::from_secs(600);

/// Who wants what from which template.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub template: Arc<Template>,
    pub values: Map<String, Value>,
    pub by: &'a Actor,
}

/// What a template made, or would make.
#[derive(Debug)]
pub struct Made {
    pub template: EntityRef,
    pub template_digest: Digest,
    pub answers: Answers,
    pub files: Files,
    pub log: Vec<LogLine>,
    pub effects: Vec<EffectRecord>,
    pub entities: Vec<EntityRef>,
    /// Catalog files that were taken in, with the id of the step.
    pub registered: Vec<(String, FilePath)>,
    /// `spec.output`, its expressions evaluated, without what its `if` leaves out.
    pub output: Map<String, Value>,
}

/// Why a template came to no end, and what it had done by then.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(.problems, .effects))]
pub struct Failed {
    pub problems: Vec<Problem>,
    pub log: Vec<LogLine>,
    pub effects: Vec<EffectRecord>,
}

fn summary(problems: &[Problem], effects: &[EffectRecord]) -> String {
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let done = effects.iter().filter(|effect| effect.state == EffectState::Done).map(|effect| effect.summary.as_str());
    let done: Vec<&str> = done.collect();
    match done.is_empty() {
        true => told.join("\n"),
        false => format!("{}\nalready done before that: {}", told.join("\n"), done.join("; ")),
    }
}

/// Shows what would happen. Nothing outside is changed.
///
/// # Errors
/// When answers do not fit, or a step is wrong: with the place.
pub async fn dry_run(asked: Asked<'_>, effects: &dyn Effects) -> Result<Made, Failed> {
    let answers = answers(&asked)?;
    Running::new(&asked, answers, effects, true).steps().await
}

/// Makes what a dry run of the same question has shown, so that what can be found wrong is found before anything is changed.
///
/// # Errors
/// As [`dry_run`]; when an effect fails, with what was done before it.
pub async fn perform(asked: Asked<'_>, planned: &Made, effects: &dyn Effects) -> Result<Made, Failed> {
    Running::new(&asked, planned.answers.clone(), effects, false).steps().await
}

fn answers(asked: &Asked<'_>) -> Result<Answers, Failed> {
    let failed = |problems| Failed { problems, log: Vec::new(), effects: Vec::new() };
    if !asked.template.problems.is_empty() {
        return Err(failed(asked.template.problems.clone()));
    }
    Answers::check(&asked.template, asked.values.clone()).map_err(failed)
}

struct Running<'a> {
    template: Arc<Template>,
    renderer: Renderer,
    answers: Answers,
    by: &'a Actor,
    effects: &'a dyn Effects,
    is_dry_run: bool,
    workspace: Files,
    log: Log,
    records: Vec<EffectRecord>,
    entities: Vec<EntityRef>,
    registered: Vec<(String, FilePath)>,
    outputs: Map<String, Value>,
    rounds: usize,
    begun: Instant,
}

impl<'a> Running<'a> {
    fn new(asked: &Asked<'a>, answers: Answers, effects: &'a dyn Effects, is_dry_run: bool) -> Self {
        Self {
            renderer: Renderer::new(Arc::clone(&asked.template)),
            template: Arc::clone(&asked.template),
            answers,
            by: asked.by,
            effects,
            is_dry_run,
            workspace: Files::new(FilesLimits::TEMPLATE),
            log: Log::begin(),
            records: Vec::new(),
            entities: Vec::new(),
            registered: Vec::new(),
            outputs: Map::new(),
            rounds: 0,
            begun: Instant::now(),
        }
    }

    async fn steps(mut self) -> Result<Made, Failed> {
        let template = Arc::clone(&self.template);
        for step in &template.steps {
            self.log.enter(step);
            if let Err(problem) = self.step(step).await {
                self.log.say(Level::Error, problem.message.clone());
                return Err(self.failed(problem));
            }
        }
        match self.end().await {
            Ok(output) => Ok(Made {
                template: self.template.reference(),
                template_digest: self.template.digest.clone(),
                answers: self.answers,
                files: self.workspace,
                log: self.log.into_lines(),
                effects: self.records,
                entities: self.entities,
                registered: self.registered,
                output,
            }),
            Err(problem) => Err(self.failed(problem)),
        }
    }

    fn failed(self, problem: Problem) -> Failed {
        Failed { problems: vec![problem], log: self.log.into_lines(), effects: self.records }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Problem> {
        let Some(each) = &step.each else {
            if let Some(output) = self.round(step, None).await? {
                self.keep(step, Value::Object(output));
            }
            return Ok(());
        };
        let rounds = self.renderer.value(each, &self.context(None)).await?;
        let rounds = rounds_of(rounds).ok_or_else(|| {
            at(&self.template.source, each.at, format!("step `{}`: `each` must give a list or a mapping", step.id))
        })?;
        let mut outputs: Map<String, Value> = Map::new();
        for (key, value) in rounds {
            self.rounds += 1;
            if self.rounds > ROUNDS_MAX {
                let message = format!("step `{}`: more than {ROUNDS_MAX} rounds of `each` in one template", step.id);
                return Err(at(&self.template.source, each.at, message));
            }
            let output = self.round(step, Some(json!({ "key": key, "value": value }))).await?;
            for (name, value) in output.into_iter().flatten() {
                if let Value::Array(values) = outputs.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                    values.push(value);
                }
            }
        }
        self.keep(step, Value::Object(outputs));
        Ok(())
    }

    fn keep(&mut self, step: &Step, output: Value) {
        self.outputs.insert(step.id.clone(), json!({ "output": output }));
    }

    /// Does a step once; `None`: its `if` says no.
    async fn round(&mut self, step: &Step, each: Option<Value>) -> Result<Option<Map<String, Value>>, Problem> {
        if self.begun.elapsed() > TIME_MAX {
            let message = format!("step `{}`: the template has run for {} seconds", step.id, TIME_MAX.as_secs());
            return Err(at(&self.template.source, step.at, message));
        }
        let context = self.context(each);
        if let Some(condition) = &step.condition
            && !is_true(&self.renderer.value(condition, &context).await?)
        {
            self.log.info("left out, its `if` says no");
            return Ok(None);
        }
        let values = match &step.input {
            None => None,
            Some(input) => Some(self.renderer.value(input, &context).await?),
        };
        let values = match values {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(values)) => values,
            Some(_) => {
                return Err(at(
                    &self.template.source,
                    step.at,
                    format!("step `{}`: `input` must be a mapping", step.id),
                ));
            }
        };
        let done = self.perform(step, values).await;
        done.map(Some).map_err(|fault| self.problem(step, fault))
    }

    async fn perform(&mut self, step: &Step, values: Map<String, Value>) -> Result<Map<String, Value>, StepFault> {
        let action = ACTIONS.iter().find(|action| action.name == step.action);
        let action = action.ok_or_else(|| StepFault::new(format!("there is no action `{}`", step.action)))?;
        let input = Input::new(values, action)?;
        let mut context = Context {
            template: Arc::clone(&self.template),
            workspace: &mut self.workspace,
            effects: self.effects,
            by: self.by,
            is_dry_run: self.is_dry_run,
            log: &mut self.log,
            records: &mut self.records,
            entities: &mut self.entities,
            registered: &mut self.registered,
        };
        actions::perform(action.name, &input, &mut context).await
    }

    /// The place is that within a file of the template or a file that was made, else that of the input, else of the step.
    fn problem(&self, step: &Step, fault: StepFault) -> Problem {
        let message = format!("step `{}`: {}", step.id, fault.message);
        if let Some((file, place)) = fault.place {
            return at(&file, place, message);
        }
        let input = fault.input.as_ref().and_then(|name| step.input.as_ref()?.member(name));
        let place = input.map_or(step.at, |value| value.at);
        at(&self.template.source, place, message)
    }

    fn context(&self, each: Option<Value>) -> minijinja::Value {
        minijinja::Value::from(minijinja::value::Serde(json!({
            "parameters": self.answers.values(),
            "steps": self.outputs,
            "user": { "ref": self.by.reference },
            "secrets": {},
            "each": each,
            "mizzen": {
                "template": self.template.reference(),
                "digest": self.template.digest,
                "input": self.answers.digest(),
            },
        })))
    }

    /// Evaluates `spec.output`, and writes down in the folder what made it.
    async fn end(&mut self) -> Result<Map<String, Value>, Problem> {
        let template = Arc::clone(&self.template);
        let output = match &template.output {
            None => Value::Null,
            Some(node) => self.renderer.value(node, &self.context(None)).await?,
        };
        if !self.workspace.is_empty() {
            let whole = |message: String| at(&template.source, At::default(), message);
            let record = json!({
                "format": 1,
                "template": template.reference(),
                "digest": template.digest,
                "input": self.answers.digest(),
                "values": self.answers.to_keep(),
                "entities": self.entities,
            });
            let text = serde_json::to_string_pretty(&record).map_err(|error| whole(error.to_string()))?;
            let path = FilePath::parse(RECORD_FILE).map_err(|error| whole(error.to_string()))?;
            self.workspace.put(path, File::from(text + "\n")).map_err(|error| whole(error.to_string()))?;
        }
        let Value::Object(mut output) = output else { return Ok(Map::new()) };
        for list in ["links", "text"] {
            if let Some(Value::Array(items)) = output.get_mut(list) {
                items.retain_mut(|item| {
                    item.as_object_mut()
                        .is_none_or(|item| item.shift_remove("if").is_none_or(|condition| is_true(&condition)))
                });
            }
        }
        Ok(output)
    }
}

/// As JavaScript sees it, but for an empty list, which Backstage takes for no.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(members) => !members.is_empty(),
        Value::Object(_) => true,
    }
}

fn rounds_of(value: Value) -> Option<Vec<(String, Value)>> {
    match value {
        Value::Array(members) => {
            Some(members.into_iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect())
        }
        Value::Object(fields) => Some(fields.into_iter().collect()),
        _ => None,
    }
}
