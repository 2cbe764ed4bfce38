//! `mizzen policy test CASES`.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use mizzen_control::policies::{compile_files, run_cases};
use mizzen_model::permission::Mode;
use serde_json::{Value, json};

use super::cli::{TestArgs, TestFormat};
use super::files;
use crate::cli::Format;
use crate::client::Server;
use crate::failure::Failure;
use crate::output;
use crate::xml::attribute;

pub(super) async fn test(args: TestArgs) -> Result<ExitCode, Failure> {
    let shown = args.cases.display().to_string();
    let text = std::fs::read_to_string(&args.cases).with_context(|| format!("failed to read `{shown}`"));
    let text = text.map_err(Failure::Usage)?;
    let cases = if args.policy.is_empty() {
        let answer =
            Server::find(&args.client)?.post("/api/v1/policies/test", &json!({ "cases": text, "name": shown })).await?;
        answer["cases"].as_array().cloned().unwrap_or_default()
    } else {
        offline(&args, &shown, &text)?
    };
    match args.format {
        TestFormat::Table => table(&shown, &cases)?,
        TestFormat::Json => output::value(&Value::Array(cases.clone()), Format::Json)?,
        TestFormat::Junit => output::data(&junit(&cases))?,
    }
    Ok(if cases.iter().all(|case| case["passed"] == true) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn offline(args: &TestArgs, shown: &str, text: &str) -> Result<Vec<Value>, Failure> {
    let wrong = |problems: mizzen_control::policies::Problems| Failure::Usage(anyhow!("{problems}"));
    let (set, _) = compile_files(&files::read(&args.policy)?, Mode::Observe).map_err(wrong)?;
    let cases = run_cases(&set, shown, text).map_err(wrong)?;
    Ok(cases.iter().map(|case| serde_json::to_value(case).unwrap_or_default()).collect())
}

/// Those that passed are only counted.
fn table(shown: &str, cases: &[Value]) -> Result<(), Failure> {
    let failed: Vec<&Value> = cases.iter().filter(|case| case["passed"] != true).collect();
    for case in &failed {
        let (name, line, complaint) = (output::text(case, "name"), &case["line"], complaint(case));
        // A case without a name is called by its line.
        let name = if name == format!("line {line}") { String::new() } else { format!("{name}: ") };
        output::data(&format!("{shown}:{line}: {name}{complaint}"))?;
        let reason = output::text(case, "reason");
        if !complaint.contains(&*reason) {
            output::data(&format!("    {reason}"))?;
        }
    }
    output::data(&format!("{} passed, {} failed", cases.len() - failed.len(), failed.len()))
}

fn complaint(case: &Value) -> String {
    let differences: Vec<&str> =
        case["differences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    output::one_line(&differences.join("; "))
}

fn junit(cases: &[Value]) -> String {
    let failures = cases.iter().filter(|case| case["passed"] != true).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"0\"", cases.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mizzen policy\" {counts}>\n  \
         <testsuite name=\"policy\" {counts}>\n"
    );
    for case in cases {
        let name = attribute(&output::text(case, "name"));
        let open = format!("    <testcase name=\"{name}\" classname=\"policy\" time=\"0\"");
        if case["passed"] == true {
            text.push_str(&format!("{open}/>\n"));
        } else {
            let why = attribute(&complaint(case));
            text.push_str(&format!("{open}><failure message=\"{why}\" type=\"fail\"/></testcase>\n"));
        }
    }
    text.push_str("  </testsuite>\n</testsuites>");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::junit;

    #[test]
    fn a_report_counts_and_escapes() {
        let failing = json!({ "name": "a<b", "passed": false, "differences": ["expected \"deny\""] });
        let text = junit(&[failing, json!({ "name": "ok", "passed": true })]);
        assert!(text.contains("tests=\"2\" failures=\"1\""), "{text}");
        assert!(text.contains("name=\"a&lt;b\"") && text.contains("expected &quot;deny&quot;"), "{text}");
        assert!(text.contains("<testcase name=\"ok\" classname=\"policy\" time=\"0\"/>"), "{text}");
    }
}
