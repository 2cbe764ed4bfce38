//! Scores as a table: the `gen_ai.evaluation.result` events among the log records, whoever sent them.
//!
//! An event that was sent twice is the same row twice and shows once.

use datafusion::common::Result;
use datafusion::prelude::SessionContext;

/// The log records that the table is made of; no statement can name them so.
pub(crate) const EVENTS: &str = "score_events";

/// `case` is a word of SQL: it is written `"case"`.
const VIEW: &str = r#"
SELECT DISTINCT
    attr(attributes, 'gen_ai.evaluation.name') AS evaluator,
    attr(attributes, 'gen_ai.evaluation.evaluator.version') AS evaluator_version,
    attr(attributes, 'mizzen.evaluation.evaluator.digest') AS evaluator_digest,
    attr(attributes, 'mizzen.evaluation.case') AS "case",
    run_id,
    CAST(attr_number(attributes, 'mizzen.evaluation.revision') AS BIGINT) AS revision,
    attr_number(attributes, 'gen_ai.evaluation.score.value') AS score,
    attr(attributes, 'gen_ai.evaluation.score.label') AS verdict,
    CASE
        WHEN attr(attributes, 'error.type') IS NULL THEN 'scored'
        WHEN attr(attributes, 'error.type') = 'not_evaluated' THEN 'not_evaluated'
        ELSE 'failed'
    END AS status,
    attr(attributes, 'gen_ai.evaluation.explanation') AS explanation,
    attr(attributes, 'mizzen.evaluation.unit') AS unit,
    attr(attributes, 'mizzen.evaluation.experiment') AS experiment,
    json_at(scope, '/name') AS source,
    at,
    trace_id,
    span_id
FROM "score_events"
WHERE event_name = 'gen_ai.evaluation.result' AND attr(attributes, 'gen_ai.evaluation.name') IS NOT NULL
"#;

/// Adds the table `scores` to a session that has the [`EVENTS`].
pub(crate) async fn register(session: &SessionContext) -> Result<()> {
    let scores = session.sql(VIEW).await?.into_view();
    session.register_table("scores", scores)?;
    Ok(())
}
