//! What makes two calls the same call.

use std::fmt::Write as _;

use mizzen_model::canonical;
use mizzen_model::id::Digest;

use crate::gate::Ask;

/// Over who asks, in which run, for what, with which arguments, by which definition of the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) whole: String,
    pub(crate) arguments: String,
}

impl Fingerprint {
    pub(crate) fn of(ask: &Ask) -> Self {
        // How a client orders the members of an object makes no other call.
        let arguments = ask.arguments.as_deref().map(canonical::text).unwrap_or_default();
        let arguments = Digest::of(arguments.as_bytes()).to_string();
        let mut whole = String::new();
        let run = ask.run.as_ref().map_or("", |run| run.as_str());
        let tool = ask.tool.digest.as_ref().map_or("", Digest::as_str);
        let parts = [&ask.caller.key_id, run, ask.action.as_str(), &ask.resource.to_string(), &arguments, tool];
        for part in parts {
            // The length first: no part can be mistaken for the beginning of the next.
            let (Ok(()) | Err(_)) = write!(whole, "{}:{part}", part.len());
        }
        Self { whole: Digest::of(whole.as_bytes()).to_string(), arguments }
    }
}
