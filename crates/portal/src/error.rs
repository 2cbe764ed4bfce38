//! One mapping from everything that can go wrong to a response: `{"error":{"code","message"}}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use mizzen_catalog::filter::FilterError;
use mizzen_catalog::plane::CatalogError;
use mizzen_control::api_tokens::ApiTokenError;
use mizzen_control::approvals::AnswerError;
use mizzen_control::audit::AuditError;
use mizzen_control::budgets::BudgetError;
use mizzen_control::evidence::WithdrawError;
use mizzen_control::keys::KeyError;
use mizzen_control::origin::OriginError;
use mizzen_control::pauses::PauseError;
use mizzen_control::policies::decisions::DecisionError;
use mizzen_control::policies::{PolicyError, Problem, Problems};
use mizzen_control::providers::ProviderError;
use mizzen_control::sign_in::SignInError;
use mizzen_eval::error::EvalError;
use mizzen_model::suggest;
use mizzen_query::error::QueryError;
use mizzen_runtime::error::Chain;
use mizzen_runtime::limit::LimitReached;
use mizzen_store::Outage;
use mizzen_telemetry::{IngestError, ReadError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::policies::view::ProblemView;

/// The body of every response that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

/// The same for who translates it into the errors of another protocol; it travels with the response.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// Stable; programs may rely on it.
    pub(crate) code: &'static str,
    /// For people; may change.
    pub(crate) message: String,
    /// What is wrong with policies, and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<ProblemView>,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("sign in first: with the one-time link of `mizzen signin`, or with the token in the file `admin-token`")]
    SignedOut,
    #[error("{0}")]
    WrongCredential(String),
    #[error("an agent's key opens the gateway and the OTLP receivers only")]
    AgentKey,
    #[error("this needs the role `{needed}`, and you are `{have}`")]
    Role { needed: &'static str, have: &'static str },
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error("the request comes from a page of another site")]
    ForeignPage,
    #[error("too many failed sign-ins; wait {retry_after_seconds} seconds")]
    TooManyAttempts { retry_after_seconds: u64 },
    #[error("too many live connections ({max}); close a tab")]
    TooManyStreams { max: usize },
    #[error("no {what} `{name}`{}", where_they_are(.what))]
    NotFound { what: &'static str, name: String },
    #[error("{field}: {message}")]
    Field { field: &'static str, message: String },
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Limit(#[from] LimitReached),
    #[error("{}", Problems(.0.clone()))]
    PolicyInvalid(Vec<Problem>),
    /// What was sent is wrong, in several places of its files.
    #[error("{message}")]
    Problems { code: &'static str, message: String, problems: Vec<Problem> },
    #[error("{message}")]
    Refused { status: StatusCode, code: &'static str, message: String },
    /// The text of the source stays in the log: it may name paths and statements.
    #[error("Mizzen could not do this; its log says why")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// A database that does not answer or takes nothing at the moment is told as such, all else as our own fault.
    pub(crate) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let error = error.into();
        let Some(outage) = mizzen_store::outage(error.as_ref()) else { return Self::Internal(error) };
        tracing::error!(error = %Chain(error.as_ref()), "a request failed");
        let message = match outage {
            Outage::Away => "the control database does not answer at the moment; try again, and see `/readyz`",
            Outage::Full => "the disk of the control database is full; free some space",
            Outage::ReadOnly => "the control database is read-only; check the owner and mount of its folder",
        };
        Self::Refused { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", message: message.to_owned() }
    }

    /// A number of things that are kept has its limit.
    fn too_many(error: &dyn std::error::Error) -> Self {
        Self::Refused { status: StatusCode::CONFLICT, code: "limit", message: error.to_string() }
    }

    /// It may work a little later.
    fn unavailable(error: &dyn std::error::Error) -> Self {
        Self::Refused { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", message: error.to_string() }
    }

    fn audit_unavailable(message: &str) -> Self {
        Self::Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "audit_unavailable",
            message: message.to_owned(),
        }
    }

    /// What narrows was done, as `done` says, and is not written down.
    pub(crate) fn not_written(done: &str, cause: &AuditError) -> Self {
        tracing::error!(error = %Chain(cause), "{done}, and is not in the audit log");
        let message = "but the audit log did not take the entry about it; the log of Mizzen says why";
        Self::audit_unavailable(&format!("{done}, {message}"))
    }

    pub(crate) fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    /// `value` is none of the `known` names of `field`.
    pub(crate) fn unknown(field: &'static str, value: &str, known: &[&str]) -> Self {
        let near = suggest::nearest(value, known.iter().copied());
        let near = near.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        Self::Field { field, message: format!("`{value}` is not known; {near}use one of {}", known.join(", ")) }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut | Self::WrongCredential(_) => StatusCode::UNAUTHORIZED,
            Self::AgentKey | Self::Role { .. } | Self::ForeignPage => StatusCode::FORBIDDEN,
            Self::Origin(OriginError::Origin(_)) => StatusCode::FORBIDDEN,
            Self::Origin(OriginError::NoHost) => StatusCode::BAD_REQUEST,
            Self::Origin(OriginError::Host(_)) => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyStreams { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Field { .. } | Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Limit(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::PolicyInvalid(_) | Self::Problems { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused { status, .. } => *status,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::WrongCredential(_) => "wrong_credential",
            Self::AgentKey => "agent_key",
            Self::Role { .. } => "role",
            Self::Origin(OriginError::Origin(_)) | Self::ForeignPage => "origin",
            Self::Origin(OriginError::NoHost | OriginError::Host(_)) => "host",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::TooManyStreams { .. } => "too_many_streams",
            Self::NotFound { .. } => "not_found",
            Self::Field { .. } | Self::Invalid(_) => "invalid",
            Self::Limit(_) => "limit",
            Self::PolicyInvalid(_) => "policy_invalid",
            Self::Refused { code, .. } | Self::Problems { code, .. } => code,
            Self::Internal(_) => "internal",
        }
    }
}

/// The command that lists what there is, for what people name by hand.
fn where_they_are(what: &str) -> String {
    let lists = match what {
        "run" => "mizzen runs list",
        "key" | "provider" => "mizzen keys list",
        "API token" => "mizzen tokens list",
        "budget" => "mizzen budgets list",
        "pause" => "mizzen resume",
        "boundary" | "policy" => "mizzen policy get",
        "decision" => "mizzen query 'SELECT * FROM decisions'",
        "held call" => "mizzen approvals list --all",
        "tool server" | "enabled tool server" => "mizzen tools list",
        "profile" => "mizzen tools profiles list",
        "entity" => "mizzen get all",
        "template" => "mizzen init --list",
        "eval set" => "mizzen eval set list",
        "experiment" => "mizzen eval experiments",
        "monitor" => "mizzen eval monitor list",
        "baseline" => "mizzen baseline list",
        _ => return String::new(),
    };
    format!("; `{lists}` shows which there are")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(error) = &self {
            tracing::error!(error = %Chain(error.as_ref()), "a request failed");
        }
        let problems = match &self {
            Self::PolicyInvalid(problems) | Self::Problems { problems, .. } => {
                problems.iter().map(ProblemView::of).collect()
            }
            _ => Vec::new(),
        };
        let told = Told { code: self.code(), message: self.to_string() };
        let error = ErrorDetail { code: told.code, message: told.message.clone(), problems };
        let mut response = (self.status(), Json(ErrorBody { error })).into_response();
        response.extensions_mut().insert(told);
        if let Self::TooManyAttempts { retry_after_seconds } = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
        }
        response
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::WrongToken | SignInError::WrongApiToken | SignInError::SpentLink | SignInError::Damaged(_) => {
                Self::WrongCredential(error.to_string())
            }
            SignInError::Name => Self::Field { field: "name", message: error.to_string() },
            SignInError::Random(_) | SignInError::Store(_) => Self::internal(error),
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match &error {
            KeyError::Name { what } => Self::Field { field: what, message: error.to_string() },
            KeyError::Reserved => Self::Field { field: "name", message: error.to_string() },
            KeyError::TooMany => Self::too_many(&error),
            KeyError::Damaged { .. } | KeyError::Random(_) | KeyError::Store(_) => Self::internal(error),
        }
    }
}

impl From<ApiTokenError> for ApiError {
    fn from(error: ApiTokenError) -> Self {
        match &error {
            ApiTokenError::Name | ApiTokenError::Reserved => Self::Field { field: "name", message: error.to_string() },
            ApiTokenError::TooMany => Self::too_many(&error),
            ApiTokenError::Damaged(_) | ApiTokenError::Random(_) | ApiTokenError::Store(_) => Self::internal(error),
        }
    }
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        let refused = |status, code| Self::Refused { status, code, message: error.to_string() };
        match error {
            AnswerError::NotFound(id) => Self::not_found("held call", id),
            AnswerError::AlreadyDecided { .. } => refused(StatusCode::CONFLICT, "already_decided"),
            AnswerError::FourEyes { .. } => refused(StatusCode::FORBIDDEN, "four_eyes"),
            AnswerError::Reason => Self::Field { field: "reason", message: error.to_string() },
            AnswerError::Audit(error) => error.into(),
            AnswerError::Store(_) => Self::internal(error),
        }
    }
}

impl From<BudgetError> for ApiError {
    fn from(error: BudgetError) -> Self {
        match error {
            BudgetError::Name => Self::Field { field: "name", message: error.to_string() },
            BudgetError::OfBoundary(_) => {
                Self::Refused { status: StatusCode::CONFLICT, code: "from_boundary", message: error.to_string() }
            }
            BudgetError::NoLimit => Self::Field { field: "limits", message: error.to_string() },
            BudgetError::Window => Self::Field { field: "window_seconds", message: error.to_string() },
            BudgetError::TooMany => Self::too_many(&error),
            BudgetError::Audit(error) => error.into(),
            BudgetError::Encode(_) | BudgetError::Store(_) => Self::internal(error),
        }
    }
}

impl From<PauseError> for ApiError {
    fn from(error: PauseError) -> Self {
        match error {
            PauseError::Name => Self::Field { field: "scope", message: error.to_string() },
            PauseError::Reason => Self::Field { field: "reason", message: error.to_string() },
            PauseError::TooMany => Self::too_many(&error),
            PauseError::Audit(error) => error.into(),
            PauseError::NotWritten(cause) => Self::not_written("it holds", &cause),
            PauseError::Random(_) | PauseError::Store(_) => Self::internal(error),
        }
    }
}

impl From<WithdrawError> for ApiError {
    fn from(error: WithdrawError) -> Self {
        match error {
            WithdrawError::Reason => Self::Field { field: "reason", message: error.to_string() },
            WithdrawError::NotInForce { .. } => {
                Self::Refused { status: StatusCode::NOT_FOUND, code: "not_found", message: error.to_string() }
            }
            WithdrawError::Audit(error) => error.into(),
            WithdrawError::Store(_) => Self::internal(error),
        }
    }
}

impl From<AuditError> for ApiError {
    /// What cannot be written down does not happen.
    fn from(error: AuditError) -> Self {
        tracing::error!(error = %Chain(&error), "the audit log could not be written or read");
        Self::audit_unavailable(
            "the audit log could not be written or read, so this was not done; the log of Mizzen says why",
        )
    }
}

impl From<ProviderError> for ApiError {
    fn from(error: ProviderError) -> Self {
        match &error {
            ProviderError::Name(_) => Self::Field { field: "name", message: error.to_string() },
            ProviderError::Variable(_) => Self::Field { field: "env", message: error.to_string() },
            ProviderError::Secret(_) => Self::Field { field: "key", message: error.to_string() },
            ProviderError::TooMany => Self::too_many(&error),
            ProviderError::NotEncrypted(_) | ProviderError::Random(_) | ProviderError::Store(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        let refused = |status, code| Self::Refused { status, code, message: error.to_string() };
        match &error {
            PolicyError::Name(_) | PolicyError::OtherName { .. } => {
                Self::Field { field: "name", message: error.to_string() }
            }
            PolicyError::ReasonTooLong { .. } => Self::Field { field: "reason", message: error.to_string() },
            PolicyError::TextTooLong { .. } => refused(StatusCode::PAYLOAD_TOO_LARGE, "limit"),
            PolicyError::TooMany => Self::too_many(&error),
            PolicyError::NotFound { kind, name } => Self::NotFound { what: kind.as_str(), name: name.clone() },
            PolicyError::Exists { .. } => refused(StatusCode::PRECONDITION_FAILED, "exists"),
            PolicyError::ChangedMeanwhile { .. } => refused(StatusCode::PRECONDITION_FAILED, "changed_meanwhile"),
            PolicyError::InFolder { .. } => refused(StatusCode::CONFLICT, "in_folder"),
            PolicyError::Busy => Self::unavailable(&error),
            PolicyError::Invalid(problems) => Self::PolicyInvalid(problems.0.clone()),
            PolicyError::NotAudited(cause) => {
                tracing::error!(error = %Chain(cause.as_ref()), "a change of policy was not made");
                refused(StatusCode::SERVICE_UNAVAILABLE, "not_audited")
            }
            PolicyError::Folder { .. } | PolicyError::Store(_) => Self::internal(error),
        }
    }
}

impl From<DecisionError> for ApiError {
    fn from(error: DecisionError) -> Self {
        match &error {
            DecisionError::Cursor(_) => Self::Field { field: "cursor", message: error.to_string() },
            DecisionError::Store(_) => Self::internal(error),
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cursor(error) => Self::Field { field: "cursor", message: error.to_string() },
            ReadError::TimedOut | ReadError::Stopping => Self::unavailable(&error),
            ReadError::Store(_) | ReadError::Segment(_) => Self::internal(error),
        }
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        if error.is_retryable() {
            return Self::unavailable(&error);
        }
        Self::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "limit", message: error.to_string() }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        if !error.is_users_fault() {
            return Self::internal(error);
        }
        Self::Refused { status: StatusCode::UNPROCESSABLE_ENTITY, code: error.code(), message: error.to_string() }
    }
}

impl From<EvalError> for ApiError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::NotFound { what, name } => Self::NotFound { what, name },
            EvalError::Invalid { field, message } => Self::Field { field, message },
            EvalError::Conflict { code, message } => Self::Refused { status: StatusCode::CONFLICT, code, message },
            EvalError::Stats(error) => Self::Invalid(error.to_string()),
            EvalError::Read(error) => error.into(),
            EvalError::Ingest(error) => error.into(),
            EvalError::Stopping => Self::unavailable(&error),
            EvalError::Damaged { .. } | EvalError::Store(_) => Self::internal(error),
        }
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self::Field { field: "filter", message: error.to_string() }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        let refused = |status, code| Self::Refused { status, code, message: error.to_string() };
        match &error {
            CatalogError::NotFound { what, name } => Self::NotFound { what, name: name.clone() },
            CatalogError::NoVersion { .. } => refused(StatusCode::NOT_FOUND, "not_found"),
            CatalogError::Decided { .. } => refused(StatusCode::CONFLICT, "decided"),
            CatalogError::Transition { .. } => refused(StatusCode::CONFLICT, "state"),
            CatalogError::TagTaken { .. } => refused(StatusCode::CONFLICT, "tag_taken"),
            CatalogError::Conflict(_) => refused(StatusCode::CONFLICT, "conflict"),
            CatalogError::FourEyes { .. } => refused(StatusCode::FORBIDDEN, "four_eyes"),
            CatalogError::ReasonMissing => Self::Field { field: "reason", message: error.to_string() },
            CatalogError::Invalid { field, message } => Self::Field { field, message: message.clone() },
            CatalogError::Cursor => Self::Field { field: "cursor", message: error.to_string() },
            CatalogError::TooMany { .. } => refused(StatusCode::PAYLOAD_TOO_LARGE, "limit"),
            CatalogError::NotAudited { .. } => {
                tracing::error!(error = %Chain(&error), "a change of the catalog was not made");
                refused(StatusCode::SERVICE_UNAVAILABLE, "not_audited")
            }
            CatalogError::Store(cause) if cause.is_transient() => Self::unavailable(&error),
            CatalogError::Damaged { .. } | CatalogError::Random(_) | CatalogError::Store(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use mizzen_control::approvals::AnswerError;
    use mizzen_control::audit::AuditError;
    use mizzen_control::budgets::BudgetError;
    use mizzen_control::evidence::WithdrawError;
    use mizzen_control::pauses::PauseError;
    use mizzen_mcp::pins::ApproveError;
    use mizzen_mcp::servers::ChangeError;
    use mizzen_store::StoreError;
    use mizzen_telemetry::ReadError;

    use super::ApiError;

    #[test]
    fn a_database_that_does_not_answer_is_unavailable_and_no_fault_of_ours() {
        let away = || StoreError::from(sqlx::Error::PoolTimedOut);
        for error in [ApiError::internal(away()), ApiError::from(ReadError::from(away()))] {
            assert_eq!((error.status(), error.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{error}");
            assert!(error.to_string().contains("does not answer at the moment"), "{error}");
        }
        let full = StoreError::Full(sqlx::Error::RowNotFound);
        let read_only = StoreError::ReadOnly(sqlx::Error::RowNotFound);
        for (error, told) in [(full, "the disk of the control database is full"), (read_only, "read-only")] {
            let error = ApiError::internal(error);
            assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE, "{error}");
            assert!(error.to_string().contains(told), "{error}");
        }
        let refused = StoreError::from(sqlx::Error::RowNotFound);
        assert_eq!(ApiError::internal(refused).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn what_the_audit_log_did_not_take_is_unavailable_and_what_narrows_is_done_all_the_same() {
        let not_done: [ApiError; 6] = [
            AnswerError::Audit(AuditError::Busy).into(),
            BudgetError::Audit(AuditError::Busy).into(),
            PauseError::Audit(AuditError::Busy).into(),
            WithdrawError::Audit(AuditError::Busy).into(),
            ChangeError::Audit(AuditError::Busy).into(),
            ApproveError::Audit(AuditError::Busy).into(),
        ];
        let of = |error: &ApiError| (error.status(), error.code());
        for error in &not_done {
            assert_eq!(of(error), (StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable"));
            assert!(error.to_string().contains("this was not done"), "{error}");
        }
        let done: [(ApiError, &str); 3] = [
            (PauseError::NotWritten(AuditError::Busy).into(), "it holds, but"),
            (ChangeError::NotWritten(AuditError::Busy).into(), "it is removed, but"),
            (ApproveError::NotWritten(AuditError::Busy).into(), "the approval is withdrawn, but"),
        ];
        for (error, told) in &done {
            assert_eq!(of(error), (StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable"));
            assert!(error.to_string().starts_with(told), "{error}");
        }
    }

    #[test]
    fn a_misspelt_value_names_the_nearest_known_one() {
        let known = ["ok", "error", "unset"];
        let near = ApiError::unknown("outcome", "eror", &known).to_string();
        assert_eq!(near, "outcome: `eror` is not known; did you mean `error`? use one of ok, error, unset");
        let far = ApiError::unknown("outcome", "purple", &known).to_string();
        assert_eq!(far, "outcome: `purple` is not known; use one of ok, error, unset");
    }

    #[test]
    fn what_is_not_there_names_the_command_that_lists_what_is() {
        let told = ApiError::not_found("pause", "p1").to_string();
        assert_eq!(told, "no pause `p1`; `mizzen resume` shows which there are");
        assert_eq!(ApiError::not_found("span", "1").to_string(), "no span `1`");
    }
}
