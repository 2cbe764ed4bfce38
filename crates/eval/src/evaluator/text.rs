//! `equals`, `contains`, `regex` and `numeric`: yes or no about an answer.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Answer;
use crate::set::Case;
use crate::trial::Trial;

/// Bytes that a compiled expression may take.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// Which answers are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Which {
    #[default]
    Last,
    Every,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OfList {
    #[default]
    All,
    Any,
    None,
}

/// The parameters of all four; the catalogue says which of them each has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    value: Option<Value>,
    pattern: Option<String>,
    of_list: OfList,
    ignore_case: bool,
    tolerance: f64,
    relative: f64,
    turn: Which,
}

#[derive(Debug)]
enum Test {
    Equals(Option<String>),
    Contains { texts: Option<Vec<String>>, of_list: OfList },
    Regex(Regex),
    Numeric { value: Option<f64>, tolerance: f64, relative: f64 },
}

#[derive(Debug)]
pub(super) struct Text {
    test: Test,
    ignore_case: bool,
    which: Which,
}

impl Text {
    pub(super) fn new(name: &str, parameters: Parameters) -> Result<Self, String> {
        let Parameters { value, pattern, of_list, ignore_case, tolerance, relative, turn } = parameters;
        let test = match name {
            "equals" => Test::Equals(value.map(|value| one_text(&value)).transpose()?),
            "contains" => {
                let texts = value.map(|value| match value {
                    Value::Array(items) => items.iter().map(one_text).collect(),
                    other => one_text(&other).map(|text| vec![text]),
                });
                Test::Contains { texts: texts.transpose()?, of_list }
            }
            "regex" => {
                let pattern = pattern.ok_or("`pattern` is missing")?;
                let mut builder = RegexBuilder::new(&pattern);
                let regex = builder.case_insensitive(ignore_case).size_limit(REGEX_BYTES_MAX).build();
                Test::Regex(regex.map_err(|error| format!("`pattern`: {error}"))?)
            }
            _ => {
                let is_wrong = |number: f64| !number.is_finite() || number < 0.0;
                if is_wrong(tolerance) || is_wrong(relative) {
                    return Err("`tolerance` and `relative` must be 0 or more".to_owned());
                }
                let number = |value: Value| value.as_f64().ok_or("`value` must be a number");
                Test::Numeric { value: value.map(number).transpose()?, tolerance, relative }
            }
        };
        Ok(Self { test, ignore_case, which: turn })
    }

    pub(super) fn answer(&self, trial: &Trial, case: Option<&Case>) -> Answer {
        let answers = match answers(trial, self.which) {
            Ok(answers) => answers,
            Err(missing) => return missing,
        };
        let mut held = 0usize;
        let mut first_failure = None;
        for (turn, answer) in &answers {
            match self.holds(answer, expected(case, *turn, self.which)) {
                Ok(true) => held += 1,
                Ok(false) => first_failure = first_failure.or(Some(*turn)),
                Err(missing) => return Answer::Missing(missing),
            }
        }
        let value = held as f64 / answers.len() as f64;
        let explanation = first_failure.map(|turn| match self.which {
            Which::Last => "the answer is not as expected".to_owned(),
            Which::Every => format!("the answer of turn {} is not as expected", turn + 1),
        });
        Answer::Value { value, explanation }
    }

    fn holds(&self, answer: &str, expected: Option<&str>) -> Result<bool, String> {
        let missing = || "neither a parameter nor the case says what is expected".to_owned();
        match &self.test {
            Test::Equals(value) => {
                let wanted = value.as_deref().or(expected).ok_or_else(missing)?;
                Ok(self.folded(answer).trim() == self.folded(wanted).trim())
            }
            Test::Contains { texts, of_list } => {
                let answer = self.folded(answer);
                let has = |text: &str| answer.contains(&self.folded(text));
                let Some(texts) = texts else { return Ok(has(expected.ok_or_else(missing)?.trim())) };
                Ok(match of_list {
                    OfList::All => texts.iter().all(|text| has(text)),
                    OfList::Any => texts.iter().any(|text| has(text)),
                    OfList::None => !texts.iter().any(|text| has(text)),
                })
            }
            Test::Regex(regex) => Ok(regex.is_match(answer)),
            Test::Numeric { value, tolerance, relative } => {
                let of_case = || last_number(expected?);
                let wanted = value.or_else(of_case).ok_or_else(missing)?;
                let allowed = tolerance.max(relative * wanted.abs());
                Ok(last_number(answer).is_some_and(|number| (number - wanted).abs() <= allowed))
            }
        }
    }

    fn folded(&self, text: &str) -> String {
        if self.ignore_case { text.to_lowercase() } else { text.to_owned() }
    }
}

/// The answers to look at with their turns; a turn of `every` without an answer has an empty one.
pub(super) fn answers(trial: &Trial, which: Which) -> Result<Vec<(usize, &str)>, Answer> {
    let turns = trial.turns.iter().enumerate();
    let all: Vec<(usize, &str)> = match which {
        Which::Last => turns.rev().find_map(|(at, turn)| Some((at, turn.response.as_deref()?))).into_iter().collect(),
        Which::Every if trial.final_response().is_none() => Vec::new(),
        Which::Every => turns.map(|(at, turn)| (at, turn.response.as_deref().unwrap_or_default())).collect(),
    };
    if all.is_empty() {
        Err(Answer::Missing("the trial holds no answer; was its content captured?".to_owned()))
    } else {
        Ok(all)
    }
}

/// What the case expects of this answer: of the last one, the last that the case expects.
fn expected(case: Option<&Case>, turn: usize, which: Which) -> Option<&str> {
    let turns = &case?.turns;
    match which {
        Which::Last => turns.iter().rev().find_map(|turn| turn.response.as_deref()),
        Which::Every => turns.get(turn)?.response.as_deref(),
    }
}

fn one_text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "`value` must be a text".to_owned())
}

/// The last number that the text holds; commas between thousands are left out.
fn last_number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let signed = matches!(bytes[at], b'-' | b'+') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        // A sign behind a letter or digit is a hyphen.
        let sign = usize::from(signed && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric()));
        if !bytes[at + sign].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = number_end(bytes, at + sign);
        numbers.push(text[at..end].replace(',', ""));
        at = end;
    }
    numbers.last()?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The end of a number that starts with a digit at `at`: digits, groups of three behind commas, a fraction, an exponent.
fn number_end(bytes: &[u8], mut at: usize) -> usize {
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    at += digits(at);
    while bytes.get(at) == Some(&b',') && digits(at + 1) == 3 {
        at += 4;
    }
    if bytes.get(at) == Some(&b'.') && at + 1 < bytes.len() && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
        let from = at + 1 + sign;
        if from < bytes.len() && digits(from) > 0 {
            at = from + digits(from);
        }
    }
    at
}
