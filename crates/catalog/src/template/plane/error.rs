//! What can go wrong with templates.

use mizzen_governance::problem::Problem;
use mizzen_store::StoreError;

use crate::plane::CatalogError;
use crate::reference::EntityRef;
use crate::template::built_in::BuiltInError;
use crate::template::disk::DiskError;
use crate::template::run::Failed;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("there is no template `{0}`; `mizzen init --list` shows what there is")]
    NotFound(EntityRef),
    #[error("`{reference}` cannot be run: {why}")]
    NotRunnable { reference: EntityRef, why: String },
    /// With what had been done before.
    #[error(transparent)]
    Failed(Box<Failed>),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    #[error("none of the files is a template (`apiVersion: scaffolder.backstage.io/v1beta3`, `kind: Template`)")]
    NoTemplate,
    #[error("`{file}` is not what the catalog has as `{reference}`; apply it first")]
    OtherTemplate { reference: EntityRef, file: String },
    #[error(
        "this version of `{reference}` was submitted for review, and its files stay what they were then, also when they were none; \
         give it another \
         `mizzen.dev/version` and apply the folder again, with `--draft` while you work on it"
    )]
    Fixed { reference: EntityRef },
    #[error("the server has no folder for projects; set `projects` in `[catalog]`, or take the download")]
    NoProjects,
    #[error("a project is named by the entity that it makes, and this template makes none")]
    NoName,
    #[error("`{0}` was made from no template that is known here")]
    NotCreated(EntityRef),
    #[error("`{template}` as it was ({digest}) is not known any more, so its changes cannot be told apart")]
    Forgotten { template: EntityRef, digest: String },
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("what is kept of `{what}` is damaged")]
    Damaged {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    #[error("the work ended without an answer")]
    Ended,
}

impl From<Failed> for TemplateError {
    fn from(failed: Failed) -> Self {
        Self::Failed(Box::new(failed))
    }
}

impl From<sqlx::Error> for TemplateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl TemplateError {
    pub(super) fn damaged(what: impl ToString, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Damaged { what: what.to_string(), source: source.into() }
    }
}
