//! Whether a definition may be offered, and what decisions may know of it.

use mizzen_governance::request::ToolFacts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Known;
use super::finding::FindingKind;
use super::kind::spoken;

/// Why a tool is neither listed nor called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithheldReason {
    /// Nobody has approved it yet, or the approval was taken back.
    Unapproved,
    /// It is not what was approved.
    DefinitionChanged,
    /// It imitates a tool of another server, or speaks of one.
    LookAlike,
    /// It has characters that a person does not see.
    HiddenCharacters,
}

impl WithheldReason {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unapproved => "unapproved",
            Self::DefinitionChanged => "definition_changed",
            Self::LookAlike => "look_alike",
            Self::HiddenCharacters => "hidden_characters",
        }
    }
}

/// A tool is withheld until a person approves its current definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Withheld {
    pub reason: WithheldReason,
    /// A sentence for a person.
    pub detail: String,
}

impl Withheld {
    /// For whoever called it: what is wrong, and the way out.
    #[must_use]
    pub fn told(&self, server: &str, tool: &str) -> String {
        format!(
            "{} of `{server}` is withheld: {}; an approver can look at it with `mizzen tools show {server}` and \
             approve it with `mizzen tools pin {server} {tool}`",
            spoken(tool),
            self.detail
        )
    }
}

impl Known {
    /// `None`: it is offered.
    #[must_use]
    pub fn withheld(&self) -> Option<Withheld> {
        match &self.pin {
            Some(pin) if pin.digest == self.digest => None,
            Some(_) => Some(Withheld {
                reason: WithheldReason::DefinitionChanged,
                detail: "its definition changed since it was approved".to_owned(),
            }),
            None => Some(self.unpinned()),
        }
    }

    fn unpinned(&self) -> Withheld {
        let Some(first) = self.findings.first() else {
            return Withheld { reason: WithheldReason::Unapproved, detail: "nobody has approved it".to_owned() };
        };
        let reason = match first.kind {
            FindingKind::HiddenCharacters => WithheldReason::HiddenCharacters,
            FindingKind::ConfusableName | FindingKind::SameDescription | FindingKind::NamesOtherTool => {
                WithheldReason::LookAlike
            }
        };
        Withheld { reason, detail: first.detail.clone() }
    }

    /// `read_only` is what the approved definition says: a server must not talk itself into less care.
    #[must_use]
    pub fn facts(&self) -> ToolFacts {
        let pinned = self.pin.as_ref().filter(|pin| pin.digest == self.digest);
        let hint =
            |pin: &super::Pinned| pin.definition.get("annotations")?.get("readOnlyHint").and_then(Value::as_bool);
        ToolFacts {
            digest: Some(self.digest.clone()),
            pinned: pinned.is_some(),
            read_only: pinned.and_then(hint).unwrap_or(false),
        }
    }
}
