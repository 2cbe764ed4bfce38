use super::Template;
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;

fn read(text: &str) -> Result<Template, Vec<String>> {
    let mut files = Files::new(FilesLimits::TEMPLATE);
    files.add(FilePath::parse("template.yaml").unwrap(), File::from(text.to_owned())).unwrap();
    Template::read("template.yaml", files).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

const HEAD: &str =
    "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata:\n  name: x\nspec:\n  type: service\n";

#[test]
fn a_template_has_pages_and_steps_with_their_places() {
    let template = read(&format!(
        "kind: Other\n---\n{HEAD}  parameters:\n    - title: One\n      required: [a]\n      properties: {{a: {{type: string}}, b: {{type: number}}}}\n    - properties: {{c: {{}}}}\n  steps:\n    - action: debug:log\n      input: {{message: hi}}\n    - id: two\n      name: Two\n      action: publish:github\n"
    ))
    .unwrap();
    assert_eq!((template.pages.len(), template.questions(), template.pages[0].title.as_deref()), (2, 3, Some("One")));
    let steps: Vec<_> =
        template.steps.iter().map(|step| (step.id.as_str(), step.name.as_str(), step.at.line)).collect();
    assert_eq!(steps, [("step-1", "step-1", 15), ("two", "Two", 17)]);
    let problems: Vec<_> = template.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1, "it can be read, and not run");
    assert!(
        problems[0].starts_with("template.yaml:17:7: step `two`: there is no action `publish:github`"),
        "{problems:?}"
    );
}

#[test]
fn mistakes_are_told_with_place_and_nearest_name() {
    let wrong = |rest: &str| read(&format!("{HEAD}{rest}")).unwrap_err().join("\n");
    assert!(wrong("  steps: 7\n").contains("`spec.steps` must be a list"));
    assert_eq!(
        wrong("  steps:\n    - action: debug:log\n      inputs: {}\n"),
        "template.yaml:9:7: a step has no `inputs`; did you mean `input`?"
    );
    assert!(wrong("  steps:\n    - id: a\n").starts_with("template.yaml:8:7: a step must name its `action`"));
    assert!(
        wrong("  steps:\n    - {id: a, action: debug:log}\n    - {id: a, action: debug:log}\n")
            .contains("two steps have the id `a`")
    );
    assert!(wrong("  parameters: [7]\n  steps: []\n").contains("must be a mapping (JSON Schema)"));
    assert!(wrong("  parameters: {properties: {a: {type: strng}}}\n  steps: []\n").contains("no JSON Schema"));
    assert!(read("a: [").unwrap_err()[0].starts_with("template.yaml:1:"));
    assert!(read("kind: Template\n").unwrap_err()[0].contains("has no document with"));
    let near = read(&format!("{HEAD}  steps:\n    - {{id: a, action: 'fetch:templat'}}\n")).unwrap();
    assert!(near.problems[0].message.ends_with("did you mean `fetch:template`?"));
}
