//! The report for a terminal.

use mizzen_eval::estimate::Estimate;
use mizzen_model::permission::Verdict;

use super::summary::{Summary, with_limits};
use super::{Report, complaint, label};
use crate::output::{grid, one_line};

/// Lines of complaints at most; a thousand failures read like twenty.
pub(super) const COMPLAINTS_MAX: usize = 20;

pub(super) fn render(report: &Report) -> String {
    let headings = ["EVALUATOR", "N", "CASES", "MEAN (95 %)", "PASSED", "PASS RATE (95 %)", "VERDICT"];
    let rows = report.summaries.iter().flat_map(rows).collect();
    let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let mut text = grid(headings, rows, &[false, true, true, false, true, false, false]);
    let complaints = complaints(report);
    if !complaints.is_empty() {
        text.push_str("\n\n");
        text.push_str(&complaints.join("\n"));
    }
    let reasons = reasons(report);
    if !reasons.is_empty() {
        text.push_str("\n\n");
        text.push_str(&reasons.join("\n"));
    }
    text.push_str(&format!("\n\nverdict: {}", report.verdict));
    text
}

/// Why each evaluator has its verdict, and what else keeps the verdict of all open.
pub(super) fn reasons(report: &Report) -> Vec<String> {
    let of_each = report.summaries.iter().filter_map(|summary| {
        let (name, verdict) = (&summary.aggregate.evaluator.name, summary.verdict?);
        Some(format!("{name}: {verdict}, {}", summary.reason(report.at_least)?))
    });
    let open = (report.verdict == Verdict::Inconclusive
        && report.summaries.iter().all(|summary| summary.verdict != Some(Verdict::Inconclusive)))
    .then(|| "inconclusive, because the runs do not cover what was asked".to_owned());
    of_each.chain(open).collect()
}

/// A row for the evaluator, and one for each pass^k.
pub(super) fn rows(summary: &Summary) -> Vec<Vec<String>> {
    let told = &summary.aggregate;
    let trials = summary.trials();
    let n = if told.scored == trials { trials.to_string() } else { format!("{} of {trials}", told.scored) };
    let passed = match summary.judged {
        0 => "-".to_owned(),
        judged => format!("{}/{judged}", told.passed.unwrap_or(0)),
    };
    let shown = |estimate: Option<&Estimate>, unit: Option<&str>| {
        estimate.map_or_else(|| "-".to_owned(), |estimate| with_limits(estimate, unit))
    };
    let mut rows = vec![vec![
        told.evaluator.name.clone(),
        n,
        summary.cases.to_string(),
        shown(summary.mean(), told.unit.as_deref()),
        passed,
        shown(told.pass_rate.as_ref(), None),
        summary.verdict.map_or_else(|| "-".to_owned(), |verdict| verdict.to_string()),
    ]];
    rows.extend(told.pass_hat.iter().map(|pass_hat| {
        let cell = |text: &str| text.to_owned();
        vec![
            format!("  pass^{}", pass_hat.k),
            cell(""),
            pass_hat.estimate.clusters.to_string(),
            cell(""),
            cell(""),
            with_limits(&pass_hat.estimate, None),
            cell(""),
        ]
    }));
    rows
}

/// Failing trials, trials without a score, and what did not fit together.
fn complaints(report: &Report) -> Vec<String> {
    let of_scores = report.scores.iter().filter_map(|score| {
        let complaint = complaint(score)?;
        Some(format!("{}  {}  {}", score.evaluator.name, one_line(&label(score)), one_line(&complaint)))
    });
    let mut lines: Vec<String> = report.problems.iter().map(|problem| one_line(&problem.to_string())).collect();
    lines.extend(of_scores);
    if lines.len() > COMPLAINTS_MAX {
        let more = lines.len() - COMPLAINTS_MAX;
        lines.truncate(COMPLAINTS_MAX);
        lines.push(format!("and {more} more; `-o json` has them all"));
    }
    lines
}
