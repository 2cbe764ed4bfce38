//! A run's summary as its row has it: what the columns do not say, as JSON with short names. There is one for every
//! run, so every byte counts.

use std::borrow::Cow;

use mizzen_model::id::{Digest, RunId};
use mizzen_model::run::RunSummary;
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::runs::Sources;
use super::short;

/// The columns that [`decode`] reads, in its order.
pub(super) const COLUMNS: &str =
    "r.summary, r.run_id, r.agent, r.session, r.caller, r.started_at, r.outcome, r.sources, r.title, r.quiet_at";
/// How many they are.
pub(super) const COLUMNS_COUNT: usize = 10;

#[derive(Debug, Serialize, Deserialize)]
struct Short<'a> {
    #[serde(rename = "r")]
    revision: u32,
    /// Of a row from before the title had a column.
    #[serde(rename = "t", default, skip_serializing)]
    title: Cow<'a, str>,
    #[serde(rename = "s", default, skip_serializing_if = "short::is_default")]
    service: Option<Cow<'a, str>>,
    /// The service has the agent's name.
    #[serde(rename = "a", default, skip_serializing_if = "short::is_default")]
    is_agent: bool,
    #[serde(rename = "d")]
    duration_ns: i64,
    #[serde(rename = "x", default, skip_serializing_if = "short::is_default")]
    error_message: Option<Cow<'a, str>>,
    /// Spans, steps, model calls, tool calls, errors, unpriced calls.
    #[serde(rename = "n")]
    counts: [u32; 6],
    #[serde(rename = "u", default, with = "short::usage", skip_serializing_if = "short::is_default")]
    usage: Usage,
    #[serde(rename = "c", default, skip_serializing_if = "short::is_default")]
    cost_usd: Option<f64>,
    #[serde(rename = "m", default, skip_serializing_if = "<[_]>::is_empty")]
    models: Cow<'a, [String]>,
    #[serde(rename = "f", default, skip_serializing_if = "short::is_default")]
    confinement: Option<Cow<'a, str>>,
    #[serde(rename = "g", default, skip_serializing_if = "<[_]>::is_empty")]
    agent_digests: Cow<'a, [Digest]>,
    #[serde(rename = "e", default, skip_serializing_if = "short::is_default")]
    case: Option<Cow<'a, str>>,
    #[serde(rename = "o", default, skip_serializing_if = "short::is_default")]
    has_foreign_steps: bool,
}

/// The text of the column `summary`.
pub(super) fn encode(summary: &RunSummary) -> Result<String, serde_json::Error> {
    let text = |text: &'_ Option<String>| text.as_deref().map(|text| Cow::Owned(text.to_owned()));
    let is_agent = summary.service.is_some() && summary.service == summary.agent;
    serde_json::to_string(&Short {
        revision: summary.revision,
        title: Cow::Borrowed(""),
        service: if is_agent { None } else { text(&summary.service) },
        is_agent,
        duration_ns: summary.duration_ns,
        error_message: text(&summary.error_message),
        counts: [
            summary.spans,
            summary.steps,
            summary.model_calls,
            summary.tool_calls,
            summary.errors,
            summary.unpriced_calls,
        ],
        usage: summary.usage,
        cost_usd: summary.cost_usd,
        models: Cow::Borrowed(&summary.models),
        confinement: text(&summary.confinement),
        agent_digests: Cow::Borrowed(&summary.agent_digests),
        case: text(&summary.case),
        has_foreign_steps: summary.has_foreign_steps,
    })
}

/// The summary of a row that starts with [`COLUMNS`]. Whether it is final depends on the time.
pub(super) fn decode(row: &AnyRow, now: Timestamp) -> Result<RunSummary, sqlx::Error> {
    let text: &str = row.try_get(0)?;
    let sources = Sources::parse(row.try_get(7)?).list();
    let failed = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    let is_final = quiet_at(row)? <= now;
    if text.starts_with("{\"run_id\"") {
        // Written before summaries had short names.
        let summary: RunSummary = serde_json::from_str(text).map_err(failed)?;
        return Ok(RunSummary { is_final, sources, ..summary });
    }
    let short: Short<'_> = serde_json::from_str(text).map_err(failed)?;
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    let agent: Option<String> = row.try_get(2)?;
    let [spans, steps, model_calls, tool_calls, errors, unpriced_calls] = short.counts;
    let outcome: &str = row.try_get(6)?;
    let title: Option<String> = row.try_get(8)?;
    Ok(RunSummary {
        run_id: RunId::lossy(row.try_get(1)?),
        revision: short.revision,
        is_final,
        title: title.unwrap_or_else(|| short.title.into_owned()),
        session: row.try_get(3)?,
        caller: row.try_get(4)?,
        service: if short.is_agent { agent.clone() } else { owned(short.service) },
        agent,
        started_at: Timestamp::from_unix_nanos(row.try_get(5)?),
        duration_ns: short.duration_ns,
        outcome: outcome.parse().map_err(|error: mizzen_model::step::UnknownName| sqlx::Error::Decode(error.into()))?,
        error_message: owned(short.error_message),
        spans,
        steps,
        model_calls,
        tool_calls,
        errors,
        usage: short.usage,
        cost_usd: short.cost_usd,
        unpriced_calls,
        models: short.models.into_owned(),
        confinement: owned(short.confinement),
        sources,
        agent_digests: short.agent_digests.into_owned(),
        case: owned(short.case),
        has_foreign_steps: short.has_foreign_steps,
    })
}

pub(super) fn quiet_at(row: &AnyRow) -> Result<Timestamp, sqlx::Error> {
    row.try_get(COLUMNS_COUNT - 1).map(Timestamp::from_unix_nanos)
}
