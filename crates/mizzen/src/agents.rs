//! Names of agents that somebody typed, against those that Mizzen knows.

use mizzen_model::permission::matches_pattern;
use mizzen_model::suggest::nearest;

use crate::catalog;
use crate::client::Server;
use crate::output;

/// Says so when no agent of this name (in which `*` stands for any characters) was seen or declared: it may be misspelt, or
/// still to come. A question that gets no answer is no reason not to go on.
pub(crate) async fn tell_if_unknown(server: &Server, agent: &str) {
    let Ok(seen) = server.get("/api/v1/agents").await else { return };
    let names: Vec<&str> =
        seen["items"].as_array().into_iter().flatten().filter_map(|item| item["agent"].as_str()).collect();
    if names.iter().any(|name| matches_pattern(agent, name)) || is_declared(server, agent).await {
        return;
    }
    let hint = nearest(agent, names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    output::say(&format!("no agent `{agent}` has been seen, so this waits for one{hint}"));
}

async fn is_declared(server: &Server, agent: &str) -> bool {
    let Ok(reference) = format!("component:default/{agent}").parse() else { return false };
    server.get(&catalog::path(&reference)).await.is_ok()
}
