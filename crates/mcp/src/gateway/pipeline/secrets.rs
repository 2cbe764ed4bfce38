//! Secrets in what a tool server answers.

use bytes::Bytes;
use mizzen_control::secrets::{Place, Verdict, kinds, recordable};
use mizzen_runtime::error::Chain;
use serde_json::value::RawValue;

use crate::gateway::Inner;

/// What a server answered, searched.
#[derive(Debug)]
pub(in crate::gateway) struct Searched {
    /// As the client may have it.
    pub(in crate::gateway) said: Box<RawValue>,
    /// As it may be recorded: whatever the client gets, no secret is. `None` when there were too many to be sure.
    pub(in crate::gateway) recorded: Option<Bytes>,
    /// Of the secrets in it, each once.
    pub(in crate::gateway) kinds: Vec<&'static str>,
}

/// Why an answer may not be handed over.
#[derive(Debug, thiserror::Error)]
pub(in crate::gateway) enum Withheld {
    #[error("the answer holds secrets ({}), which may not be handed over", kinds.join(", "))]
    Found { kinds: Vec<&'static str> },
    #[error(
        "the answer could not be searched for secrets (`tools.secrets`), so it is not handed over; tell the operator"
    )]
    NotSearched,
}

impl Withheld {
    pub(in crate::gateway) const fn code(&self) -> &'static str {
        match self {
            Self::Found { .. } => "secret_found",
            Self::NotSearched => "secrets_not_searched",
        }
    }

    pub(in crate::gateway) fn kinds(&self) -> &[&'static str] {
        match self {
            Self::Found { kinds } => kinds,
            Self::NotSearched => &[],
        }
    }
}

impl Inner {
    /// # Errors
    /// When it may not be handed over.
    pub(in crate::gateway) async fn search(&self, said: Box<RawValue>) -> Result<Searched, Withheld> {
        let body = Bytes::copy_from_slice(said.get().as_bytes());
        let found = self.secrets.look(Place::ToolResult, &body, self.control.snapshot()).await;
        let found = found.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "an answer of a tool server could not be searched for secrets");
            Withheld::NotSearched
        })?;
        let kinds = kinds(&found);
        let passes = match self.secrets.judge(&body, &found) {
            Verdict::Pass => Some(said),
            Verdict::Instead(text) => {
                String::from_utf8(text.into()).ok().and_then(|text| RawValue::from_string(text).ok())
            }
            Verdict::Withhold => None,
        };
        match passes {
            Some(said) => Ok(Searched { said, recorded: recordable(&body, &found), kinds }),
            None => Err(Withheld::Found { kinds }),
        }
    }
}
