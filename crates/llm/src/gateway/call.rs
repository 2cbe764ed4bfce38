//! Calling an upstream: timeouts, and retries as long as no byte of an answer was handed on.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use mizzen_runtime::client::ClientError;
use tokio::time::{Instant, timeout_at};

use super::Inner;
use super::config::{Retries, Timeouts};
use super::recording::Recording;
use super::refusal::{Reason, Refusal};
use super::trace::random;
use crate::routing::Upstream;

/// Waited before the first further attempt; doubled for each after it.
const BACKOFF: Duration = Duration::from_millis(200);

/// A request that can be sent again: its body is in memory.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Outbound {
    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Sends `outbound` and returns the head of the answer, whatever its status, when trying again is no use.
pub(super) async fn send(
    gateway: &Inner,
    upstream: &Upstream,
    outbound: &Outbound,
    deadline: Instant,
    recording: &mut Recording,
) -> Result<Response<Incoming>, Refusal> {
    let timeouts = gateway.config.timeouts;
    let mut attempt = 0;
    loop {
        let head_by = deadline.min(Instant::now() + timeouts.first_byte());
        let answered = timeout_at(head_by, gateway.client.send(outbound.request())).await;
        let wait = match &answered {
            Ok(outcome) => pause(outcome, attempt, gateway.config.retries),
            Err(_) => None,
        };
        match (wait, answered) {
            (Some(wait), _) if Instant::now() + wait < deadline => {
                attempt += 1;
                recording.note(|copy| copy.retries = attempt);
                gateway.metrics.retries.inc();
                tokio::time::sleep(wait).await;
            }
            (_, Ok(Ok(response))) => return Ok(response),
            (_, Ok(Err(error))) => return Err(unreachable(upstream, &error)),
            (_, Err(_)) => return Err(late(upstream, timeouts, head_by == deadline)),
        }
    }
}

/// How long to wait before trying again, `attempt` times after the first; `None` when the outcome stands.
fn pause(outcome: &Result<Response<Incoming>, ClientError>, attempt: u32, retries: Retries) -> Option<Duration> {
    if attempt + 1 >= retries.attempts_max {
        return None;
    }
    let backoff = BACKOFF * 2u32.saturating_pow(attempt);
    // Up to half as much again, so that many callers do not come back at once.
    let backoff = backoff + backoff.mul_f64(f64::from(u16::try_from(random() >> 48).unwrap_or(0)) / 131_072.0);
    let wait = match outcome {
        Err(error) => error.nothing_was_sent().then_some(backoff),
        Ok(response) => {
            let asked = retry_after(response.headers());
            match response.status() {
                _ if response.headers().get("x-should-retry").is_some_and(|value| value == "false") => None,
                // Without a stated wait a rate limit is the client's to pace.
                StatusCode::TOO_MANY_REQUESTS => asked,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                    Some(asked.unwrap_or(backoff))
                }
                _ => None,
            }
        }
    };
    wait.filter(|wait| *wait <= Duration::from_secs(retries.wait_seconds_max))
}

/// RFC 9110, section 10.2.3, in seconds; a date is as good as no answer. Providers also send milliseconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn unreachable(upstream: &Upstream, error: &ClientError) -> Refusal {
    let name = &upstream.name;
    let at = format!("{}:{}", upstream.host, upstream.port);
    match error {
        ClientError::Exchange { .. } => Refusal::new(
            Reason::Broken,
            format!("upstream `{name}` at {at} closed the connection before it answered; try again"),
        ),
        ClientError::Connect { .. } | ClientError::NoHost => Refusal::new(
            Reason::Unreachable,
            format!("cannot connect to upstream `{name}` at {at}; check that it runs and that its base_url is right"),
        ),
    }
}

fn late(upstream: &Upstream, timeouts: Timeouts, took_all: bool) -> Refusal {
    let (seconds, limit) = match took_all {
        true => (timeouts.total_seconds, "timeouts.total_seconds"),
        false => (timeouts.first_byte_seconds, "timeouts.first_byte_seconds"),
    };
    let name = &upstream.name;
    Refusal::new(
        Reason::TimedOut,
        format!(
            "upstream `{name}` did not begin to answer within {seconds} s (`{limit}`); try again, or stream the answer"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::retry_after;

    #[test]
    fn the_wait_is_read_in_seconds_or_milliseconds_and_a_date_is_not() {
        let of = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(of("retry-after-ms", "150"), Some(Duration::from_millis(150)));
        for value in ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "NaN", "inf"] {
            assert_eq!(of("retry-after", value), None, "{value}");
        }
    }
}
