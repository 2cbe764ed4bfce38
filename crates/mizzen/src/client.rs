//! Talks to a running Mizzen over its own HTTP API.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
pub(crate) use mizzen_model::percent::encode;
use mizzen_runtime::client::{ClientConfig, ClientError, HttpClient, Misfit};
use mizzen_runtime::secret::Secret;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::failure::Failure;

/// A running server and the right to ask it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    http: HttpClient,
    url: String,
    token: Option<Secret>,
}

impl Server {
    /// Resolves address and token; the token's file is read here, and may be absent until a call needs it.
    pub(crate) fn find(args: &ClientArgs) -> Result<Self, Failure> {
        let http = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
        let token = match &args.token {
            Some(token) => Some(token.clone()),
            None => std::fs::read_to_string(args.data_dir.join("admin-token")).ok().map(|text| text.trim().to_owned()),
        };
        Ok(Self { http, url: args.url.trim_end_matches('/').to_owned(), token: token.map(Secret::new) })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(Method::POST, path, Bytes::from(body.to_string())).await
    }

    /// Sends `body` and reads the JSON answer; an empty answer is `null`.
    pub(crate) async fn json(&self, method: Method, path: &str, body: Bytes) -> Result<Value, Failure> {
        let response = self.send(method, path, body).await?;
        let bytes = response.into_body().collect().await.context("the connection ended within the answer")?.to_bytes();
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&bytes).context("the answer is not JSON; is this Mizzen's address?")?)
    }

    /// Sends a request and gives the response once its status says success.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<http::Response<Incoming>, Failure> {
        let response = self.exchange(method, path, body).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(self.refusal(status, &body))
    }

    /// What a probe says, as text, whether it is a success or not.
    pub(crate) async fn probe(&self, path: &str) -> Result<(StatusCode, String), Failure> {
        let response = self.exchange(Method::GET, path, Bytes::new()).await?;
        let status = response.status();
        let body = response.into_body().collect().await.context("the connection ended within the answer")?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).trim().to_owned()))
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Result<http::Response<Incoming>, Failure> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .with_context(|| format!("`{}` is not an address", self.url))
            .map_err(Failure::Usage)?;
        let answered = self.http.send(request).await;
        Ok(answered.map_err(|error| {
            let told = self.unreachable(&error);
            anyhow::Error::new(error).context(told)
        })?)
    }

    /// What to do about a server that gave no answer.
    fn unreachable(&self, error: &ClientError) -> String {
        let url = &self.url;
        match error.misfit() {
            Some(Misfit::UnknownIssuer) => format!(
                "the certificate of {url} is of an authority that is not trusted here; name the PEM file of that authority with \
                 SSL_CERT_FILE"
            ),
            Some(Misfit::Certificate) => format!("the certificate of {url} is refused"),
            Some(Misfit::NoTls) => {
                format!("{url} does not speak TLS; if it is Mizzen's, its address begins with `http://`")
            }
            Some(Misfit::NoHttp) => {
                format!(
                    "{url} does not speak plain HTTP; if it is Mizzen's with TLS, its address begins with `https://`"
                )
            }
            None => {
                format!("no Mizzen answers at {url}; start it with `mizzen up`, or say where it is with MIZZEN_URL")
            }
        }
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let message = answer["error"]["message"].as_str().unwrap_or(status.canonical_reason().unwrap_or("refused"));
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !self.has_token() => Failure::no(
                "no administration token: set MIZZEN_TOKEN, or name the data folder with --data-dir (its file `admin-token`)",
            ),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Failure::Usage(anyhow!("{message}")),
            status if status.is_client_error() => Failure::No(anyhow!("{message}")),
            status => Failure::Broken(anyhow!("{} answered {status}: {message}", self.url)),
        }
    }
}
