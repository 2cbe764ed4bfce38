//! The report for a terminal.

use super::summary::{Summary, limits, number};
use super::{Report, complaint, label};
use crate::output::{grid, one_line};

/// Lines of complaints at most; a thousand failures read like twenty.
pub(super) const COMPLAINTS_MAX: usize = 20;

pub(super) fn render(report: &Report) -> String {
    let headings = ["EVALUATOR", "N", "CASES", "ESTIMATE", "95 % INTERVAL", "PASSED", "VERDICT"];
    let rows = report.summaries.iter().flat_map(rows).collect();
    let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let mut text = grid(headings, rows, &[false, true, true, true, false, true, false]);
    let complaints = complaints(report);
    if !complaints.is_empty() {
        text.push_str("\n\n");
        text.push_str(&complaints.join("\n"));
    }
    text.push_str(&format!("\n\nverdict: {}", report.verdict));
    text
}

/// A row for the evaluator, and one for each pass^k.
pub(super) fn rows(summary: &Summary) -> Vec<Vec<String>> {
    let unit = summary.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
    let n = if summary.n == summary.trials {
        summary.n.to_string()
    } else {
        format!("{} of {}", summary.n, summary.trials)
    };
    let passed = if summary.judged == 0 { "-".to_owned() } else { format!("{}/{}", summary.passed, summary.judged) };
    let mut rows = vec![vec![
        summary.evaluator.name.clone(),
        n,
        summary.cases.to_string(),
        summary.mean.map_or_else(|| "-".to_owned(), |mean| format!("{}{unit}", number(mean))),
        limits(summary.interval.as_ref()),
        passed,
        summary.verdict.map_or_else(|| "-".to_owned(), |verdict| verdict.to_string()),
    ]];
    rows.extend(summary.pass_hat.iter().map(|rate| {
        let cell = |text: &str| text.to_owned();
        vec![
            format!("  pass^{}", rate.k),
            cell(""),
            rate.cases.to_string(),
            number(rate.estimate),
            limits(rate.interval.as_ref()),
            cell(""),
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
