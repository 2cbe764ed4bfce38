//! What a template did: its log, and what it wanted of other planes.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::definition::Step;
use super::effects::EffectKind;

/// Lines of one log.
const LINES_MAX: usize = 2_000;
/// Characters of one line.
const MESSAGE_CHARS_MAX: usize = 4_000;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogTemplateLogLevel)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warn,
    Error,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogTemplateLogLine)]
pub struct LogLine {
    /// Id of the step.
    pub step: String,
    pub name: String,
    pub action: String,
    pub level: Level,
    /// Where the step begins in the template.
    pub line: u32,
    pub message: String,
    /// Since the template began.
    pub after_ms: u64,
}

/// What became of something that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogEffectState)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// A dry run: nothing was changed.
    Planned,
    Done,
    /// Who started it may not do it; `detail` says who may and how.
    Left,
}

/// Something that was wanted of another plane.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CatalogTemplateEffect)]
pub struct EffectRecord {
    /// Id of the step.
    pub step: String,
    pub kind: EffectKind,
    pub summary: String,
    pub state: EffectState,
    pub detail: Option<String>,
    /// For example a new key, which is shown here and nowhere else.
    pub output: Option<Value>,
}

/// The log of one run of a template.
#[derive(Debug)]
pub(super) struct Log {
    begun: Instant,
    step: (String, String, String, u32),
    lines: Vec<LogLine>,
}

impl Log {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), step: Default::default(), lines: Vec::new() }
    }

    /// What is said from now on is about `step`.
    pub(super) fn enter(&mut self, step: &Step) {
        self.step = (step.id.clone(), step.name.clone(), step.action.clone(), step.at.line);
    }

    pub(super) fn step(&self) -> &str {
        &self.step.0
    }

    pub(super) fn say(&mut self, level: Level, message: impl Into<String>) {
        if self.lines.len() >= LINES_MAX {
            return;
        }
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push('…');
        }
        if self.lines.len() + 1 == LINES_MAX {
            message = format!("more than {LINES_MAX} lines: the rest is left out");
        }
        let (step, name, action, line) = self.step.clone();
        let after_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.lines.push(LogLine { step, name, action, level, line, message, after_ms });
    }

    pub(super) fn info(&mut self, message: impl Into<String>) {
        self.say(Level::Info, message);
    }

    pub(super) fn into_lines(self) -> Vec<LogLine> {
        self.lines
    }
}
