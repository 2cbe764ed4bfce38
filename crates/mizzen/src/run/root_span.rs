//! The span of the whole run, sent by `mizzen run` itself: it knows the command, the exit code and the confinement.

use std::fmt;
use std::process::ExitStatus;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use serde_json::{Value, json};

use super::child::exit_code;
use super::{Launch, environment, otlp_nanos};
use crate::failure::Failure;
use crate::output;

/// OTLP `SPAN_KIND_INTERNAL` and the two status codes used here.
const KIND_INTERNAL: u8 = 1;
const STATUS_OK: u8 = 1;
const STATUS_ERROR: u8 = 2;

/// W3C Trace Context `traceparent` of the run, for agents that read it from their environment.
#[derive(Debug)]
pub(super) struct TraceParent {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
}

impl TraceParent {
    pub(super) fn random() -> anyhow::Result<Self> {
        let mut bytes = [0u8; 24];
        getrandom::fill(&mut bytes).context("failed to get random bytes")?;
        // All-zero ids are invalid; a set bit makes that impossible.
        bytes[0] |= 1;
        bytes[16] |= 1;
        let ids = TraceId::from_bytes(&bytes[..16]).zip(SpanId::from_bytes(&bytes[16..]));
        let (trace_id, span_id) = ids.context("random bytes are no identifiers")?;
        Ok(Self { trace_id, span_id })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace_id, self.span_id)
    }
}

pub(super) struct RootSpan<'a> {
    pub(super) launch: &'a Launch,
    pub(super) command: &'a [String],
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) end: ExitStatus,
}

/// Sends the span to the OTLP receiver with the run's own key.
pub(super) async fn send(span: &RootSpan<'_>) -> Result<(), Failure> {
    let http = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
    let said = environment::said_of_resource().unwrap_or_else(|malformed| {
        output::say(&format!("mizzen: {malformed}"));
        Vec::new()
    });
    let request = Request::post(format!("{}/v1/traces", span.launch.otlp_http))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", span.launch.key.expose()))
        .body(Full::new(Bytes::from(export_request(span, &said).to_string())))
        .context("the OTLP address is not one")?;
    let response = http.send(request).await.context("failed to send the run's root span")?;
    if !response.status().is_success() {
        return Err(Failure::no(format!("the run's root span was refused with {}", response.status())));
    }
    Ok(())
}

/// `said` is what the person says of the run; what is known of it wins.
fn export_request(span: &RootSpan<'_>, said: &[(String, String)]) -> Value {
    let code = exit_code(span.end);
    let (status, message) =
        if code == 0 { (STATUS_OK, String::new()) } else { (STATUS_ERROR, format!("exit code {code}")) };
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let mut known = vec![("service.name", span.launch.agent.clone())];
    known.extend(environment::known(span.launch));
    // Whose evidence this is, nobody says for the server.
    let is_known = |name: &str| name == "mizzen.agent.digest" || known.iter().any(|(known, _)| *known == name);
    let said = said.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !is_known(name));
    let resource: Vec<Value> =
        known.iter().map(|(name, value)| (*name, value)).chain(said).map(|(name, value)| text(name, value)).collect();
    let attributes = [
        text("gen_ai.operation.name", "invoke_agent"),
        text("gen_ai.agent.name", &span.launch.agent),
        text("process.command", span.command.first().map_or("", String::as_str)),
        json!({ "key": "process.exit.code", "value": { "intValue": code.to_string() } }),
        // Arguments may carry secrets: how many there were is enough.
        json!({ "key": "process.args_count", "value": { "intValue": span.command.len().to_string() } }),
        text("mizzen.confinement", "unconfined"),
    ];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "mizzen.run", "version": env!("CARGO_PKG_VERSION") },
            "spans": [{
                "traceId": span.launch.trace_parent.trace_id,
                "spanId": span.launch.trace_parent.span_id,
                "name": format!("invoke_agent {}", span.launch.agent),
                "kind": KIND_INTERNAL,
                "startTimeUnixNano": otlp_nanos(span.started_at),
                "endTimeUnixNano": otlp_nanos(span.ended_at),
                "attributes": attributes,
                "status": { "code": status, "message": message },
            }],
        }],
    }] })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use mizzen_model::time::Timestamp;

    use super::{RootSpan, TraceParent, export_request};
    use crate::run::Launch;
    use crate::run::testing::launch;

    /// The attributes of the span's resource.
    fn told(launch: &Launch, said: &[(String, String)]) -> Vec<String> {
        let at = Timestamp::default();
        let span = RootSpan { launch, command: &[], started_at: at, ended_at: at, end: ExitStatus::from_raw(0) };
        let request = export_request(&span, said);
        let attributes = request["resourceSpans"][0]["resource"]["attributes"].as_array().unwrap();
        attributes
            .iter()
            .map(|pair| format!("{}={}", pair["key"].as_str().unwrap(), pair["value"]["stringValue"].as_str().unwrap()))
            .collect()
    }

    #[test]
    fn the_run_carries_what_a_person_says_of_it_but_not_over_what_is_known() {
        let said =
            [("mizzen.evaluation.case", "a"), ("mizzen.run.id", "other"), ("mizzen.agent.digest", "sha256:other")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(told(&launch(), &said), ["service.name=helm", "mizzen.run.id=run-1", "mizzen.evaluation.case=a"]);
    }

    #[test]
    fn the_case_that_is_asked_for_wins_over_the_environments() {
        let launch = Launch { case: Some("b".into()), ..launch() };
        let said = [("mizzen.evaluation.case".to_owned(), "a".to_owned())];
        assert_eq!(told(&launch, &said), ["service.name=helm", "mizzen.run.id=run-1", "mizzen.evaluation.case=b"]);
    }

    #[test]
    fn a_traceparent_has_the_form_of_the_specification() {
        let text = TraceParent::random().unwrap().to_string();
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(lengths, [2, 32, 16, 2], "{text}");
    }
}
