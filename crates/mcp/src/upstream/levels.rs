//! The log level of a connection that clients share: the most verbose that any of them asked for. What is below a client's
//! own level is dropped at its door.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::wire;
use crate::seam::{Call, LOG_LEVELS, Owner};

/// What each client asked for, until its session ends.
#[derive(Debug, Default)]
pub(super) struct Levels(Mutex<HashMap<Owner, usize>>);

#[derive(Deserialize)]
struct Params {
    level: String,
}

impl Levels {
    /// The parameters for the server of a client's `logging/setLevel`; `None` for any other call.
    pub(super) fn asked(&self, owner: &Owner, call: &Call) -> Option<Box<RawValue>> {
        if call.method != "logging/setLevel" {
            return None;
        }
        let asked: Params = serde_json::from_str(call.params.as_ref()?.get()).ok()?;
        let rank = LOG_LEVELS.iter().position(|level| *level == asked.level)?;
        let mut levels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        levels.insert(owner.clone(), rank);
        let least = levels.values().copied().min().unwrap_or(rank);
        LOG_LEVELS.get(least).map(|level| wire::raw(&json!({ "level": level })))
    }

    pub(super) fn forget(&self, owner: &Owner) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(owner);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Levels;
    use crate::seam::{Call, Owner};
    use crate::upstream::wire;

    #[test]
    fn the_most_verbose_client_is_heard_and_nobody_silences_another() {
        let levels = Levels::default();
        let owner = |name: &str| Owner::Session(name.into());
        let ask = |method: &str, name: &str, level: &str| {
            let params = Some(wire::raw(&json!({ "level": level })));
            let call = Call { method: method.to_owned(), params, progress: false, log_level: None, permitted: None };
            levels.asked(&owner(name), &call).map(|params| params.get().to_owned())
        };
        assert_eq!(ask("logging/setLevel", "a", "info").as_deref(), Some(r#"{"level":"info"}"#));
        assert_eq!(ask("logging/setLevel", "b", "emergency").as_deref(), Some(r#"{"level":"info"}"#));
        assert_eq!(ask("logging/setLevel", "b", "debug").as_deref(), Some(r#"{"level":"debug"}"#));
        levels.forget(&owner("b"));
        assert_eq!(ask("logging/setLevel", "a", "error").as_deref(), Some(r#"{"level":"error"}"#));
        assert_eq!(ask("tools/call", "a", "debug"), None);
    }
}
