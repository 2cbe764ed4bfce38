//! The section `[oidc]` of the configuration.

use std::collections::BTreeMap;

use mizzen_model::permission::Role;
use mizzen_model::suggest;
use mizzen_runtime::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, ReferenceError};
use crate::tokens::{Claims, check_address};

/// Where the provider sends a browser back to.
const CALLBACK: &str = "/oidc/callback";
/// In [`OidcConfig::roles`]: everybody whom the provider knows.
const EVERYBODY: &str = "*";

/// Who may sign in, with which login. Without an issuer there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcConfig {
    /// What the button says.
    pub name: String,
    /// Exactly as the provider's tokens have it in `iss`.
    pub issuer: String,
    pub client_id: String,
    /// Where the secret is: `env:NAME` or `file:PATH`. Empty: a client without a secret.
    pub client_secret: String,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The portal's own address at the provider, `https://…/oidc/callback`; empty: as the browser reached it.
    pub redirect_url: String,
    /// The claim with the groups of a person; dots lead into objects.
    pub role_claim: String,
    /// By role, the values of that claim that give it; `*` is everybody. The highest role counts.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The claim that names a person here.
    pub name_claim: String,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            name: "Single sign-on".to_owned(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: String::new(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            redirect_url: String::new(),
            role_claim: "groups".to_owned(),
            roles: BTreeMap::new(),
            name_claim: "email".to_owned(),
        }
    }
}

/// What is wrong with the section.
#[derive(Debug, thiserror::Error)]
pub enum OidcConfigError {
    #[error("`oidc.{0}` is missing")]
    Missing(&'static str),
    #[error("`oidc.roles` gives the role `{role}`, which is none{hint}")]
    Role { role: String, hint: String },
    #[error("`oidc.roles` gives nobody a role; for example `viewer = [\"*\"]`")]
    NoRoles,
    #[error("`oidc.client_secret` must say where the secret is, `env:NAME` or `file:PATH`, and not be one")]
    PlainSecret,
    #[error("`oidc.client_secret` cannot be used")]
    Secret(#[from] ReferenceError),
    #[error("`oidc.issuer` must be an https address; plain http is for loopback only")]
    Address(#[source] crate::tokens::TokenError),
    #[error(
        "`oidc.redirect_url` must be `https://` with a host of this server and `{CALLBACK}`, not `{0}`; plain http is for loopback \
         only; left out, it is as the browser reached this server"
    )]
    Redirect(String),
}

impl OidcConfig {
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// Whether it can be used as it is written. The provider is not asked.
    ///
    /// # Errors
    /// When something is missing, or cannot be what it should be.
    pub fn check(&self, environment: &Environment) -> Result<(), OidcConfigError> {
        if !self.is_on() {
            return Ok(());
        }
        self.read_roles()?;
        self.check_redirect()?;
        self.secret(environment).map(drop)
    }

    /// The cookie that a browser began with is for that path alone.
    fn check_redirect(&self) -> Result<(), OidcConfigError> {
        let url = &self.redirect_url;
        let is_ours = || check_address(url).is_ok_and(|uri| uri.path() == CALLBACK && uri.query().is_none());
        if url.is_empty() || is_ours() { Ok(()) } else { Err(OidcConfigError::Redirect(url.clone())) }
    }

    pub(super) fn read_roles(&self) -> Result<Vec<(Role, Vec<String>)>, OidcConfigError> {
        if self.client_id.is_empty() {
            return Err(OidcConfigError::Missing("client_id"));
        }
        let mut roles = Vec::new();
        for (name, values) in &self.roles {
            let role: Role = name.parse().map_err(|_| {
                let near = suggest::nearest(name, Role::ALL.iter().map(|role| role.as_str()));
                OidcConfigError::Role {
                    role: name.clone(),
                    hint: near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default(),
                }
            })?;
            roles.push((role, values.clone()));
        }
        if roles.iter().all(|(_, values)| values.is_empty()) {
            return Err(OidcConfigError::NoRoles);
        }
        // Highest first.
        roles.sort_by_key(|(role, _)| std::cmp::Reverse(*role));
        Ok(roles)
    }

    pub(super) fn secret(&self, environment: &Environment) -> Result<Option<Secret>, OidcConfigError> {
        if self.client_secret.is_empty() {
            return Ok(None);
        }
        environment.referred(&self.client_secret)?.map(Some).ok_or(OidcConfigError::PlainSecret)
    }

    /// The highest role that what a token says gives; `None`: none at all.
    pub(super) fn role_of(&self, roles: &[(Role, Vec<String>)], claims: &Claims) -> Option<Role> {
        let has = claims.texts(&self.role_claim);
        let gives =
            |values: &Vec<String>| values.iter().any(|value| value == EVERYBODY || has.contains(&value.as_str()));
        roles.iter().find(|(_, values)| gives(values)).map(|(role, _)| *role)
    }

    /// How a person is called here. An address that the provider did not check could be anybody's; some providers
    /// say so with a text.
    pub(super) fn name_of(&self, claims: &Claims) -> String {
        let said = claims.all.get("email_verified").filter(|_| self.name_claim == "email");
        let is_unchecked = said.is_some_and(|said| said.as_bool() == Some(false) || said.as_str() == Some("false"));
        let named = claims.texts(&self.name_claim).first().copied().filter(|_| !is_unchecked);
        let name = named.unwrap_or(&claims.subject);
        let mut end = name.len().min(crate::sign_in::NAME_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.get(..end).unwrap_or_default().to_owned()
    }
}
