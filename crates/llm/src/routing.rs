//! Which upstream serves a call. One upstream for each model so far; choosing between replicas comes here.

mod upstream;

use std::sync::Arc;

pub use self::upstream::{Upstream, UpstreamError};
use crate::gateway::UpstreamConfig;
use crate::wire::Protocol;

/// All upstreams, fixed while the process runs.
#[derive(Debug)]
pub struct Routes {
    upstreams: Vec<Arc<Upstream>>,
}

/// Where one call goes.
#[derive(Debug)]
pub struct Route<'m> {
    pub upstream: Arc<Upstream>,
    /// The model as the upstream knows it: without the `upstream/` part that chose it.
    pub model: &'m str,
}

/// No upstream serves the model.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no upstream serves the model `{model}` over the {protocol} API; the upstreams are {known}. Add it to `models` of one of them in the configuration"
)]
pub struct NoRoute {
    model: String,
    protocol: &'static str,
    known: String,
}

impl Routes {
    /// # Errors
    /// When an upstream cannot be used as it is written, or two have one name.
    pub fn new(configured: &[UpstreamConfig]) -> Result<Self, UpstreamError> {
        let mut upstreams: Vec<Arc<Upstream>> = Vec::with_capacity(configured.len());
        for config in configured {
            if upstreams.iter().any(|known| known.name == config.name) {
                return Err(UpstreamError::Twice { name: config.name.clone() });
            }
            upstreams.push(Arc::new(Upstream::resolve(config)?));
        }
        Ok(Self { upstreams })
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }

    pub(crate) fn of_protocol(&self, protocol: Protocol) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.iter().filter(move |upstream| upstream.protocol == protocol)
    }

    /// The upstream for `model`: the one its `upstream/` part names, or else the one with the longest fitting
    /// pattern; of equals the first in the configuration.
    ///
    /// # Errors
    /// When none fits.
    pub fn choose<'m>(&self, protocol: Protocol, model: &'m str) -> Result<Route<'m>, NoRoute> {
        if let Some((prefix, rest)) = model.split_once('/')
            && let Some(upstream) = self.of_protocol(protocol).find(|upstream| upstream.name == prefix)
        {
            return Ok(Route { upstream: Arc::clone(upstream), model: rest });
        }
        let mut best: Option<(&Arc<Upstream>, usize)> = None;
        for upstream in self.of_protocol(protocol) {
            if let Some(fit) = upstream.fit(model)
                && best.is_none_or(|(_, known)| fit > known)
            {
                best = Some((upstream, fit));
            }
        }
        match best {
            Some((upstream, _)) => Ok(Route { upstream: Arc::clone(upstream), model }),
            None => Err(self.no_route(protocol, model)),
        }
    }

    fn no_route(&self, protocol: Protocol, model: &str) -> NoRoute {
        let names: Vec<String> = self.of_protocol(protocol).map(|upstream| format!("`{}`", upstream.name)).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        NoRoute { model: model.chars().take(128).collect(), protocol: protocol.as_str(), known }
    }
}

#[cfg(test)]
mod tests {
    use super::Routes;
    use crate::gateway::UpstreamConfig;
    use crate::wire::Protocol::{Anthropic, OpenAi};

    fn upstream(name: &str, models: &[&str]) -> UpstreamConfig {
        let mut config = UpstreamConfig::new(name, OpenAi, "http://127.0.0.1:1/v1");
        config.models = models.iter().map(|&model| model.to_owned()).collect();
        config
    }

    #[test]
    fn a_prefix_then_the_longest_pattern_chooses() {
        let configured =
            [upstream("all", &["*"]), upstream("local", &["llama-*", "meta/*"]), upstream("exact", &["llama-3"])];
        let routes = Routes::new(&configured).unwrap();
        let chosen =
            |model| routes.choose(OpenAi, model).map(|route| (route.upstream.name.clone(), route.model)).unwrap();
        assert_eq!(chosen("gpt-4o"), ("all".into(), "gpt-4o"));
        assert_eq!(chosen("llama-2"), ("local".into(), "llama-2"));
        assert_eq!(chosen("llama-3"), ("exact".into(), "llama-3"));
        assert_eq!(chosen("local/gpt-4o"), ("local".into(), "gpt-4o"));
        assert_eq!(chosen("meta/llama"), ("local".into(), "meta/llama"));
    }

    #[test]
    fn no_route_names_the_model_and_the_upstreams() {
        let routes = Routes::new(&[upstream("local", &["llama-*"])]).unwrap();
        let error = routes.choose(OpenAi, "gpt-4o").unwrap_err().to_string();
        assert!(error.contains("`gpt-4o`") && error.contains("`local`") && error.contains("`models`"), "{error}");
        assert!(routes.choose(Anthropic, "llama-2").is_err());
    }
}
