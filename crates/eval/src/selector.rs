//! Which stored runs: the words of the run list, and single runs by id.

use std::fmt;

use mizzen_model::run::{JUDGE_CALLER, RunSummary};
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use mizzen_telemetry::RunFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::EvalError;

/// Runs named one by one, at most.
pub const RUN_IDS_MAX: usize = 10_000;
/// So that a digest is meant and not a guess.
const DIGEST_DIGITS_MIN: usize = 8;
const DAY_NANOS: i64 = 24 * 3600 * 1_000_000_000;

/// Which runs; what is absent does not restrict.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSelector {
    pub agent: Option<String>,
    /// A model that was asked in the run.
    pub model: Option<String>,
    pub outcome: Option<Outcome>,
    pub session: Option<String>,
    pub caller: Option<String>,
    /// Words in the title, the agent or the id.
    pub q: Option<String>,
    /// Started at or after this instant.
    pub from: Option<Timestamp>,
    /// Started before this instant.
    pub to: Option<Timestamp>,
    /// Who saw a step of the run.
    pub source: Option<Source>,
    /// The agent digest that the run names, or the beginning of it: `sha256:` and at least eight digits.
    pub digest: Option<String>,
    /// Only these runs.
    pub run_ids: Vec<String>,
}

impl RunSelector {
    /// Reads `agent=helm outcome=ok from=2026-11-01T00:00:00Z run=4b1f…`: pairs between blanks or commas, values with
    /// blanks in double quotes. Empty text means every run.
    ///
    /// # Errors
    /// When a word is not a pair, a name is unknown, or a value is not what it should be.
    pub fn parse(text: &str) -> Result<Self, EvalError> {
        let mut selector = Self::default();
        for pair in words(text) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| invalid(format!("`{pair}` is not `name=value`, for example `agent=helm`")))?;
            selector.set(name.trim(), value.trim().trim_matches('"'))?;
        }
        selector.validate()?;
        Ok(selector)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), EvalError> {
        const KNOWN: [&str; 14] = [
            "agent", "model", "outcome", "status", "session", "caller", "q", "from", "since", "to", "until", "run",
            "source", "digest",
        ];
        let text = || Some(value.to_owned());
        match name {
            "agent" => self.agent = text(),
            "model" => self.model = text(),
            "session" => self.session = text(),
            "caller" => self.caller = text(),
            "q" => self.q = text(),
            "outcome" | "status" => self.outcome = Some(value.parse().map_err(invalid)?),
            "source" => self.source = Some(value.parse().map_err(invalid)?),
            "from" | "since" => self.from = Some(instant(value)?),
            "to" | "until" => self.to = Some(instant(value)?),
            "digest" => self.digest = text(),
            "run" => self.run_ids.push(value.to_owned()),
            _ => {
                let near = mizzen_model::suggest::nearest(name, KNOWN.iter().copied());
                let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                return Err(invalid(format!("`{name}` is not known; {near}use one of {}", KNOWN.join(", "))));
            }
        }
        Ok(())
    }

    /// # Errors
    /// When there are too many run ids, or the digest is none.
    pub fn validate(&self) -> Result<(), EvalError> {
        if self.run_ids.len() > RUN_IDS_MAX {
            return Err(invalid(format!("at most {RUN_IDS_MAX} runs can be named one by one")));
        }
        if let Some(digest) = &self.digest {
            let digits = digest.strip_prefix("sha256:").unwrap_or_default();
            if digits.len() < DIGEST_DIGITS_MIN || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = format!(
                    "`{digest}` is no agent digest; say `sha256:` and at least {DIGEST_DIGITS_MIN} of its digits"
                );
                return Err(invalid(message));
            }
        }
        Ok(())
    }

    /// For the index, which knows no digests: what it finds has to be asked with [`Self::matches`] too.
    #[must_use]
    pub fn filter(&self) -> RunFilter {
        RunFilter {
            agent: self.agent.clone(),
            model: self.model.clone(),
            outcome: self.outcome,
            session: self.session.clone(),
            caller: self.caller.clone(),
            text: self.q.clone(),
            from: self.from,
            to: self.to,
            source: self.source,
        }
    }

    /// Each restriction as a selector of its own.
    pub(crate) fn filters(&self) -> Vec<Self> {
        let none = Self::default;
        let filters = [
            Self { agent: self.agent.clone(), ..none() },
            Self { model: self.model.clone(), ..none() },
            Self { outcome: self.outcome, ..none() },
            Self { session: self.session.clone(), ..none() },
            Self { caller: self.caller.clone(), ..none() },
            Self { q: self.q.clone(), ..none() },
            Self { from: self.from, ..none() },
            Self { to: self.to, ..none() },
            Self { source: self.source, ..none() },
            Self { digest: self.digest.clone(), ..none() },
            Self { run_ids: self.run_ids.clone(), ..none() },
        ];
        filters.into_iter().filter(|filter| *filter != none()).collect()
    }

    /// Why what these runs show is no evidence about others, when it is not. Whoever has seen how runs went can find those that went
    /// well by their words, their session, the model that was asked, or the hour in which they came. So a span of time begins with a
    /// day (UTC) and does not end before `asked_at`, when somebody asked; one that begins then or later was chosen blind.
    #[must_use]
    pub fn is_chosen(&self, asked_at: Timestamp) -> Option<&'static str> {
        if self.outcome.is_some() || self.q.is_some() || !self.run_ids.is_empty() {
            return Some(
                "the runs were chosen by their outcome, by words or one by one, so that they speak for no others",
            );
        }
        if self.session.is_some() || self.caller.is_some() {
            return Some("the runs were chosen by their session or caller, so that they speak for no others");
        }
        if self.model.is_some() || self.source.is_some() {
            return Some(
                "the runs were chosen by model or source, which the agent decides, so that they speak for no others",
            );
        }
        let is_free = |from: Timestamp| from < asked_at && from.unix_nanos().rem_euclid(DAY_NANOS) != 0;
        if self.from.is_some_and(is_free) || self.to.is_some_and(|to| to < asked_at) {
            return Some(
                "the runs were chosen by a time that is known to have gone well, for all one can tell: let `from` be the beginning \
                 of a day (UTC), and leave out `to`",
            );
        }
        None
    }

    /// Whether a run, as it is told when it changes, is one of these.
    #[must_use]
    pub fn matches(&self, run: &RunSummary) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let lower = |text: &str| text.to_lowercase();
        let says = |q: &String| {
            let q = lower(q);
            let searched = [run.title.as_str(), run.agent.as_deref().unwrap_or_default(), run.run_id.as_str()];
            searched.iter().any(|text| lower(text).contains(&q))
        };
        let names = |digest: &String| run.agent_digest().is_some_and(|named| named.as_str().starts_with(digest));
        // What judges ask are runs too: nobody means them who does not say so, and judging them would make more of them.
        let is_asked_by_judge = run.caller.as_deref() == Some(JUDGE_CALLER);
        (!is_asked_by_judge || self.caller.is_some() || !self.run_ids.is_empty())
            && same(&self.agent, &run.agent)
            && same(&self.session, &run.session)
            && same(&self.caller, &run.caller)
            && self.model.as_ref().is_none_or(|model| run.models.contains(model))
            && self.outcome.is_none_or(|outcome| outcome == run.outcome)
            && self.digest.as_ref().is_none_or(names)
            && self.source.is_none_or(|source| run.sources.contains(&source))
            && self.from.is_none_or(|from| run.started_at >= from)
            && self.to.is_none_or(|to| run.started_at < to)
            && self.q.as_ref().is_none_or(says)
            && (self.run_ids.is_empty() || self.run_ids.iter().any(|id| id == run.run_id.as_str()))
    }
}

/// As [`RunSelector::parse`] reads it.
impl fmt::Display for RunSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &String| {
            if text.contains([' ', ',']) { format!("\"{text}\"") } else { text.clone() }
        };
        let pairs = [
            ("agent", self.agent.as_ref().map(quoted)),
            ("model", self.model.as_ref().map(quoted)),
            ("outcome", self.outcome.map(|outcome| outcome.to_string())),
            ("session", self.session.as_ref().map(quoted)),
            ("caller", self.caller.as_ref().map(quoted)),
            ("q", self.q.as_ref().map(quoted)),
            ("from", self.from.map(|from| from.to_string())),
            ("to", self.to.map(|to| to.to_string())),
            ("source", self.source.map(|source| source.to_string())),
            ("digest", self.digest.clone()),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        let runs = self.run_ids.iter().map(|id| format!("run={id}"));
        f.write_str(&pairs.chain(runs).collect::<Vec<_>>().join(" "))
    }
}

fn invalid(message: impl std::fmt::Display) -> EvalError {
    EvalError::invalid("runs", message)
}

fn instant(text: &str) -> Result<Timestamp, EvalError> {
    text.parse().map_err(|_| invalid(format!("`{text}` is not an instant such as `2026-11-22T10:00:00Z`")))
}

/// Splits at blanks and commas that are outside double quotes.
fn words(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let separates = |c: char| {
        quoted ^= c == '"';
        !quoted && (c.is_whitespace() || c == ',')
    };
    text.split(separates).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::RunSelector;
    use mizzen_model::run::{JUDGE_CALLER, RunSummary};
    use mizzen_model::step::Outcome;
    use serde_json::json;

    #[test]
    fn what_judges_ask_is_selected_by_nobody_who_does_not_say_so() {
        let run = |caller: &str| -> RunSummary {
            let usage = json!({ "input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 0, "cache_write_tokens": 0,
                "reasoning_tokens": 0 });
            let run = json!({ "run_id": "r", "revision": 1, "is_final": true, "agent": "mizzen", "title": "", "session": null,
                "caller": caller, "service": null, "started_at": "2026-11-25T10:00:00Z", "duration_ns": 1, "outcome": "ok",
                "error_message": null, "spans": 1, "steps": 1, "model_calls": 1, "tool_calls": 0, "errors": 0,
                "usage": usage, "cost_usd": null, "unpriced_calls": 0, "models": [], "sources": ["gateway"] });
            serde_json::from_value(run).unwrap()
        };
        let select = |text: &str| RunSelector::parse(text).unwrap();
        assert!(select("").matches(&run("ann")) && !select("").matches(&run(JUDGE_CALLER)));
        assert!(!select("agent=mizzen").matches(&run(JUDGE_CALLER)));
        assert!(select(&format!("caller=\"{JUDGE_CALLER}\"")).matches(&run(JUDGE_CALLER)));
        assert!(select("run=r").matches(&run(JUDGE_CALLER)));
    }

    #[test]
    fn a_selector_is_read_from_pairs() {
        let read = RunSelector::parse(r#"agent="helm agent", outcome=ok run=a run=b"#).unwrap();
        assert_eq!((read.agent.as_deref(), read.outcome), (Some("helm agent"), Some(Outcome::Ok)));
        assert_eq!(read.run_ids, ["a", "b"]);
        assert_eq!(RunSelector::parse(" ").unwrap(), RunSelector::default());
    }

    #[test]
    fn a_selector_is_told_as_it_is_read_and_falls_into_its_filters() {
        let text = r#"agent="helm agent" outcome=ok from=2026-11-24T00:00:00Z source=gateway digest=sha256:0123abcd run=a run=b"#;
        let read = RunSelector::parse(text).unwrap();
        assert_eq!(RunSelector::parse(&read.to_string()).unwrap(), read, "{read}");
        let filters: Vec<String> = read.filters().iter().map(ToString::to_string).collect();
        assert_eq!(filters.len(), 6, "{filters:?}");
        assert_eq!((filters[0].as_str(), filters[5].as_str()), (r#"agent="helm agent""#, "run=a run=b"));
        assert!(RunSelector::default().filters().is_empty());
    }

    #[test]
    fn runs_that_somebody_could_have_picked_are_chosen() {
        let asked_at = "2026-11-25T10:00:00Z".parse().unwrap();
        let chosen = |text: &str| RunSelector::parse(text).unwrap().is_chosen(asked_at);
        let picked = ["outcome=ok", "q=refund", "run=a", "session=s", "caller=ann", "model=m", "source=gateway"];
        let spans = [
            "from=2026-11-24T09:30:00Z",
            "to=2026-11-25T09:59:59Z",
            "from=2026-11-24T00:00:00Z to=2026-11-25T00:00:00Z",
        ];
        for picked in picked.into_iter().chain(spans) {
            assert!(chosen(picked).is_some(), "{picked}");
        }
        for fair in ["", "agent=a digest=sha256:0123abcd", "from=2026-11-24T00:00:00Z"] {
            assert_eq!(chosen(fair), None, "{fair}");
        }
        assert_eq!(chosen("from=2026-11-25T10:00:00Z to=2026-11-26T09:30:00Z"), None, "both are yet to come");
    }

    #[test]
    fn a_mistake_names_itself() {
        let said = |text: &str| RunSelector::parse(text).unwrap_err().to_string();
        assert!(said("agnt=x").contains("did you mean `agent`?"));
        assert!(said("helm").contains("is not `name=value`"));
        assert!(said("since=yesterday").contains("is not an instant"));
        assert!(said("outcome=good").contains("outcome"));
        assert!(said("digest=abc").contains("is no agent digest"));
        assert!(RunSelector::parse("digest=sha256:0123abcd source=gateway").is_ok());
    }
}
