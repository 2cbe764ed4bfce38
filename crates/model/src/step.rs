//! A step: one span of a run that means something to a person.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{RunId, SpanId, TraceId};
use crate::time::Timestamp;
use crate::usage::Usage;

/// A text is none of the known names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`; known are {}", known.trim_end().replace("` `", "`, `"))]
pub struct UnknownName {
    pub what: &'static str,
    pub name: String,
    pub known: &'static str,
}

macro_rules! named {
    ($(#[doc = $doc:literal])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownName { what: $what, name: text.to_owned(), known: concat!($("`", $text, "` "),+) }),
                }
            }
        }

        // Not derived: the derive does not see names that come through this macro.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                use utoipa::openapi::schema::{ObjectBuilder, Type};
                let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([$($text),+]));
                names.description(Some(concat!($($doc),*).trim())).into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What a step does.
    StepKind, "step kind" {
        ModelCall = "model_call",
        ToolCall = "tool_call",
        AgentCall = "agent_call",
        Retrieval = "retrieval",
        Guardrail = "guardrail",
        Human = "human",
        /// A span that groups others: a workflow, a chain, a plan.
        Group = "group",
    }
}

named! {
    /// Who saw a step. What an agent says of itself is `sdk`.
    Source, "step source" {
        Gateway = "gateway",
        Kernel = "kernel",
        Sdk = "sdk",
    }
}

named! {
    /// How a step or a run ended.
    Outcome, "outcome" {
        Ok = "ok",
        Error = "error",
        /// Nothing said how it ended, or it has not ended yet.
        Unset = "unset",
    }
}

/// One step as shown to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Step {
    pub run_id: RunId,
    #[schema(value_type = String)]
    pub trace_id: TraceId,
    #[schema(value_type = String)]
    pub span_id: SpanId,
    /// The nearest ancestor that is a step, not the parent span.
    #[schema(value_type = Option<String>)]
    pub parent_step: Option<SpanId>,
    pub kind: StepKind,
    pub name: String,
    pub source: Source,
    pub agent: Option<String>,
    /// The model asked for, or else the one that answered. Under which name it answered is in the span's attributes.
    pub model: Option<String>,
    pub provider: Option<String>,
    pub tool: Option<String>,
    pub tool_call_id: Option<String>,
    pub response_id: Option<String>,
    pub started_at: Timestamp,
    pub duration_ns: i64,
    pub outcome: Outcome,
    pub error_type: Option<String>,
    pub error_message: Option<String>,
    pub usage: Option<Usage>,
    /// Estimated from the price table; `None` when the model's price is unknown.
    pub cost_usd: Option<f64>,
    /// Share of such spans that the sender kept, in (0, 1]; 1 when nothing was sampled away.
    pub sampling_fraction: f64,
    /// The step that stands for this one: the same call, seen by somebody nearer to the truth.
    /// A step with a twin counts for nothing in totals.
    #[schema(value_type = Option<String>)]
    pub counted_as: Option<SpanId>,
}
