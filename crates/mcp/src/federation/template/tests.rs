use super::matches;

#[test]
fn uris_are_recognised_by_their_templates() {
    for (template, uri, fits) in [
        ("test://template/{id}/data", "test://template/123/data", true),
        ("test://template/{id}/data", "test://template/1/2/data", false),
        ("test://template/{id}/data", "test://template/123/dat", false),
        ("file:///{+path}", "file:///a/b/c.txt", true),
        ("file:///{path}", "file:///a/b/c.txt", false),
        ("db://{table}/rows{?limit}", "db://users/rows?limit=5", true),
        ("db://{table}/rows{?limit}", "db://users/rows", true),
        ("plain://x", "plain://x", true),
        ("plain://x", "plain://xy", false),
        ("a{x}b{y}c", "a1b2b3c", true),
        ("bröken://{x}é", "bröken://üé", true),
        ("open{", "open{", false),
    ] {
        assert_eq!(matches(template, uri).is_some(), fits, "{template} {uri}");
    }
}

#[test]
fn the_more_exact_template_counts_more() {
    let uri = "test://template/1/data";
    assert!(matches("test://template/{id}/data", uri) > matches("test://{+rest}", uri));
}

#[test]
fn a_hostile_template_takes_no_time() {
    let template = "{a}x".repeat(60);
    assert!(matches(&template, &"x".repeat(20_000)).is_none() || template.len() > 1);
}
