use serde_json::{Value as Json, json};

use super::{Expressions, Style};

fn context() -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(json!({
        "parameters": { "name": "Shop Bot", "tags": ["a", "b"], "on": true, "n": 3, "none": null,
            "repoUrl": "github.com?owner=acme&repo=shop", "owner": "group:default/Team-A" },
        "steps": { "fetch-it": { "output": { "list": [{ "x": 1 }] } } },
    })))
}

fn value(text: &str) -> Result<Json, String> {
    let made = Expressions::new(Style::default()).value(text, &context());
    made.map_err(|fault| format!("{}:{} {}", fault.line, fault.column, fault.message))
}

#[test]
fn one_whole_expression_keeps_its_type_and_a_text_is_written_as_javascript_would() {
    for (text, expected) in [
        ("${{ parameters.on }}", json!(true)),
        ("${{parameters.n}}", json!(3)),
        ("${{ parameters.n + 1.0 }}", json!(4)),
        ("${{ parameters.tags }}", json!(["a", "b"])),
        ("${{ parameters.missing.deeper }}", Json::Null),
        (
            "${{ parameters }}",
            json!({"name": "Shop Bot", "tags": ["a", "b"], "on": true, "n": 3, "none": null,
            "repoUrl": "github.com?owner=acme&repo=shop", "owner": "group:default/Team-A"}),
        ),
        ("n: ${{ parameters.n }}, ${{ parameters.on }}", json!("n: 3, true")),
        ("${{ [true, none, [1.0, false]] }}!", json!("true,,1,false!")),
        ("${{ [true, 2].join('-') }}", json!("true-2")),
        ("[${{ parameters.tags }}|${{ parameters.missing }}|${{ parameters.none }}]", json!("[a,b||]")),
        ("${{ '}}' }}", json!("}}")),
        ("${{ parameters.name }} ${{ parameters.n }}", json!("Shop Bot 3")),
        ("plain {{ parameters.n }} $ { {", json!("plain {{ parameters.n }} $ { {")),
        ("{% if parameters.on === true %}yes{% endif %}\n", json!("yes\n")),
        ("${{ parameters.n !== 3 or '===' }}", json!("===")),
        ("${{ steps['fetch-it'].output.list[0].x }}", json!(1)),
        ("${{ 'prod' if parameters.n > 2 else 'dev' }}", json!("prod")),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn the_filters_of_backstage_and_nunjucks_are_there() {
    for (text, expected) in [
        ("${{ parameters.repoUrl | parseRepoUrl | pick('owner') }}", json!("acme")),
        ("${{ (parameters.repoUrl | parseRepoUrl).host }}", json!("github.com")),
        ("${{ parameters.repoUrl | projectSlug }}", json!("acme/shop")),
        ("${{ parameters.owner | parseEntityRef | pick('name') }}", json!("Team-A")),
        (
            "${{ 'x' | parseEntityRef({ 'defaultKind': 'Group', 'defaultNamespace': 'n' }) | dump }}",
            json!(r#"{"kind":"Group","namespace":"n","name":"x"}"#),
        ),
        ("${{ parameters.tags | dump }}!", json!(r#"["a","b"]!"#)),
        ("${{ parameters.name | lower | replace(' ', '-') }}", json!("shop-bot")),
        ("${{ parameters.name.toLowerCase().split(' ') }}", json!(["shop", "bot"])),
        ("${{ parameters.tags.includes('b') }}", json!(true)),
        ("${{ parameters.missing | default('d') | upper }}", json!("D")),
        ("${{ parameters.tags | join('-') | title }}", json!("A-B")),
        ("${{ 'a b c' | truncate(3) }}", json!("a...")),
        ("${{ 'a/b c' | urlencode }}", json!("a%2Fb%20c")),
        ("${{ parameters.tags | length }}", json!(2)),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_column() {
    let wrong = |text: &str| value(text).unwrap_err();
    assert_eq!(wrong("a\n  b ${{ parameters.n | uper }}"), "2:5 `uper` is no filter; did you mean `upper`?");
    assert!(wrong("${{ parameters.repoUrl | pars }}").starts_with("1:1 `pars` is no filter"));
    assert!(wrong("x\n\n${{ 1 + }}").starts_with("3:1 "));
    assert!(wrong("${{ 'x' | parseRepoUrl }}").contains("no repository URL"));
    assert!(wrong("{% include 'secret' %}").contains("nothing to read"));
}

#[test]
fn no_expression_takes_or_gives_more_than_it_may() {
    for hostile in [
        "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% macro f(x, n) %}{% if n %}${{ f(x ~ x, n - 1) }}{% endif %}{% endmacro %}${{ f('aaaaaaaa', 80) }}",
        "${{ 'a' * 4000000000 }}",
        "${{ ('a' * 5000000) }}!",
        "${{ 'aaaaaaaaaaaaaaaa'.replaceAll('a', 'aaaaaaaaaaaaaaaa').replaceAll('a', 'aaaaaaaaaaaaaaaa')\
            .replaceAll('a', 'aaaaaaaaaaaaaaaa').replaceAll('a', 'aaaaaaaaaaaaaaaa').replaceAll('a', 'aaaaaaaaaaaaaaaa')\
            .replaceAll('a', 'aaaaaaaaaaaaaaaa') }}",
        "${{ 'aaaaaaaaaaaaaaaa' | replace('a', 'a' * 100000) | replace('a', 'a' * 100000) }}",
        "{% set a = [1, 1, 1, 1, 1, 1, 1, 1] %}{% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}\
            {% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}\
            {% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}\
            ${{ a }}",
        "{% set a = [1, 1, 1, 1, 1, 1, 1, 1] %}{% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}\
            {% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}\
            {% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}{% set a = [a, a, a, a, a, a, a, a] %}\
            ${{ a | dump }}",
        "{% macro f() %}${{ f() }}{% endmacro %}${{ f() }}",
    ] {
        assert!(value(hostile).is_err(), "{hostile}");
    }
    // A value that is nested without end would overflow the stack when it is removed.
    assert!(value(&("{% set a = { 'x': a } %}".repeat(40_000) + "${{ a | string | length }}")).is_err());
    assert!(
        value("{% set n = namespace(x=[]) %}{% for i in range(90000) %}{% set n.x = [n.x] %}{% endfor %}").is_err()
    );
    assert!(value("{% set a = [] %}{% for i in range(9000) %}{% set a = [a] %}{% endfor %}${{ a | dump }}").is_ok());
    assert!(value(&format!("{}1{}", "${{ ".to_owned() + &"(".repeat(5_000), ")".repeat(5_000) + " }}")).is_err());
}

#[test]
fn cookiecutter_templates_have_their_own_braces() {
    let old = Expressions::new(Style { cookiecutter: true, ..Style::default() });
    let context = minijinja::Value::from(minijinja::value::Serde(json!({ "cookiecutter": { "name": "x" } })));
    assert_eq!(old.text("{{ cookiecutter.name }} {{cookiecutter.name|jsonify}}", &context).unwrap(), "x \"x\"");
}
