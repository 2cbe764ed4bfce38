//! The one table of routes: what exists, and who may use it. The router is built from it, guards included,
//! so that a route without a row does not exist.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Router, middleware};
use http::{Method, StatusCode, Uri};
use mizzen_model::permission::Role;

use crate::api::compat::backstage;
use crate::api::{
    agents, approvals, audit, backup, budgets, catalog, compat, eval, events, import, keys, models, oidc, overview,
    pauses, policies, providers, query, run, runs, session, spans, system, tokens, tools,
};
use crate::app::{App, CATALOG_BYTES_MAX, EVAL_SET_BYTES_MAX, FOLDER_BYTES_MAX, IMPORT_BYTES_MAX};
use crate::error::ApiError;
use crate::guard::{self, Access, Gate};
use crate::readiness;
use crate::state::PortalState;
use crate::ui;

const PUBLIC: Access = Access::Public;
const CATALOG: Access = Access::PublicCatalog;
const VIEWER: Access = Access::Least(Role::Viewer);
const DEVELOPER: Access = Access::Least(Role::Developer);
const APPROVER: Access = Access::Least(Role::Approver);
const ADMINISTRATOR: Access = Access::Least(Role::Administrator);

type Handler = fn(MethodFilter) -> MethodRouter<Arc<App>>;

/// One row of the table.
pub(crate) struct Route {
    pub(crate) method: MethodFilter,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    handler: Handler,
}

const fn row(method: MethodFilter, path: &'static str, access: Access, handler: Handler) -> Route {
    Route { method, path, access, handler }
}

pub(crate) const ROUTES: &[Route] = &[
    row(MethodFilter::GET, "/signin", PUBLIC, |filter| on(filter, session::redeem_link)),
    row(MethodFilter::POST, "/api/v1/session", PUBLIC, |filter| on(filter, session::sign_in)),
    row(MethodFilter::GET, "/api/v1/session", VIEWER, |filter| on(filter, session::current)),
    row(MethodFilter::DELETE, "/api/v1/session", VIEWER, |filter| on(filter, session::sign_out)),
    row(MethodFilter::GET, "/api/v1/session/providers", PUBLIC, |filter| on(filter, oidc::providers)),
    row(MethodFilter::GET, "/oidc/start", PUBLIC, |filter| on(filter, oidc::start)),
    row(MethodFilter::GET, "/oidc/callback", PUBLIC, |filter| on(filter, oidc::callback)),
    row(MethodFilter::POST, "/api/v1/signin-links", ADMINISTRATOR, |filter| on(filter, session::make_link)),
    row(MethodFilter::GET, "/api/v1/about", VIEWER, |filter| on(filter, system::about)),
    row(MethodFilter::GET, "/api/v1/overview", VIEWER, |filter| on(filter, overview::overview)),
    row(MethodFilter::GET, "/api/v1/runs", VIEWER, |filter| on(filter, runs::list)),
    row(MethodFilter::GET, "/api/v1/runs/{run_id}", VIEWER, |filter| on(filter, run::detail)),
    row(MethodFilter::DELETE, "/api/v1/runs/{run_id}", DEVELOPER, |filter| on(filter, run::remove)),
    row(MethodFilter::GET, "/api/v1/runs/{run_id}/story", VIEWER, |filter| on(filter, run::story)),
    row(MethodFilter::GET, "/api/v1/runs/{run_id}/graph", VIEWER, |filter| on(filter, run::graph)),
    row(MethodFilter::GET, "/api/v1/runs/{run_id}/spans", VIEWER, |filter| on(filter, spans::list)),
    row(MethodFilter::GET, "/api/v1/runs/{run_id}/spans/{span_id}", VIEWER, |filter| on(filter, spans::detail)),
    row(MethodFilter::GET, "/api/v1/agents", VIEWER, |filter| on(filter, agents::list)),
    row(MethodFilter::GET, "/api/v1/models", VIEWER, |filter| on(filter, models::list)),
    row(MethodFilter::GET, "/api/v1/events", VIEWER, |filter| on(filter, events::stream)),
    row(MethodFilter::POST, "/api/v1/query", VIEWER, |filter| on(filter, query::run)),
    row(MethodFilter::POST, "/api/v1/import", DEVELOPER, |filter| {
        on(filter, import::import).layer(DefaultBodyLimit::max(IMPORT_BYTES_MAX))
    }),
    row(MethodFilter::GET, "/api/v1/keys", DEVELOPER, |filter| on(filter, keys::list)),
    row(MethodFilter::POST, "/api/v1/keys", DEVELOPER, |filter| on(filter, keys::mint)),
    row(MethodFilter::DELETE, "/api/v1/keys/{id}", DEVELOPER, |filter| on(filter, keys::revoke)),
    row(MethodFilter::POST, "/api/v1/keys/{id}/extend", DEVELOPER, |filter| on(filter, keys::extend)),
    row(MethodFilter::GET, "/api/v1/tokens", ADMINISTRATOR, |filter| on(filter, tokens::list)),
    row(MethodFilter::POST, "/api/v1/tokens", ADMINISTRATOR, |filter| on(filter, tokens::mint)),
    row(MethodFilter::DELETE, "/api/v1/tokens/{id}", ADMINISTRATOR, |filter| on(filter, tokens::revoke)),
    row(MethodFilter::GET, "/api/v1/approvals", VIEWER, |filter| on(filter, approvals::list)),
    row(MethodFilter::GET, "/api/v1/approvals/{id}", VIEWER, |filter| on(filter, approvals::detail)),
    row(MethodFilter::POST, "/api/v1/approvals/{id}/approve", APPROVER, |filter| on(filter, approvals::approve)),
    row(MethodFilter::POST, "/api/v1/approvals/{id}/deny", APPROVER, |filter| on(filter, approvals::deny)),
    row(MethodFilter::GET, "/api/v1/budgets", VIEWER, |filter| on(filter, budgets::list)),
    row(MethodFilter::PUT, "/api/v1/budgets/{name}", ADMINISTRATOR, |filter| on(filter, budgets::put)),
    row(MethodFilter::DELETE, "/api/v1/budgets/{name}", ADMINISTRATOR, |filter| on(filter, budgets::remove)),
    row(MethodFilter::GET, "/api/v1/pauses", VIEWER, |filter| on(filter, pauses::list)),
    row(MethodFilter::POST, "/api/v1/pauses", APPROVER, |filter| on(filter, pauses::make)),
    row(MethodFilter::DELETE, "/api/v1/pauses/{id}", APPROVER, |filter| on(filter, pauses::resume)),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/graph", VIEWER, |filter| {
        on(filter, catalog::graph::graph)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/impact", VIEWER, |filter| {
        on(filter, catalog::graph::impact)
    }),
    row(MethodFilter::GET, "/api/v1/providers", DEVELOPER, |filter| on(filter, providers::list)),
    row(MethodFilter::PUT, "/api/v1/providers/{name}", ADMINISTRATOR, |filter| on(filter, providers::put)),
    row(MethodFilter::DELETE, "/api/v1/providers/{name}", ADMINISTRATOR, |filter| on(filter, providers::remove)),
    row(MethodFilter::GET, "/api/v1/evaluators", VIEWER, |filter| on(filter, eval::evaluators::list)),
    row(MethodFilter::GET, "/api/v1/eval-sets", VIEWER, |filter| on(filter, eval::sets::list)),
    row(MethodFilter::POST, "/api/v1/eval-sets", DEVELOPER, |filter| {
        on(filter, eval::sets::upload).layer(DefaultBodyLimit::max(EVAL_SET_BYTES_MAX))
    }),
    row(MethodFilter::GET, "/api/v1/eval-sets/{name}", VIEWER, |filter| on(filter, eval::sets::detail)),
    row(MethodFilter::POST, "/api/v1/eval-sets/{name}/cases", DEVELOPER, |filter| on(filter, eval::sets::mark)),
    row(MethodFilter::DELETE, "/api/v1/eval-sets/{name}/cases/{case}", DEVELOPER, |filter| {
        on(filter, eval::sets::remove_case)
    }),
    row(MethodFilter::GET, "/api/v1/experiments", VIEWER, |filter| on(filter, eval::experiments::list)),
    row(MethodFilter::POST, "/api/v1/experiments", DEVELOPER, |filter| on(filter, eval::experiments::start)),
    row(MethodFilter::GET, "/api/v1/experiments/compare", VIEWER, |filter| on(filter, eval::comparison::compare)),
    row(MethodFilter::GET, "/api/v1/experiments/{id}", VIEWER, |filter| on(filter, eval::experiments::detail)),
    row(MethodFilter::DELETE, "/api/v1/experiments/{id}", DEVELOPER, |filter| on(filter, eval::experiments::remove)),
    row(MethodFilter::GET, "/api/v1/experiments/{id}/cases", VIEWER, |filter| on(filter, eval::experiments::cases)),
    row(MethodFilter::GET, "/api/v1/monitors", VIEWER, |filter| on(filter, eval::monitors::list)),
    row(MethodFilter::POST, "/api/v1/monitors", DEVELOPER, |filter| on(filter, eval::monitors::make)),
    row(MethodFilter::GET, "/api/v1/monitors/{id}", VIEWER, |filter| on(filter, eval::monitors::detail)),
    row(MethodFilter::DELETE, "/api/v1/monitors/{id}", DEVELOPER, |filter| on(filter, eval::monitors::remove)),
    row(MethodFilter::GET, "/api/v1/labels/queue", DEVELOPER, |filter| on(filter, eval::labels::queue)),
    row(MethodFilter::GET, "/api/v1/labels", VIEWER, |filter| on(filter, eval::labels::list)),
    row(MethodFilter::PUT, "/api/v1/runs/{run_id}/labels/{metric}", DEVELOPER, |filter| on(filter, eval::labels::put)),
    row(MethodFilter::DELETE, "/api/v1/runs/{run_id}/labels/{metric}", DEVELOPER, |filter| {
        on(filter, eval::labels::withdraw)
    }),
    row(MethodFilter::GET, "/api/v1/baselines", VIEWER, |filter| on(filter, eval::baselines::list)),
    row(MethodFilter::PUT, "/api/v1/baselines/{name}", DEVELOPER, |filter| on(filter, eval::baselines::record)),
    row(MethodFilter::DELETE, "/api/v1/baselines/{name}", DEVELOPER, |filter| on(filter, eval::baselines::remove)),
    row(MethodFilter::GET, "/api/v1/baselines/{name}/comparison", VIEWER, |filter| {
        on(filter, eval::baselines::compare)
    }),
    row(MethodFilter::GET, "/api/v1/evidence", VIEWER, |filter| on(filter, eval::evidence::list)),
    row(MethodFilter::POST, "/api/v1/evidence/withdraw", APPROVER, |filter| on(filter, eval::evidence::withdraw)),
    row(MethodFilter::POST, "/api/v1/plan", VIEWER, |filter| on(filter, eval::plan::plan)),
    row(MethodFilter::GET, "/api/v1/tool-servers", VIEWER, |filter| on(filter, tools::servers::list)),
    row(MethodFilter::GET, "/api/v1/tool-servers/{name}", VIEWER, |filter| on(filter, tools::servers::detail)),
    row(MethodFilter::PUT, "/api/v1/tool-servers/{name}", ADMINISTRATOR, |filter| on(filter, tools::servers::put)),
    row(MethodFilter::DELETE, "/api/v1/tool-servers/{name}", ADMINISTRATOR, |filter| {
        on(filter, tools::servers::remove)
    }),
    row(MethodFilter::POST, "/api/v1/tool-servers/{name}/refresh", DEVELOPER, |filter| {
        on(filter, tools::servers::refresh)
    }),
    row(MethodFilter::POST, "/api/v1/tool-servers/{name}/tools/{tool}/pin", APPROVER, |filter| {
        on(filter, tools::definitions::pin)
    }),
    row(MethodFilter::DELETE, "/api/v1/tool-servers/{name}/tools/{tool}/pin", APPROVER, |filter| {
        on(filter, tools::definitions::unpin)
    }),
    row(MethodFilter::GET, "/api/v1/tool-profiles", VIEWER, |filter| on(filter, tools::profiles::list)),
    row(MethodFilter::GET, "/api/v1/tool-profiles/{name}", VIEWER, |filter| on(filter, tools::profiles::detail)),
    row(MethodFilter::PUT, "/api/v1/tool-profiles/{name}", ADMINISTRATOR, |filter| on(filter, tools::profiles::put)),
    row(MethodFilter::DELETE, "/api/v1/tool-profiles/{name}", ADMINISTRATOR, |filter| {
        on(filter, tools::profiles::remove)
    }),
    row(MethodFilter::GET, "/api/v1/audit/entries", VIEWER, |filter| on(filter, audit::list)),
    row(MethodFilter::GET, "/api/v1/audit/entries/{index}", VIEWER, |filter| on(filter, audit::detail)),
    row(MethodFilter::GET, "/api/v1/audit/entries/{index}/proof", VIEWER, |filter| on(filter, audit::proof)),
    row(MethodFilter::GET, "/api/v1/audit/checkpoint", VIEWER, |filter| on(filter, audit::checkpoint)),
    row(MethodFilter::GET, "/api/v1/audit/key", VIEWER, |filter| on(filter, audit::key)),
    row(MethodFilter::GET, "/api/v1/audit/log/{*path}", VIEWER, |filter| on(filter, audit::file)),
    row(MethodFilter::GET, "/api/v1/catalog/templates", VIEWER, |filter| on(filter, catalog::templates::list)),
    row(MethodFilter::GET, "/api/v1/catalog/templates/{namespace}/{name}", VIEWER, |filter| {
        on(filter, catalog::templates::detail)
    }),
    row(MethodFilter::PUT, "/api/v1/catalog/templates/{namespace}/{name}", DEVELOPER, |filter| {
        on(filter, catalog::templates::put).layer(DefaultBodyLimit::max(FOLDER_BYTES_MAX))
    }),
    row(MethodFilter::POST, "/api/v1/catalog/templates/{namespace}/{name}/dry-run", DEVELOPER, |filter| {
        on(filter, catalog::templates::dry_run)
    }),
    row(MethodFilter::POST, "/api/v1/catalog/templates/{namespace}/{name}/run", DEVELOPER, |filter| {
        on(filter, catalog::templates::run)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/templates/{namespace}/{name}/created", VIEWER, |filter| {
        on(filter, catalog::templates::updates::created)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/created/{kind}/{namespace}/{name}/update", VIEWER, |filter| {
        on(filter, catalog::templates::updates::update)
    }),
    row(MethodFilter::POST, "/api/v1/catalog/created/{kind}/{namespace}/{name}/update", DEVELOPER, |filter| {
        on(filter, catalog::templates::updates::post_update).layer(DefaultBodyLimit::max(FOLDER_BYTES_MAX))
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", VIEWER, |filter| {
        on(filter, catalog::docs::first)
    }),
    row(MethodFilter::PUT, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", DEVELOPER, |filter| {
        on(filter, catalog::docs::put).layer(DefaultBodyLimit::max(FOLDER_BYTES_MAX))
    }),
    row(MethodFilter::DELETE, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", DEVELOPER, |filter| {
        on(filter, catalog::docs::remove)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs/{*path}", VIEWER, |filter| {
        on(filter, catalog::docs::page)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs-files/{*path}", VIEWER, |filter| {
        on(filter, catalog::docs::file)
    }),
    row(MethodFilter::GET, "/api/v1/boundaries", VIEWER, |filter| on(filter, policies::list_boundaries)),
    row(MethodFilter::GET, "/api/v1/boundaries/{name}", VIEWER, |filter| on(filter, policies::boundary)),
    row(MethodFilter::PUT, "/api/v1/boundaries/{name}", ADMINISTRATOR, |filter| on(filter, policies::put_boundary)),
    row(MethodFilter::PUT, "/api/v1/boundaries/{name}/mode", ADMINISTRATOR, |filter| on(filter, policies::set_mode)),
    row(MethodFilter::DELETE, "/api/v1/boundaries/{name}", ADMINISTRATOR, |filter| {
        on(filter, policies::delete_boundary)
    }),
    row(MethodFilter::GET, "/api/v1/policies", VIEWER, |filter| on(filter, policies::list_policies)),
    row(MethodFilter::POST, "/api/v1/policies/check", DEVELOPER, |filter| on(filter, policies::ask::check)),
    row(MethodFilter::POST, "/api/v1/policies/impact", DEVELOPER, |filter| on(filter, policies::ask::impact)),
    row(MethodFilter::POST, "/api/v1/policies/test", DEVELOPER, |filter| on(filter, policies::ask::test)),
    row(MethodFilter::GET, "/api/v1/policies/{name}", VIEWER, |filter| on(filter, policies::policy)),
    row(MethodFilter::PUT, "/api/v1/policies/{name}", ADMINISTRATOR, |filter| on(filter, policies::put_policy)),
    row(MethodFilter::DELETE, "/api/v1/policies/{name}", ADMINISTRATOR, |filter| on(filter, policies::delete_policy)),
    row(MethodFilter::GET, "/api/v1/decisions", VIEWER, |filter| on(filter, policies::decisions::list)),
    row(MethodFilter::GET, "/api/v1/decisions/{id}", VIEWER, |filter| on(filter, policies::decisions::detail)),
    row(MethodFilter::GET, "/api/v1/catalog/clients/{client}", VIEWER, |filter| on(filter, compat::clients::config)),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/agent-card.json", VIEWER, |filter| {
        on(filter, compat::a2a::of_entity)
    }),
    row(MethodFilter::GET, "/.well-known/agent-card.json", CATALOG, |filter| on(filter, compat::a2a::well_known)),
    row(MethodFilter::GET, "/.well-known/agent-skills/index.json", CATALOG, |filter| on(filter, compat::skills::index)),
    row(MethodFilter::GET, "/.well-known/agent-skills/{name}/SKILL.md", CATALOG, |filter| {
        on(filter, compat::skills::newest)
    }),
    row(MethodFilter::GET, "/.well-known/agent-skills/{name}/{digest}/SKILL.md", CATALOG, |filter| {
        on(filter, compat::skills::by_digest)
    }),
    row(MethodFilter::GET, "/.well-known/agent-skills/{name}/{digest}/skill.tar.gz", CATALOG, |filter| {
        on(filter, compat::skills::archive)
    }),
    row(MethodFilter::GET, "/v0.1/servers", CATALOG, |filter| on(filter, compat::mcp_registry::list)),
    row(MethodFilter::GET, "/v0.1/servers/{server}/versions", CATALOG, |filter| {
        on(filter, compat::mcp_registry::versions)
    }),
    row(MethodFilter::GET, "/v0.1/servers/{server}/versions/{version}", CATALOG, |filter| {
        on(filter, compat::mcp_registry::version)
    }),
    row(MethodFilter::PUT, "/v0.1/servers/{server}/versions/{version}", DEVELOPER, |filter| {
        on(filter, compat::mcp_registry::edit)
    }),
    row(MethodFilter::PATCH, "/v0.1/servers/{server}/versions/{version}/status", APPROVER, |filter| {
        on(filter, compat::mcp_registry::set_status)
    }),
    row(MethodFilter::PATCH, "/v0.1/servers/{server}/status", APPROVER, |filter| {
        on(filter, compat::mcp_registry::set_status_of_all)
    }),
    row(MethodFilter::POST, "/v0.1/publish", DEVELOPER, |filter| on(filter, compat::mcp_registry::publish)),
    row(MethodFilter::GET, "/v0.1/health", PUBLIC, |filter| on(filter, compat::agentregistry::health)),
    row(MethodFilter::GET, "/v0.1/ping", PUBLIC, |filter| on(filter, compat::agentregistry::ping)),
    row(MethodFilter::GET, "/v0.1/version", PUBLIC, |filter| on(filter, compat::agentregistry::version)),
    row(MethodFilter::GET, "/v0/servers", CATALOG, |filter| on(filter, compat::mcp_registry::list)),
    row(MethodFilter::GET, "/v0/servers/{server}/versions", CATALOG, |filter| {
        on(filter, compat::mcp_registry::versions)
    }),
    row(MethodFilter::GET, "/v0/servers/{server}/versions/{version}", CATALOG, |filter| {
        on(filter, compat::mcp_registry::version)
    }),
    row(MethodFilter::PUT, "/v0/servers/{server}/versions/{version}", DEVELOPER, |filter| {
        on(filter, compat::mcp_registry::edit)
    }),
    row(MethodFilter::PATCH, "/v0/servers/{server}/versions/{version}/status", APPROVER, |filter| {
        on(filter, compat::mcp_registry::set_status)
    }),
    row(MethodFilter::PATCH, "/v0/servers/{server}/status", APPROVER, |filter| {
        on(filter, compat::mcp_registry::set_status_of_all)
    }),
    row(MethodFilter::POST, "/v0/publish", DEVELOPER, |filter| on(filter, compat::mcp_registry::publish)),
    row(MethodFilter::GET, "/v0/health", PUBLIC, |filter| on(filter, compat::agentregistry::health)),
    row(MethodFilter::GET, "/v0/ping", PUBLIC, |filter| on(filter, compat::agentregistry::ping)),
    row(MethodFilter::GET, "/v0/version", PUBLIC, |filter| on(filter, compat::agentregistry::version)),
    row(MethodFilter::POST, "/v0/apply", DEVELOPER, |filter| {
        on(filter, compat::agentregistry::apply).layer(DefaultBodyLimit::max(CATALOG_BYTES_MAX))
    }),
    row(MethodFilter::DELETE, "/v0/apply", DEVELOPER, |filter| {
        on(filter, compat::agentregistry::delete_all).layer(DefaultBodyLimit::max(CATALOG_BYTES_MAX))
    }),
    row(MethodFilter::GET, "/v0/{plural}", VIEWER, |filter| on(filter, compat::agentregistry::list)),
    row(MethodFilter::GET, "/v0/{plural}/{name}", VIEWER, |filter| on(filter, compat::agentregistry::newest)),
    row(MethodFilter::PUT, "/v0/{plural}/{name}", DEVELOPER, |filter| on(filter, compat::agentregistry::put)),
    row(MethodFilter::DELETE, "/v0/{plural}/{name}", DEVELOPER, |filter| on(filter, compat::agentregistry::remove)),
    row(MethodFilter::GET, "/v0/{plural}/{name}/tags", VIEWER, |filter| on(filter, compat::agentregistry::tags)),
    row(MethodFilter::GET, "/v0/{plural}/{name}/{tag}", VIEWER, |filter| on(filter, compat::agentregistry::tagged)),
    row(MethodFilter::DELETE, "/v0/{plural}/{name}/{tag}", APPROVER, |filter| {
        on(filter, compat::agentregistry::retire)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/scorecard", VIEWER, |filter| {
        on(filter, catalog::scorecards::card)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/summary", VIEWER, |filter| {
        on(filter, catalog::summary::summary)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/scorecards", VIEWER, |filter| on(filter, catalog::scorecards::board)),
    row(MethodFilter::GET, "/api/v1/catalog/checks", VIEWER, |filter| on(filter, catalog::scorecards::checks)),
    row(MethodFilter::GET, "/api/v1/backup", ADMINISTRATOR, |filter| on(filter, backup::backup)),
    row(MethodFilter::GET, "/api/v1/catalog/entities", VIEWER, |filter| on(filter, catalog::list::list)),
    row(MethodFilter::GET, "/api/v1/catalog/facets", VIEWER, |filter| on(filter, catalog::facets::facets)),
    row(MethodFilter::GET, "/api/v1/catalog/search", VIEWER, |filter| on(filter, catalog::search::search)),
    row(MethodFilter::GET, "/api/catalog/entities", VIEWER, |filter| on(filter, backstage::entities::list)),
    row(MethodFilter::GET, "/api/catalog/entities/by-query", VIEWER, |filter| on(filter, backstage::pages::get)),
    row(MethodFilter::POST, "/api/catalog/entities/by-query", VIEWER, |filter| on(filter, backstage::pages::post)),
    row(MethodFilter::POST, "/api/catalog/entities/by-refs", VIEWER, |filter| on(filter, backstage::single::by_refs)),
    row(MethodFilter::GET, "/api/catalog/entities/by-name/{kind}/{namespace}/{name}", VIEWER, |filter| {
        on(filter, backstage::single::by_name)
    }),
    row(MethodFilter::GET, "/api/catalog/entities/by-name/{kind}/{namespace}/{name}/ancestry", VIEWER, |filter| {
        on(filter, backstage::single::ancestry)
    }),
    row(MethodFilter::GET, "/api/catalog/entities/by-uid/{uid}", VIEWER, |filter| {
        on(filter, backstage::single::by_uid)
    }),
    row(MethodFilter::DELETE, "/api/catalog/entities/by-uid/{uid}", DEVELOPER, |filter| {
        on(filter, backstage::single::remove)
    }),
    row(MethodFilter::GET, "/api/catalog/entity-facets", VIEWER, |filter| on(filter, backstage::facets::get)),
    row(MethodFilter::POST, "/api/catalog/entity-facets", VIEWER, |filter| on(filter, backstage::facets::post)),
    row(MethodFilter::POST, "/api/catalog/refresh", DEVELOPER, |filter| on(filter, backstage::actions::refresh)),
    row(MethodFilter::POST, "/api/catalog/validate-entity", VIEWER, |filter| on(filter, backstage::actions::validate)),
    row(MethodFilter::POST, "/api/catalog/analyze-location", VIEWER, |filter| on(filter, backstage::actions::analyze)),
    row(MethodFilter::GET, "/api/catalog/locations", VIEWER, |filter| on(filter, backstage::locations::list)),
    row(MethodFilter::POST, "/api/catalog/locations", ADMINISTRATOR, |filter| on(filter, backstage::locations::add)),
    row(MethodFilter::POST, "/api/catalog/locations/by-query", VIEWER, |filter| {
        on(filter, backstage::locations::by_query)
    }),
    row(MethodFilter::GET, "/api/catalog/locations/by-entity/{kind}/{namespace}/{name}", VIEWER, |filter| {
        on(filter, backstage::locations::by_entity)
    }),
    row(MethodFilter::GET, "/api/catalog/locations/{id}", VIEWER, |filter| on(filter, backstage::locations::detail)),
    row(MethodFilter::PUT, "/api/catalog/locations/{id}", ADMINISTRATOR, |filter| {
        on(filter, backstage::locations::update)
    }),
    row(MethodFilter::DELETE, "/api/catalog/locations/{id}", ADMINISTRATOR, |filter| {
        on(filter, backstage::locations::remove)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/ingestion", VIEWER, |filter| on(filter, catalog::ingestion::health)),
    row(MethodFilter::GET, "/api/v1/catalog/locations", VIEWER, |filter| on(filter, catalog::locations::list)),
    row(MethodFilter::POST, "/api/v1/catalog/locations", ADMINISTRATOR, |filter| on(filter, catalog::locations::add)),
    row(MethodFilter::DELETE, "/api/v1/catalog/locations/{id}", ADMINISTRATOR, |filter| {
        on(filter, catalog::locations::remove)
    }),
    row(MethodFilter::POST, "/api/v1/catalog/locations/{id}/refresh", DEVELOPER, |filter| {
        on(filter, catalog::locations::refresh)
    }),
    row(MethodFilter::POST, "/api/v1/catalog/apply", DEVELOPER, |filter| {
        on(filter, catalog::apply::apply).layer(DefaultBodyLimit::max(catalog::apply::APPLY_BYTES_MAX))
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}", VIEWER, |filter| {
        on(filter, catalog::entity::detail)
    }),
    row(MethodFilter::DELETE, "/api/v1/catalog/entities/{kind}/{namespace}/{name}", DEVELOPER, |filter| {
        on(filter, catalog::entity::remove)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions", VIEWER, |filter| {
        on(filter, catalog::versions::list)
    }),
    row(MethodFilter::GET, "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}", VIEWER, |filter| {
        on(filter, catalog::versions::detail)
    }),
    row(
        MethodFilter::POST,
        "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}/submit",
        DEVELOPER,
        |filter| on(filter, catalog::versions::submit),
    ),
    row(
        MethodFilter::POST,
        "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}/{step}",
        APPROVER,
        |filter| on(filter, catalog::versions::decide),
    ),
    row(MethodFilter::GET, "/api/v1/catalog/reviews", VIEWER, |filter| on(filter, catalog::reviews::list)),
    row(MethodFilter::GET, "/api/v1/openapi.json", PUBLIC, |filter| on(filter, system::openapi)),
    row(MethodFilter::GET, "/metrics", Access::PublicOnLoopback, |filter| on(filter, system::metrics)),
    row(MethodFilter::GET, "/healthz", PUBLIC, |filter| on(filter, system::healthz)),
    row(MethodFilter::GET, "/readyz", PUBLIC, |filter| on(filter, system::readyz)),
];

/// Method and path of every route, for tests that walk all of them.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().map(|route| (name(route.method), route.path))
}

/// Of the methods that [`ROUTES`] uses.
fn name(method: MethodFilter) -> &'static str {
    let known = [
        (MethodFilter::GET, "GET"),
        (MethodFilter::POST, "POST"),
        (MethodFilter::PATCH, "PATCH"),
        (MethodFilter::PUT, "PUT"),
        (MethodFilter::DELETE, "DELETE"),
    ];
    known.iter().find(|(known, _)| *known == method).map_or("another", |(_, name)| name)
}

/// The portal on its port. The gateway's router is merged beside it: a path below `/v1` or `/anthropic`
/// that the gateway does not know ends here in a 404, never in a page.
pub fn router(state: PortalState) -> Router {
    let app = Arc::new(App::new(state));
    readiness::watch(Arc::clone(&app));
    let mut router = Router::new();
    for route in ROUTES {
        let gate = Gate { app: Arc::clone(&app), access: route.access };
        let guarded = (route.handler)(route.method).route_layer(middleware::from_fn_with_state(gate, guard::check));
        router = router.route(route.path, guarded);
    }
    router
        .fallback(ui::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::site))
        .layer(middleware::from_fn(backstage::error::translate))
        .layer(middleware::from_fn(guard::headers::add))
        .with_state(app)
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::Refused {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method",
        message: format!("`{}` cannot be asked with `{method}`", uri.path()),
    }
}
