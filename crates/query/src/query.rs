//! One statement in, rows out, within stated limits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::TryStreamExt as _;
use mizzen_telemetry::{SegmentFile, Telemetry};
use object_store::ObjectStore;
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer;
use crate::error::QueryError;
use crate::guard::{self, Admitted};
use crate::tables::Opened;
use crate::{decisions, growth, scores, session, tables};

pub use crate::answer::AnswerColumn;

/// The tables there are.
pub const TABLES: [&str; 7] = ["runs", "steps", "spans", "logs", "metrics", "scores", "decisions"];

/// Threads that queries run on: never those that serve ingest and the portal.
const THREADS: usize = 2;
/// Of each of them: statements are planned by recursion, and may be as deep as their parser lets them.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Reads of files at once, of all queries together.
const BLOCKING_THREADS: usize = 4;
/// Queries that run at once; more wait, within their time.
const QUERIES_AT_ONCE: usize = 4;

/// Bounds of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryLimits {
    /// Memory of all running queries together, in bytes; live rows and the answer are not part of it.
    pub memory_bytes: usize,
    /// From the question to the last row, waiting for other queries included.
    pub time: Duration,
    /// Rows of an answer; what is more is left out and said so.
    pub rows: usize,
    /// Size of an answer; what is more is left out and said so.
    pub answer_bytes: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * 1024 * 1024,
            time: Duration::from_secs(30),
            rows: 10_000,
            answer_bytes: 16 * 1024 * 1024,
        }
    }
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryResult {
    pub columns: Vec<AnswerColumn>,
    /// One value for each column: text, number, boolean, null; times as RFC 3339 in UTC; lists and objects.
    pub rows: Vec<Vec<Value>>,
    /// Rows were left out because of [`QueryLimits::rows`] or [`QueryLimits::answer_bytes`].
    pub truncated: bool,
    pub elapsed_ms: f64,
}

/// Answers SQL over everything that telemetry keeps. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Query {
    telemetry: Telemetry,
    engine: Arc<Engine>,
}

impl Query {
    /// `objects` is where `telemetry` keeps its segments.
    ///
    /// # Errors
    /// When threads for queries cannot be started.
    pub fn new(telemetry: Telemetry, objects: Arc<dyn ObjectStore>, limits: QueryLimits) -> Result<Self, QueryError> {
        Ok(Self { telemetry, engine: Arc::new(Engine::new(objects, limits)?) })
    }

    /// Runs one `SELECT`, `WITH`, `VALUES` or `EXPLAIN` statement over [`TABLES`]. Dropping the future cancels it.
    ///
    /// # Errors
    /// When the statement is not one of these, is mistaken, comes to a limit, or needs a segment that is lost.
    pub async fn run(&self, sql: &str) -> Result<QueryResult, QueryError> {
        let admitted = guard::admit(sql, &TABLES)?;
        let Opened { tables, segments } = tables::open(&self.telemetry, &admitted.tables).await?;
        match self.engine.run(admitted, tables).await {
            Err(error @ (QueryError::Storage(_) | QueryError::Engine(_))) => {
                let files: Vec<&SegmentFile> = segments.iter().flat_map(|of_signal| of_signal.iter()).collect();
                Err(self.telemetry.find_lost(&files).await.map_or(error, QueryError::lost))
            }
            answer => answer,
        }
    }
}

/// Runs admitted statements over tables it is given.
#[derive(Debug)]
pub(crate) struct Engine {
    environment: Arc<RuntimeEnv>,
    limits: QueryLimits,
    permits: Arc<Semaphore>,
    threads: Threads,
}

impl Engine {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, limits: QueryLimits) -> Result<Self, QueryError> {
        let environment = session::environment(objects, &limits)
            .map_err(|error| QueryError::from_engine(error, limits.memory_bytes))?;
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| QueryError::Engine(Box::new(error)))?;
        let permits = Arc::new(Semaphore::new(QUERIES_AT_ONCE));
        Ok(Self { environment, limits, permits, threads: Threads(Some(threads)) })
    }

    /// Runs `admitted` over `tables`. Dropping the future cancels the query.
    pub(crate) async fn run(
        &self,
        admitted: Admitted,
        tables: HashMap<&'static str, Arc<dyn TableProvider>>,
    ) -> Result<QueryResult, QueryError> {
        let started = Instant::now();
        let late = || QueryError::Time { limit: self.limits.time };
        let permit = tokio::time::timeout(self.limits.time, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| late())?.map_err(|error| QueryError::Engine(Box::new(error)))?;
        let work = work(self.environment.clone(), self.limits.clone(), admitted, tables, permit);
        // A set of one: dropping it, when the time is over or the caller has gone, aborts the query.
        let mut running = JoinSet::new();
        if let Some(threads) = &self.threads.0 {
            running.spawn_on(work, threads.handle());
        }
        let left = self.limits.time.saturating_sub(started.elapsed());
        let done = tokio::time::timeout(left, running.join_next()).await.map_err(|_| late())?;
        let mut result = match done {
            Some(Ok(result)) => result?,
            Some(Err(failed)) => return Err(QueryError::Engine(Box::new(failed))),
            None => return Err(QueryError::Engine("no thread runs queries".into())),
        };
        result.elapsed_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(result)
    }

    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.threads.0.as_ref().map_or(0, |threads| threads.handle().metrics().num_alive_tasks())
    }
}

/// The permit is held until the work has really ended, which for a cancelled query is a moment later.
async fn work(
    environment: Arc<RuntimeEnv>,
    limits: QueryLimits,
    admitted: Admitted,
    tables: HashMap<&'static str, Arc<dyn TableProvider>>,
    _permit: OwnedSemaphorePermit,
) -> Result<QueryResult, QueryError> {
    let memory_bytes = limits.memory_bytes;
    answer(environment, limits, admitted, tables).await.map_err(|error| QueryError::from_engine(error, memory_bytes))
}

async fn answer(
    environment: Arc<RuntimeEnv>,
    limits: QueryLimits,
    admitted: Admitted,
    tables: HashMap<&'static str, Arc<dyn TableProvider>>,
) -> Result<QueryResult, DataFusionError> {
    let has_scores = tables.contains_key(scores::EVENTS);
    let has_decisions = tables.contains_key(decisions::EVENTS);
    let session = session::session(environment, tables)?;
    if has_scores {
        scores::register(&session).await?;
    }
    if has_decisions {
        decisions::register(&session).await?;
    }
    let mut plan = session.state().statement_to_plan(admitted.statement).await?;
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(&plan)?;
    growth::check(&plan)?;
    if !admitted.is_explain {
        // One more than is shown tells whether there are more, and lets a sort keep that many only.
        plan = LogicalPlanBuilder::from(plan).limit(0, Some(limits.rows.saturating_add(1)))?.build()?;
    }
    let mut batches = session.execute_logical_plan(plan).await?.execute_stream().await?;
    let columns = answer::columns(&batches.schema());
    let (mut rows, mut bytes, mut truncated) = (Vec::new(), 0, false);
    'batches: while let Some(batch) = batches.try_next().await? {
        for row in answer::rows(&batch)? {
            bytes += answer::row_bytes(&row);
            truncated = rows.len() == limits.rows || bytes > limits.answer_bytes;
            if truncated {
                break 'batches;
            }
            rows.push(row);
        }
    }
    Ok(QueryResult { columns, rows, truncated, elapsed_ms: 0.0 })
}

/// A runtime may not be dropped where waiting is not allowed, so it is left to end by itself.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
