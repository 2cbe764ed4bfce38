//! The segment table: a segment exists when it has a row here, whatever lies in object storage.

use std::collections::BTreeMap;
use std::sync::Arc;

use mizzen_store::StoreError;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Index, number, signed};
use crate::engine::segment::{Segment, Signal};
use crate::engine::view::Hidden;

impl Index {
    /// This node's segments in order of their ids, and what is hidden in them.
    pub(crate) async fn segments(&self) -> Result<(Vec<Arc<Segment>>, Hidden), StoreError> {
        let sql = "SELECT id, signal, path, bytes, row_count, level, min_at, max_at, received_min, received_max
            FROM telemetry_segments WHERE node = $1 ORDER BY id";
        let rows = sqlx::query(sql).bind(&self.node).fetch_all(self.store.pool()).await?;
        let segments = rows.iter().map(|row| decode(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let sql = "SELECT segment_id, run_id FROM telemetry_hidden WHERE node = $1";
        let rows = sqlx::query(sql).bind(&self.node).fetch_all(self.store.pool()).await?;
        let mut hidden = Hidden::default();
        for row in rows {
            hidden.insert(number(row.try_get(0)?), row.try_get(1)?);
        }
        Ok((segments, hidden))
    }

    /// The other nodes that have segments in this database, with how many: their data folders are elsewhere.
    pub(crate) async fn others_segments(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let sql = "SELECT node, COUNT(*) FROM telemetry_segments WHERE node <> $1 GROUP BY node";
        let rows = sqlx::query(sql).bind(&self.node).fetch_all(self.store.pool()).await?;
        let others = rows.iter().map(|row| Ok((row.try_get(0)?, number(row.try_get(1)?))));
        Ok(others.collect::<Result<_, sqlx::Error>>()?)
    }

    pub(crate) async fn add_segment(
        &self,
        transaction: &mut Transaction<'static, Any>,
        segment: &Segment,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO telemetry_segments
            (node, id, signal, path, bytes, row_count, level, min_at, max_at, received_min, received_max)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        sqlx::query(sql)
            .bind(&self.node)
            .bind(signed(segment.id))
            .bind(segment.signal.as_str())
            .bind(&segment.path)
            .bind(signed(segment.bytes))
            .bind(signed(segment.rows))
            .bind(i64::from(segment.level))
            .bind(segment.min_at)
            .bind(segment.max_at)
            .bind(segment.received_min)
            .bind(segment.received_max)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    /// Removes the row of a segment and what was hidden in it.
    pub(crate) async fn remove_segment(
        &self,
        transaction: &mut Transaction<'static, Any>,
        id: u64,
    ) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM telemetry_segments WHERE node = $1 AND id = $2",
            "DELETE FROM telemetry_hidden WHERE node = $1 AND segment_id = $2",
        ] {
            sqlx::query(sql).bind(&self.node).bind(signed(id)).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Hides a run in a segment.
    pub(crate) async fn hide(
        &self,
        transaction: &mut Transaction<'static, Any>,
        segment_id: u64,
        run_id: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO telemetry_hidden (node, segment_id, run_id) VALUES ($1, $2, $3)
            ON CONFLICT (node, segment_id, run_id) DO NOTHING";
        let query = sqlx::query(sql).bind(&self.node).bind(signed(segment_id)).bind(run_id.to_owned());
        query.execute(&mut **transaction).await?;
        Ok(())
    }
}

fn decode(row: &AnyRow) -> Result<Segment, sqlx::Error> {
    let signal: String = row.try_get(1)?;
    let signal = Signal::from_name(&signal);
    Ok(Segment {
        id: number(row.try_get(0)?),
        signal: signal.ok_or_else(|| sqlx::Error::Decode("unknown signal of a segment".into()))?,
        path: row.try_get(2)?,
        bytes: number(row.try_get(3)?),
        rows: number(row.try_get(4)?),
        level: u32::try_from(row.try_get::<i64, _>(5)?).unwrap_or_default(),
        min_at: row.try_get(6)?,
        max_at: row.try_get(7)?,
        received_min: row.try_get(8)?,
        received_max: row.try_get(9)?,
    })
}
