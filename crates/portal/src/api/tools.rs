//! Tool servers, what their tools say, and the profiles they are grouped in.

pub(crate) mod definitions;
pub(crate) mod profiles;
pub(crate) mod servers;

use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_mcp::pins::ApproveError;
use mizzen_mcp::seam::UpstreamError;
use mizzen_mcp::servers::ChangeError;

use crate::error::ApiError;

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let conflict = |code, error: &ChangeError| Self::Refused {
            status: StatusCode::CONFLICT,
            code,
            message: error.to_string(),
        };
        match &error {
            ChangeError::Config(_) | ChangeError::UnknownServer(_) => Self::Invalid(error.to_string()),
            ChangeError::Declared(_) => conflict("declared", &error),
            ChangeError::InUse { .. } => conflict("in_use", &error),
            ChangeError::TooMany { .. } => conflict("limit", &error),
            ChangeError::Store(_) | ChangeError::Audit(_) => Self::internal(error),
        }
    }
}

impl From<ApproveError> for ApiError {
    fn from(error: ApproveError) -> Self {
        match error {
            ApproveError::Unknown { tool, .. } => Self::not_found("tool", tool),
            ApproveError::Changed { .. } => {
                Self::Refused { status: StatusCode::CONFLICT, code: "definition_changed", message: error.to_string() }
            }
            ApproveError::Store(_) | ApproveError::Audit(_) => Self::internal(error),
        }
    }
}

impl From<UpstreamError> for ApiError {
    fn from(error: UpstreamError) -> Self {
        Self::Refused { status: StatusCode::BAD_GATEWAY, code: error.code(), message: error.to_string() }
    }
}

/// Who is told to have done it.
fn by(session: &Session) -> &str {
    &session.name
}
