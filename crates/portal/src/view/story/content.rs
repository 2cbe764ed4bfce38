//! Steps with their content: what a twin says is added to the step that stands for it.

use std::collections::HashMap;

use mizzen_model::id::SpanId;
use mizzen_model::step::Step;
use mizzen_telemetry::story::SpanContent;

/// A step that counts, with all that is known of its content.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) step: &'a Step,
    pub(crate) content: SpanContent,
    /// Whether `content` is empty only because it was not read.
    pub(crate) is_unread: bool,
}

/// The steps that count, in order of time. What the step itself saw wins over what its twins saw.
pub(crate) fn scenes(steps: &[Step], mut contents: HashMap<SpanId, SpanContent>) -> Vec<Scene<'_>> {
    let mut scenes: Vec<Scene<'_>> = steps
        .iter()
        .filter(|step| step.counted_as.is_none())
        .map(|step| {
            let content = contents.remove(&step.span_id);
            Scene { step, is_unread: content.is_none(), content: content.unwrap_or_default() }
        })
        .collect();
    scenes.sort_by_key(|scene| (scene.step.started_at, scene.step.span_id));
    let place_of: HashMap<SpanId, usize> =
        scenes.iter().enumerate().map(|(place, scene)| (scene.step.span_id, place)).collect();
    for step in steps {
        let place = step.counted_as.and_then(|winner| place_of.get(&winner));
        if let (Some(place), Some(content)) = (place, contents.remove(&step.span_id)) {
            complete(&mut scenes[*place].content, content);
            scenes[*place].is_unread = false;
        }
    }
    scenes
}

fn complete(own: &mut SpanContent, twin: SpanContent) {
    own.system = own.system.take().or(twin.system);
    if own.input.is_empty() {
        own.input = twin.input;
    }
    if own.output.is_empty() {
        own.output = twin.output;
    }
    own.tool_arguments = own.tool_arguments.take().or(twin.tool_arguments);
    own.tool_result = own.tool_result.take().or(twin.tool_result);
}
