//! What can be configured about permission.

use std::path::PathBuf;
use std::time::Duration;

use mizzen_model::permission::{Mode, PinRule};
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, ReferenceError};
use crate::policies::PolicySettings;
use crate::policies::decisions::Retention;

/// The section `permission` of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionConfig {
    /// How a tool's definition that was never seen before becomes the pinned one.
    pub pin: PinRule,
    /// What an agent that no boundary names is in: `observe` lets it pass and records what would have been decided, `enforce`
    /// denies.
    pub unnamed: Mode,
    /// A folder of boundaries (`*.yaml`) and Cedar policies (`*.cedar`) in force beside the stored ones; empty: none.
    pub policy_dir: PathBuf,
    /// Whether arguments of calls are kept with decisions, as far as the capture policy lets them.
    pub record_arguments: bool,
    /// How long decisions are listed, and can be asked what other policies would have said to them.
    pub decisions_days: u32,
    /// The oldest are no longer listed above this number.
    pub decisions_max: u64,
    /// How long a held call waits for a person.
    pub held_seconds: u64,
    /// How long the approved call may still come after the person said yes.
    pub approved_seconds: u64,
    /// Whether who had an agent's key made must leave its calls to somebody else.
    pub four_eyes: bool,
    /// Whether the arguments of held calls are kept, and shown to approvers.
    pub show_arguments: bool,
    /// What a call of a model without a known price takes from a budget of money, in US dollars. 0: nothing is assumed, and such a
    /// call is refused where a budget of money is set.
    pub unknown_price_usd: f64,
    /// Who is told of held calls.
    pub webhook: WebhookConfig,
}

impl Default for PermissionConfig {
    fn default() -> Self {
        Self {
            pin: PinRule::FirstSight,
            unnamed: Mode::Observe,
            policy_dir: PathBuf::new(),
            record_arguments: true,
            decisions_days: 30,
            decisions_max: 2_000_000,
            held_seconds: 900,
            approved_seconds: 600,
            four_eyes: false,
            show_arguments: true,
            unknown_price_usd: 0.0,
            webhook: WebhookConfig::default(),
        }
    }
}

/// Where held calls are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// Gets a POST with each held call as JSON; empty: nobody is told.
    pub url: String,
    /// The key of the header `mizzen-signature`, or `env:NAME` or `file:PATH` where it is; empty: not signed.
    pub secret: Secret,
}

impl WebhookConfig {
    /// With the secret itself.
    ///
    /// # Errors
    /// When it is not where the configuration says.
    pub fn resolved(&self, environment: &Environment) -> Result<Self, ReferenceError> {
        let secret = environment.referred(self.secret.expose())?;
        Ok(Self { url: self.url.clone(), secret: secret.unwrap_or_else(|| self.secret.clone()) })
    }
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self { url: String::new(), secret: Secret::new("") }
    }
}

/// What the plane needs beside its database, given once before it starts; see [`crate::Control::configure`].
#[derive(Debug, Clone)]
pub struct PermissionSettings {
    pub config: PermissionConfig,
    pub metrics: Metrics,
    /// For webhooks; `None` sends none.
    pub client: Option<HttpClient>,
}

impl Default for PermissionSettings {
    fn default() -> Self {
        Self { config: PermissionConfig::default(), metrics: Metrics::new(), client: None }
    }
}

impl PermissionConfig {
    /// What the policies are opened with.
    #[must_use]
    pub fn policies(&self) -> PolicySettings {
        PolicySettings {
            unnamed: self.unnamed,
            folder: (!self.policy_dir.as_os_str().is_empty()).then(|| self.policy_dir.clone()),
            retention: Retention {
                time: Duration::from_secs(u64::from(self.decisions_days) * 24 * 3600),
                rows_max: self.decisions_max,
            },
        }
    }

    pub(crate) const fn held(&self) -> Duration {
        Duration::from_secs(self.held_seconds)
    }

    pub(crate) const fn approved(&self) -> Duration {
        Duration::from_secs(self.approved_seconds)
    }

    /// Billionths of a dollar that a call of unknown price is taken for.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded just before; a NaN is no assumption"
    )]
    pub(crate) fn assumed_nano_usd(&self) -> Option<u64> {
        let nanos = (self.unknown_price_usd * 1e9).ceil();
        (nanos >= 1.0).then(|| nanos.min(9e18) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mizzen_runtime::secret::Secret;

    use super::WebhookConfig;
    use crate::environment::Environment;

    #[test]
    fn the_webhooks_secret_may_be_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "of the file\n").unwrap();
        let environment = Environment::of(BTreeMap::from([("HOOK".to_owned(), "of the environment".to_owned())]));
        let resolved = |secret: &str| {
            let webhook = WebhookConfig { url: String::new(), secret: Secret::new(secret) };
            webhook.resolved(&environment).map(|webhook| webhook.secret.expose().to_owned())
        };
        assert_eq!(resolved("plain").unwrap(), "plain");
        assert_eq!(resolved("").unwrap(), "");
        assert_eq!(resolved("env:HOOK").unwrap(), "of the environment");
        assert_eq!(resolved(&format!("file:{}", file.display())).unwrap(), "of the file");
        assert!(resolved("env:NONE").unwrap_err().to_string().contains("`NONE`, which is not set"));
        std::fs::write(&file, " \n").unwrap();
        assert!(resolved(&format!("file:{}", file.display())).unwrap_err().to_string().contains("empty"));
        assert!(resolved("file:/nowhere/at/all").is_err());
    }
}
