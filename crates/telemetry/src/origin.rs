//! Where a batch came from: what the door knows, as opposed to what the batch says of itself.

use mizzen_model::id::Digest;
use mizzen_model::span::SpanRecord;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;

use crate::row::Name;

/// The authenticated side of a batch. It is never taken from attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    pub source: Source,
    /// The authenticated caller, `None` on doors that ask for no key.
    pub caller: Option<Name>,
    /// The run that the caller's key belongs to. It wins over a `mizzen.run.id` attribute, so that the
    /// key of one run cannot write into another.
    pub run_id: Option<Name>,
    /// The agent that the caller's key belongs to, for spans that name none.
    pub agent: Option<Name>,
    /// The digest that the caller's key is bound to. It stands in the place of whatever a batch claims.
    pub agent_digest: Option<Digest>,
    /// Whether the batch is believed where it names a run of `mizzen run` or an agent digest: evidence rests on them.
    /// Never what came through a door for anybody.
    pub is_trusted: bool,
    pub received_at: Timestamp,
}

impl Origin {
    /// The origin of what SDKs said and somebody with a role hands on, such as an import.
    #[must_use]
    pub fn unknown(received_at: Timestamp) -> Self {
        Self { is_trusted: true, ..Self::anonymous(received_at) }
    }

    /// An origin about which nothing is known but the time: what an SDK sends over loopback.
    #[must_use]
    pub const fn anonymous(received_at: Timestamp) -> Self {
        Self {
            source: Source::Sdk,
            caller: None,
            run_id: None,
            agent: None,
            agent_digest: None,
            is_trusted: false,
            received_at,
        }
    }

    /// The origin of what one of Mizzen's own doors recorded.
    #[must_use]
    pub fn of_record(record: &SpanRecord, received_at: Timestamp) -> Self {
        Self {
            source: record.source,
            caller: (!record.caller.is_empty()).then(|| Name::from(record.caller.as_str())),
            run_id: record.run_id.as_ref().map(|id| Name::from(id.as_str())),
            agent: record.agent.as_deref().map(Name::from),
            agent_digest: record.agent_digest.clone(),
            is_trusted: true,
            received_at,
        }
    }
}
