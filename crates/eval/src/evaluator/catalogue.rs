//! The evaluators there are.

/// What an evaluator needs of a trial or its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    ExpectedToolCalls,
    ExpectedResponse,
    Response,
    /// A parameter, or else the case, says what is expected.
    Expectation,
    Judge,
    Label,
}

impl Need {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExpectedToolCalls => "expected_tool_calls",
            Self::ExpectedResponse => "expected_response",
            Self::Response => "response",
            Self::Expectation => "expectation",
            Self::Judge => "judge",
            Self::Label => "label",
        }
    }
}

/// A parameter as help shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub description: &'static str,
    /// As it would be written; `None` when there is none.
    pub default: Option<&'static str>,
}

/// An evaluator as lists show it.
#[derive(Debug, PartialEq)]
pub struct EvaluatorInfo {
    pub name: &'static str,
    pub version: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub needs: &'static [Need],
    /// `None` for scores in [0, 1].
    pub unit: Option<&'static str>,
    /// The score from which a trial passes, when nobody says otherwise.
    pub threshold: Option<f64>,
    pub parameters: &'static [Parameter],
}

impl EvaluatorInfo {
    /// Whether it counts something instead of judging it.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.unit.is_some()
    }
}

/// All evaluators, in the order of lists.
#[must_use]
pub fn catalogue() -> &'static [EvaluatorInfo] {
    CATALOGUE
}

/// The evaluator of this name.
#[must_use]
pub fn info(name: &str) -> Option<&'static EvaluatorInfo> {
    CATALOGUE.iter().find(|info| info.name == name)
}

const fn parameter(name: &'static str, description: &'static str, default: Option<&'static str>) -> Parameter {
    Parameter { name, description, default }
}

const THRESHOLD: Parameter = parameter("threshold", "the score from which a trial passes", None);
const METRIC: Parameter = parameter("metric", "the name of its scores, when several are used", None);
const UNMATCHED: Parameter = parameter(
    "unmatched_turns",
    "`ignore` turns that only the trial or only the case has, as agentevals does, or score them `zero`",
    Some("\"ignore\""),
);
const ARGUMENTS: Parameter = parameter("arguments", "`exact` or `ignore`", Some("\"exact\""));
const TOOLS: Parameter = parameter(
    "tools",
    "by tool: `arguments`, and `fields` by argument: `\"ignore\"`, `{ regex }`, `{ contains }` or `{ tolerance }`",
    None,
);
const IGNORE_CASE: Parameter = parameter("ignore_case", "capitals and small letters are the same", Some("false"));
const TURN: Parameter = parameter("turn", "the answer of `last` turn, or of `every` turn", Some("\"last\""));
const AT_LEAST: Parameter = parameter("at_least", "less than this fails", None);
const AT_MOST: Parameter = parameter("at_most", "more than this fails", None);

const fn counter(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    unit: &'static str,
) -> EvaluatorInfo {
    const PARAMETERS: &[Parameter] = &[AT_LEAST, AT_MOST];
    EvaluatorInfo {
        name,
        version: "1",
        title,
        description,
        needs: &[],
        unit: Some(unit),
        threshold: None,
        parameters: PARAMETERS,
    }
}

const CATALOGUE: &[EvaluatorInfo] = &[
    EvaluatorInfo {
        name: "tool_trajectory",
        version: "1",
        title: "Tool trajectory",
        description: "Compares the calls of tools with the expected ones, turn by turn; the score is the share of turns that match.",
        needs: &[Need::ExpectedToolCalls],
        unit: None,
        threshold: Some(0.5),
        parameters: &[
            parameter(
                "mode",
                "`exact`, `in_order` and `any_order` (more calls are allowed), `subset` (fewer are), `superset`",
                Some("\"exact\""),
            ),
            ARGUMENTS,
            TOOLS,
            UNMATCHED,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "response_match",
        version: "1",
        title: "Response match",
        description: "ROUGE-1 F-measure of the answer against the expected one, with Porter stemming; the mean over turns.",
        needs: &[Need::ExpectedResponse],
        unit: None,
        threshold: Some(0.5),
        parameters: &[UNMATCHED, THRESHOLD],
    },
    EvaluatorInfo {
        name: "tool_calls",
        version: "1",
        title: "Tool calls",
        description: "Precision, recall or F1 of the tool calls of the whole trial, with their arguments, whatever their order.",
        needs: &[Need::ExpectedToolCalls],
        unit: None,
        threshold: Some(0.5),
        parameters: &[
            parameter("measure", "`f1`, `precision` or `recall`", Some("\"f1\"")),
            ARGUMENTS,
            TOOLS,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "equals",
        version: "1",
        title: "Equals",
        description: "The answer is the expected text, but for blanks around it.",
        needs: &[Need::Response, Need::Expectation],
        unit: None,
        threshold: Some(1.0),
        parameters: &[
            parameter("value", "the expected text; else that of the case", None),
            IGNORE_CASE,
            TURN,
            METRIC,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "contains",
        version: "1",
        title: "Contains",
        description: "The answer contains the expected text, or all, any or none of several.",
        needs: &[Need::Response, Need::Expectation],
        unit: None,
        threshold: Some(1.0),
        parameters: &[
            parameter("value", "a text or a list of texts; else the expected answer of the case", None),
            parameter("of_list", "`all`, `any` or `none` of the list", Some("\"all\"")),
            IGNORE_CASE,
            TURN,
            METRIC,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "regex",
        version: "1",
        title: "Regular expression",
        description: "The answer matches a regular expression somewhere.",
        needs: &[Need::Response],
        unit: None,
        threshold: Some(1.0),
        parameters: &[parameter("pattern", "the expression", None), IGNORE_CASE, TURN, METRIC, THRESHOLD],
    },
    EvaluatorInfo {
        name: "numeric",
        version: "1",
        title: "Number",
        description: "The last number of the answer is the expected one, within a tolerance.",
        needs: &[Need::Response, Need::Expectation],
        unit: None,
        threshold: Some(1.0),
        parameters: &[
            parameter("value", "the expected number; else the last number of the case's expected answer", None),
            parameter("tolerance", "absolute", Some("0.0")),
            parameter("relative", "share of the expected number", Some("0.0")),
            TURN,
            METRIC,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "json_schema",
        version: "1",
        title: "JSON Schema",
        description: "The answer is JSON that satisfies a schema; a code block around it is taken off.",
        needs: &[Need::Response],
        unit: None,
        threshold: Some(1.0),
        parameters: &[
            parameter("schema", "the JSON Schema; references to other documents are refused", None),
            TURN,
            METRIC,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "task_success",
        version: "1",
        title: "Task success",
        description: "1 when a recorded score says so (`reward`, `success` or `task_success`), else when the run ended well.",
        needs: &[],
        unit: None,
        threshold: Some(1.0),
        parameters: &[
            parameter("score", "the recorded score to ask", None),
            parameter("at_least", "the recorded score from which the task succeeded", Some("1.0")),
        ],
    },
    EvaluatorInfo {
        name: "recorded",
        version: "1",
        title: "Recorded score",
        description: "A score that the log already has.",
        needs: &[Need::Label],
        unit: None,
        threshold: None,
        parameters: &[parameter("score", "its name; the only one, when there is one", None), METRIC, THRESHOLD],
    },
    EvaluatorInfo {
        name: "human_label",
        version: "1",
        title: "Human label",
        description: "What a person said of the trial.",
        needs: &[Need::Label],
        unit: None,
        threshold: Some(0.5),
        parameters: &[parameter("label", "the name of the label", Some("\"success\"")), METRIC, THRESHOLD],
    },
    EvaluatorInfo {
        name: "judge",
        version: "1",
        title: "Model as judge",
        description: "A model answers yes or no to each rubric; the majority of its samples counts, the score is the share of rubrics fulfilled.",
        needs: &[Need::Judge],
        unit: None,
        threshold: Some(0.5),
        parameters: &[
            parameter("rubrics", "what is asked, a text or a list of texts; else the case's rubrics", None),
            parameter("model", "the model that judges", None),
            parameter("samples", "an odd number of answers to each rubric", Some("3")),
            METRIC,
            THRESHOLD,
        ],
    },
    EvaluatorInfo {
        name: "command",
        version: "1",
        title: "Custom program",
        description: "A program that reads JSON on standard input and writes a score, by agentevals' protocol 1.0.",
        needs: &[],
        unit: None,
        threshold: Some(0.5),
        parameters: &[
            parameter("command", "the program and its arguments, a list", None),
            parameter("timeout_seconds", "it is killed then, with all it started", Some("30.0")),
            parameter("output_bytes_max", "more output than this is a failure", Some("1048576")),
            parameter("config", "handed to the program as it is", None),
            METRIC,
            THRESHOLD,
        ],
    },
    counter("steps", "Steps", "Steps of the run that count.", "steps"),
    counter("model_calls", "Model calls", "Calls of models.", "calls"),
    EvaluatorInfo {
        version: "2",
        ..counter("tool_call_count", "Tool call count", "Calls of tools, as `tool_trajectory` sees them.", "calls")
    },
    counter("input_tokens", "Input tokens", "Tokens that models read.", "tokens"),
    counter("output_tokens", "Output tokens", "Tokens that models wrote.", "tokens"),
    counter("cost_usd", "Cost", "Estimated cost; unknown when a model has no known price.", "usd"),
    counter("duration_seconds", "Duration", "From the first step to the last.", "seconds"),
    counter("errors", "Errors", "Steps that failed.", "errors"),
    counter("retries", "Retries", "Calls that repeat one that failed.", "calls"),
    EvaluatorInfo {
        version: "2",
        ..counter(
            "denied_actions",
            "Denied actions",
            "Calls that were not allowed, and guardrails that stepped in.",
            "actions",
        )
    },
];
