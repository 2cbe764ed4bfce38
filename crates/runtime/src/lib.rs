//! What every long-lived process needs, and nothing that knows an agent exists.
//!
//! * [`task`]: tasks that say what happens when they fail or are told to stop, and a drain that reports who did not finish
//! * [`clock`]: the only source of time
//! * [`listen`] and [`client`]: HTTP servers and the one HTTP client
//! * [`metrics`] and [`log`]: what Mizzen says about itself
//! * [`limit`]: bounds with a name, which count what they refused
//! * [`queue`]: taking together what waits
//! * [`secret`]: text that cannot print itself
//! * [`error`]: an error told with its causes, on one line

pub mod client;
pub mod clock;
pub mod error;
pub mod lanes;
pub mod limit;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod queue;
pub mod secret;
pub mod task;
