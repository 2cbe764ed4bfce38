//! The answer of `/v1/embeddings`: the vectors are counted, not read.

use mizzen_model::attribute::Value;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{error_name, usage};
use crate::wire::draft::Draft;
use crate::wire::json::{Raw, Text};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Vec<Vector<'a>>,
    #[serde(borrow, default)]
    usage: Raw<'a>,
    #[serde(borrow, default)]
    error: Raw<'a>,
}

#[derive(Deserialize)]
struct Vector<'a> {
    #[serde(borrow, default)]
    embedding: Raw<'a>,
}

pub(crate) fn body(draft: &mut Draft, body: &str) {
    let Ok(body) = serde_json::from_str::<Body<'_>>(body) else { return };
    draft.model = Text::owned(body.model.as_ref());
    draft.usage = usage::read(body.usage);
    draft.error = error_name(body.error);
    draft.complete = true;
    let dimensions = body.data.first().and_then(|first| first.embedding.read::<Vec<IgnoredAny>>());
    if let Some(count) = dimensions.and_then(|d| i64::try_from(d.len()).ok()) {
        draft.extra.push(("gen_ai.embeddings.dimension.count", Value::Int(count)));
    }
}
