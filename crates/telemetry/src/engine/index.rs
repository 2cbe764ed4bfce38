//! What the control database knows of telemetry: segments, runs, totals. A row for each run, none for a span.
//!
//! Every statement is in the portable subset of [`mizzen_store`]. Rows carry the node that wrote them, because
//! several nodes may share one PostgreSQL.

mod left_alone;
pub(crate) mod list;
pub(crate) mod parts;
pub(crate) mod runs;
pub(crate) mod segments;
mod short;
mod stored;
pub(crate) mod totals;

use mizzen_runtime::clock::Clock;
use mizzen_store::{Migration, Store, StoreError};
use sqlx::{Any, Row as _, Transaction};

/// Tables of this plane.
pub const MIGRATIONS: &[Migration] = &[
    Migration { plane: "telemetry", version: 1, sql: include_str!("index/schema.sql") },
    Migration { plane: "telemetry", version: 2, sql: include_str!("index/schema_2.sql") },
    Migration { plane: "telemetry", version: 3, sql: include_str!("index/schema_3.sql") },
    Migration { plane: "telemetry", version: 4, sql: include_str!("index/schema_4.sql") },
    Migration { plane: "telemetry", version: 5, sql: include_str!("index/schema_5.sql") },
];

/// Access to this node's rows.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    store: Store,
    node: String,
    clock: Clock,
}

/// What a node remembers between starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeState {
    /// Records of the log up to here are in registered segments.
    pub(crate) flushed_through: u64,
    pub(crate) next_segment: u64,
}

impl Index {
    pub(crate) fn new(store: Store, node: String, clock: Clock) -> Self {
        Self { store, node, clock }
    }

    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.store.begin().await
    }

    /// Takes what was deleted out of SQLite's log too. Readers may prevent it; then the log is overwritten in time.
    pub(crate) async fn erase_log(&self) {
        if !self.store.is_postgres()
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(self.store.pool()).await
        {
            tracing::debug!(%error, "the database's log was not emptied");
        }
    }

    /// This node's state; a node that is new gets the first one.
    pub(crate) async fn node_state(&self) -> Result<NodeState, StoreError> {
        let sql = "SELECT flushed_through, next_segment FROM telemetry_nodes WHERE node = $1";
        let row = sqlx::query(sql).bind(&self.node).fetch_optional(self.store.pool()).await?;
        let Some(row) = row else {
            let sql = "INSERT INTO telemetry_nodes (node, flushed_through, next_segment) VALUES ($1, 0, 1)";
            sqlx::query(sql).bind(&self.node).execute(self.store.pool()).await?;
            return Ok(NodeState { flushed_through: 0, next_segment: 1 });
        };
        Ok(NodeState { flushed_through: number(row.try_get(0)?), next_segment: number(row.try_get(1)?) })
    }

    /// Makes the rows of node `former` this one's, which has none yet. Its segments have this node's name in their paths
    /// then.
    pub(crate) async fn take_over(&self, former: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let sql = "UPDATE telemetry_segments SET path = REPLACE(path, $1, $2) WHERE node = $3";
        let query = sqlx::query(sql).bind(format!("/{former}/")).bind(format!("/{}/", self.node));
        query.bind(former.to_owned()).execute(&mut *transaction).await?;
        for sql in [
            "UPDATE telemetry_nodes SET node = $1 WHERE node = $2",
            "UPDATE telemetry_segments SET node = $1 WHERE node = $2",
            "UPDATE telemetry_hidden SET node = $1 WHERE node = $2",
            "UPDATE telemetry_runs SET node = $1 WHERE node = $2",
            "UPDATE telemetry_totals SET node = $1 WHERE node = $2",
        ] {
            sqlx::query(sql).bind(&self.node).bind(former.to_owned()).execute(&mut *transaction).await?;
        }
        // They lie under the former name still, and are not this node's.
        let sql = "DELETE FROM telemetry_left_alone WHERE node = $1";
        sqlx::query(sql).bind(former.to_owned()).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn set_node_state(
        &self,
        transaction: &mut Transaction<'static, Any>,
        state: NodeState,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE telemetry_nodes SET flushed_through = $1, next_segment = $2 WHERE node = $3";
        let query = sqlx::query(sql).bind(signed(state.flushed_through)).bind(signed(state.next_segment));
        query.bind(&self.node).execute(&mut **transaction).await?;
        Ok(())
    }
}

/// A count as a column has it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count that was stored by [`signed`].
fn number(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}

#[cfg(test)]
mod tests;
