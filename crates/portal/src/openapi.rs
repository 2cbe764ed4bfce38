//! The OpenAPI document, made from the handlers and checked in as `openapi.json`: what the UI's types are
//! generated from, and what a change of the API shows up in.

use utoipa::OpenApi;

use crate::api::{
    agents, approvals, audit, backup, budgets, catalog, compat, eval, events, import, keys, models, oidc, overview,
    pauses, policies, providers, query, run, runs, session, spans, system, tokens, tools,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mizzen",
        description = "The HTTP API of the portal. Errors are `{\"error\":{\"code\",\"message\"}}`. Sign in with \
            the cookie of `/api/v1/session`, or send `Authorization: Bearer` with the administration token."
    ),
    paths(
        session::redeem_link,
        session::sign_in,
        session::current,
        session::sign_out,
        oidc::providers,
        oidc::start,
        oidc::callback,
        session::make_link,
        system::about,
        overview::overview,
        runs::list,
        run::detail,
        run::remove,
        run::story,
        run::graph,
        spans::list,
        spans::detail,
        agents::list,
        models::list,
        events::stream,
        query::run,
        import::import,
        keys::list,
        keys::mint,
        keys::revoke,
        keys::extend,
        tokens::list,
        tokens::mint,
        tokens::revoke,
        approvals::list,
        approvals::detail,
        approvals::approve,
        approvals::deny,
        budgets::list,
        budgets::put,
        budgets::remove,
        catalog::list::list,
        catalog::facets::facets,
        catalog::search::search,
        catalog::docs::first,
        catalog::docs::page,
        catalog::docs::file,
        catalog::docs::put,
        catalog::docs::remove,
        catalog::templates::list,
        catalog::templates::detail,
        catalog::templates::put,
        catalog::templates::dry_run,
        catalog::templates::run,
        catalog::templates::updates::created,
        catalog::templates::updates::update,
        catalog::templates::updates::post_update,
        catalog::ingestion::health,
        catalog::locations::list,
        catalog::locations::add,
        catalog::locations::remove,
        catalog::locations::refresh,
        catalog::apply::apply,
        catalog::entity::detail,
        catalog::entity::remove,
        catalog::reviews::list,
        catalog::versions::list,
        catalog::versions::detail,
        catalog::versions::submit,
        catalog::versions::decide,
        pauses::list,
        pauses::make,
        pauses::resume,
        catalog::graph::graph,
        catalog::graph::impact,
        providers::list,
        providers::put,
        providers::remove,
        eval::evaluators::list,
        eval::sets::list,
        eval::sets::upload,
        eval::sets::detail,
        eval::sets::mark,
        eval::sets::remove_case,
        eval::experiments::list,
        eval::experiments::start,
        eval::comparison::compare,
        eval::experiments::detail,
        eval::experiments::remove,
        eval::experiments::cases,
        eval::monitors::list,
        eval::monitors::make,
        eval::monitors::detail,
        eval::monitors::remove,
        eval::labels::queue,
        eval::labels::list,
        eval::labels::put,
        eval::labels::withdraw,
        eval::baselines::list,
        eval::baselines::record,
        eval::baselines::remove,
        eval::baselines::compare,
        eval::evidence::list,
        eval::evidence::withdraw,
        eval::plan::plan,
        tools::servers::list,
        tools::servers::detail,
        tools::servers::put,
        tools::servers::remove,
        tools::servers::refresh,
        tools::definitions::pin,
        tools::definitions::unpin,
        tools::profiles::list,
        tools::profiles::detail,
        tools::profiles::put,
        tools::profiles::remove,
        audit::list,
        audit::detail,
        audit::proof,
        audit::checkpoint,
        audit::key,
        audit::file,
        policies::list_boundaries,
        policies::boundary,
        policies::put_boundary,
        policies::set_mode,
        policies::delete_boundary,
        policies::list_policies,
        policies::policy,
        policies::put_policy,
        policies::delete_policy,
        policies::ask::check,
        policies::ask::test,
        policies::ask::impact,
        policies::decisions::list,
        policies::decisions::detail,
        compat::clients::config,
        compat::a2a::of_entity,
        catalog::scorecards::card,
        catalog::summary::summary,
        catalog::scorecards::board,
        catalog::scorecards::checks,
        backup::backup,
        system::openapi,
        system::metrics,
        system::healthz,
        system::readyz,
    )
)]
struct Document;

/// The API as an OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document as text, as it is checked in.
///
/// # Errors
/// When a schema cannot be written as JSON.
pub(crate) fn document() -> serde_json::Result<String> {
    let mut text = openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{document, openapi};
    use crate::routes::routes;

    /// What the paths of others' interfaces begin with. Their own documents describe them, ours does not.
    const COMPATIBLE: &[&str] = &["/api/catalog/", "/v0.1/", "/v0/", "/.well-known/"];

    #[test]
    fn the_checked_in_document_is_the_api_as_it_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let text = document().unwrap();
        #[allow(clippy::disallowed_methods, reason = "a test that rewrites its own expectation is told so this way")]
        if std::env::var("UPDATE_OPENAPI").is_ok_and(|value| value == "1") {
            std::fs::write(path, &text).unwrap();
        }
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            checked_in == text,
            "the API differs from crates/portal/openapi.json; when that is meant, run\n    \
             UPDATE_OPENAPI=1 cargo test -p mizzen-portal openapi\nand `npm run types` in crates/portal/ui"
        );
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = serde_json::to_value(openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap().values();
        let mut names: Vec<&str> = paths
            .flat_map(|methods| methods.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    /// What changes something is written down, and where the audit log does not take it the answer is 503. What is limited in
    /// number, or was decided by somebody else meanwhile, is answered with 409.
    #[test]
    fn what_stands_in_the_way_of_a_change_is_documented() {
        let told: &[(&str, &[&str])] = &[
            ("approve_call", &["400", "404", "409", "503"]),
            ("deny_call", &["400", "404", "409", "503"]),
            ("make_pause", &["400", "409", "503"]),
            ("resume", &["404", "503"]),
            ("put_budget", &["400", "409", "503"]),
            ("delete_budget", &["404", "409", "503"]),
            ("withdraw_evidence", &["400", "404", "503"]),
            ("mint_key", &["400", "409", "503"]),
            ("revoke_key", &["404", "503"]),
            ("decide_version", &["409", "503"]),
            ("put_boundary", &["409", "503"]),
        ];
        let document = serde_json::to_value(openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap().values();
        let operations: Vec<_> = paths.flat_map(|methods| methods.as_object().unwrap().values()).collect();
        for (name, statuses) in told {
            let operation = operations.iter().find(|operation| operation["operationId"] == *name);
            let responses = &operation.unwrap_or_else(|| panic!("no operation `{name}`"))["responses"];
            for status in *statuses {
                assert!(responses[status].is_object(), "`{name}` says nothing of {status}");
            }
        }
    }

    #[test]
    fn every_route_is_documented_and_every_documented_route_exists() {
        let is_ours = |path: &str| !COMPATIBLE.iter().any(|prefix| path.starts_with(prefix));
        let ours = routes().filter(|(_, path)| is_ours(path));
        // OpenAPI has no word for a parameter of several segments.
        let plain = |path: &str| path.replace("{*", "{");
        let routes: BTreeSet<String> = ours.map(|(method, path)| format!("{method} {}", plain(path))).collect();
        let document = serde_json::to_value(openapi()).unwrap();
        let documented: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(move |method| format!("{} {}", method.to_uppercase(), plain(path)))
            })
            .collect();
        assert_eq!(routes, documented);
    }
}
