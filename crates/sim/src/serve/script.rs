//! Scripted answers: which request gets which text, tool calls or error. The first rule that matches answers; a
//! request that none matches gets the engine's filler text.
//!
//! ```toml
//! [[rule]]
//! user = ["late", "order"]
//! turn = 0
//! calls = [{ tool = "list_orders", arguments = { customer = "C-7" } }]
//!
//! [[rule]]
//! user = ["late", "order"]
//! text = "It left the warehouse this morning: {result}"
//! ```

use serde::{Deserialize, Serialize};

use super::ask::Ask;

/// Conditions (all must hold; texts are compared without regard to case) and what to answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The model asked for contains this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The system prompt contains this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The last user message contains every one of these.
    pub user: Vec<String>,
    /// The last tool result contains this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Answers of the model since the last user message: 0 before the first tool call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,

    /// `{user}` and `{result}` stand for the last user message and the last tool result.
    pub text: String,
    /// Tools to call. The rule is passed over when the request does not offer one of them.
    pub calls: Vec<Call>,
    /// Answer with an error instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub tool: String,
    #[serde(default)]
    pub arguments: serde_json::Map<String, serde_json::Value>,
}

/// An error in the shape of the protocol that was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// 400 to 599; anything else becomes 500.
    pub status: u16,
    pub message: String,
}

/// The rule that answers `ask`, if any.
pub(super) fn rule_for<'a>(rules: &'a [Rule], ask: &Ask) -> Option<&'a Rule> {
    if rules.is_empty() {
        return None;
    }
    let user = ask.user_text().to_lowercase();
    let system = ask.system_text().to_lowercase();
    let result = ask.result_text().to_lowercase();
    let has = |text: &str, part: &str| text.contains(&part.to_lowercase());
    rules.iter().find(|rule| {
        rule.turn.is_none_or(|turn| turn == ask.turn())
            && rule.user.iter().all(|part| has(&user, part))
            && rule.model.as_ref().is_none_or(|part| has(&ask.model.to_lowercase(), part))
            && rule.system.as_ref().is_none_or(|part| has(&system, part))
            && rule.result.as_ref().is_none_or(|part| has(&result, part))
            && rule.calls.iter().all(|call| ask.offers(&call.tool))
    })
}

#[cfg(test)]
mod tests;
