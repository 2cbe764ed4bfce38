//! Documents from an address: read by whoever runs the command, within limits.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use url::Url;

use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 5;

/// The address without what is secret in it, and the text behind it.
pub(super) async fn text(address: &str, bytes_max: usize) -> Result<(String, String), Failure> {
    let url = parse(address)?;
    let name = shown(&url);
    let read = tokio::time::timeout(TIMEOUT, follow(url, bytes_max)).await;
    let read = read.unwrap_or_else(|_| Err(anyhow!("no answer within {} seconds", TIMEOUT.as_secs())));
    let bytes = read.with_context(|| format!("failed to read {name}")).map_err(Failure::Usage)?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::Usage(anyhow!("{name} is not UTF-8")))?;
    Ok((name, text))
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

/// Without user, password and query, which may be secrets.
fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

async fn follow(mut url: Url, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let client = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
    for _ in 0..=REDIRECTS_MAX {
        let request = Request::get(url.as_str().parse::<Uri>()?).header(header::USER_AGENT, "mizzen");
        let response = client.send(request.body(Full::new(Bytes::new()))?).await?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            url = next(&url, location.ok_or_else(|| anyhow!("a redirect without its target"))?)?;
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
        return Ok(bytes);
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
