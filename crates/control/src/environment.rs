//! Environment variables, looked up through what the binary passes in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A way to read environment variables: the real one in the binary, a map in tests. Cheap to clone.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// Knows no variable.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(|_| None)
    }

    #[must_use]
    pub fn of(variables: BTreeMap<String, String>) -> Self {
        Self::new(move |name| variables.get(name).cloned())
    }

    /// A variable that is set but empty counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
