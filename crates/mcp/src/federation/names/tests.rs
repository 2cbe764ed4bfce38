use proptest::prelude::*;

use super::{BYTES_MAX, exposed, is_called, may_belong};
use crate::seam::Names;

#[test]
fn a_name_that_fits_is_server_and_tool() {
    assert_eq!(exposed(Names::Prefixed, "helm", "list_releases"), "helm__list_releases");
    assert_eq!(exposed(Names::Plain, "helm", "list.releases"), "list.releases");
    assert!(may_belong(Names::Prefixed, "helm", "helm__list_releases"));
    assert!(!may_belong(Names::Prefixed, "helm", "helmet__list"));
    assert!(!may_belong(Names::Prefixed, "hel", "helm__list"));
}

#[test]
fn names_that_do_not_fit_stay_apart() {
    let long = "x".repeat(80);
    let pairs = [("search.all", "search/all"), (long.as_str(), &long[..79]), ("suche_ä", "suche_ö")];
    for (one, other) in pairs {
        assert_ne!(exposed(Names::Prefixed, "files", one), exposed(Names::Prefixed, "files", other));
    }
}

proptest! {
    #[test]
    fn every_prefixed_name_is_one_that_clients_take_and_finds_its_server(own in ".{1,100}", server in "[a-z][a-z0-9-]{0,39}") {
        let name = exposed(Names::Prefixed, &server, &own);
        prop_assert!(name.len() <= BYTES_MAX);
        prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
        prop_assert!(may_belong(Names::Prefixed, &server, &name));
        for names in [Names::Prefixed, Names::Plain] {
            let name = exposed(names, &server, &own);
            prop_assert!(is_called(names, &server, &own, &name));
            for other in [format!("{own}x"), own[..own.len() - own.chars().next_back().unwrap().len_utf8()].to_owned()] {
                prop_assert_eq!(is_called(names, &server, &other, &name), exposed(names, &server, &other) == name);
            }
        }
    }
}
