use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::{Files as _, Folder, Format, Read, is_manifest, is_manifest_name, read, read_with, targets};

const TWO: &str = "\
# what the shop runs
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: web
spec:
  type: service
  lifecycle: production
  owner: shop
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: My Web
  annotations:
spec:
  type: service
  lifecyle: production
  owner: shop
---
apiVersion: backstage.io/v1alpha1
kind: Domain
metadata: { name: selling, namespace: shop }
spec: { owner: shop }
";

/// `line:column message` of every problem, and the names of what is valid.
fn told(reads: &[Read]) -> Vec<String> {
    let lines = reads.iter().map(|read| match read {
        Read::Valid(document) => vec![format!("{}:{} {}", document.line, document.column, document.entity.reference())],
        Read::Rejected(rejected) => rejected
            .problems
            .iter()
            .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message))
            .collect(),
    });
    lines.flatten().collect()
}

#[test]
fn one_wrong_document_does_not_hide_the_others_and_every_fault_has_its_place() {
    let reads = read("catalog-info.yaml", TWO);
    let told = told(&reads);
    assert_eq!(told.len(), 5, "{told:#?}");
    assert_eq!(told[0], "2:1 component:default/web");
    assert!(told[1].starts_with("14:9 `metadata.name` must be") && told[1].contains("My Web"), "{}", told[1]);
    assert!(told[2].starts_with("15:") && told[2].contains("found nothing: remove the line"), "{}", told[2]);
    assert!(told[3].starts_with("18:3 `spec.lifecycle` is missing"), "{}", told[3]);
    assert_eq!(told[4], "21:1 domain:shop/selling");
    let Read::Rejected(rejected) = &reads[1] else { panic!("{reads:?}") };
    assert_eq!(rejected.reference.as_ref().unwrap().to_string(), "component:default/my web");
    assert_eq!(rejected.problems[0].to_string().split(": ").next(), Some("catalog-info.yaml:14:9"));
}

#[test]
fn where_the_text_cannot_be_read_on_what_came_before_counts() {
    let broken = format!("{}---\nkind: [\n", TWO.split("---").next().unwrap());
    let told = told(&read("a.yaml", &broken));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0] == "2:1 component:default/web" && told[1].contains("not valid YAML"), "{told:?}");
}

#[test]
fn json_is_read_with_its_places_and_a_list_holds_one_document_in_each_place() {
    let text = "[{\"apiVersion\": \"backstage.io/v1alpha1\", \"kind\": \"User\",\n\t\"metadata\": {\"name\": \"ann\"}, \"spec\": {\"memberOf\": []}},\n {\"kind\": \"User\", \"metadata\": 7}]";
    let told = told(&read("users.json", text));
    assert_eq!(told[0], "1:2 user:default/ann");
    assert!(told[1..].iter().any(|line| line.starts_with("3:31 `metadata` must be a mapping")), "{told:?}");
}

#[test]
fn formats_of_others_are_told_by_what_they_must_have() {
    let server = json!({ "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.example/files", "description": "Files", "version": "1.0.0",
        "remotes": [{ "type": "streamable-http", "url": "https://example.com/mcp" }] });
    let skill = "---\nname: pdf-tools\ndescription: Reads PDF.\nmetadata:\n  version: 1.0 beta\n---\n\n# PDF\n";
    let texts = [
        ("server.json", server.to_string(), Format::McpServer),
        ("skills/pdf-tools/SKILL.md", skill.to_owned(), Format::Skill),
    ];
    for (source, text, format) in texts {
        let reads = read(source, &text);
        let [Read::Valid(document)] = reads.as_slice() else { panic!("{reads:?}") };
        assert_eq!(document.format, format);
        assert_eq!(document.body.is_some(), format == Format::Skill);
        assert!(is_manifest(source, &text));
    }
    let wrong = told(&read("skills/other/SKILL.md", skill));
    assert!(wrong.len() == 1 && wrong[0].starts_with("2:7 ") && wrong[0].contains("other"), "{wrong:?}");
}

#[test]
fn a_file_that_is_meant_for_something_else_is_no_manifest() {
    for (source, text) in [
        ("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n"),
        ("openapi.yaml", "openapi: 3.1.0\ninfo: { title: Orders }\n"),
        ("package.json", "{\"name\": \"web\", \"version\": \"1.0.0\"}"),
        ("chart.yaml", "name: {{ .Values.name }}\n\tx: [\n"),
        ("list.yaml", "- a\n- b\n"),
    ] {
        assert!(!is_manifest(source, text), "{source}");
        let told = told(&read(source, text));
        assert!(!told.is_empty() && !told.iter().any(|line| line.contains("default/")), "{told:?}");
    }
    for text in [
        "apiVersion: backstge.io/v1alpha1\nkind: Component\nmetadata: { name: a }\n",
        "kind: component\nmetadata: { name: a }\n",
        "apiVersion: backstage.io/v1alpha1\nkind: [\n",
        TWO,
    ] {
        assert!(is_manifest("x.yaml", text), "{text}");
    }
}

/// A folder with what a document may name, and a secret beside it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("repository");
    std::fs::create_dir_all(root.join("api")).unwrap();
    std::fs::write(home.path().join("secret.txt"), "secret").unwrap();
    std::fs::write(root.join("api/orders.yaml"), "openapi: 3.1.0\n").unwrap();
    std::fs::write(root.join("owner.json"), "{\"displayName\": \"Ann\"}").unwrap();
    std::os::unix::fs::symlink(home.path().join("secret.txt"), root.join("link.txt")).unwrap();
    let file = root.join("api/catalog-info.yaml");
    std::fs::write(&file, "").unwrap();
    (home, file)
}

fn api(definition: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {{ name: orders }}\nspec:\n  type: openapi\n  lifecycle: production\n  owner: shop\n  definition:\n    {definition}\n"
    )
}

#[test]
fn placeholders_are_filled_from_the_folder_and_from_nowhere_else() {
    let (_home, file) = folder();
    let root = file.parent().and_then(Path::parent).unwrap();
    let text = api("$text: ./orders.yaml");
    let mut files = Folder::of(root, &file).unwrap();
    let reads = read_with("a.yaml", &text, &mut files);
    let [Read::Valid(document)] = reads.as_slice() else { panic!("{reads:?}") };
    assert_eq!(document.entity.text(&["spec", "definition"]), Some("openapi: 3.1.0\n"));
    let user = "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: { name: ann }\nspec:\n  memberOf: []\n  profile: { $json: ../owner.json }\n";
    let reads = read_with("a.yaml", user, &mut files);
    let [Read::Valid(document)] = reads.as_slice() else { panic!("{reads:?}") };
    assert_eq!(document.entity.text(&["spec", "profile", "displayName"]), Some("Ann"));
    for (target, reason) in [
        ("../../secret.txt", "outside"),
        ("../link.txt", "outside"),
        ("/etc/passwd", "only relative"),
        ("https://example.com/a", "no addresses"),
        ("./missing.yaml", "No such file"),
        ("..", "no file"),
    ] {
        let told = told(&read_with("a.yaml", &api(&format!("$text: {target}")), &mut files));
        let [line] = told.as_slice() else { panic!("{told:?}") };
        assert!(line.starts_with("9:5 ") && line.contains(reason), "{target}: {line}");
        assert!(files.read(target).is_err());
    }
}

#[test]
fn files_that_came_along_fill_placeholders_and_without_any_the_reason_is_told() {
    let text = api("$text: ./orders.yaml");
    assert_eq!(targets("a.yaml", &text), ["./orders.yaml"]);
    let mut sent = Map::new();
    sent.insert("./orders.yaml".to_owned(), "openapi: 3.1.0".into());
    assert!(matches!(read_with("a.yaml", &text, &mut sent).as_slice(), [Read::Valid(_)]));
    let told = told(&read("a.yaml", &text));
    assert!(told[0].starts_with("8:3 ") && told[0].contains("mizzen apply -f"), "{told:?}");
}

/// Each of the documents may be small, and the file that all of them name large.
#[test]
fn what_all_documents_of_a_text_put_in_is_bounded() {
    let mut files = Map::new();
    files.insert("./large.txt".to_owned(), "x".repeat(4 << 20).into());
    files.insert("./many.json".to_owned(), format!("[{}0]", "0,".repeat(299_999)).into());
    files.insert("./small.txt".to_owned(), "x".into());
    for (placeholder, documents, taken, reason) in [
        ("$text: ./large.txt", 20, 8, "33554432 bytes"),
        ("$json: ./many.json", 6, 3, "1000000 values"),
        ("$text: ./small.txt", 1_010, 1_000, "1000 files"),
    ] {
        let text = vec![api(placeholder); documents].join("---\n");
        let told = told(&read_with("a.yaml", &text, &mut files));
        let refused: Vec<&String> = told.iter().filter(|line| line.contains("cannot be put in")).collect();
        assert_eq!(refused.len(), documents - taken, "{placeholder}");
        assert!(refused[0].contains(reason), "{}", refused[0]);
    }
    let many = vec!["{ $text: ./small.txt }"; 100].join(", ");
    let one = api(&format!("$text: ./small.txt\n  more: [{many}]"));
    let told = told(&read_with("a.yaml", &one, &mut files));
    assert!(told.len() == 1 && told[0].contains("a document may name at most 100 files"), "{told:?}");
}

/// Every example of the documentation is read; a file that one of them names is given.
#[test]
fn the_examples_of_the_documentation_are_valid() {
    let text = include_str!("../../../../docs/catalog.md");
    let examples: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert_eq!(examples.len(), 3);
    let mut files = Map::new();
    files.insert("./openapi.yaml".to_owned(), "openapi: 3.1.0".into());
    for example in examples {
        for read in read_with("catalog.md", example, &mut files) {
            let Read::Valid(document) = read else { panic!("{example}: {read:?}") };
            assert!(document.warnings.is_empty(), "{:?}", document.warnings);
        }
    }
}

#[test]
fn a_missing_field_of_a_foreign_format_is_told_where_the_one_like_it_stands() {
    let text = "{\n  \"name\": \"io.example/files\",\n  \"descripton\": \"Reads files.\",\n  \"version\": \"1.0.0\",\n  \
                \"packages\": [{\n    \"registryTpye\": \"npm\", \"identifier\": \"files\",\n    \
                \"transport\": { \"type\": \"stdio\" } }]\n}\n";
    assert_eq!(
        told(&read("server.json", text)),
        [
            "3:3 `description` is missing; is `descripton` meant to be it?",
            "6:5 `packages[0].registryType` is missing; is `registryTpye` meant to be it?",
        ]
    );
}

#[test]
fn a_file_of_a_folder_is_told_when_its_name_or_its_shape_says_that_it_is_ours() {
    let misspelt = "kind: Compnent\nmetadata: { name: web }\n";
    assert!(is_manifest("shop/catalog-info.yaml", misspelt), "by its name");
    assert!(is_manifest("shop/web.yaml", misspelt), "by a kind that is near one");
    assert!(is_manifest("web.yaml", "apiVersion: v1alpha1\nkind: Component\nmetadata: { name: web }\n"));
    assert!(is_manifest("server.json", r#"{ "name": "io.example/files", "verison": "1", "packages": [] }"#));
    for other in [r#"{ "port": 8080 }"#, r#"{ "name": "prod", "port": 8080 }"#] {
        assert!(!is_manifest("server.json", other), "of another program");
    }
    for (api_version, kind) in [("v1", "Template"), ("v1", "PodTemplate"), ("v1beta3", "HPA"), ("v1beta1", "App")] {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{ name: web }}\n");
        assert!(!is_manifest("web.yaml", &text), "of Kubernetes: {text}");
    }
    assert!(!is_manifest("web.yaml", "kind: App\nmetadata: { name: web }\n"), "too short to be near a kind");
    assert!(!is_manifest("values.yaml", "kind: Deployment\nmetadata: { name: web }\n"));
    let dapr = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: { name: state }\n";
    assert!(!is_manifest("state.yaml", dapr), "of another group");
    // What cannot be read is meant by its name alone.
    assert!(
        is_manifest_name("a/catalog-info.yml") && is_manifest_name("a/SKILL.md") && is_manifest_name("server.json")
    );
    assert!(!is_manifest_name("a/README.md") && !is_manifest_name("values.yaml"));
}
