//! Questions to ask before a policy is changed: does it compile, and what would it have made different?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use mizzen_control::policies::impact::{ImpactReport, Proposed};
use mizzen_control::policies::{
    CaseResult, FileText, Policy, PolicyKind, Problem, Problems, Published, ToolSchema, candidate, run_cases,
};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Effect, Mode};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::ProblemView;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Body;

const DAYS_DEFAULT: u32 = 7;
const DAYS_MAX: u32 = 366;

/// A text that is not in force: a boundary when its name ends in `.yaml` or `.yml`, Cedar when it ends in `.cedar`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRequest {
    name: String,
    text: String,
}

/// A policy in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyName {
    /// `boundary` or `policy`.
    kind: String,
    name: String,
}

/// What to check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckRequest {
    /// They take the place of what has the same names in force.
    files: Vec<FileRequest>,
    /// Tools as their servers describe them: limits on arguments that a tool does not have are then found. Those of the tool
    /// servers here when absent.
    #[schema(value_type = Option<Vec<Object>>)]
    tools: Option<Vec<ToolSchema>>,
}

/// Cases, and the policies to put them before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// YAML.
    cases: String,
    /// How problems call the cases, for example their file; `cases` when absent.
    #[serde(default)]
    name: Option<String>,
    /// They take the place of what has the same names in force.
    #[serde(default)]
    files: Vec<FileRequest>,
}

/// What came of the cases.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestView {
    passed: usize,
    failed: usize,
    cases: Vec<CaseView>,
}

/// What came of one case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseView {
    name: String,
    line: u32,
    passed: bool,
    expected: Effect,
    got: Effect,
    mode: Mode,
    policies: Vec<String>,
    reason: String,
    /// What was not as expected.
    differences: Vec<String>,
}

/// Whether the set would compile.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckView {
    /// Whether there is no error in `problems`.
    valid: bool,
    /// What keeps the set from compiling; of a set that compiles, errors and warnings of the files.
    problems: Vec<ProblemView>,
    /// What is in force beside the files has problems of its own, which do not count.
    others: Vec<ProblemView>,
    /// What the set would be.
    #[schema(value_type = Option<String>)]
    policy_set: Option<Digest>,
    objects: Vec<CheckedView>,
}

/// What a file was read as.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckedView {
    /// `boundary` or `policy`.
    kind: &'static str,
    name: String,
    #[schema(value_type = String)]
    digest: Digest,
    /// What it compiles to.
    cedar: String,
}

/// A set that is not in force, and how far to look back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImpactRequest {
    /// They take the place of what has the same names in force.
    #[serde(default)]
    files: Vec<FileRequest>,
    /// What is to be taken away.
    #[serde(default)]
    remove: Vec<PolicyName>,
    /// 7 when absent.
    days: Option<u32>,
}

/// Check policies
///
/// Together with what is in force. Nothing is changed.
#[utoipa::path(post, path = "/api/v1/policies/check", tag = "permission", operation_id = "check_policies", request_body = CheckRequest,
    responses((status = 200, body = CheckView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    Body(request): Body<CheckRequest>,
) -> Result<Json<CheckView>, ApiError> {
    let files = files(request.files)?;
    let published = app.state.control.policies().published();
    let mut servers: BTreeSet<String> = app.state.tools.configuration().configured().servers.keys().cloned().collect();
    let tools = request.tools.unwrap_or_else(|| known_tools(&app));
    servers.extend(tools.iter().map(|tool| tool.server.clone()));
    blocking(move || match candidate(&published, &files, &[]) {
        Err(problems) => CheckView::refused(&problems),
        Ok((set, policies)) => {
            let problems = [set.check(&tools), set.check_servers(&servers)].concat();
            CheckView::of(&published, &files, set.digest(), &policies, problems)
        }
    })
    .await
    .map(Json)
}

impl CheckView {
    fn refused(problems: &Problems) -> Self {
        let problems = problems.0.iter().map(ProblemView::of).collect();
        Self { valid: false, problems, others: Vec::new(), policy_set: None, objects: Vec::new() }
    }

    fn of(
        published: &Published,
        files: &[FileText],
        set: &Digest,
        policies: &[Policy],
        problems: Vec<Problem>,
    ) -> Self {
        let is_asked = |source: &str| files.iter().any(|file| file.name == source);
        let is_closed =
            |source: &str| policies.iter().any(|policy| policy.closed.is_some() && policy.source() == source);
        let closed = published.problems.iter().filter(|problem| is_closed(&problem.source)).cloned();
        let (problems, others): (Vec<_>, Vec<_>) =
            problems.into_iter().chain(closed).partition(|problem| is_asked(&problem.source));
        Self {
            valid: !problems.iter().any(Problem::is_error),
            problems: problems.iter().map(ProblemView::of).collect(),
            others: others.iter().map(ProblemView::of).collect(),
            policy_set: Some(set.clone()),
            objects: policies
                .iter()
                .filter(|policy| is_asked(&policy.source()))
                .map(|policy| CheckedView {
                    kind: policy.kind.as_str(),
                    name: policy.name.clone(),
                    digest: policy.digest.clone(),
                    cedar: published.cedar_of(policy),
                })
                .collect(),
        }
    }
}

fn known_tools(app: &App) -> Vec<ToolSchema> {
    let known = app.state.tools.pins().input_schemas();
    known.into_iter().map(|(server, name, input_schema)| ToolSchema { server, name, input_schema }).collect()
}

/// Test policies
///
/// Requests with the answers that are expected. Nothing is changed.
#[utoipa::path(post, path = "/api/v1/policies/test", tag = "permission", operation_id = "test_policies", request_body = TestRequest,
    responses((status = 200, body = TestView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Body(request): Body<TestRequest>,
) -> Result<Json<TestView>, ApiError> {
    let (files, cases) = (files(request.files)?, request.cases);
    let name = request.name.unwrap_or_else(|| "cases".to_owned());
    let published = app.state.control.policies().published();
    let tested = blocking(move || {
        let (set, _) = candidate(&published, &files, &[])?;
        run_cases(&set, &name, &cases)
    });
    let cases = tested.await?.map_err(|problems| ApiError::PolicyInvalid(problems.0))?;
    let passed = cases.iter().filter(|case| case.passed).count();
    let failed = cases.len() - passed;
    Ok(Json(TestView { passed, failed, cases: cases.into_iter().map(case_view).collect() }))
}

fn case_view(case: CaseResult) -> CaseView {
    CaseView {
        name: case.name,
        line: case.line,
        passed: case.passed,
        expected: case.expected,
        got: case.got,
        mode: case.mode,
        policies: case.policies,
        reason: case.reason,
        differences: case.differences,
    }
}

/// What other policies would have made different
///
/// Each decision of the last days about agents that the changed boundaries name (about anybody, when Cedar changes) is asked
/// again of the set in force, and of the set that these files and removals would make. A boundary that observes is asked as if it enforced, unless
/// the one in force enforces.
#[utoipa::path(post, path = "/api/v1/policies/impact", tag = "permission", operation_id = "policy_impact", request_body = ImpactRequest,
    responses((status = 200, body = ImpactReport), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(crate) async fn impact(
    State(app): State<Arc<App>>,
    Body(request): Body<ImpactRequest>,
) -> Result<Json<ImpactReport>, ApiError> {
    let since = since(app.state.clock.now(), request.days)?;
    let files = files(request.files)?;
    let without = request.remove.into_iter().map(policy_name).collect::<Result<Vec<_>, _>>()?;
    let policies = app.state.control.policies();
    let published = policies.published();
    if let Some((kind, name)) = without.iter().find(|(kind, name)| published.find(*kind, name).is_none()) {
        let message = format!("there is no {kind} `{name}`; `mizzen policy get` lists what is in force");
        return Err(ApiError::Field { field: "remove", message });
    }
    let proposed = blocking(move || Proposed::of(&published, &files, &without)).await?;
    let proposed = Arc::new(proposed.map_err(|problems| ApiError::PolicyInvalid(problems.0))?);
    let report = policies.impact(&proposed, since).await.map_err(ApiError::internal)?;
    Ok(Json(report))
}

fn since(now: Timestamp, days: Option<u32>) -> Result<Timestamp, ApiError> {
    let days = days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(ApiError::Field {
            field: "days",
            message: format!("must be a number from 1 to {DAYS_MAX}, not {days}"),
        });
    }
    let back = Duration::from_secs(u64::from(days) * 24 * 3600);
    Ok(now.plus_nanos(-i64::try_from(back.as_nanos()).unwrap_or(i64::MAX)))
}

fn files(files: Vec<FileRequest>) -> Result<Vec<FileText>, ApiError> {
    let read = |file: FileRequest| {
        FileText::named(&file.name, &file.text).ok_or_else(|| ApiError::Field {
            field: "files",
            message: format!("`{}` must end in `.yaml`, `.yml` or `.cedar`", file.name),
        })
    };
    files.into_iter().map(read).collect()
}

fn policy_name(name: PolicyName) -> Result<(PolicyKind, String), ApiError> {
    let kind = name.kind.parse();
    let kind = kind.map_err(|_| ApiError::unknown("kind", &name.kind, &["boundary", "policy"]))?;
    Ok((kind, name.name))
}

/// Compiling takes longer than an async thread should be held.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}
