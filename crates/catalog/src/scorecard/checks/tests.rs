use super::built_in;
use crate::scorecard::Level;

#[test]
fn every_check_compiles_and_names_what_it_rests_on() {
    let checks = built_in();
    assert!((20..=30).contains(&checks.len()), "{}", checks.len());
    for check in &checks {
        assert!(check.id.starts_with(&format!("{}.", check.level)), "{}", check.id);
        assert_eq!(checks.iter().filter(|other| other.id == check.id).count(), 1, "{}", check.id);
        assert!(check.why.contains("OWASP Agentic ASI") || check.why.contains("NIST AI RMF "), "{}", check.id);
        assert!(!check.fix.is_empty() && !check.title.ends_with('.') && !check.own);
    }
    assert!(Level::ALL.iter().all(|level| checks.iter().filter(|check| check.level == *level).count() >= 5));
    assert!(checks.is_sorted_by_key(|check| check.level));
}

/// The list of the framework, so that no clause is named that it does not have.
#[test]
fn only_clauses_that_exist_are_named() {
    const NIST: &[&str] = &[
        "GOVERN 1.6",
        "GOVERN 2.1",
        "MAP 1.1",
        "MAP 3.5",
        "MEASURE 2.3",
        "MEASURE 2.4",
        "MEASURE 2.5",
        "MEASURE 2.7",
        "MEASURE 2.8",
        "MANAGE 2.4",
        "MANAGE 4.1",
    ];
    for check in built_in() {
        for part in check.why.split("NIST AI RMF ").skip(1) {
            assert!(NIST.iter().any(|clause| part.starts_with(clause)), "{}: {part}", check.id);
        }
        for part in check.why.split("ASI").skip(1) {
            let number: u32 = part.get(..2).unwrap().parse().unwrap();
            assert!((1..=10).contains(&number), "{}", check.id);
        }
    }
}

fn document() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scorecards.md");
    std::fs::read_to_string(path).unwrap()
}

/// The document tells each check as it is, and no other.
#[test]
fn the_document_and_the_checks_say_the_same() {
    let document = document();
    let checks = built_in();
    for check in &checks {
        let when = check.when.as_ref().map_or_else(String::new, |when| format!("\n- Only when: `{}`", when.text()));
        let told = format!(
            "### {} (`{}`)\n\n- Expression: `{}`{when}\n- Why: {}\n- What to do: {}\n",
            check.title,
            check.id,
            check.expr.text(),
            check.why,
            check.fix
        );
        assert!(document.contains(&told), "docs/scorecards.md has to say:\n{told}");
    }
    assert_eq!(document.matches("\n### ").count(), checks.len());
}

#[test]
fn the_document_lists_every_fact() {
    let document = document();
    for fact in crate::facts::FACTS {
        let source = format!("{:?}", fact.source).to_lowercase();
        let row = format!("| `{}` | {} | {source} | {} |", fact.name, fact.kind.as_str(), fact.says);
        assert!(document.contains(&row), "docs/scorecards.md has to say:\n{row}");
    }
    assert_eq!(document.lines().filter(|line| line.starts_with("| `")).count(), crate::facts::FACTS.len());
}

#[test]
fn the_example_of_the_document_is_a_scorecard_file() {
    let document = document();
    let example = document.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let rules = crate::scorecard::files::Rules::of([("example.yaml", example)]).unwrap();
    assert!(rules.check("shop.answers").is_some());
}
