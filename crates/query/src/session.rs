//! The query engine, set up so that a query reaches tables and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;

use crate::functions;
use crate::query::QueryLimits;

/// Where the object store is registered; no name of a file or URL leads here.
pub(crate) const STORE_URL: &str = "mizzen://segments";
/// Streams of one query.
const PARTITIONS: usize = 2;
/// Rows that operators hand on at once.
const BATCH_ROWS: usize = 8_192;
/// Footers and page indices that are kept between queries.
const METADATA_CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Functions that make much of little: one call in a `SELECT` could allocate gigabytes before any limit is
/// looked at. The rest tell of the files below.
const WITHHELD: [&str; 13] = [
    "repeat",
    "lpad",
    "rpad",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "range",
    "generate_series",
    "factorial",
    "input_file_name",
    "file_row_index",
    "version",
];

/// What all queries share: the memory they may use together, and the object store.
pub(crate) fn environment(store: Arc<dyn ObjectStore>, limits: &QueryLimits) -> Result<Arc<RuntimeEnv>> {
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .with_metadata_cache_limit(METADATA_CACHE_BYTES)
        .build_arc()?;
    let url = STORE_URL.parse().map_err(|error| DataFusionError::External(Box::new(error)))?;
    environment.register_object_store(&url, store);
    Ok(environment)
}

/// Lets cross joins yield after each batch. They take from memory what they join, and with nothing to wait for they
/// would go on in one poll for as long as what is above them keeps no row: a cancelled query would never end.
#[derive(Debug)]
struct YieldingJoins;

impl PhysicalOptimizerRule for YieldingJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let yielding = plan.transform_up(|plan| {
            let is_join = matches!(plan.name(), "CrossJoinExec" | "NestedLoopJoinExec");
            Ok(if is_join {
                Transformed::yes(Arc::new(CooperativeExec::new(plan)) as _)
            } else {
                Transformed::no(plan)
            })
        })?;
        Ok(yielding.data)
    }

    fn name(&self) -> &str {
        "yielding_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A session over `tables`, for one query.
pub(crate) fn session(
    environment: Arc<RuntimeEnv>,
    tables: HashMap<&'static str, Arc<dyn TableProvider>>,
) -> Result<SessionContext> {
    let mut config = SessionConfig::new()
        .with_target_partitions(PARTITIONS)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false);
    let options = config.options_mut();
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    // It sets a limit also where a condition on one value leaves the groups in order, and the stream for those then fails:
    // `SELECT DISTINCT … WHERE a = 'x' LIMIT 1`.
    options.optimizer.enable_distinct_aggregation_soft_limit = false;
    options.execution.time_zone = Some("UTC".to_owned());
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .with_default_features()
        .with_physical_optimizer_rule(Arc::new(YieldingJoins))
        .build();
    let context = SessionContext::new_with_state(state);
    for name in WITHHELD {
        context.deregister_udf(name);
        context.deregister_udtf(name);
    }
    for function in functions::all() {
        context.register_udf(function.as_ref().clone());
    }
    for (name, table) in tables {
        context.register_table(name, table)?;
    }
    Ok(context)
}
