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
    assert!(
        value("{% set n = namespace(x=[]) %}{% for i in range(90000) %}{% set n.x = [n.x] %}{% endfor %}").is_err()
    );
    assert!(value("{% set a = [] %}{% for i in range(9000) %}{% set a = [a] %}{% endfor %}${{ a | dump }}").is_ok());
    assert!(value(&format!("{}1{}", "${{ ".to_owned() + &"(".repeat(5_000), ")".repeat(5_000) + " }}")).is_err());
}

/// Puts a variable into a list, again and again.
fn nested(times: usize, name: &str) -> String {
    format!("{{% set {name} = [{name}] %}}").repeat(times)
}

/// A macro that builds on what it was given and calls itself, as often as the limit of recursion lets it.
fn calling(times: usize) -> String {
    let inner = nested(times, "a");
    format!("{{% macro f(a, n) %}}{inner}${{{{ a | string | length }}}}${{{{ f([a], n - 1) if n }}}}{{% endmacro %}}")
        + "${{ f(1, 14) }}"
}

/// What overflows a stack ends the process, and this test with it.
#[test]
fn no_text_takes_the_stack() {
    const MANY: usize = 20_000;
    let brackets = |inner: &str| format!("{}{inner}{}", "[".repeat(60), "]".repeat(60));
    let hostile = [
        "{% set a = { 'x': a } %}".repeat(MANY) + "${{ a | string | length }}",
        "{%\r set a = [a] %}".repeat(MANY),
        "{%-\x0cset a = a, %}".repeat(MANY),
        "{% set a = a | batch(1) %}".repeat(MANY) + "${{ a | list }}",
        "{% set a = [] %}".to_owned() + &"{% set a = a + [1] %}".repeat(MANY) + "${{ a | length }}",
        format!("{{% set a = {} %}}", brackets("a")).repeat(400) + "${{ a | dump }}",
        "{# {% raw %} #}{% raw %}{#{% endraw %}".to_owned() + &"{% set a = [a] %}".repeat(MANY) + "{##}",
        format!("{{% with a = {} %}}", brackets("a")).repeat(60) + &"{% endwith %}".repeat(60),
        format!("{{% for a in [{}] %}}", brackets("a")).repeat(60) + &"{% endfor %}".repeat(60),
        format!("{{% for a in [1] recursive %}}${{{{ loop([{}]) }}}}{{% endfor %}}", brackets("a")),
        format!("{{% for a in [1] if 1recursive %}}{}${{{{ loop([a]) }}}}{{% endfor %}}", nested(390, "a")),
        format!("{{% for a in [1] if 1. recursive %}}{}${{{{ loop([a]) }}}}{{% endfor %}}", nested(390, "a")),
        format!("{{% block a %}}{}${{{{ x|string|length }}}}${{{{ self.a() }}}}{{% endblock %}}", nested(390, "x")),
        calling(75),
        format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(MANY)),
        format!("{{% set a{} = 1 %}}", ".a".repeat(MANY)),
        format!("{{% set {}a{} = 1 %}}", "(".repeat(MANY), ")".repeat(MANY)),
        format!("${{{{ ''{} }}}}", "|list".repeat(MANY)),
        format!("${{{{ [ 1{} ] | list }}}}", "|list".repeat(MANY)),
        format!("{{% filter upper{} %}}{{% endfilter %}}", "|upper".repeat(MANY)),
    ];
    let chains = ["- ", "not ", "1or ", "1 if 1 else ", "1 is eq ", "1 ~ ", "1 == ", "1 in "].map(|link| (link, ""));
    let chains = chains.into_iter().chain(["()", ".a", "[0]", "|f", " is odd", " if 1"].map(|link| ("", link)));
    let chains = chains.flat_map(|(before, after)| {
        let chain = format!("{}1{}", before.repeat(MANY), after.repeat(MANY));
        // One that is the whole text, one in a text, and one of each kind of block.
        [format!("${{{{ {chain} }}}}"), format!("x ${{{{ {chain} }}}}"), format!("{{% if {chain} %}}{{% endif %}}")]
    });
    let hostile: Vec<String> = hostile.into_iter().chain(chains).collect();
    let run = move || {
        for text in hostile {
            assert!(value(&text).is_err(), "{}", &text[..text.len().min(200)]);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_is_just_within_the_bounds_has_stack_enough() {
    let blocks = |inner: &str| format!("{}{inner}{}", "{% if 1 %}".repeat(60), "{% endif %}".repeat(60));
    let fine = [
        "{% set a = [a] %}".repeat(390) + "${{ a | string | length }}",
        "{% set a = { 'x': a } %}".repeat(190) + &"{% set b = { 'x': b } %}".repeat(190) + "${{ a == b }}",
        blocks(&format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(190))),
        blocks(&format!("${{{{ 1{} }}}}", "|string".repeat(140))),
        format!("${{{{ {}1 }}}}", "not ".repeat(140)),
        calling(15),
        "{% macro badge(a, b) %}${{ a }}: ${{ b }}{% endmacro %}".to_owned()
            + &"{% set name = parameters.name | default('x') | lower %}".repeat(200)
            + "${{ badge('a', name) }}",
        // Many beside each other are not one on the other.
        format!("${{{{ [{}] | length }}}}", "{ 'a': [1, 2] }, ".repeat(5_000)),
        "${{ parameters.name | lower }}\n".repeat(5_000),
        "{% if parameters.on %}{% set a = parameters.name %}{% endif %}\n".repeat(5_000),
    ];
    let run = move || {
        for text in fine {
            assert!(value(&text).is_ok(), "{:?} {}", value(&text), &text[..text.len().min(200)]);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_value_that_is_kept_can_be_read_again() {
    let nested = |depth: usize| format!("${{{{ {}1{} }}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(value(&nested(60)).is_ok());
    let deep = "{% set a = [a] %}".repeat(120);
    assert!(value(&(deep + "${{ a | dump }}")).unwrap_err().contains("100 deep"));
    let refused = value("a\n  b {% with a = 1 %}{% endwith %}").unwrap_err();
    assert_eq!(refused, "2:5 there is no `with` here; use `set`");
}

#[test]
fn cookiecutter_templates_have_their_own_braces() {
    let old = Expressions::new(Style { cookiecutter: true, ..Style::default() });
    let context = minijinja::Value::from(minijinja::value::Serde(json!({ "cookiecutter": { "name": "x" } })));
    assert_eq!(old.text("{{ cookiecutter.name }} {{cookiecutter.name|jsonify}}", &context).unwrap(), "x \"x\"");
}
