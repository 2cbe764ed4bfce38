//! What travels through a stateless client and back as `requestState`: signed, bound to the caller and to the request,
//! and good for a short time.

use mizzen_model::id::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Inner;
use crate::signing::Purpose;
use crate::wire::rpc::RpcError;

/// The content of a `requestState` of ours.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Whose.
    credential: String,
    /// What it belongs to: method, server, name and arguments.
    request: String,
    expires_at_seconds: i64,
    next: Next,
}

/// How the call goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Next {
    /// The tool server's own state.
    Server(String),
    /// A call that waits here.
    Parked(String),
}

/// What a state is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) credential: String,
    request: String,
}

impl Binding {
    pub(super) fn new(credential: &str, method: &str, server: &str, name: &str, arguments: Option<&RawValue>) -> Self {
        let arguments = arguments.map_or("", RawValue::get);
        let digest = Digest::of(format!("{method}\0{server}\0{name}\0{arguments}").as_bytes());
        Self { credential: credential.to_owned(), request: digest.as_str().to_owned() }
    }
}

impl Inner {
    pub(super) fn seal(&self, binding: &Binding, next: Next) -> String {
        let lifetime = self.config.timeouts.answer().as_secs();
        let expires_at_seconds = self.now_seconds().saturating_add(i64::try_from(lifetime).unwrap_or(i64::MAX));
        let state = State {
            credential: binding.credential.clone(),
            request: binding.request.clone(),
            expires_at_seconds,
            next,
        };
        let content = serde_json::to_vec(&state).unwrap_or_default();
        self.signer.sign(Purpose::RequestState, &content)
    }

    /// # Errors
    /// When it was not made here, for this caller and this request, or is too old.
    pub(super) fn unseal(&self, binding: &Binding, text: &str) -> Result<Next, RpcError> {
        let refused = || RpcError::invalid_params("`requestState` is not one that was given for this request");
        let content = self.signer.open(Purpose::RequestState, text).ok_or_else(refused)?;
        let state: State = serde_json::from_slice(&content).map_err(|_| refused())?;
        if state.credential != binding.credential || state.request != binding.request {
            return Err(refused());
        }
        if state.expires_at_seconds < self.now_seconds() {
            return Err(RpcError::invalid_params("`requestState` is too old; send the request anew"));
        }
        Ok(state.next)
    }

    /// The call that waits for what comes with a state that was given to this caller, whatever it is about now.
    pub(super) fn parked_id(&self, credential: &str, text: &str) -> Option<String> {
        let state: State = serde_json::from_slice(&self.signer.open(Purpose::RequestState, text)?).ok()?;
        match state.next {
            Next::Parked(id) if state.credential == credential => Some(id),
            _ => None,
        }
    }

    fn now_seconds(&self) -> i64 {
        self.clock.now().unix_nanos() / 1_000_000_000
    }
}
