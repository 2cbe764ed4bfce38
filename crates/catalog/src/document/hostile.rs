//! What is written to hurt the reader is refused with its place, quickly and in little memory.

use mizzen_model::yaml::Limits;

use super::{Read, read};

/// The problems of a text that must be refused, each as `line:column message`.
fn refused(source: &str, text: &str) -> Vec<String> {
    let reads = read(source, text);
    let rejected = reads.into_iter().filter_map(|read| match read {
        Read::Rejected(rejected) => Some(rejected.problems),
        Read::Valid(_) => None,
    });
    rejected.flatten().map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message)).collect()
}

fn only(source: &str, text: &str) -> String {
    let mut told = refused(source, text);
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[test]
fn aliases_without_end_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", ")));
    }
    let line = only("a.yaml", &bomb);
    assert!(!line.starts_with("0:0"), "{line}");
    let itself = only("a.yaml", "a: &a [*a]\n");
    assert!(itself.starts_with("1:"), "{itself}");
    let many = format!("a: &a x\nb: [{}]\n", vec!["*a"; 20_000].join(", "));
    assert!(!only("a.yaml", &many).starts_with("0:0"));
}

#[test]
fn a_bomb_in_each_of_many_documents_is_one_bomb() {
    // Each stays below the limits of one document; together they would take all the memory.
    let document = format!("a: &a [{}]\nb: [*a, *a, *a, *a, *a, *a, *a, *a]\n", vec!["x"; 1_000].join(", "));
    assert!(only("a.yaml", &document).contains("no manifest"));
    let told = refused("a.yaml", &vec![document; 200].join("---\n"));
    let last = told.last().unwrap();
    assert!(told.len() < 200 && last.contains("more than 1000000 values"), "{}: {last}", told.len());
    assert!(!last.starts_with("0:0"), "{last}");
}

#[test]
fn too_long_too_deep_and_too_many_are_refused() {
    let long = "a: b\n".repeat(20 << 20);
    for source in ["a.yaml", "a.json"] {
        let line = only(source, &long);
        assert!(line.contains("104857600 bytes, at most 8388608"), "{line}");
    }
    let deep = format!("a: {}", "[".repeat(100_000));
    let line = only("a.yaml", &deep);
    assert!(line.starts_with("1:") && !line.starts_with("1:1 "), "{line}");
    assert!(only("a.json", &"[".repeat(1 << 20)).starts_with("1:42"));
    let nested: String = (0..70).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(only("a.yaml", &nested).starts_with("4"), "{}", only("a.yaml", &nested));
    let many = "kind: User\nmetadata: {}\n---\n".repeat(10_001);
    let told = refused("a.yaml", &many);
    let last = told.last().unwrap();
    assert!(last.starts_with("30001:1 ") && last.contains("more than 10000 documents"), "{last}");
    let wide: String = (0..200_000).map(|field| format!("a{field}: b\n")).collect();
    assert_eq!(refused("a.yaml", &wide).len(), 1);
    assert_eq!(Limits::CATALOG.documents, 10_000);
}

#[test]
fn tabs_and_names_that_stand_twice_are_refused_where_they_stand() {
    let tab = only("a.yaml", "kind: User\nmetadata:\n\tname: a\n");
    assert!(tab.starts_with("3:") && tab.contains("tab"), "{tab}");
    let twice = "apiVersion: backstage.io/v1alpha1\nkind: User\nkind: Group\n---\nkind: User\nmetadata: { name: a }\n";
    let told = refused("a.yaml", twice);
    assert!(told[0].contains("kind") && told[0].starts_with("3:1"), "{told:?}");
    assert!(
        told.len() > 1 && told[1..].iter().all(|line| line.starts_with("5:1") && line.contains("is missing")),
        "{told:?}"
    );
}

#[test]
fn control_characters_and_names_that_are_no_texts_are_refused_or_harmless() {
    for text in [
        "a: \u{0}\n",
        "? [a, b]\n: c\n",
        "%YAML 3.0\n---\na: b\n",
        "!!binary x\n",
        "a: !!python/object x\n",
        "\u{feff}",
        "",
    ] {
        assert!(read("a.yaml", text).iter().all(|read| matches!(read, Read::Rejected(_))), "{text:?}");
    }
}
