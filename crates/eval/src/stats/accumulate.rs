//! Clusters that are still growing: from runs as they come to one observation per finished cluster.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::state::{FormatVersion, exact};
use super::{StatsError, check_finite};

/// Open clusters at once; one more closes the oldest.
pub const OPEN_CLUSTERS_MAX: usize = 100_000;
/// Closed clusters that are remembered, to refuse their late values.
pub const CLOSED_CLUSTERS_MAX: usize = 100_000;

/// Collects values by cluster (a case, a session, a user) and hands out the mean of each cluster when it is complete.
///
/// Sequential methods need one observation per independent unit. An **open cluster is not counted at all** until it is
/// closed: by its `size`-th value, by [`ClusterAccumulator::close`] (its session ended, its time is over), or because
/// [`OPEN_CLUSTERS_MAX`] were open. That is valid as long as when a cluster closes does not depend on its scores
/// beyond what the size says: if failing clusters take longer and are still open, the closed ones look too good.
/// [`ClusterAccumulator::open`] says how many are waiting. Values for a cluster that its size closed are refused and counted:
/// taking them would change an observation that a bet was already settled on. Without a size a label that comes back is a new
/// cluster: whoever writes labels could else end one early, and let nothing that follows count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterAccumulator {
    version: FormatVersion<1>,
    /// A cluster is complete with so many values; `None`: only by closing.
    size: Option<u64>,
    open: BTreeMap<String, OpenCluster>,
    /// Labels by the order in which they were opened.
    by_age: BTreeMap<u64, String>,
    opened: u64,
    closed: BTreeSet<String>,
    closed_by_age: VecDeque<String>,
    late: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct OpenCluster {
    age: u64,
    n: u64,
    #[serde(with = "exact")]
    sum: f64,
}

/// A cluster that is done: one observation.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedCluster {
    pub label: String,
    pub n: u64,
    /// Within the range of its values.
    pub mean: f64,
}

impl ClusterAccumulator {
    /// # Errors
    /// A size of 0.
    pub fn new(size: Option<u64>) -> Result<Self, StatsError> {
        if size == Some(0) {
            return Err(StatsError::TooFew { what: "values in a cluster", needed: 1, got: 0 });
        }
        Ok(Self {
            version: FormatVersion,
            size,
            open: BTreeMap::new(),
            by_age: BTreeMap::new(),
            opened: 0,
            closed: BTreeSet::new(),
            closed_by_age: VecDeque::new(),
            late: 0,
        })
    }

    /// Adds a value; the cluster that this completes, or that had to make room, comes back.
    ///
    /// # Errors
    /// A value that is not finite; the state is then unchanged.
    pub fn observe(&mut self, label: &str, value: f64) -> Result<Option<ClosedCluster>, StatsError> {
        check_finite(&[value])?;
        if self.size.is_some() && self.closed.contains(label) {
            self.late += 1;
            return Ok(None);
        }
        if !self.open.contains_key(label) {
            self.by_age.insert(self.opened, label.to_owned());
            self.open.insert(label.to_owned(), OpenCluster { age: self.opened, n: 0, sum: 0.0 });
            self.opened += 1;
        }
        if let Some(cluster) = self.open.get_mut(label) {
            cluster.n += 1;
            cluster.sum += value;
            if Some(cluster.n) == self.size {
                return Ok(self.close(label));
            }
        }
        if self.open.len() > OPEN_CLUSTERS_MAX {
            let oldest = self.by_age.first_key_value().map(|(_, label)| label.clone());
            return Ok(oldest.and_then(|label| self.close(&label)));
        }
        Ok(None)
    }

    /// Ends a cluster; `None` when it is not open.
    pub fn close(&mut self, label: &str) -> Option<ClosedCluster> {
        let cluster = self.open.remove(label)?;
        self.by_age.remove(&cluster.age);
        if self.size.is_some() {
            self.closed.insert(label.to_owned());
            self.closed_by_age.push_back(label.to_owned());
        }
        if self.closed_by_age.len() > CLOSED_CLUSTERS_MAX
            && let Some(forgotten) = self.closed_by_age.pop_front()
        {
            self.closed.remove(&forgotten);
        }
        Some(ClosedCluster { label: label.to_owned(), n: cluster.n, mean: cluster.sum / cluster.n as f64 })
    }

    /// Clusters that are still open, none of which has been counted.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Values that came after their cluster was closed, and were left out.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }
}
