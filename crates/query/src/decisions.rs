//! Decisions as a table: the `mizzen.decision` events among the log records, which only Mizzen's own doors can write.
//!
//! An event that was written twice is the same row twice and shows once.

use datafusion::common::Result;
use datafusion::prelude::SessionContext;

/// The log records that the table is made of; no statement can name them so.
pub(crate) const EVENTS: &str = "decision_events";

const VIEW: &str = r#"
SELECT DISTINCT
    attr(attributes, 'mizzen.decision.id') AS decision_id,
    at,
    run_id,
    trace_id,
    span_id,
    attr(attributes, 'gen_ai.agent.name') AS agent,
    attr(attributes, 'mizzen.decision.caller') AS caller,
    attr(attributes, 'mizzen.decision.agent_digest') AS agent_digest,
    attr(attributes, 'mizzen.decision.action') AS action,
    attr(attributes, 'mizzen.decision.resource') AS resource,
    attr(attributes, 'gen_ai.tool.name') AS tool,
    attr(attributes, 'mizzen.decision.server') AS server,
    attr(attributes, 'mizzen.decision.effect') AS effect,
    attr(attributes, 'mizzen.decision.mode') AS mode,
    attr(attributes, 'mizzen.decision.enforced') = 'true' AS enforced,
    attr(attributes, 'mizzen.decision.code') AS code,
    attr(attributes, 'mizzen.decision.policies') AS policies,
    attr(attributes, 'mizzen.decision.reason') AS reason,
    attr(attributes, 'mizzen.decision.policy_set') AS policy_set,
    attr(attributes, 'mizzen.decision.approval') AS approval,
    attr(attributes, 'mizzen.decision.tool.digest') AS tool_digest,
    attr(attributes, 'mizzen.decision.taint.private_data') = 'true' AS private_data,
    attr(attributes, 'mizzen.decision.taint.untrusted_content') = 'true' AS untrusted_content,
    attr(attributes, 'mizzen.decision.taint.outside_reached') = 'true' AS outside_reached,
    attr(attributes, 'mizzen.decision.evidence') AS evidence,
    attr(attributes, 'gen_ai.tool.call.arguments') AS arguments,
    attr(attributes, 'mizzen.decision.arguments_hash') AS arguments_hash
FROM "decision_events"
WHERE event_name = 'mizzen.decision'
"#;

/// Adds the table `decisions` to a session that has the [`EVENTS`].
pub(crate) async fn register(session: &SessionContext) -> Result<()> {
    let decisions = session.sql(VIEW).await?.into_view();
    session.register_table("decisions", decisions)?;
    Ok(())
}
