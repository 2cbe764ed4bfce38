//! Changes of what permission remembers are audit entries too.

use crate::audit::{AuditEntry, AuditError, Durability, Kind, Who};
use crate::plane::Inner;

/// Writes down what `by` changed. The change itself is in the database by now; a log that does not take the entry is told to
/// whoever made the change, and lets no call through either.
///
/// # Errors
/// When the entry is not on disk.
pub(crate) async fn record(
    inner: &Inner,
    kind: Kind,
    by: &str,
    resource: String,
    details: &[(&str, &str)],
) -> Result<(), AuditError> {
    let mut entry = AuditEntry::new(inner.clock.now(), kind, Who::named(format!("user:default/{by}")));
    entry.resource = Some(resource);
    for (name, value) in details {
        entry = entry.with(name, *value);
    }
    inner.audit.append(entry, Durability::Durable).await.map(|_| ())
}
