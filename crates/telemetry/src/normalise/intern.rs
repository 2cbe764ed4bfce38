//! Names that repeat within a request become one shared allocation.

use hashbrown::HashMap;
use mizzen_model::id::{TraceId, hex};

use super::limits::cut;
use crate::row::Name;

/// Lives as long as one request, so it cannot grow beyond it.
#[derive(Debug, Default)]
pub(super) struct Interner<'a> {
    names: HashMap<&'a str, Name>,
    traces: HashMap<TraceId, Name>,
}

impl<'a> Interner<'a> {
    pub(super) fn name(&mut self, text: &'a str, bytes_max: usize) -> Name {
        let text = cut(text, bytes_max);
        self.names.entry(text).or_insert_with(|| Name::from(text)).clone()
    }

    /// The run id of a trace that nobody gave another one.
    pub(super) fn trace(&mut self, id: TraceId) -> Name {
        self.traces.entry(id).or_insert_with(|| Name::from(hex(id.as_bytes()))).clone()
    }
}
