//! What agents already read: the environment variables of the SDKs they are written with.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Launch;

const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// The rest of a value stays as it is, also for exporters that do not decode.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b':').remove(b'-').remove(b'_').remove(b'.').remove(b'/');

/// Of each kind of telemetry there are settings that win over the common ones: what they name would get our key.
const OTLP_SIGNALS: [&str; 4] = ["TRACES", "LOGS", "METRICS", "PROFILES"];
const OTLP_SETTINGS: [&str; 7] =
    ["ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "INSECURE"];

/// Variables that the agent's process does not inherit.
pub(super) fn removed() -> Vec<String> {
    let of_signal = |signal| OTLP_SETTINGS.map(|setting| format!("OTEL_EXPORTER_OTLP_{signal}_{setting}"));
    let mut names: Vec<String> = OTLP_SIGNALS.into_iter().flat_map(of_signal).collect();
    // The administrator's token is for whoever starts the agent, not for the agent.
    names.push("MIZZEN_TOKEN".to_owned());
    names
}

/// Variables to set for the agent's process. Resource attributes that the person set stay, ours are added.
pub(super) fn variables(launch: &Launch) -> Vec<(String, String)> {
    let key = launch.key.expose();
    let mut variables: Vec<(String, String)> = [
        ("OPENAI_BASE_URL", format!("{}/v1", launch.url)),
        // The name that openai-python before 1.0 and several frameworks read.
        ("OPENAI_API_BASE", format!("{}/v1", launch.url)),
        ("OPENAI_API_KEY", key.to_owned()),
        ("ANTHROPIC_BASE_URL", format!("{}/anthropic", launch.url)),
        ("ANTHROPIC_API_KEY", key.to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", launch.otlp_http.clone()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
        // Values of this variable are percent-encoded (OpenTelemetry, OTLP exporter configuration).
        ("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer%20{key}")),
        ("MIZZEN_MCP_URL", format!("{}/mcp", launch.url)),
        ("MIZZEN_RUN_ID", launch.run_id.clone()),
        ("TRACEPARENT", launch.trace_parent.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    variables.push((RESOURCE_ATTRIBUTES.to_owned(), resource_attributes(launch, inherited(RESOURCE_ATTRIBUTES))));
    for name in ["NO_PROXY", "no_proxy"] {
        let existing = inherited(name).or_else(|| inherited("no_proxy")).or_else(|| inherited("NO_PROXY"));
        variables.push((name.to_owned(), without_proxy(launch, existing)));
    }
    for (name, value) in
        [("OTEL_SERVICE_NAME", launch.agent.as_str()), ("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")]
    {
        if inherited(name).is_none() {
            variables.push((name.to_owned(), value.to_owned()));
        }
    }
    variables
}

fn resource_attributes(launch: &Launch, existing: Option<String>) -> String {
    let ours = known(launch).into_iter().map(|(name, value)| format!("{name}={}", encoded(&value)));
    existing.filter(|text| !text.is_empty()).into_iter().chain(ours).collect::<Vec<_>>().join(",")
}

/// Resource attributes of everything that belongs to the run: they win over what a person says.
pub(super) fn known(launch: &Launch) -> Vec<(&'static str, String)> {
    let digest = launch.agent_digest.as_ref().map(|digest| ("mizzen.agent.digest", digest.to_string()));
    let case = launch.case.as_ref().map(|case| ("mizzen.evaluation.case", case.clone()));
    [Some(("mizzen.run.id", launch.run_id.clone())), digest, case].into_iter().flatten().collect()
}

fn encoded(value: &str) -> impl fmt::Display {
    utf8_percent_encode(value, RESERVED)
}

/// What the person says of everything that the agent reports, such as the case of an eval set.
///
/// # Errors
/// When it cannot be read: OpenTelemetry then asks to discard all of it, and to say so.
pub(super) fn said_of_resource() -> Result<Vec<(String, String)>, Malformed> {
    inherited(RESOURCE_ATTRIBUTES).map_or(Ok(Vec::new()), |text| decode(&text))
}

/// A resource attribute without a name or a value, or that is no text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{RESOURCE_ATTRIBUTES}` is left out of the run's own span: `{0}` is not `name=value`, percent-encoded")]
pub(super) struct Malformed(String);

/// `name=value` pairs between commas, percent-encoded (OpenTelemetry, resource SDK, "Specifying resource information via an
/// environment variable").
fn decode(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs.map(|pair| decode_pair(pair).ok_or_else(|| Malformed(pair.to_owned()))).collect()
}

fn decode_pair(pair: &str) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text.trim()).decode_utf8().map(String::from).ok();
    let (name, value) = pair.split_once('=')?;
    Some((decoded(name).filter(|name| !name.is_empty())?, decoded(value)?))
}

/// A proxy would see the key and everything that the agent asks, and most cannot reach the server.
fn without_proxy(launch: &Launch, existing: Option<String>) -> String {
    let mut hosts: Vec<String> = existing.into_iter().filter(|hosts| !hosts.is_empty()).collect();
    for url in [&launch.url, &launch.otlp_http] {
        let host = url::Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()));
        hosts.extend(host.filter(|host| !hosts.contains(host)));
    }
    hosts.join(",")
}

fn inherited(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::{Malformed, decode, removed, resource_attributes, variables, without_proxy};
    use crate::run::{Launch, testing::launch};

    #[test]
    fn model_calls_and_telemetry_point_at_mizzen() {
        let variables = variables(&launch());
        let value = |name: &str| variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!(value("OPENAI_BASE_URL"), Some("http://127.0.0.1:7600/v1"));
        assert_eq!(value("ANTHROPIC_BASE_URL"), Some("http://127.0.0.1:7600/anthropic"));
        assert_eq!(value("OTEL_EXPORTER_OTLP_HEADERS"), Some("authorization=Bearer%20mzk_secret"));
    }

    #[test]
    fn nothing_that_names_another_receiver_is_inherited() {
        let removed = removed();
        for name in ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "MIZZEN_TOKEN"] {
            assert!(removed.iter().any(|removed| removed == name), "{name}");
        }
        assert!(variables(&launch()).iter().all(|(name, _)| !removed.contains(name)));
    }

    #[test]
    fn no_proxy_stands_between_the_agent_and_the_server() {
        let launch = Launch { otlp_http: "http://[::1]:4318".into(), ..launch() };
        assert_eq!(without_proxy(&launch, None), "127.0.0.1,::1");
        assert_eq!(without_proxy(&launch, Some("internal.example".into())), "internal.example,127.0.0.1,::1");
    }

    #[test]
    fn what_a_person_set_stays() {
        assert_eq!(resource_attributes(&launch(), Some("team=a".into())), "team=a,mizzen.run.id=run-1");
        assert_eq!(resource_attributes(&launch(), None), "mizzen.run.id=run-1");
    }

    #[test]
    fn the_case_goes_with_everything_that_the_agent_reports() {
        let launch = Launch { case: Some("refund, 1=ü".into()), ..launch() };
        let attributes = resource_attributes(&launch, None);
        assert_eq!(attributes, "mizzen.run.id=run-1,mizzen.evaluation.case=refund%2C%201%3D%C3%BC");
        assert_eq!(decode(&attributes).unwrap()[1], ("mizzen.evaluation.case".into(), "refund, 1=ü".into()));
    }

    #[test]
    fn what_a_person_says_of_a_run_is_decoded_as_opentelemetry_has_it() {
        let pairs = |text: &str| decode(text).map(|pairs| pairs.into_iter().map(|(n, v)| format!("{n}|{v}")).collect());
        let read: Result<Vec<String>, Malformed> = pairs("mizzen.evaluation.case=a%2Cb%3D1+2, team = x ,");
        assert_eq!(read.unwrap(), ["mizzen.evaluation.case|a,b=1+2", "team|x"]);
        for malformed in ["team", "=x", "team=%ff"] {
            assert_eq!(pairs(&format!("a=b,{malformed}")), Err(Malformed(malformed.to_owned())));
        }
    }

    #[test]
    fn the_agents_digest_goes_with_everything_that_it_reports() {
        let digest = mizzen_model::id::Digest::of(b"agent");
        let launch = Launch { agent_digest: Some(digest.clone()), ..launch() };
        assert_eq!(resource_attributes(&launch, None), format!("mizzen.run.id=run-1,mizzen.agent.digest={digest}"));
    }
}
