//! Documents from an address: read by whoever runs the command, within limits.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use url::{Origin, Url};

use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 5;

/// What was read from an address.
pub(super) struct Page {
    /// The address that was asked for, without what is secret in it.
    pub(super) name: String,
    /// Where redirects led.
    pub(super) url: Url,
    pub(super) text: String,
}

/// The text behind an address.
pub(super) async fn page(address: &str, bytes_max: usize) -> Result<Page, Failure> {
    let url = parse(address)?;
    let name = shown(&url);
    let (url, text) =
        read(url, None, bytes_max).await.with_context(|| format!("failed to read {name}")).map_err(Failure::Usage)?;
    Ok(Page { name, url, text })
}

/// A text of the same site, by its path relative to `base`.
///
/// # Errors
/// When it leads to another scheme, host or port, now or by a redirect, or cannot be read.
pub(super) async fn beside(base: &Url, target: &str, bytes_max: usize) -> anyhow::Result<String> {
    let url = base.join(target).context("it is no address")?;
    if !is_web(&url) || url.origin() != base.origin() {
        return Err(anyhow!("only addresses of the document's own scheme, host and port are read"));
    }
    read(url, Some(base.origin()), bytes_max).await.map(|(_, text)| text)
}

/// With an origin, no other one is asked for anything.
async fn read(url: Url, within: Option<Origin>, bytes_max: usize) -> anyhow::Result<(Url, String)> {
    let read = tokio::time::timeout(TIMEOUT, follow(url, within, bytes_max)).await;
    let (url, bytes) = read.unwrap_or_else(|_| Err(anyhow!("no answer within {} seconds", TIMEOUT.as_secs())))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("it is not UTF-8"))?;
    Ok((url, text))
}

fn parse(address: &str) -> Result<Url, Failure> {
    let url = Url::parse(address).with_context(|| "this is no address".to_owned()).map_err(Failure::Usage)?;
    if !is_web(&url) {
        return Err(Failure::Usage(anyhow!("only `http` and `https` are read, not `{}`", url.scheme())));
    }
    Ok(url)
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// An address as messages name it; one that cannot be read as it was typed, for it holds nothing.
pub(super) fn name(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| shown(&url))
}

/// Without user, password and query, which may be secrets.
fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

async fn follow(mut url: Url, within: Option<Origin>, bytes_max: usize) -> anyhow::Result<(Url, Vec<u8>)> {
    let client = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
    for _ in 0..=REDIRECTS_MAX {
        let request = Request::get(url.as_str().parse::<Uri>()?).header(header::USER_AGENT, "mizzen");
        let response = client.send(request.body(Full::new(Bytes::new()))?).await?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            url = next(&url, location.ok_or_else(|| anyhow!("a redirect without its target"))?)?;
            if within.as_ref().is_some_and(|within| url.origin() != *within) {
                return Err(anyhow!("it redirects to another scheme, host or port: {}", shown(&url)));
            }
            continue;
        }
        if !status.is_success() {
            return Err(anyhow!("the answer is {status}"));
        }
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if bytes.len() + data.len() > bytes_max {
                return Err(anyhow!("it has more than {bytes_max} bytes"));
            }
            bytes.extend_from_slice(&data);
        }
        return Ok((url, bytes));
    }
    Err(anyhow!("more than {REDIRECTS_MAX} redirects"))
}

/// Where a redirect leads; never from TLS to plain text, and never to another scheme than the web's.
fn next(from: &Url, location: &str) -> anyhow::Result<Url> {
    let to = from.join(location).context("a redirect to what is no address")?;
    if !is_web(&to) {
        return Err(anyhow!("a redirect to `{}:`, and only `http` and `https` are read", to.scheme()));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(anyhow!("a redirect from `https` to `http`"));
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::{next, parse, shown};

    #[test]
    fn a_redirect_stays_on_the_web_and_under_tls() {
        let from = parse("https://example.com/a/b").unwrap();
        assert_eq!(next(&from, "../c").unwrap().as_str(), "https://example.com/c");
        assert_eq!(next(&from, "https://other.example/").unwrap().as_str(), "https://other.example/");
        for wrong in ["http://example.com/", "file:///etc/passwd", "ftp://example.com/", "https://[", "javascript:1"] {
            assert!(next(&from, wrong).is_err(), "{wrong}");
        }
        assert!(parse("file:///etc/passwd").is_err() && parse("example.com").is_err());
    }

    #[test]
    fn what_may_be_secret_in_an_address_is_not_shown() {
        let url = parse("https://user:word@example.com:8443/a.yaml?token=1").unwrap();
        assert_eq!(shown(&url), "https://example.com:8443/a.yaml");
    }
}
