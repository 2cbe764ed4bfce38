use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value, json};

use super::all;
use crate::document::{self, Read};
use crate::observed::{Subject, SubjectKind};
use crate::plane::Actor;
use crate::reference::EntityRef;
use crate::storage::subjects::discovered_names;
use crate::template::definition::Template;
use crate::template::effects::{Done, EffectError, EffectKind, Effects, Plan, Wanted};
use crate::template::path::FilePath;
use crate::template::run::{Asked, Made, dry_run};

/// An agent that is declared under another name.
const CLAIMED: &str = "Order Agent";

/// Holds what is wanted to the rules of those who would do it.
#[derive(Debug)]
struct Checking;

impl Effects for Checking {
    fn plan<'a>(&'a self, _: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>> {
        let mut entities = Vec::new();
        if let Wanted::Entities { source, text } = wanted {
            for read in document::read(source, text) {
                match read {
                    Read::Valid(document) => entities.push(document.entity.reference()),
                    Read::Rejected(rejected) => panic!("{text}\n{:?}", rejected.problems),
                }
            }
        }
        ready(Ok(Plan { entities, ..Plan::default() })).boxed()
    }

    fn perform<'a>(&'a self, _: &'a Actor, _: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>> {
        unreachable!("these are dry runs")
    }

    fn newest_run<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>> {
        unreachable!("these are dry runs")
    }

    fn level<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>> {
        unreachable!("these are dry runs")
    }

    fn agent<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>> {
        ready(Ok((name == CLAIMED).then(|| EntityRef::new("component", "shop", "order-desk")))).boxed()
    }

    fn entity<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>> {
        ready(Ok(None)).boxed()
    }
}

/// Every combination of autonomy and data class for those that ask, and texts that would break out of a format.
fn answers(template: &Template) -> Vec<Map<String, Value>> {
    let asks = |name: &str| template.pages[0].schema["properties"].get(name).is_some();
    let mut all = Vec::new();
    for autonomy in 0..=4 {
        for class in ["public", "internal", "confidential", "regulated"] {
            for tools in [json!([]), json!(["shop/get_order", "shop/*"])] {
                let mut values = json!({ "name": "helper", "owner": "group:default/platform",
                    "purpose": "Says \"yes: no\" # to {{ all }} ${{ 1 }} & <b>\n- and: more" });
                let map = values.as_object_mut().unwrap();
                if asks("autonomy") {
                    map.insert("autonomy".to_owned(), json!(autonomy));
                    map.insert("dataClass".to_owned(), json!(class));
                    map.insert("tools".to_owned(), tools);
                    map.insert("monthlyUsd".to_owned(), json!(12.5));
                }
                if asks("agent") {
                    map.insert("agent".to_owned(), json!("helper"));
                }
                all.push(map.clone());
            }
        }
    }
    if asks("autonomy") { all } else { all.into_iter().take(1).collect() }
}

async fn made(template: &Arc<Template>, values: Map<String, Value>) -> Made {
    let by = Actor::person("ann", Role::Developer);
    dry_run(Asked { template: Arc::clone(template), values, by: &by }, &Checking).await.unwrap()
}

fn text(made: &Made, path: &str) -> Option<String> {
    made.files.get(&FilePath::parse(path).unwrap())?.text().map(str::to_owned)
}

#[test]
fn every_template_asks_at_most_seven_things_on_one_page_and_is_a_valid_entity() {
    let templates = all().unwrap();
    let names: Vec<_> = templates.iter().map(|template| template.entity.name().to_owned()).collect();
    assert_eq!(names, ["agent-tool-using", "bring-your-own-agent", "eval-suite", "mcp-server", "skill"]);
    for template in templates {
        assert!(template.problems.is_empty(), "{:?}", template.problems);
        assert!(template.pages.len() == 1 && template.questions() <= 7, "{}", template.reference());
        assert!(document::read("template.yaml", &template.text).into_iter().all(|read| read.valid().is_some()));
    }
}

#[tokio::test]
async fn whatever_is_answered_every_file_is_what_it_says() {
    for template in all().unwrap() {
        for values in answers(&template) {
            let made = made(&template, values.clone()).await;
            let told = || format!("{} {values:?}", template.reference());
            let entity = made.entities.first().unwrap_or_else(|| panic!("{}", told()));
            assert_eq!(entity.name(), "helper", "{}", told());
            if let Some(boundary) = text(&made, "boundary.yaml") {
                let read = mizzen_governance::boundary::parse("boundary.yaml", &boundary);
                let read = read.unwrap_or_else(|problems| panic!("{boundary}\n{problems:?}"));
                assert_eq!(read.agents, ["helper"]);
            }
            for (path, file) in made.files.iter() {
                let text = file.text().unwrap();
                assert!(!text.contains("values."), "{path} in {}", told());
                if path.name().ends_with(".json") {
                    serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
                }
            }
            let annotations =
                [("template", template.reference().to_string()), ("template-digest", template.digest.to_string())];
            for (name, value) in annotations {
                let catalog = text(&made, "catalog-info.yaml").unwrap();
                assert!(catalog.contains(&format!("mizzen.dev/{name}: {value}")), "{catalog}");
            }
            if text(&made, "mkdocs.yml").is_some() {
                let site = crate::docs::site::Site::read(&made.files).unwrap();
                assert!(site.pages.iter().any(|page| page.path == "runbook.md"), "{}", told());
            }
        }
    }
}

/// Names that traffic has and an entity cannot have, some of which would break out of YAML, Markdown or a shell.
#[tokio::test]
async fn an_agent_is_claimed_by_whatever_name_traffic_has_for_it() {
    let template = all().unwrap().remove(1);
    for name in
        ["roll_dice_agent", "HelmAgent", "k8s.agent", "Helm Agent", "it's: \"#1\" ${{ 1 }} {{ a }}", "Ägent/1", "7"]
    {
        let values = json!({ "name": name, "owner": "platform", "purpose": "Answers questions about orders.",
            "tools": ["shop/get_order"] });
        let made = made(&template, values.as_object().unwrap().clone()).await;
        let subject = Subject { kind: SubjectKind::Agent, name: name.to_owned() };
        let entity = document::read("catalog-info.yaml", &text(&made, "catalog-info.yaml").unwrap()).remove(0);
        let entity = entity.valid().unwrap().entity;
        assert_eq!(Subject::of(&entity), Some(subject.clone()));
        assert_eq!(Some(entity.name().to_owned()), discovered_names(&subject).next());
        let boundary = text(&made, "boundary.yaml").unwrap();
        let boundary = mizzen_governance::boundary::parse("boundary.yaml", &boundary).unwrap();
        assert_eq!((boundary.agents, boundary.name.as_str()), (vec![name.to_owned()], entity.name()));
        assert_eq!(made.output["links"][0]["url"], format!("/catalog/component/default/{}", entity.name()));
        assert!(crate::docs::site::Site::read(&made.files).is_ok());
        let stop = entity.text(&["spec", "agent", "killSwitch"]).unwrap().to_owned();
        let shell =
            std::process::Command::new("sh").arg("-c").arg(stop.replacen("mizzen pause", "printf '%s '", 1)).output();
        assert_eq!(String::from_utf8(shell.unwrap().stdout).unwrap(), format!("{name} --reason why "), "{stop}");
    }
    for name in ["", " ", "a ", "a*", "a\nb"] {
        let values = json!({ "name": name, "owner": "platform", "purpose": "Answers questions about orders." });
        let by = Actor::person("ann", Role::Developer);
        let asked = Asked { template: Arc::clone(&template), values: values.as_object().unwrap().clone(), by: &by };
        let refused = dry_run(asked, &Checking).await.unwrap_err();
        assert!(refused.to_string().contains("`/name` (Name)"), "{name:?}: {refused}");
    }
}

/// The first word behind `--runs` of a command, as a shell hands it over.
fn runs_of(command: &str, agent: &str) -> String {
    let script = format!("mizzen() {{ while [ \"$1\" != --runs ]; do shift; done; printf %s \"$2\" >&2; }}\n{command}");
    let folder = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("bash");
    let done = shell.args(["-e", "-c", &script]).env("AGENT", agent).current_dir(folder.path()).output().unwrap();
    String::from_utf8(done.stderr).unwrap()
}

/// An agent may be called in traffic as no entity can, and the eval set measures it all the same.
#[tokio::test]
async fn an_eval_set_measures_an_agent_of_whatever_name() {
    let template = all().unwrap().remove(2);
    for name in ["helper", CLAIMED, "it's: #1, ${{ 1 }} {{ a }} $HOME `x`", "Ägent/1*", "7"] {
        let values =
            json!({ "name": "orders", "owner": "platform", "purpose": "Answers about orders.", "agent": name });
        let made = made(&template, values.as_object().unwrap().clone()).await;
        let entity = document::read("catalog-info.yaml", &text(&made, "catalog-info.yaml").unwrap()).remove(0);
        let entity = entity.valid().unwrap().entity;
        let subject = Subject { kind: SubjectKind::Agent, name: name.to_owned() };
        let discovered =
            || EntityRef::new("component", "default", &discovered_names(&subject).next().unwrap()).to_string();
        let agent = if name == CLAIMED { "component:shop/order-desk".to_owned() } else { discovered() };
        assert_eq!(entity.document()["spec"]["dependencyOf"], json!([agent]));
        let readme = text(&made, "README.md").unwrap();
        let output = made.output["text"][0]["content"].as_str().unwrap();
        let job: Value = serde_saphyr::from_str(&text(&made, ".github/workflows/evals.yml").unwrap()).unwrap();
        let steps = job["jobs"]["gate"]["steps"].as_array().unwrap();
        let job = steps.iter().filter_map(|step| step["run"].as_str()).find(|run| run.starts_with("mizzen eval run"));
        for told in [&readme, output, job.unwrap()] {
            let command = told.lines().find(|line| line.starts_with("mizzen eval run")).unwrap();
            assert_eq!(runs_of(command, name), format!("agent=\"{name}\""), "{told}");
        }
    }
    for name in ["", " ", "a ", "a\"b", "a\nb"] {
        let values =
            json!({ "name": "orders", "owner": "platform", "purpose": "Answers about orders.", "agent": name });
        let by = Actor::person("ann", Role::Developer);
        let asked = Asked { template: Arc::clone(&template), values: values.as_object().unwrap().clone(), by: &by };
        let refused = dry_run(asked, &Checking).await.unwrap_err();
        assert!(refused.to_string().contains("`/agent` (Agent)"), "{name:?}: {refused}");
    }
}

/// What runs in CI installs `mizzen` before it calls it, and says what is not set.
#[tokio::test]
async fn a_job_for_ci_has_what_it_calls() {
    let mut jobs = 0;
    for template in all().unwrap() {
        let made = made(&template, answers(&template).pop().unwrap()).await;
        let Some(job) = text(&made, ".github/workflows/evals.yml") else { continue };
        jobs += 1;
        let job: Value = serde_saphyr::from_str(&job).unwrap();
        let steps = job["jobs"]["gate"]["steps"].as_array().unwrap();
        let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
        let install = runs[0];
        assert!(install.contains("cargo install --locked") && runs[1..].iter().any(|run| run.starts_with("mizzen ")));
        let environment = job["jobs"]["gate"]["env"].as_object().unwrap();
        for missing in environment.keys() {
            let mut shell = std::process::Command::new("bash");
            shell.args(["-e", "-c", &format!("cargo() {{ echo \"called with $*\"; }}\n{install}")]);
            shell.env("HOME", "/nonexistent").env_remove(missing);
            for name in environment.keys().filter(|name| *name != missing) {
                shell.env(name, "set");
            }
            let told = shell.output().unwrap();
            let text = String::from_utf8_lossy(&told.stdout).into_owned();
            assert!(!told.status.success() && text.contains(&format!("{missing} is not set")), "{text}");
        }
        let mut shell = std::process::Command::new("bash");
        shell
            .args(["-e", "-c", &format!("cargo() {{ echo \"called with $*\"; }}\n{install}")])
            .env("HOME", "/nonexistent");
        let told = shell.envs(environment.keys().map(|name| (name, "set"))).output().unwrap();
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(text.contains("install --locked --git set --rev set mizzen"), "{text}");
    }
    assert_eq!(jobs, 2);
}

#[tokio::test]
async fn an_agent_gets_all_that_it_needs() {
    let templates = all().unwrap();
    let agent = made(&templates[0], answers(&templates[0]).pop().unwrap()).await;
    let kinds: BTreeSet<String> = agent.effects.iter().map(|effect| format!("{:?}", effect.kind)).collect();
    assert_eq!(
        kinds,
        [EffectKind::Boundary, EffectKind::Entities, EffectKind::EvalSet].map(|kind| format!("{kind:?}")).into()
    );
    for file in
        ["README.md", "agent.py", "gate.toml", "docs/runbook.md", "docs/kill-switch.md", ".github/workflows/evals.yml"]
    {
        assert!(text(&agent, file).is_some(), "{file}");
    }
    assert!(agent.files.get(&FilePath::parse("agent.py").unwrap()).unwrap().executable);
    let set: Value = serde_json::from_str(&text(&agent, "evals/set.json").unwrap()).unwrap();
    assert_eq!(set["eval_cases"].as_array().unwrap().len(), 20);
}
