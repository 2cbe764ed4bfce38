mod limits;
mod lost;
mod naive;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use object_store::ObjectStore;
use serde_json::Value;

use super::{Engine, QueryLimits, QueryResult};
use crate::error::QueryError;
use crate::segments::{SegmentTable, Stored};
use crate::{guard, runs};
use stored::Store;

/// An engine over what a test stored.
struct Asked {
    engine: Engine,
    stored: Stored,
}

impl Asked {
    fn of(store: &Store, limits: QueryLimits) -> Self {
        let objects: Arc<dyn ObjectStore> = store.objects.clone();
        Self { engine: Engine::new(objects, limits).unwrap(), stored: store.stored.clone() }
    }

    async fn run(&self, sql: &str) -> Result<QueryResult, QueryError> {
        let admitted = guard::admit(sql, &["runs", "spans", "steps"])?;
        let spans = SegmentTable::all(self.stored.clone()).unwrap();
        let steps = SegmentTable::steps(self.stored.clone()).unwrap();
        let runs = runs::table(Arc::new(|_| Box::pin(async { Ok((Vec::new(), None)) }))).unwrap();
        let tables: HashMap<&'static str, Arc<dyn TableProvider>> =
            HashMap::from([("spans", Arc::new(spans) as _), ("steps", Arc::new(steps) as _), ("runs", runs)]);
        self.engine.run(admitted, tables).await
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        self.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}: {error:?}")).rows
    }
}

/// A runtime for a test; the engine has its own.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bounded = async { tokio::time::timeout(Duration::from_secs(60), future).await };
    runtime.block_on(bounded).expect("a minute is enough")
}
