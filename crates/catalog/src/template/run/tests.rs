use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde_json::{Value, json};

use super::{Asked, Failed, Made, RECORD_FILE, dry_run, perform};
use crate::plane::Actor;
use crate::reference::EntityRef;
use crate::template::definition::Template;
use crate::template::effects::{Done, EffectError, Effects, Plan, Wanted};
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;
use crate::template::record::EffectState;

/// Writes down what was done.
#[derive(Debug, Default)]
struct Recording {
    done: Mutex<Vec<String>>,
    refuses: bool,
}

/// The same in a plan and when it is done, as of every plane.
fn entities(wanted: &Wanted) -> Vec<EntityRef> {
    match wanted {
        Wanted::Entities { .. } => vec![EntityRef::new("component", "default", "bot")],
        _ => Vec::new(),
    }
}

impl Effects for Recording {
    fn plan<'a>(&'a self, _: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>> {
        let left = self.refuses.then(|| "ask an administrator".to_owned());
        ready(Ok(Plan { summary: format!("{:?}", wanted.kind()), entities: entities(wanted), left })).boxed()
    }

    fn perform<'a>(&'a self, _: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>> {
        if let Wanted::Budget { usd, .. } = wanted
            && *usd > 1e6
        {
            return ready(Err(EffectError::new("too much money"))).boxed();
        }
        self.done.lock().unwrap().push(format!("{:?}", wanted.kind()));
        let output =
            if let Wanted::Key { .. } = wanted { json!({ "key": "mzn_secret", "id": "k1" }) } else { Value::Null };
        ready(Ok(Done { output, entities: entities(wanted), ..Done::default() })).boxed()
    }

    fn newest_run<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>> {
        ready(Ok((agent == "seen").then(|| Timestamp::from_unix_nanos(1)))).boxed()
    }

    fn level<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>> {
        ready(Ok((1, Some("a budget".to_owned())))).boxed()
    }

    fn agent<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>> {
        ready(Ok(None)).boxed()
    }

    fn entity<'a>(&'a self, entity: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>> {
        ready(Ok((entity.name() == "there").then(|| json!({ "kind": "Component" })))).boxed()
    }
}

fn template(steps: &str, files: &[(&str, &str)]) -> Arc<Template> {
    let text = format!(
        "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {{name: x}}\nspec:\n  type: t\n  parameters: {{additionalProperties: true}}\n  steps:\n{steps}"
    );
    let mut folder = Files::new(FilesLimits::TEMPLATE);
    for (path, content) in [("template.yaml", text.as_str())].iter().chain(files) {
        folder.add(FilePath::parse(path).unwrap(), File::from((*content).to_owned())).unwrap();
    }
    Arc::new(Template::read("template.yaml", folder).unwrap())
}

async fn made_with(effects: &Recording, template: Arc<Template>, values: Value) -> Result<Made, Failed> {
    let by = Actor::person("ann", Role::Developer);
    let asked = Asked { template, values: values.as_object().unwrap().clone(), by: &by };
    let planned = dry_run(asked.clone(), effects).await?;
    perform(asked, &planned, effects).await
}

async fn made(steps: &str, files: &[(&str, &str)], values: Value) -> Result<Made, String> {
    let made = made_with(&Recording::default(), template(steps, files), values).await;
    made.map_err(|failed| failed.to_string())
}

fn text(made: &Made, path: &str) -> Option<String> {
    Some(made.files.get(&FilePath::parse(path).unwrap())?.text()?.to_owned())
}

#[tokio::test]
async fn a_skeleton_is_rendered_names_included_and_copied_where_asked() {
    let steps = "    - id: a\n      action: fetch:template\n      input:\n        url: ./skel\n        targetPath: out\n        copyWithoutTemplating: ['*.raw']\n        copyWithoutRender: ['plain/**']\n        values: {name: '${{ parameters.name }}', list: '${{ parameters.list }}'}\n    - id: b\n      action: fetch:plain:file\n      input: {url: extra.txt, targetPath: out/e.txt}\n    - id: c\n      action: fs:rename\n      input: {files: [{from: out/e.txt, to: e.txt}, {from: out/d, to: moved}]}\n    - id: d\n      action: fs:delete\n      input: {files: ['out/gone*']}\n    - id: e\n      action: fs:readdir\n      input: {paths: ['.'], recursive: true}\n    - id: f\n      action: debug:log\n      input: {message: '${{ steps.e.output.files | length }} files'}\n";
    let files = [
        ("skel/${{ values.name }}.md", "# ${{ values.name }}\n{% for x in values.list %}- ${{ x }}\n{% endfor %}"),
        ("skel/a.raw", "${{ values.name }}"),
        ("skel/plain/${{ values.name }}", "${{ values.name }}"),
        ("skel/{% if values.none %}left-out{% endif %}/x", "x"),
        ("skel/d/y", "y"),
        ("skel/gone.txt", "x"),
        ("extra.txt", "${{ not rendered }}"),
    ];
    let made = made(steps, &files, json!({ "name": "bot", "list": ["p", "q"] })).await.unwrap();
    assert_eq!(text(&made, "out/bot.md").as_deref(), Some("# bot\n- p\n- q\n"));
    assert_eq!(text(&made, "out/a.raw").as_deref(), Some("${{ values.name }}"));
    assert_eq!(text(&made, "out/plain/${{ values.name }}").as_deref(), Some("${{ values.name }}"));
    assert_eq!(text(&made, "e.txt").as_deref(), Some("${{ not rendered }}"));
    assert_eq!(text(&made, "moved/y").as_deref(), Some("y"));
    assert_eq!(made.files.len(), 6, "{:?}", made.files.below(None));
    let record: Value = serde_json::from_str(&text(&made, RECORD_FILE).unwrap()).unwrap();
    assert_eq!((&record["template"], &record["values"]["name"]), (&json!("template:default/x"), &json!("bot")));
    assert!(
        made.log.iter().any(|line| line.message == "5 files" && line.step == "f" && line.line == 28),
        "{:?}",
        made.log
    );
}

#[tokio::test]
async fn steps_are_left_out_repeated_and_read_each_other() {
    let steps = "    - id: no\n      if: ${{ parameters.missing }}\n      action: catalog:fetch\n      input: {entityRef: 'component:default/none'}\n    - id: each\n      each: ['a', 'b']\n      action: catalog:write\n      input: {filePath: '${{ each.value }}-${{ each.key }}.yaml', entity: {kind: '${{ each.value }}'}}\n    - id: got\n      action: catalog:fetch\n      input: {entityRef: 'component:default/there'}\n    - id: kind\n      if: ${{ steps.got.output.entity.kind == 'Component' }}\n      action: catalog:write\n      input: {entity: '${{ steps.got.output.entity }}'}\n";
    let made = made(steps, &[], json!({})).await.unwrap();
    assert_eq!(text(&made, "a-0.yaml").as_deref(), Some("kind: a\n"));
    assert!(text(&made, "b-1.yaml").is_some());
    assert_eq!(text(&made, "catalog-info.yaml").as_deref(), Some("kind: Component\n"));
    assert!(made.log.iter().any(|line| line.step == "no" && line.message.contains("left out")));
}

#[tokio::test]
async fn nothing_can_be_written_or_read_outside_of_the_folder() {
    let skeleton = [("skel/a", "x"), ("skel/${{ values.p }}", "x")];
    let fetch = |target: &str, value: &str| {
        format!(
            "    - id: s\n      action: fetch:template\n      input:\n        url: ./skel\n        targetPath: {target:?}\n        values: {{p: {value:?}}}\n"
        )
    };
    for (target, value, expected) in [
        ("/etc", "b", "template.yaml:12:21: step `s`: `/etc` is an absolute path"),
        ("../up", "b", "template.yaml:12:21: step `s`: `../up` leaves the folder"),
        ("${{ '..' }}/x", "b", "leaves the folder"),
        ("ok", "../../b", "skel/${{ values.p }}: step `s`: its name becomes unsafe: `../../b` leaves the folder"),
        ("ok", ".git/hooks/pre-commit", "would write into a `.git` folder"),
        ("ok", "b\\u0000c", "(NUL)"),
        ("ok", "C:/x", "(a colon)"),
        ("ok", "A", "are one file where case does not count"),
        ("ok", "a/b", "is a folder, so no file can have that name"),
    ] {
        let value = value.replace("\\u0000", "\u{0}");
        let failed = made(&fetch(target, &value), &skeleton, json!({})).await.unwrap_err();
        assert!(failed.contains(expected), "{target} {value:?}: {failed}");
    }
    for (action, input, expected) in [
        ("fetch:plain", "{url: 'file:///etc'}", "lies elsewhere"),
        ("fetch:plain", "{url: 'https://example.com/x'}", "lies elsewhere"),
        ("fetch:plain", "{url: ../..}", "leaves the folder"),
        ("fetch:plain:file", "{url: /etc/passwd, targetPath: x}", "is an absolute path"),
        ("fetch:plain:file", "{url: skel/a, targetPath: ../x}", "leaves the folder"),
        ("fetch:template:file", "{url: skel/none, targetPath: x}", "has no file `skel/none`"),
        ("catalog:write", "{filePath: ../x.yaml, entity: {}}", "leaves the folder"),
        ("catalog:register", "{catalogInfoPath: ../../x}", "leaves the folder"),
        ("fs:delete", "{files: [../x]}", "leaves the folder"),
        ("fs:rename", "{files: [{from: a, to: ../b}]}", "leaves the folder"),
        ("fs:readdir", "{paths: [../..]}", "leaves the folder"),
        ("mizzen:boundary", "{path: /etc/passwd}", "is an absolute path"),
    ] {
        let steps = format!("    - id: s\n      action: {action}\n      input: {input}\n");
        let failed = made(&steps, &skeleton, json!({})).await.unwrap_err();
        assert!(failed.starts_with("template.yaml:10:") && failed.contains(expected), "{action} {input}: {failed}");
    }
}

#[tokio::test]
async fn the_folder_is_bounded() {
    let steps = "    - id: s\n      each: '${{ range(90) }}'\n      action: fetch:template:file\n      input: {url: big.txt, targetPath: 'f${{ each.key }}', values: {x: '${{ parameters.x }}'}}\n";
    let files = [("big.txt", "{% for i in range(20) %}${{ values.x }}{% endfor %}")];
    let failed = made(steps, &files, json!({ "x": "y".repeat(20_000) })).await.unwrap_err();
    assert!(failed.contains("more than 16777216 bytes in all"), "{failed}");
}

#[tokio::test]
async fn mistakes_in_expressions_have_the_place_in_their_file() {
    let steps = "    - id: s\n      action: fetch:template\n      input: {url: ./skel}\n";
    let failed = made(steps, &[("skel/a.md", "one\ntwo ${{ values.x | uper }}\n")], json!({})).await.unwrap_err();
    assert_eq!(failed, "skel/a.md:2:5: step `s`: `uper` is no filter; did you mean `upper`?");
    let steps = "    - id: s\n      action: debug:log\n      input:\n        message: |\n          one\n          two ${{ 1 | uper }}\n";
    let failed = made(steps, &[], json!({})).await.unwrap_err();
    assert_eq!(failed, "template.yaml:13:15: `uper` is no filter; did you mean `upper`?");
    let steps = "    - id: s\n      action: debug:log\n      input: {mesage: x}\n";
    let failed = made(steps, &[], json!({})).await.unwrap_err();
    assert!(failed.ends_with("step `s`: `debug:log` has no input `mesage`; did you mean `message`?"), "{failed}");
}

const EFFECTS: &str = "    - id: write\n      action: catalog:write\n      input: {entity: {kind: Component}}\n    - id: key\n      action: mizzen:key\n      input: {agent: bot}\n    - id: leak\n      action: debug:log\n      input: {message: 'key ${{ steps.key.output.key }} ${{ steps.key.output.id }}'}\n    - id: register\n      action: catalog:register\n      input: {catalogInfoPath: /catalog-info.yaml}\n    - id: budget\n      action: mizzen:budget\n      input: {agent: bot, monthlyUsd: '${{ parameters.usd }}'}\n";

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_run_does_what_was_planned() {
    let effects = Recording::default();
    let by = Actor::person("ann", Role::Developer);
    let values = json!({ "usd": 5 }).as_object().unwrap().clone();
    let planned = dry_run(Asked { template: template(EFFECTS, &[]), values, by: &by }, &effects).await.unwrap();
    assert!(effects.done.lock().unwrap().is_empty());
    assert!(planned.effects.iter().all(|effect| effect.state == EffectState::Planned) && planned.effects.len() == 3);
    let made = made_with(&effects, template(EFFECTS, &[]), json!({ "usd": 5 })).await.unwrap();
    assert_eq!(*effects.done.lock().unwrap(), ["Key", "Entities", "Budget"]);
    assert_eq!(made.effects[0].output, Some(json!({ "key": "mzn_secret", "id": "k1" })));
    assert!(made.log.iter().any(|line| line.message == "key  k1"), "no later step can read the key: {:?}", made.log);
    let record: Value = serde_json::from_str(&text(&planned, RECORD_FILE).unwrap()).unwrap();
    assert_eq!(record["entities"], json!(["component:default/bot"]));
    assert_eq!(made.files, planned.files);
}

#[tokio::test]
async fn what_fails_says_what_was_done_before_and_what_a_role_may_not_is_left() {
    let effects = Recording::default();
    let failed = made_with(&effects, template(EFFECTS, &[]), json!({ "usd": 2e6 })).await.unwrap_err();
    assert!(
        failed.to_string().ends_with("step `budget`: too much money\nalready done before that: Key; Entities"),
        "{failed}"
    );
    let refusing = Recording { refuses: true, ..Recording::default() };
    let made = made_with(&refusing, template(EFFECTS, &[]), json!({ "usd": 5 })).await.unwrap();
    assert!(refusing.done.lock().unwrap().is_empty());
    assert!(made.effects.iter().all(|effect| effect.state == EffectState::Left && effect.detail.is_some()));
}

#[tokio::test]
async fn a_template_waits_for_the_first_run_and_asserts_a_level_within_bounds() {
    let verify = |agent: &str, more: &str| {
        format!(
            "    - id: s\n      action: mizzen:telemetry:verify\n      input: {{agent: {agent}, seconds: 0{more}}}\n"
        )
    };
    assert!(made(&verify("seen", ""), &[], json!({})).await.is_ok());
    assert!(made(&verify("never", ""), &[], json!({})).await.unwrap_err().contains("no run of `never` was seen"));
    assert!(made(&verify("never", ", optional: true"), &[], json!({})).await.is_ok());
    assert!(made(&verify("seen", "9999"), &[], json!({})).await.is_err());
    let level = |level: &str| {
        format!(
            "    - id: s\n      action: mizzen:scorecard:assert\n      input: {{entityRef: 'component:default/x', level: {level}}}\n"
        )
    };
    assert!(made(&level("known"), &[], json!({})).await.is_ok());
    assert!(
        made(&level("2"), &[], json!({})).await.unwrap_err().ends_with("is at level 1, asked is 2; next: a budget")
    );
    assert!(made(&level("best"), &[], json!({})).await.is_err());
}
