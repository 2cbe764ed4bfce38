use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{PREFIXES, is_name, namespace, of, prefixed};

#[test]
fn a_name_stays_readable() {
    for (foreign, own) in [
        ("summarizer", "summarizer"),
        ("io.github.acme/weather", "io.github.acme__weather"),
        ("Recipe Agent", "recipe-agent-ce8beaf029d9"),
        ("技能", "x-99aea2f9131a"),
    ] {
        assert_eq!(of(foreign), own);
    }
    assert_eq!(prefixed("prompt.", "a"), "prompt.a");
    assert_ne!(of("prompt.a"), "prompt.a");
    assert_eq!(namespace("team-a"), "team-a");
}

#[test]
fn names_made_to_collide_do_not() {
    let hashed = of("A b");
    let tricky = [
        "a/b", "a__b", "a_/b", "a/_b", "a___b", "a//b", "A/b", "a/B", "A b", "a b", "a-b", "", " ", "/", "prompt.a",
        "a", &hashed, "ﬁ", "fi",
    ];
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for foreign in tricky {
        let own = of(foreign);
        assert!(is_name(&own), "{foreign:?}: {own}");
        assert_eq!(seen.insert(own.to_lowercase(), foreign), None, "{foreign:?}: {own}");
    }
}

proptest! {
    #[test]
    fn every_name_is_one_that_backstage_takes_and_no_two_are_the_same(
        one in "[aB./_ é-]{0,6}|[a-c/_.-]{0,70}|.{0,80}", other in "[aB./_ é-]{0,6}|[a-c/_.-]{0,70}|.{0,80}",
    ) {
        let all = |foreign: &str| {
            let prefixed = PREFIXES.iter().map(|prefix| prefixed(prefix, foreign));
            prefixed.chain([of(foreign)]).collect::<Vec<_>>()
        };
        for name in all(&one) {
            prop_assert!(is_name(&name), "{name}");
        }
        if one != other {
            for (left, right) in all(&one).iter().zip(all(&other)) {
                prop_assert_ne!(left.to_lowercase(), right.to_lowercase());
            }
        }
        prop_assert!(namespace(&one).len() <= 63 && !namespace(&one).contains(['.', '_']));
    }
}
