//! What permission remembers: callers and their keys, the keys of providers, who is signed in, who owns what.
//!
//! * [`plane`]: opens it all, and publishes the snapshot that the doors read without a lock
//! * [`snapshot`]: who a key names; the secrets of providers
//! * [`keys`]: virtual keys, which open the gateway and OTLP doors and nothing else
//! * [`providers`]: keys of model providers, encrypted at rest, or left in the environment
//! * [`api_tokens`]: named credentials with a role, for the portal's API
//! * [`secrets`]: secrets in what passes a door
//! * [`sign_in`]: the administrator's token, one-time links, sessions
//! * [`tokens`]: tokens that others signed, and the keys that prove it
//! * [`oidc`]: signing in with somebody else's login
//! * [`responses`]: who may use a stored response of the Responses API
//! * [`policies`]: boundaries and Cedar policies with their versions, the folder beside them, and what was decided
//! * [`gate`]: the one question that every door asks: may this call go out
//! * [`budgets`], [`approvals`], [`evidence`], [`pauses`]: what the gate remembers, beside what runs have touched
//! * [`versions`]: which digests of agents the catalog has as versions
//! * [`config`]: what can be configured about permission
//! * [`audit`]: what was asked, decided and changed, in a log that others can check
//! * [`origin`]: whether a browser's request comes from our own pages
//!
//! A key and a session are different types that come from different calls, so that no door can take one for the
//! other. Nothing here knows HTTP.

pub mod api_tokens;
pub mod approvals;
pub mod audit;
pub mod budgets;
pub mod config;
pub mod environment;
pub mod evidence;
pub mod gate;
#[cfg(test)]
mod http_double;
pub mod keys;
pub mod oidc;
pub mod origin;
pub mod pauses;
pub mod plane;
pub mod policies;
pub mod providers;
mod remembered;
pub mod responses;
mod schema;
pub mod secrets;
pub mod sign_in;
pub mod snapshot;
mod taint;
mod token;
pub mod tokens;
pub mod versions;

pub use self::environment::Environment;
pub use self::plane::{Control, OpenError};
pub use self::schema::MIGRATIONS;
pub use self::snapshot::{KeyIdentity, Snapshot};
