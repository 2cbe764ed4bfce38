use serde_json::{Value, json};

use super::Answers;
use crate::template::definition::Template;
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;

fn template() -> Template {
    let text = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: x}\nspec:\n  type: t\n  steps: []\n  parameters:\n    - title: One\n      required: [name]\n      properties:\n        name: {title: Name, type: string, pattern: '^(?!x)[a-z]+$'}\n        size: {type: integer, default: 3}\n        token: {type: string, ui:field: Secret}\n    - properties:\n        more: {type: boolean}\n      dependencies:\n        more:\n          oneOf:\n            - {properties: {more: {enum: [false]}}}\n            - {properties: {more: {enum: [true]}, extra: {type: string}}, required: [extra]}\n";
    let mut files = Files::new(FilesLimits::TEMPLATE);
    files.add(FilePath::parse("template.yaml").unwrap(), File::from(text.to_owned())).unwrap();
    Template::read("template.yaml", files).unwrap()
}

fn check(values: Value) -> Result<Answers, Vec<String>> {
    let answers = Answers::check(&template(), values.as_object().unwrap().clone());
    answers.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn answers_are_checked_by_every_page_and_completed() {
    let answers = check(json!({ "name": "abc" })).unwrap();
    assert_eq!(Value::Object(answers.values().clone()), json!({ "name": "abc", "size": 3 }));
    assert!(check(json!({ "name": "abc", "more": true, "extra": "e" })).is_ok());
    assert!(check(json!({ "name": "abc", "more": true })).is_err(), "the second page asks for more");
}

#[test]
fn what_does_not_fit_is_told_with_pointer_title_and_place() {
    let wrong = |values: Value| check(values).unwrap_err().join("\n");
    let pattern = wrong(json!({ "name": "XYZ" }));
    assert!(pattern.starts_with("template.yaml:8:7: `/name` (Name): "), "{pattern}");
    assert!(wrong(json!({})).contains("`/`: \"name\" is a required property"));
    assert!(wrong(json!({ "name": "abc", "size": "big" })).contains("`/size`"));
    assert!(
        wrong(json!({ "name": "abc", "siz": 1 }))
            .contains("`/siz`: the template does not ask for `siz`; did you mean `size`?")
    );
    assert!(wrong(json!({ "name": "a".repeat(300_000) })).contains("more than"));
}

#[test]
fn what_is_secret_is_not_kept() {
    let with = check(json!({ "name": "abc", "token": "s3cret" })).unwrap();
    assert!(with.values().contains_key("token") && !with.to_keep().contains_key("token"));
    assert_eq!(with.digest(), check(json!({ "name": "abc", "token": "other" })).unwrap().digest());
    assert_ne!(with.digest(), check(json!({ "name": "abd" })).unwrap().digest());
}
