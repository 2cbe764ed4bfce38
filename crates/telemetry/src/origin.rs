//! Where a batch came from: what the door knows, as opposed to what the batch says of itself.

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
    pub received_at: Timestamp,
}

impl Origin {
    /// An origin about which nothing is known but the time: what an SDK sends over loopback.
    #[must_use]
    pub const fn unknown(received_at: Timestamp) -> Self {
        Self { source: Source::Sdk, caller: None, run_id: None, agent: None, received_at }
    }

    /// The origin of what one of Mizzen's own doors recorded.
    #[must_use]
    pub fn of_record(record: &SpanRecord, received_at: Timestamp) -> Self {
        Self {
            source: record.source,
            caller: (!record.caller.is_empty()).then(|| Name::from(record.caller.as_str())),
            run_id: record.run_id.as_ref().map(|id| Name::from(id.as_str())),
            agent: record.agent.as_deref().map(Name::from),
            received_at,
        }
    }
}
