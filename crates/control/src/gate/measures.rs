//! What `/metrics` tells of permission.

use std::collections::HashMap;

use mizzen_model::permission::{Decision, Effect, Mode};
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::{Counter, Metrics};

use super::DenialCode;
use super::rate::RATES_MAX;

#[derive(Debug)]
pub(crate) struct Measures {
    /// By effect, the mode it was decided in, and the code of the refusal; `none` for calls that went on.
    decisions: HashMap<(Effect, Mode, &'static str), Counter>,
    pub(crate) held: Counter,
    /// Decisions that nobody had room to record beside their runs.
    pub(crate) shed: Counter,
    /// Calls that waited for a block of a budget to be taken.
    pub(crate) lease_waits: Counter,
    pub(crate) leases: Counter,
    /// Calls that were ended by a stop.
    pub(crate) stopped: Counter,
    /// Of callers and resources with a rate.
    pub(super) rates: Limit,
}

impl Measures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let mut decisions = HashMap::new();
        let codes = DenialCode::ALL.iter().map(|code| code.as_str()).chain(["none"]);
        for code in codes {
            for (effect, mode) in Effect::ALL.iter().flat_map(|effect| Mode::ALL.iter().map(|mode| (*effect, *mode))) {
                let labels = [("effect", effect.as_str()), ("mode", mode.as_str()), ("code", code)];
                let help = "Decisions by what the policies said (effect), by mode, and by the code of the refusal. With mode=\"observe\" a \
                    deny was not enforced: where code is none, the call went on.";
                let counter = metrics.counter("mizzen_permission_decisions_total", help, &labels);
                decisions.insert((effect, mode, code), counter);
            }
        }
        let counter = |name, help| metrics.counter(name, help, &[]);
        Self {
            decisions,
            held: counter("mizzen_permission_held_total", "Calls that were held for a person."),
            shed: counter(
                "mizzen_permission_decisions_shed_total",
                "Decisions that were not recorded beside their runs, because the recorder was behind.",
            ),
            lease_waits: counter(
                "mizzen_permission_lease_waits_total",
                "Calls that waited for a block of a budget to be taken from the database.",
            ),
            leases: counter("mizzen_permission_leases_total", "Blocks of budgets taken from the database."),
            stopped: counter("mizzen_permission_stops_total", "Stops of agents whose calls were ended."),
            rates: Limit::new(metrics, "permission_rates", RATES_MAX),
        }
    }

    pub(crate) fn decided(&self, decision: &Decision, code: Option<DenialCode>) {
        let key = (decision.effect, decision.mode, code.map_or("none", DenialCode::as_str));
        if let Some(counter) = self.decisions.get(&key) {
            counter.inc();
        }
    }
}
