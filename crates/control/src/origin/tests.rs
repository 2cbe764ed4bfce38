use proptest::prelude::*;

use super::{Allowed, OriginError, check};

#[test]
fn our_own_pages_and_programs_without_a_page_are_let_in() {
    let allowed = Allowed::loopback();
    for host in ["localhost", "localhost:7600", "127.0.0.1:7600", "127.8.9.1", "[::1]:7600", "LOCALHOST:7600"] {
        assert_eq!(check(Some(host), None, &allowed), Ok(()), "{host}");
        assert_eq!(check(Some(host), Some(&format!("http://{host}")), &allowed), Ok(()), "{host}");
    }
}

#[test]
fn a_foreign_name_for_this_machine_is_refused() {
    let allowed = Allowed::loopback();
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7600",
        "localhost:7600@evil.example",
        "localhost:port",
        "[::1",
        "[::1]evil.example",
        "",
        ":7600",
        "10.0.0.1",
        "0.0.0.0:7600",
    ] {
        assert!(matches!(check(Some(host), None, &allowed), Err(OriginError::Host(_))), "{host}");
    }
    assert_eq!(check(None, None, &allowed), Err(OriginError::NoHost));
}

#[test]
fn a_page_of_another_origin_is_refused_even_on_this_machine() {
    let allowed = Allowed::loopback();
    for origin in [
        "null",
        "http://evil.example",
        "http://localhost:3000",
        "http://localhost",
        "http://127.0.0.1:7600",
        "https://localhost:76000",
        "ftp://localhost:7600",
        "localhost:7600",
        "",
    ] {
        let result = check(Some("localhost:7600"), Some(origin), &allowed);
        assert!(matches!(result, Err(OriginError::Origin(_))), "{origin}");
    }
}

#[test]
fn configured_hosts_and_origins_are_let_in() {
    let allowed = Allowed::new(["Mizzen.example.com", "https://proxy.example.com:8443/", "[fd00::1]"]).unwrap();
    assert_eq!(check(Some("mizzen.example.com:7600"), None, &allowed), Ok(()));
    assert_eq!(check(Some("[fd00::1]:7600"), Some("http://[fd00::1]:7600"), &allowed), Ok(()));
    let proxied = check(Some("mizzen.example.com"), Some("https://proxy.example.com:8443"), &allowed);
    assert_eq!(proxied, Ok(()));
    assert!(check(Some("mizzen.example.com"), Some("https://proxy.example.com"), &allowed).is_err());
    for bad in ["", "two words", "ftp://host", "https://host/path", "*"] {
        assert!(Allowed::new([bad]).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_only_loopback_hosts_and_their_own_pages_pass(host in any::<String>(), origin in any::<String>()) {
        let allowed = Allowed::loopback();
        if check(Some(&host), None, &allowed).is_ok() {
            let host = host.to_ascii_lowercase();
            prop_assert!(host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]") || host == "::1");
        }
        prop_assert!(check(Some("localhost:7600"), Some(&origin), &allowed).is_err());
    }
}
