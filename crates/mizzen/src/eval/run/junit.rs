//! The report as JUnit XML: a suite for each evaluator, a test case for each trial.

use mizzen_eval::score::{Score, ScoreOutcome};
use mizzen_model::permission::Verdict;

use super::{Report, complaint, label};
use crate::xml::attribute;

/// What a score is to a test runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Broken,
    Skipped,
}

impl End {
    fn of(score: &Score) -> Self {
        match &score.outcome {
            ScoreOutcome::Scored { verdict: Some(Verdict::Fail), .. } => Self::Failed,
            ScoreOutcome::Scored { .. } => Self::Passed,
            ScoreOutcome::NotEvaluated { .. } => Self::Skipped,
            ScoreOutcome::Failed { .. } => Self::Broken,
        }
    }
}

pub(super) fn render(report: &Report) -> String {
    let all: Vec<&Score> = report.scores.iter().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!("<testsuites name=\"mizzen eval\" {}>\n", counts(&all)));
    for summary in &report.summaries {
        let own: Vec<&Score> =
            report.scores.iter().filter(|score| score.evaluator == summary.aggregate.evaluator).collect();
        let name = attribute(&summary.aggregate.evaluator.name);
        text.push_str(&format!("  <testsuite name=\"{name}\" {}>\n", counts(&own)));
        for score in own {
            text.push_str(&test_case(score));
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>");
    text
}

fn counts(scores: &[&Score]) -> String {
    let count = |end: End| scores.iter().filter(|score| End::of(score) == end).count();
    let (failed, broken, skipped) = (count(End::Failed), count(End::Broken), count(End::Skipped));
    format!("tests=\"{}\" failures=\"{failed}\" errors=\"{broken}\" skipped=\"{skipped}\" time=\"0\"", scores.len())
}

fn test_case(score: &Score) -> String {
    let name = attribute(&label(score));
    let class = attribute(&score.evaluator.name);
    let open = format!("    <testcase name=\"{name}\" classname=\"{class}\" time=\"0\"");
    let why = attribute(&complaint(score).unwrap_or_default());
    match End::of(score) {
        End::Passed => format!("{open}/>\n"),
        End::Failed => format!("{open}><failure message=\"{why}\" type=\"fail\"/></testcase>\n"),
        End::Broken => format!("{open}><error message=\"{why}\" type=\"evaluator_failed\"/></testcase>\n"),
        End::Skipped => format!("{open}><skipped message=\"{why}\"/></testcase>\n"),
    }
}
