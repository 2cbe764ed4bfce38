//! `mizzen eval compare A B`.

use std::process::ExitCode;

use mizzen_eval::compare::{Answer, Comparison, Question, compare as answer};
use mizzen_eval::estimate::Estimate;
use serde_json::json;

use super::cli::CompareArgs;
use super::{number, scores};
use crate::cli::Format;
use crate::failure::Failure;
use crate::output;

/// Changed cases in a table.
const CHANGED_SHOWN: usize = 20;

/// 0 when B is better or no worse in everything that can be compared, 1 when it is worse in something, else 2.
pub(super) async fn compare(args: CompareArgs) -> Result<ExitCode, Failure> {
    let a = scores::metrics(&args.a, &args.client).await?;
    let b = scores::metrics(&args.b, &args.client).await?;
    let question = Question { alpha: args.alpha, margin: args.margin };
    let told = answer(&a, &b, question).map_err(|error| Failure::Usage(error.into()))?;
    if told.metrics.is_empty() {
        return Err(Failure::Usage(anyhow::anyhow!("A and B have no evaluator in common")));
    }
    match args.output.format {
        Format::Table => table(&told)?,
        format => output::value(&json!(told), format)?,
    }
    let has = |wanted: Answer| told.metrics.iter().any(|metric| metric.answer == wanted);
    let code = if has(Answer::Worse) {
        1
    } else if has(Answer::NotYetKnown) || has(Answer::NotComparable) {
        2
    } else {
        0
    };
    Ok(ExitCode::from(code))
}

/// So many decimals that no chance reads as none.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") }
}

fn table(told: &Comparison) -> Result<(), Failure> {
    let shown = |estimate: Option<&Estimate>| estimate.map_or_else(|| "-".to_owned(), Estimate::text);
    let rows = told.metrics.iter().map(|metric| {
        vec![
            metric.evaluator.name.clone(),
            metric.answer.as_str().replace('_', " "),
            shown(metric.a.as_ref()),
            shown(metric.b.as_ref()),
            shown(metric.difference.as_ref()),
            metric.p_adjusted.map_or_else(|| "-".to_owned(), p_value),
            metric.cases_shared.to_string(),
            format!("{}/{}/{}", metric.improved, metric.unchanged, metric.regressed),
        ]
    });
    let headings =
        ["EVALUATOR", "B IS", "A (BY CASE)", "B (BY CASE)", "B − A", "P (HOLM)", "CASES", "BETTER/SAME/WORSE"]
            .map(str::to_owned)
            .to_vec();
    output::data(&output::grid(headings, rows.collect(), &[false, false, false, false, false, true, true, true]))?;
    for metric in &told.metrics {
        output::say(&format!("{}: {}", metric.evaluator.name, metric.sentence));
    }
    if told.changed.is_empty() {
        return Ok(());
    }
    let rows = told.changed.iter().take(CHANGED_SHOWN).map(|case| {
        let value = |mean: f64, trials: u64| format!("{} ({})", number(mean), output::counted(trials, "trial"));
        let (a, b) = (value(case.a, case.trials_a), value(case.b, case.trials_b));
        vec![output::cut(&output::one_line(&case.case), 60), case.evaluator.clone(), a, b]
    });
    let headings = ["CHANGED CASE", "EVALUATOR", "A", "B"].map(str::to_owned).to_vec();
    output::data(&format!("\n{}", output::grid(headings, rows.collect(), &[false, false, true, true])))?;
    if told.changed_total > CHANGED_SHOWN as u64 {
        output::say(&format!("{} cases changed; `-o json` lists more of them", told.changed_total));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::p_value;

    #[test]
    fn a_small_chance_is_not_told_as_none() {
        assert_eq!([3e-5, 1e-4, 0.0312, 1.0].map(p_value), ["<0.0001", "0.0001", "0.0312", "1.0000"]);
    }
}
