//! Files in object storage that this database does not know and that are not for it to remove.

use std::collections::BTreeSet;

use mizzen_store::StoreError;
use sqlx::Row as _;

use super::Index;

impl Index {
    /// Their paths.
    pub(crate) async fn left_alone(&self) -> Result<BTreeSet<String>, StoreError> {
        let rows = sqlx::query("SELECT path FROM telemetry_left_alone WHERE node = $1").bind(&self.node);
        let rows = rows.fetch_all(self.store.pool()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Remembers a file beyond the next start, which otherwise would take its number for one of those given out.
    pub(crate) async fn leave_alone(&self, path: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO telemetry_left_alone (node, path) VALUES ($1, $2) ON CONFLICT (node, path) DO NOTHING";
        sqlx::query(sql).bind(&self.node).bind(path).execute(self.store.pool()).await?;
        Ok(())
    }

    /// The file is gone.
    pub(crate) async fn forget_left_alone(&self, path: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM telemetry_left_alone WHERE node = $1 AND path = $2";
        sqlx::query(sql).bind(&self.node).bind(path).execute(self.store.pool()).await?;
        Ok(())
    }
}
