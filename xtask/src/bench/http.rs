//! Small requests to servers on loopback: HTTP/1.0, so that the answer ends where the connection does.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// Status and body.
pub(super) fn send(method: &str, url: &str, token: Option<&str>, body: &str) -> Result<(u16, String)> {
    let Some(rest) = url.strip_prefix("http://") else { bail!("`{url}` is not an http:// address") };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut stream = TcpStream::connect(authority).with_context(|| format!("failed to connect to {authority}"))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\nContent-Type: application/json\r\n{authorization}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("no whole answer from {url}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("{url} answered no HTTP"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
    Ok((status, body.to_owned()))
}

/// The JSON of a successful answer.
pub(super) fn json(method: &str, url: &str, token: Option<&str>, body: &str) -> Result<Value> {
    let (status, body) = send(method, url, token, body)?;
    ensure!((200..300).contains(&status), "{url} answered {status}: {body}");
    serde_json::from_str(&body).with_context(|| format!("{url} answered no JSON"))
}
