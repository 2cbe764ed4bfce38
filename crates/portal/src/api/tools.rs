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
        let message = error.to_string();
        let conflict = |code| Self::Refused { status: StatusCode::CONFLICT, code, message: message.clone() };
        match error {
            ChangeError::Config(_) | ChangeError::UnknownServer(_) => Self::Invalid(message),
            ChangeError::Declared(_) => conflict("declared"),
            ChangeError::InUse { .. } => conflict("in_use"),
            ChangeError::TooMany { .. } => conflict("limit"),
            ChangeError::Audit(error) => error.into(),
            ChangeError::NotWritten(cause) => Self::not_written("it is removed", &cause),
            ChangeError::Store(_) => Self::internal(error),
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
            ApproveError::Audit(error) => error.into(),
            ApproveError::NotWritten(cause) => Self::not_written("the approval is withdrawn", &cause),
            ApproveError::Store(_) => Self::internal(error),
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
