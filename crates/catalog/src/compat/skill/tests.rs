use mizzen_model::canonical;
use serde_json::{Value, json};

use super::{document, entity, parts};
use crate::compat::arbitrary::shared_data;
use crate::entity::Entity;

/// What `tests/peers/catalog/skill_cases.py` asked of PyPI `skills-ref` 0.1.1.
const VERDICTS: &str = include_str!("golden/verdicts.json");

#[test]
fn exactly_what_skills_ref_accepts_is_accepted() {
    let cases: Vec<Value> = serde_json::from_str(VERDICTS).unwrap();
    assert!(cases.len() > 600 && cases.iter().filter(|case| case["accepted"] == true).count() > 150);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = case["text"].as_str().unwrap();
        let read = entity(text, case["folder"].as_str());
        if read.is_ok() != case["accepted"].as_bool().unwrap() {
            wrong.push(format!("{text:?} in {}: {read:?}", case["folder"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn what_was_accepted_comes_back_as_it_was() {
    let cases: Vec<Value> = serde_json::from_str(VERDICTS).unwrap();
    for case in cases.iter().filter(|case| case["accepted"] == true) {
        let text = case["text"].as_str().unwrap();
        comes_back(text, case["folder"].as_str());
    }
}

fn comes_back(text: &str, folder: Option<&str>) -> String {
    let read = entity(text, folder).unwrap();
    let written = document(&read).unwrap();
    let form = |text: &str| canonical::text(&parts(text).unwrap());
    assert_eq!(form(&written), form(text), "{written}");
    assert_eq!(entity(&written, folder).unwrap().digest(), read.digest());
    written
}

#[test]
fn real_skills_come_back_byte_for_byte() {
    let Some(folder) = shared_data("skills") else { return };
    let mut seen = 0;
    for skill in std::fs::read_dir(folder).unwrap() {
        let skill = skill.unwrap();
        let text = std::fs::read_to_string(skill.path().join("SKILL.md")).unwrap();
        assert_eq!(comes_back(&text, skill.file_name().to_str()), text);
        seen += 1;
    }
    assert!(seen >= 4);
}

const SKILL: &str = "---\nname: pdf-tools\ndescription: Reads PDF files.\nlicense: MIT\nallowed-tools: Read Bash(git:*)\n\
                     metadata:\n  version: \"1.2\"\n  author: ann\n  mizzen.dev/owner: group:docs\n---\n\n# PDF\n\nRead it.\n";

#[test]
fn each_value_is_in_one_place() {
    let read = entity(SKILL, Some("pdf-tools")).unwrap();
    let expected = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "AiResource",
        "metadata": {
            "name": "pdf-tools",
            "description": "Reads PDF files.",
            "annotations": { "mizzen.dev/format": "skill.md", "mizzen.dev/version": "1.2" },
        },
        "spec": {
            "type": "skill",
            "lifecycle": "production",
            "owner": "group:docs",
            "license": "MIT",
            "allowedTools": "Read Bash(git:*)",
            "skill": { "metadata": { "author": "ann" }, "body": "\n\n# PDF\n\nRead it.\n" },
        },
    });
    assert_eq!(Value::Object(read.document().clone()), expected);
}

#[test]
fn an_edit_of_the_entity_shows_in_the_file_and_what_is_strange_is_quoted() {
    let mut edited = Value::Object(entity(SKILL, None).unwrap().into_document());
    edited["metadata"]["description"] = "Reads --- and \"writes\": PDF #1\nand more".into();
    edited["spec"]["compatibility"] = "true".into();
    let edited = Entity::new(edited.as_object().unwrap().clone());
    let written = document(&edited).unwrap();
    assert!(
        written.contains("description: \"Reads --\\x2d and \\\"writes\\\": PDF #1\\nand more\"\n")
            && written.contains("compatibility: \"true\"\n"),
        "{written}"
    );
    assert_eq!(entity(&written, None).unwrap().digest(), edited.digest());
}

#[test]
fn a_fault_names_its_line_and_column() {
    let places = |text: &str| {
        let faults = entity(text, Some("pdf")).unwrap_err();
        let at = |fault: &crate::compat::Fault| fault.at.map(|at| (at.line, at.column, fault.to_string()));
        faults.iter().filter_map(at).collect::<Vec<_>>()
    };
    assert_eq!(
        places("---\nname: PDF\ndescription: x\nlicence: MIT\n---\n"),
        [
            (4, 1, "`licence` `licence` is not known; did you mean `license`?".to_owned()),
            (2, 7, "`name` must be in lower case; write `pdf`".to_owned()),
            (2, 7, "`name` must be the name of its folder, `pdf`".to_owned()),
        ]
    );
    let bomb = places("---\nname: pdf\ndescription: &a x\nlicense: *a\n---\n");
    assert_eq!(bomb, [(3, 17, "anchors (`&…`) are not allowed here".to_owned())]);
    let deep = format!(
        "---\nname: pdf\ndescription: x\nmetadata:\n{}---\n",
        (1..60).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>()
    );
    assert!(places(&deep)[0].2.contains("nested deeper"), "{:?}", places(&deep));
}

#[test]
fn a_skill_without_its_text_has_no_file() {
    let mut without = Value::Object(entity(SKILL, None).unwrap().into_document());
    without["spec"].as_object_mut().unwrap().remove("skill");
    assert_eq!(document(&Entity::new(without.as_object().unwrap().clone())), None);
}
