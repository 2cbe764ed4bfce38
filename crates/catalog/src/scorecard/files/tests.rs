use super::Rules;
use crate::scorecard::Level;

const GOOD: &str = "checks:
  - id: shop.pool
    level: controlled
    title: Keeps to our pool
    when: risk.tier == 'high'
    expr: size(tools.outside) == 0
    why: our rule 12
    fix: use the pool
exemptions:
  - { check: shop.pool, entity: 'component:default/helm', owner: 'user:default/ann', reason: pilot, until: '2026-12-31' }
";

fn problems(text: &str) -> Vec<String> {
    Rules::of([("own.yaml", text)]).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn checks_of_an_organisation_stand_beside_those_of_mizzen() {
    let rules = Rules::of([("own.yaml", GOOD)]).unwrap();
    let own = rules.check("shop.pool").unwrap();
    assert!(own.own && own.level == Level::Controlled && own.when.is_some());
    assert_eq!(rules.checks().len(), Rules::default().checks().len() + 1);
    assert!(rules.checks().is_sorted_by_key(|check| (check.level, check.own)));
    let now = "2026-12-31T10:00:00Z".parse().unwrap();
    assert_eq!(
        rules.exemption("shop.pool", "component:default/helm", now).map(|e| e.owner.as_str()),
        Some("user:default/ann")
    );
}

#[test]
fn every_mistake_is_told_with_its_place_and_the_way_out() {
    let wrong = GOOD
        .replace("owner:", "ownr:")
        .replace("tools.outside", "tools.outsid")
        .replace("level: controlled", "level: controled");
    let told = problems(&wrong);
    assert!(
        told.iter().any(|line| line.starts_with("own.yaml:3:12: ") && line.contains("did you mean `controlled`?")),
        "{told:?}"
    );
    assert!(told.iter().any(|line| line.contains("`ownr` is not known here; did you mean `owner`?")), "{told:?}");
    let told = problems(&GOOD.replace("tools.outside", "tools.outsid"));
    assert!(
        told[0].starts_with("own.yaml:6:11: `expr`: there is no fact `tools.outsid`; did you mean `tools.outside`?"),
        "{told:?}"
    );
    let told = problems(&GOOD.replace("2026-12-31", "2026-13-31"));
    assert!(told[0].contains("`until` is a day such as"), "{told:?}");
    let told = problems(&GOOD.replace("check: shop.pool", "check: shop.pol"));
    assert!(told[0].contains("there is no check `shop.pol`; did you mean `shop.pool`?"), "{told:?}");
    let told = problems(&GOOD.replace("id: shop.pool", "id: known.owner"));
    assert!(told[0].contains("there is a check `known.owner` already"), "{told:?}");
    let told = problems(&GOOD.replace("    why: our rule 12\n", ""));
    assert!(told[0].contains("`why` is missing"), "{told:?}");
    let told = problems(&GOOD.replace("why: our rule 12", "why: 12"));
    assert!(told[0].contains("`why` is a text, this is a number"), "{told:?}");
    assert!(problems("checks: 7\n")[0].contains("`checks` is a list, this is a number"));
    assert!(problems("a: &a [*a]\n")[0].starts_with("own.yaml:"));
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_one_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("b.yaml"), GOOD).unwrap();
    std::fs::write(folder.path().join("a.txt"), "no: yaml: at all").unwrap();
    assert!(Rules::read(folder.path()).unwrap().check("shop.pool").is_some());
    std::fs::write(folder.path().join("a.yaml"), GOOD).unwrap();
    let told = Rules::read(folder.path()).unwrap_err();
    assert!(told.iter().any(|problem| problem.source == "b.yaml" && problem.message.contains("already")), "{told:?}");
    let told = Rules::read(&folder.path().join("none")).unwrap_err();
    assert!(told[0].message.contains("cannot be read"), "{told:?}");
}
