//! An upstream, checked and ready to be called.

use http::uri::{PathAndQuery, Uri};
use http::{HeaderName, HeaderValue};

use crate::gateway::UpstreamConfig;
use crate::wire::Protocol;

/// Why an upstream cannot be used as it is written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("two upstreams have the name `{name}`; rename one")]
    Twice { name: String },
    #[error("`{name}` is no name for an upstream; use letters, digits, `-`, `_` and `.`")]
    Name { name: String },
    #[error("the base_url of upstream `{name}` must look like `https://host/path`, without a user or a query")]
    BaseUrl { name: String },
    #[error("upstream `{name}` has a header `{header}` that HTTP does not allow")]
    Header { name: String, header: String },
}

/// One place that serves models.
#[derive(Debug)]
pub struct Upstream {
    pub name: String,
    pub protocol: Protocol,
    /// Without a slash at the end.
    base_url: String,
    /// `server.address` of a record.
    pub host: String,
    pub port: u16,
    pub(crate) key: Option<String>,
    models: Vec<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) stream_usage: bool,
}

impl Upstream {
    pub(super) fn resolve(config: &UpstreamConfig) -> Result<Self, UpstreamError> {
        let name = config.name.clone();
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(fit) {
            return Err(UpstreamError::Name { name });
        }
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        let Some((host, port)) = address(&base_url) else { return Err(UpstreamError::BaseUrl { name }) };
        let mut headers = Vec::with_capacity(config.headers.len());
        for (header, value) in &config.headers {
            let parsed = HeaderName::try_from(header.as_str()).ok().zip(HeaderValue::from_str(value.expose()).ok());
            let Some((header, mut value)) = parsed else {
                return Err(UpstreamError::Header { name, header: header.clone() });
            };
            value.set_sensitive(true);
            headers.push((header, value));
        }
        Ok(Self {
            name,
            protocol: config.protocol,
            base_url,
            host,
            port,
            key: config.key.clone(),
            models: config.models.clone(),
            headers,
            stream_usage: config.stream_usage,
        })
    }

    /// How much of `model` a pattern says; `None` when none fits. An exact name says more than any pattern.
    pub(super) fn fit(&self, model: &str) -> Option<usize> {
        let fits = self.models.iter().filter_map(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => model.starts_with(prefix).then_some(prefix.len()),
            None => (model == pattern).then_some(usize::MAX),
        });
        fits.max()
    }

    /// The address of `path`, which begins with a slash, with the client's query.
    pub(crate) fn uri(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        let question = if query.is_some() { "?" } else { "" };
        let text = format!("{}{path}{question}{}", self.base_url, query.unwrap_or_default());
        Uri::try_from(text).ok()
    }
}

fn address(base_url: &str) -> Option<(String, u16)> {
    let uri = Uri::try_from(base_url).ok()?;
    let default_port = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || uri.path_and_query().and_then(PathAndQuery::query).is_some() {
        return None;
    }
    Some((authority.host().to_owned(), authority.port_u16().unwrap_or(default_port)))
}

#[cfg(test)]
mod tests {
    use super::{Upstream, UpstreamError};
    use crate::gateway::UpstreamConfig;
    use crate::wire::Protocol::OpenAi;

    #[test]
    fn an_address_is_joined_and_told() {
        let upstream = Upstream::resolve(&UpstreamConfig::new("local", OpenAi, "http://[::1]:8000/v1/")).unwrap();
        assert_eq!((upstream.host.as_str(), upstream.port), ("[::1]", 8000));
        let uri = upstream.uri("/models", Some("limit=2")).unwrap();
        assert_eq!(uri.to_string(), "http://[::1]:8000/v1/models?limit=2");
        assert_eq!(Upstream::resolve(&UpstreamConfig::new("x", OpenAi, "https://a.b")).unwrap().port, 443);
    }

    #[test]
    fn what_cannot_be_called_is_refused_without_its_secret() {
        for base_url in ["api.openai.com", "ftp://x/v1", "https://user:hunter2@x/v1", "https://x/v1?k=hunter2", ""] {
            let error = Upstream::resolve(&UpstreamConfig::new("x", OpenAi, base_url)).unwrap_err();
            assert_eq!(error, UpstreamError::BaseUrl { name: "x".into() });
            assert!(!error.to_string().contains("hunter2"));
        }
        assert!(Upstream::resolve(&UpstreamConfig::new("a/b", OpenAi, "https://x")).is_err());
    }
}
