//! The facts that there can be.

use super::{FactOrigin, FactType, KnownFact, Name, Typed};

macro_rules! facts {
    ($($(#[$meta:meta])* $constant:ident: $type:ty = $name:literal, $source:ident, $says:literal;)+) => {
        $(#[doc = $says] pub const $constant: Name<$type> = Name::new($name);)+

        /// Every fact there can be, beside those of evidence.
        pub const FACTS: &[KnownFact] = &[
            $(KnownFact { name: $name, kind: <$type as Typed>::TYPE, says: $says, source: FactOrigin::$source }),+
        ];
    };
}

facts! {
    ENTITY_DECLARED: bool = "entity.declared", Catalog, "a document declares it; traffic alone does not";
    ENTITY_LIFECYCLE: String = "entity.lifecycle", Catalog, "its lifecycle, as declared";
    OWNER_DECLARED: bool = "owner.declared", Catalog, "its document names an owner";
    OWNER_EXISTS: bool = "owner.exists", Catalog, "the owner that it names is in the catalog";
    OWNER_MEMBERS: i64 = "owner.members", Catalog, "people of the group that owns it; 1 when a person does";
    CONTACT_DECLARED: bool = "contact.declared", Catalog, "somebody can be reached about it: an on-call link or annotation, or the owner's e-mail";
    PURPOSE_DECLARED: bool = "purpose.declared", Catalog, "it says what it is for";
    PURPOSE_PROHIBITED_USES: i64 = "purpose.prohibited_uses", Catalog, "uses that it is declared not to be for";
    AUTONOMY_DECLARED: bool = "autonomy.declared", Catalog, "it says how far it acts by itself";
    AUTONOMY_TIER: i64 = "autonomy.tier", Catalog, "how far it acts by itself, 0 (drafts) to 4 (alone)";
    RISK_DECLARED: bool = "risk.declared", Catalog, "it says which risk tier it is in";
    RISK_TIER: String = "risk.tier", Catalog, "the risk tier that it says it is in";
    RUNBOOK_DECLARED: bool = "runbook.declared", Catalog, "it says where its runbook is";
    DOCS_EXIST: bool = "docs.exist", Catalog, "it has documentation in the catalog";
    VERSION_APPROVED: bool = "version.approved", Catalog, "the version that was applied last is approved";
    DEPENDENCIES_UNDECLARED: i64 = "dependencies.undeclared", Catalog, "things that traffic showed it using and no document names";
    SANDBOX_DECLARED: bool = "sandbox.declared", Catalog, "it says that it runs code of its own and needs a sandbox";
    SANDBOX_CONFINED: bool = "sandbox.confined", Telemetry, "a sandbox attested that its runs are confined";
    SLO_DECLARED: i64 = "slo.declared", Catalog, "service objectives that it declares";
    SLO_MISSED: i64 = "slo.missed", Telemetry, "declared objectives that its runs of 28 days did not show to be met";
    EVALS_DECLARED: i64 = "evals.declared", Catalog, "thresholds of evaluations that it declares";
    EVALS_MET: i64 = "evals.met", Eval, "declared thresholds that the lower bound about the running digest reaches";
    EVALS_ADVERSARIAL: i64 = "evals.adversarial", Catalog, "declared thresholds of adversarial sets";
    EVALS_ADVERSARIAL_MET: i64 = "evals.adversarial_met", Eval, "of those, how many the lower bound about the running digest reaches";
    IDENTITY_KEYS: i64 = "identity.keys", Control, "keys in force that name it";
    IDENTITY_UNIQUE: bool = "identity.unique", Control, "it has a key of its own, no other agent has one of that name, and none of its runs of 30 days came with another's";
    BOUNDARY_IN_FORCE: bool = "boundary.in_force", Control, "a boundary names it";
    BOUNDARY_ENFORCED: bool = "boundary.enforced", Control, "a boundary names it, and every one that does is enforced";
    BOUNDARY_NAMES: Vec<String> = "boundary.names", Control, "the boundaries that name it";
    BUDGET_SET: bool = "budget.set", Control, "a budget counts its calls";
    BUDGET_HARD_STOP: bool = "budget.hard_stop", Control, "a budget on its money, tokens or calls refuses what is over it";
    BUDGET_USED_SHARE: f64 = "budget.used_share", Control, "the part of its tightest budget of money that is spent, in [0, 1]";
    DENIED_CALLS: i64 = "denied.calls", Control, "its calls of 30 days that were refused";
    DENIED_SHARE: f64 = "denied.share", Control, "the part of its decisions of 30 days that refused, in [0, 1]";
    APPROVALS_HELD: i64 = "approvals.held", Control, "its calls of 30 days that were held for a person";
    APPROVALS_BYPASSED: i64 = "approvals.bypassed", Control, "its calls of 30 days that needed a person and went on without";
    STOP_TESTED_DAYS: f64 = "stop.tested_days", Control, "days since it was last paused or stopped, in earnest or as a drill";
    AUDIT_VERIFIED: bool = "audit.verified", Control, "the audit log was checked from its first entry to its newest, within a day";
    TRACES_SHARE: f64 = "traces.share", Telemetry, "the part of its runs of 30 days at the gateway that its own spans tell of too, in [0, 1]";
    RUNS_COUNT: i64 = "runs.count", Telemetry, "its runs of 30 days, at most the newest 1,000";
    RUNS_ERROR_RATE: f64 = "runs.error_rate", Telemetry, "the part of them that failed, in [0, 1]";
    RUNS_ERROR_RATE_UPPER: f64 = "runs.error_rate_upper", Telemetry, "upper limit of the 95 % interval of that part";
    RUNS_P95_MS: f64 = "runs.p95_ms", Telemetry, "95th percentile of their durations, in milliseconds";
    RUNS_LAST_SEEN_DAYS: f64 = "runs.last_seen_days", Telemetry, "days since its newest run";
    COST_PER_RUN_USD: f64 = "cost.per_run_usd", Telemetry, "mean cost of its runs of 30 days whose calls all had a price";
    COST_PER_SUCCESS_USD: f64 = "cost.per_success_usd", Telemetry, "their cost, by those that did not fail";
    COST_UNPRICED_CALLS: i64 = "cost.unpriced_calls", Telemetry, "its model calls of 30 days without a known price";
    RUNNING_DIGESTS: i64 = "running.digests", Telemetry, "agent digests that its runs of 30 days name";
    RUNNING_DIGEST: String = "running.digest", Telemetry, "the digest that its newest run with one names, or else its key";
    RUNNING_APPROVED: bool = "running.approved", Catalog, "that digest is one of a usable version";
    TOOLS_GRANTED: i64 = "tools.granted", Control, "tools that its boundaries grant";
    TOOLS_USED: i64 = "tools.used", Telemetry, "tools that it called within 30 days";
    TOOLS_UNUSED: Vec<String> = "tools.unused", Control, "granted tools that it did not call within 30 days";
    TOOLS_OUTSIDE: Vec<String> = "tools.outside", Control, "tools that it called within 30 days and no boundary of its grants";
    TOOLS_IRREVERSIBLE: i64 = "tools.irreversible", Catalog, "declared tools whose effect cannot be undone";
    TOOLS_UNATTENDED: Vec<String> = "tools.unattended", Control, "irreversible tools that are granted without a person's approval";
    TOOLS_CHANGED: Vec<String> = "tools.changed", Mcp, "tools that it uses or may use whose definition is not the approved one";
    TOOLS_PINNED: bool = "tools.pinned", Mcp, "every tool behind the gateway that it used is pinned";
    EVIDENCE_CLUSTERS: i64 = "evals.clusters", Eval, "independent cases under the best evidence about the running digest";
    EVIDENCE_AGE_DAYS: f64 = "evals.age_days", Eval, "days since the newest evidence about the running digest";
    EVIDENCE_DIGESTS: i64 = "evals.digests", Eval, "digests of it that have evidence";
    REGRESSIONS: Vec<String> = "evals.regressions", Eval, "metrics whose upper bound lies below the lower bound of the version before";
    MONITORS_COUNT: i64 = "monitors.count", Eval, "monitors that follow its runs";
    MONITORS_ALARMED: Vec<String> = "monitors.alarmed", Eval, "monitors of it that raised an alarm within 30 days";
}

/// What there can be of each metric: `evidence.<metric>.<field>`, about the digest that runs.
pub const EVIDENCE_FIELDS: &[(&str, FactType)] = &[
    ("lower", FactType::Number),
    ("upper", FactType::Number),
    ("n", FactType::Int),
    ("clusters", FactType::Int),
    ("alpha", FactType::Number),
    ("age_days", FactType::Number),
];
