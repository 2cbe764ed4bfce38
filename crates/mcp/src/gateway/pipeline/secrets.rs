//! Secrets in what a tool server is given, and in what it answers.

use std::sync::Arc;

use bytes::Bytes;
use mizzen_control::secrets::{Found, Place, Secrets, SecretsError, Verdict, kinds, recordable};
use mizzen_model::refusal::RefusalCode;
use mizzen_runtime::error::Chain;
use mizzen_runtime::lanes;
use mizzen_runtime::metrics::Metrics;
use serde_json::value::RawValue;

use super::places;
use crate::gateway::Inner;
use crate::gateway::config::SecretsConfig;

/// The searches of one gateway, each with what is done about what it finds.
#[derive(Debug)]
pub(in crate::gateway) struct Searches {
    answers: Arc<Secrets>,
    arguments: Arc<Secrets>,
}

/// What came from one side, searched.
#[derive(Debug)]
pub(in crate::gateway) struct Searched {
    /// As the other side may have it.
    pub(in crate::gateway) said: Box<RawValue>,
    /// As it may be recorded: whoever gets it, no secret is. `None` when there were too many to be sure.
    pub(in crate::gateway) recorded: Option<Bytes>,
    /// Of the secrets in it, each once.
    pub(in crate::gateway) kinds: Vec<&'static str>,
}

/// Why something may not be handed over.
#[derive(Debug, thiserror::Error)]
pub(in crate::gateway) enum Withheld {
    #[error("the answer holds secrets ({}), which may not be handed over", kinds.join(", "))]
    Found {
        kinds: Vec<&'static str>,
        /// As [`Searched::recorded`].
        recorded: Option<Bytes>,
        /// Where what was found, for who said it.
        places: String,
    },
    #[error(
        "the answer could not be searched for secrets (`tools.secrets`), so it is not handed over; tell the operator"
    )]
    NotSearched,
}

impl Withheld {
    pub(in crate::gateway) const fn code(&self) -> &'static str {
        match self {
            Self::Found { .. } => RefusalCode::SecretFound.as_str(),
            Self::NotSearched => RefusalCode::SecretsNotSearched.as_str(),
        }
    }

    /// Where is not known.
    pub(super) fn found(kinds: Vec<&'static str>) -> Self {
        Self::Found { places: kinds.join(", "), recorded: None, kinds }
    }

    /// In `said`, which stands at `at`.
    pub(super) fn found_at(at: &str, said: &[u8], recorded: Option<Bytes>, kinds: Vec<&'static str>) -> Self {
        Self::Found { places: places::named(at, said, recorded.as_ref(), &kinds), recorded, kinds }
    }

    pub(super) const fn recorded(&self) -> Option<&Bytes> {
        match self {
            Self::Found { recorded, .. } => recorded.as_ref(),
            Self::NotSearched => None,
        }
    }

    /// Why `what` may not leave, for who said it.
    pub(in crate::gateway) fn told(&self, what: &str) -> String {
        match self {
            Self::Found { places, .. } => {
                format!("the secrets in {what} may not leave: {places}; take them out and send it again")
            }
            Self::NotSearched => {
                format!("{what} could not be searched for secrets (`tools.secrets`); tell the operator")
            }
        }
    }

    pub(in crate::gateway) fn kinds(&self) -> &[&'static str] {
        match self {
            Self::Found { kinds, .. } => kinds,
            Self::NotSearched => &[],
        }
    }
}

impl Searches {
    /// # Errors
    /// When nobody could look for secrets.
    pub(in crate::gateway) fn new(config: SecretsConfig, metrics: &Metrics) -> Result<Self, SecretsError> {
        let search = |action| Secrets::new(action, Place::TOOLS, metrics).map(Arc::new);
        let answers = search(config.answers)?;
        // The expression and the memory of its searches are large: where the same is done, one serves both.
        let is_one = config.arguments == config.answers;
        let arguments = if is_one { Arc::clone(&answers) } else { search(config.arguments)? };
        Ok(Self { answers, arguments })
    }
}

impl Inner {
    /// # Errors
    /// When the answer may not be handed over.
    pub(in crate::gateway) async fn search(&self, said: Box<RawValue>) -> Result<Searched, Withheld> {
        let (body, found) = self.found(&self.secrets.answers, Place::ToolResult, &said).await?;
        judged(&self.secrets.answers, said, body, found, |_, _, kinds| Withheld::found(kinds)).await
    }

    /// What goes to a tool server in the caller's words, and stands `at` a place of what the caller sent (a JSON pointer).
    ///
    /// # Errors
    /// When it may not leave.
    pub(in crate::gateway) async fn search_leaving(
        &self,
        place: Place,
        at: &str,
        said: Box<RawValue>,
    ) -> Result<Searched, Withheld> {
        let (body, found) = self.found(&self.secrets.arguments, place, &said).await?;
        let at = at.to_owned();
        let withheld = move |body: &Bytes, recorded, kinds| Withheld::found_at(&at, body, recorded, kinds);
        judged(&self.secrets.arguments, said, body, found, withheld).await
    }

    async fn found(
        &self,
        secrets: &Arc<Secrets>,
        place: Place,
        said: &RawValue,
    ) -> Result<(Bytes, Vec<Found>), Withheld> {
        let body = Bytes::copy_from_slice(said.get().as_bytes());
        match secrets.look(place, &body, self.control.snapshot()).await {
            Ok(found) => Ok((body, found)),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a tool call could not be searched for secrets");
                Err(Withheld::NotSearched)
            }
        }
    }
}

/// What may be handed over; where nothing may, what `withheld` makes of it, of what of it may be recorded and of the kinds.
async fn judged(
    secrets: &Arc<Secrets>,
    said: Box<RawValue>,
    body: Bytes,
    found: Vec<Found>,
    withheld: impl FnOnce(&Bytes, Option<Bytes>, Vec<&'static str>) -> Withheld + Send + 'static,
) -> Result<Searched, Withheld> {
    let secrets = Arc::clone(secrets);
    let judging = lanes::beside(body.len(), move || {
        let (recorded, kinds) = (recordable(&body, &found), kinds(&found));
        let passes = match secrets.judge(&body, &found) {
            Verdict::Pass => Some(said),
            Verdict::Instead(text) => {
                String::from_utf8(text.into()).ok().and_then(|text| RawValue::from_string(text).ok())
            }
            Verdict::Withhold => None,
        };
        match passes {
            Some(said) => Ok(Searched { said, recorded, kinds }),
            None => Err(withheld(&body, recorded, kinds)),
        }
    });
    judging.await.unwrap_or(Err(Withheld::NotSearched))
}
