//! The evaluators there are.

use axum::Json;
use mizzen_eval::evaluator::{EvaluatorInfo, catalogue};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ErrorBody;

/// An evaluator as it can be chosen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvaluatorView {
    name: &'static str,
    version: &'static str,
    title: &'static str,
    description: &'static str,
    /// What it needs of a trial or a case.
    needs: Vec<&'static str>,
    /// What a score counts; `null` for scores in [0, 1].
    unit: Option<&'static str>,
    is_counter: bool,
    /// The score from which a trial passes, when nobody says otherwise.
    threshold: Option<f64>,
    parameters: Vec<ParameterView>,
    /// Whether the server runs it: programs run only where `mizzen eval run` is typed.
    on_server: bool,
}

/// A parameter of an evaluator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ParameterView {
    name: &'static str,
    description: &'static str,
    /// As it would be written.
    default: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvaluatorList {
    items: Vec<EvaluatorView>,
}

/// List evaluators
#[utoipa::path(get, path = "/api/v1/evaluators", tag = "evaluation", operation_id = "list_evaluators",
    responses((status = 200, body = EvaluatorList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list() -> Json<EvaluatorList> {
    Json(EvaluatorList { items: catalogue().iter().map(view).collect() })
}

fn view(info: &EvaluatorInfo) -> EvaluatorView {
    let parameter = |parameter: &mizzen_eval::evaluator::Parameter| ParameterView {
        name: parameter.name,
        description: parameter.description,
        default: parameter.default,
    };
    EvaluatorView {
        name: info.name,
        version: info.version,
        title: info.title,
        description: info.description,
        needs: info.needs.iter().map(|need| need.as_str()).collect(),
        unit: info.unit,
        is_counter: info.is_counter(),
        threshold: info.threshold,
        parameters: info.parameters.iter().map(parameter).collect(),
        on_server: info.name != "command",
    }
}
