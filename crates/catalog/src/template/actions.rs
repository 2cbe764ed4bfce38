//! The things a step can do. Each works on a folder in memory; what goes beyond it is asked of [`super::effects`].

mod catalog;
mod debug;
mod fetch;
mod folder;
mod input;
mod own;

use std::sync::Arc;

use mizzen_model::yaml::At;
use serde_json::{Map, Value};

pub(super) use self::input::Input;
use super::definition::Template;
use super::effects::{Done, EffectKind, Effects, Plan, Wanted};
use super::files::{Files, FilesError};
use super::path::{FilePath, PathError};
use super::record::{EffectRecord, EffectState, Level, Log};
use crate::plane::Actor;
use crate::reference::EntityRef;

/// An action and the inputs it takes.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    pub name: &'static str,
    pub inputs: &'static [&'static str],
    /// Whether it changes something beyond the folder.
    pub has_effect: bool,
}

const fn action(name: &'static str, inputs: &'static [&'static str]) -> Action {
    Action { name, inputs, has_effect: false }
}

const fn effect(name: &'static str, inputs: &'static [&'static str]) -> Action {
    Action { name, inputs, has_effect: true }
}

/// All there are.
pub const ACTIONS: &[Action] = &[
    action("fetch:plain", &["url", "targetPath", "token"]),
    action("fetch:plain:file", &["url", "targetPath", "token"]),
    action(
        "fetch:template",
        &[
            "url",
            "targetPath",
            "values",
            "copyWithoutRender",
            "copyWithoutTemplating",
            "cookiecutterCompat",
            "templateFileExtension",
            "replace",
            "trimBlocks",
            "lstripBlocks",
            "token",
        ],
    ),
    action(
        "fetch:template:file",
        &["url", "targetPath", "values", "cookiecutterCompat", "replace", "trimBlocks", "lstripBlocks", "token"],
    ),
    action("fs:delete", &["files"]),
    action("fs:rename", &["files"]),
    action("fs:readdir", &["paths", "recursive"]),
    effect("catalog:register", &["catalogInfoUrl", "repoContentsUrl", "catalogInfoPath", "optional"]),
    action("catalog:write", &["filePath", "entity"]),
    action("catalog:fetch", &["entityRef", "entityRefs", "optional", "defaultKind", "defaultNamespace"]),
    action("debug:log", &["message", "listWorkspace", "extra"]),
    action("debug:wait", &["milliseconds", "seconds", "minutes"]),
    effect("mizzen:boundary", &["path"]),
    effect("mizzen:eval-set", &["name", "path"]),
    effect("mizzen:budget", &["name", "agent", "dailyUsd", "monthlyUsd"]),
    effect("mizzen:key", &["name", "agent", "team", "ttlSeconds"]),
    action("mizzen:telemetry:verify", &["agent", "seconds", "optional"]),
    action("mizzen:scorecard:assert", &["entityRef", "level"]),
];

/// Why a step failed, and where it says so.
#[derive(Debug, Clone, Default)]
pub(super) struct StepFault {
    /// The input that is at fault.
    pub(super) input: Option<String>,
    /// A file of the template, or one that was made, and the place in it.
    pub(super) place: Option<(String, At)>,
    pub(super) message: String,
}

impl StepFault {
    pub(super) fn new(message: impl ToString) -> Self {
        Self { message: message.to_string(), ..Self::default() }
    }

    pub(super) fn of(input: &str, message: impl ToString) -> Self {
        Self { input: Some(input.to_owned()), message: message.to_string(), place: None }
    }
}

impl From<FilesError> for StepFault {
    fn from(error: FilesError) -> Self {
        Self::new(error)
    }
}

impl From<PathError> for StepFault {
    fn from(error: PathError) -> Self {
        Self::new(error)
    }
}

pub(super) type Output = Map<String, Value>;

/// What a step works with.
pub(super) struct Context<'a> {
    pub(super) template: Arc<Template>,
    pub(super) workspace: &'a mut Files,
    pub(super) effects: &'a dyn Effects,
    pub(super) by: &'a Actor,
    pub(super) is_dry_run: bool,
    pub(super) log: &'a mut Log,
    pub(super) records: &'a mut Vec<EffectRecord>,
    pub(super) entities: &'a mut Vec<EntityRef>,
    /// Catalog files that were taken in, with the id of the step.
    pub(super) registered: &'a mut Vec<(String, FilePath)>,
}

impl Context<'_> {
    /// Plans an effect, and has it done unless this is a dry run.
    pub(super) async fn effect(
        &mut self,
        wanted: &Wanted,
        input: &str,
        file: Option<&FilePath>,
    ) -> Result<Value, StepFault> {
        let place = |error: &super::effects::EffectError| {
            let (line, column) = error.place?;
            Some((file?.to_string(), At { line, column }))
        };
        let fault = |error: super::effects::EffectError| StepFault {
            place: place(&error),
            ..StepFault::of(input, &error.message)
        };
        let Plan { summary, entities, left } = self.effects.plan(self.by, wanted).await.map_err(fault)?;
        let mut done = Done { left, entities, ..Done::default() };
        let mut state = EffectState::Planned;
        if !self.is_dry_run && done.left.is_none() {
            done = self.effects.perform(self.by, wanted).await.map_err(fault)?;
        }
        if !self.is_dry_run {
            state = if done.left.is_some() { EffectState::Left } else { EffectState::Done };
        }
        let (verb, level) = match state {
            EffectState::Planned => ("would make", Level::Info),
            EffectState::Done => ("made", Level::Info),
            EffectState::Left => ("left to do", Level::Warn),
        };
        self.log.say(level, format!("{verb}: {summary}"));
        let detail = done.left.or(done.detail);
        if let Some(detail) = &detail {
            self.log.say(level, detail.clone());
        }
        let output = done.output.clone();
        let kind = wanted.kind();
        if let (EffectKind::Entities, EffectState::Done, Some(file)) = (kind, state, file) {
            self.registered.push((self.log.step().to_owned(), file.clone()));
        }
        self.entities.extend(done.entities.into_iter().filter(|_| kind == EffectKind::Entities));
        let shown = (!done.output.is_null()).then_some(done.output);
        self.records.push(EffectRecord {
            step: self.log.step().to_owned(),
            kind,
            summary,
            state,
            detail,
            output: shown,
        });
        Ok(output)
    }
}

/// Does what a step says. The action is one of [`ACTIONS`].
pub(super) async fn perform(action: &str, input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    match action {
        "fetch:plain" => fetch::plain(input, context),
        "fetch:plain:file" => fetch::plain_file(input, context),
        "fetch:template" => fetch::template(input, context).await,
        "fetch:template:file" => fetch::template_file(input, context).await,
        "fs:delete" => folder::delete(input, context),
        "fs:rename" => folder::rename(input, context),
        "fs:readdir" => folder::read(input, context),
        "catalog:register" => catalog::register(input, context).await,
        "catalog:write" => catalog::write(input, context),
        "catalog:fetch" => catalog::fetch(input, context).await,
        "debug:log" => debug::log(input, context),
        "debug:wait" => debug::wait(input, context).await,
        "mizzen:boundary" => own::boundary(input, context).await,
        "mizzen:eval-set" => own::eval_set(input, context).await,
        "mizzen:budget" => own::budget(input, context).await,
        "mizzen:key" => own::key(input, context).await,
        "mizzen:telemetry:verify" => own::verify_telemetry(input, context).await,
        "mizzen:scorecard:assert" => own::assert_level(input, context).await,
        other => Err(StepFault::new(format!("there is no action `{other}`"))),
    }
}
