//! What is spent and what limits it, in four units at once.

use serde::{Deserialize, Serialize};

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Calls,
    Tokens,
    /// Billionths of a US dollar.
    NanoUsd,
    Milliseconds,
}

impl Unit {
    pub const ALL: [Self; 4] = [Self::Calls, Self::Tokens, Self::NanoUsd, Self::Milliseconds];

    /// `amount` as people read it.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "shown with four places")]
    pub fn show(self, amount: u64) -> String {
        let counted = |one: &str| if amount == 1 { format!("1 {one}") } else { format!("{amount} {one}s") };
        match self {
            Self::Calls => counted("call"),
            Self::Tokens => counted("token"),
            Self::NanoUsd => format!("{:.4} USD", amount as f64 / 1e9),
            Self::Milliseconds => format!("{:.3} seconds", amount as f64 / 1e3),
        }
    }
}

/// An amount in every unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount(pub [u64; 4]);

impl Amount {
    #[must_use]
    pub const fn of(self, unit: Unit) -> u64 {
        self.0[unit as usize]
    }

    #[must_use]
    pub(crate) fn with(mut self, unit: Unit, amount: u64) -> Self {
        self.0[unit as usize] = amount;
        self
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// Never below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    #[must_use]
    pub(crate) fn at_least(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    #[must_use]
    pub(crate) fn at_most(self, other: Self) -> Self {
        self.zip(other, u64::min)
    }

    #[must_use]
    pub(crate) fn covers(self, other: Self) -> bool {
        Unit::ALL.iter().all(|unit| self.of(*unit) >= other.of(*unit))
    }

    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| f(self.0[at], other.0[at])))
    }
}

/// Upper limits; a unit without one is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub calls: Option<u64>,
    pub tokens: Option<u64>,
    pub cost_nano_usd: Option<u64>,
    pub duration_ms: Option<u64>,
}

impl Limits {
    #[must_use]
    pub const fn of(&self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Calls => self.calls,
            Unit::Tokens => self.tokens,
            Unit::NanoUsd => self.cost_nano_usd,
            Unit::Milliseconds => self.duration_ms,
        }
    }

    /// `amount` without the units that have no limit.
    #[must_use]
    pub(crate) fn counted(&self, amount: Amount) -> Amount {
        Amount(Unit::ALL.map(|unit| self.of(unit).map_or(0, |_| amount.of(unit))))
    }

    /// The largest share of a limit that `spent` is.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "for ordering and showing only")]
    pub(crate) fn share_of(&self, spent: Amount) -> f64 {
        let share = |unit: &Unit| self.of(*unit).map(|limit| spent.of(*unit) as f64 / limit.max(1) as f64);
        Unit::ALL.iter().filter_map(share).fold(0.0, f64::max)
    }
}
