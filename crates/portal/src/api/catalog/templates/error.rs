//! What went wrong with a template, as a response.

use http::StatusCode;
use mizzen_catalog::template::disk::DiskError;
use mizzen_catalog::template::plane::TemplateError;

use super::super::docs::error_text;
use crate::error::ApiError;

impl From<TemplateError> for ApiError {
    fn from(error: TemplateError) -> Self {
        let refused = |status, code| Self::Refused { status, code, message: error.to_string() };
        match error {
            TemplateError::NotFound(_) | TemplateError::NotCreated(_) => refused(StatusCode::NOT_FOUND, "not_found"),
            TemplateError::NotRunnable { .. } => refused(StatusCode::CONFLICT, "template_not_runnable"),
            TemplateError::Failed(failed) => {
                Self::Problems { code: "template_failed", message: failed.to_string(), problems: failed.problems }
            }
            TemplateError::Problems(problems) => {
                Self::Problems { code: "template_failed", message: error_text(&problems), problems }
            }
            TemplateError::NoTemplate => Self::Field { field: "files", message: error.to_string() },
            TemplateError::OtherTemplate { .. } => refused(StatusCode::CONFLICT, "other_template"),
            TemplateError::Fixed { .. } => refused(StatusCode::CONFLICT, "template_fixed"),
            TemplateError::NoProjects => refused(StatusCode::CONFLICT, "no_projects"),
            TemplateError::NoName => refused(StatusCode::CONFLICT, "no_name"),
            TemplateError::Forgotten { .. } => refused(StatusCode::CONFLICT, "template_forgotten"),
            TemplateError::Disk(DiskError::Exists(_)) => refused(StatusCode::CONFLICT, "exists"),
            TemplateError::Disk(DiskError::Link { .. } | DiskError::Special { .. }) => {
                refused(StatusCode::CONFLICT, "link")
            }
            TemplateError::Catalog(error) => error.into(),
            TemplateError::Disk(_)
            | TemplateError::Store(_)
            | TemplateError::Damaged { .. }
            | TemplateError::BuiltIn(_)
            | TemplateError::Ended => Self::internal(error),
        }
    }
}
