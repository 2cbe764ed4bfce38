//! The report for a pull request.

use super::table::{COMPLAINTS_MAX, reasons, rows};
use super::{Report, complaint, label};

pub(super) fn render(report: &Report) -> String {
    let mut text = format!("### Evaluation: {}\n\n", report.verdict);
    text.push_str("| evaluator | n | cases | mean (95 %) | passed | pass rate (95 %) | verdict |\n");
    text.push_str("|---|---:|---:|---|---:|---|---|\n");
    for row in report.summaries.iter().flat_map(rows) {
        let cells: Vec<String> = row.iter().map(|cell| cell_text(cell.trim())).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let reasons = reasons(report);
    if !report.problems.is_empty() || !reasons.is_empty() {
        text.push('\n');
        for reason in reasons {
            text.push_str(&format!("- {}\n", cell_text(&reason)));
        }
        for problem in report.problems.iter().take(COMPLAINTS_MAX) {
            text.push_str(&format!("- {}\n", cell_text(&problem.to_string())));
        }
    }
    let complaints: Vec<String> = report
        .scores
        .iter()
        .filter_map(|score| {
            let complaint = complaint(score)?;
            Some(format!("| {} | {} | {} |", score.evaluator.name, cell_text(&label(score)), cell_text(&complaint)))
        })
        .collect();
    if !complaints.is_empty() {
        text.push_str(&format!("\n<details><summary>{} to look at</summary>\n\n", complaints.len()));
        text.push_str("| evaluator | trial | why |\n|---|---|---|\n");
        text.push_str(&complaints[..complaints.len().min(COMPLAINTS_MAX)].join("\n"));
        text.push_str("\n\n</details>\n");
    }
    text.trim_end().to_owned()
}

/// Text that stays in its cell and is shown as it is.
fn cell_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '~' | '#' | '@' => {
                shown.push('\\');
                shown.push(c);
            }
            c if c.is_control() => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown
}
