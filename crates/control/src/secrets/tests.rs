use std::sync::LazyLock;

use bytes::Bytes;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::secret::Secret;
use proptest::prelude::*;

use super::{FOUND_MAX, Found, KINDS, Place, Secrets, SecretsAction, kinds, recordable, redact, search_for, unescaped};

static SEARCH: LazyLock<Secrets> =
    LazyLock::new(|| Secrets::new(SecretsAction::default(), Place::MODELS, &Metrics::new()).unwrap());

fn find(body: &str) -> Vec<Found> {
    SEARCH.all_in(body.as_bytes(), None)
}

/// Invented, with the length and the letters of real ones.
fn examples() -> Vec<(&'static str, String)> {
    let letters = |count: usize| "aZ4bQ7".repeat(60).chars().take(count).collect::<String>();
    vec![
        ("anthropic_key", format!("sk-ant-api03-{}", letters(95))),
        ("openrouter_key", format!("sk-or-v1-{}", "0a1b2c3d".repeat(8))),
        ("openai_key", format!("sk-proj-{}", letters(120))),
        ("provider_key", format!("sk-{}", letters(48))),
        ("stripe_key", format!("sk_live_{}", letters(24))),
        ("aws_key", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("google_key", format!("AIza{}", letters(35))),
        ("google_oauth", format!("ya29.{}", letters(80))),
        ("azure_storage_key", format!("AccountKey={}==", letters(86))),
        ("github_token", format!("ghp_{}", letters(36))),
        ("github_token", format!("github_pat_{}_{}", letters(22), letters(59))),
        ("gitlab_token", format!("glpat-{}", letters(20))),
        ("slack_token", format!("xoxb-123456789012-{}", letters(24))),
        ("slack_token", format!("xapp-1-{}", letters(64))),
        ("huggingface_token", format!("hf_{}", "abcDEF".repeat(6).chars().take(34).collect::<String>())),
        ("groq_key", format!("gsk_{}", letters(52))),
        ("npm_token", format!("npm_{}", letters(36))),
        ("pypi_token", format!("pypi-AgEIcHlwaS5vcmc{}", letters(100))),
        ("sendgrid_key", format!("SG.{}.{}", letters(22), letters(43))),
        ("mizzen_key", format!("mzk_{}", letters(43))),
        ("jwt", format!("eyJ{}.eyJ{}.{}", letters(30), letters(120), letters(43))),
        (
            "private_key",
            format!(r"-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----", letters(200)),
        ),
    ]
}

#[test]
fn every_kind_is_found_named_and_taken_out_and_the_rest_stays() {
    let examples = examples();
    for kind in KINDS.iter().map(|(kind, _)| *kind) {
        assert!(examples.iter().any(|(known, _)| *known == kind), "no example of {kind}");
    }
    for (kind, secret) in examples {
        for (before, behind) in
            [("use ", " please"), (r"line\n", r"\nnext"), (r"\u003c", r"\u003e"), ("token=", ""), ("(", ")")]
        {
            let body = format!(r#"{{"content":"{before}{secret}{behind}"}}"#);
            let found = find(&body);
            assert_eq!(kinds(&found), [kind], "{body}");
            let redacted = redact(&Bytes::from(body.clone()), &found);
            assert_eq!(redacted, format!(r#"{{"content":"{before}[redacted:{kind}]{behind}"}}"#), "{body}");
        }
    }
}

/// As PHP writes a slash, and every character as `\u0067`.
fn written_with_escapes(text: &str) -> [String; 2] {
    let by_code = |c: char| if matches!(c, '"' | '\\') { c.to_string() } else { format!("\\u{:04X}", u32::from(c)) };
    [text.replace('/', r"\/"), text.chars().map(by_code).collect()]
}

#[test]
fn escapes_that_nobody_needs_hide_nothing_and_all_else_stays_byte_for_byte() {
    let storage = format!("AccountKey={}/+/A==", "aZ4bQ7/9".repeat(20).chars().take(82).collect::<String>());
    for (kind, secret) in [("azure_storage_key", storage), ("aws_key", "AKIAIOSFODNN7EXAMPLE".to_owned())] {
        for written in written_with_escapes(&secret) {
            let around = |secret: &str| {
                format!(
                    r#"{{"n":12345678901234567890123.50,"u":"https:\/\/a\u002fb","m":"\u0022{secret}\/\u00e9","m2":"{secret}"}}"#
                )
            };
            let body = around(&written);
            let found = find(&body);
            assert_eq!((kinds(&found), found.len()), (vec![kind], 2), "{body}");
            assert_eq!(redact(&Bytes::from(body), &found), around(&format!("[redacted:{kind}]")), "{kind}");
        }
    }
}

#[test]
fn the_vaults_secrets_are_found_behind_escapes() {
    let secret = Secret::new("of/the/vault/1234");
    let search = search_for(std::iter::once(("a", &secret))).unwrap().unwrap();
    for written in written_with_escapes(secret.expose()) {
        let body = format!(r#"{{"k":"a\/{written}\/b"}}"#);
        let found = SEARCH.all_in(body.as_bytes(), Some(&search));
        assert_eq!(redact(&Bytes::from(body), &found), r#"{"k":"a\/[redacted:vault]\/b"}"#);
    }
}

#[test]
fn only_an_escape_that_stands_for_a_plain_character_is_read() {
    for (written, read) in [
        (r"\u0067hp", "ghp"),
        (r"a\/\u002Fb\u002f", "a//b/"),
        (r"\u0020\u007e", " ~"),
        (r"\\u0067", r"\\u0067"),
        (r"\\\u0067", r"\\g"),
        (r"\\/", r"\\/"),
        (r"\u0022\u005c\u005C", r"\u0022\u005c\u005C"),
        (r"\u005cu0067", r"\u005cu0067"),
        (r"\n\u000a\u007f\u00e9\ud83d\ude00\u0167", r"\n\u000a\u007f\u00e9\ud83d\ude00\u0167"),
        (r"\u00+7\u006\u00", r"\u00+7\u006\u00"),
        (r"ends in \", r"ends in \"),
        ("12345678901234567890123", "12345678901234567890123"),
    ] {
        assert_eq!(String::from_utf8_lossy(&unescaped(written.as_bytes())), read, "{written}");
    }
}

#[test]
fn a_private_key_that_breaks_off_takes_no_escape_with_it() {
    let body = format!(r#"{{"content":"-----BEGIN PRIVATE KEY-----\n{}\" it said \"\\"}}"#, "aZ4bQ7".repeat(20));
    let redacted = redact(&Bytes::from(body.clone()), &find(&body));
    let said: serde_json::Value = serde_json::from_slice(&redacted).unwrap();
    assert_eq!(said["content"], "[redacted:private_key]\" it said \"\\");
}

#[test]
fn what_only_looks_like_one_is_left_alone() {
    let long = "QUtJQUlPU0ZPRE5ON0VYQU1QTEU".repeat(400);
    for text in [
        "task-management-for-everyone-in-the-whole-wide-company",
        "sk-learn and sk-image",
        "the AKIA prefix",
        "xAKIAIOSFODNN7EXAMPLE",
        "AKIAIOSFODNN7EXAMPLEX",
        "u003cAKIAIOSFODNN7EXAMPLE",
        r"\u00xcAKIAIOSFODNN7EXAMPLE",
        "https://example.com/eyJhbGciOi",
        "-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\\n-----END PUBLIC KEY-----",
        long.as_str(),
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn of_a_body_with_too_many_nothing_is_recorded() {
    let with = |count: usize| Bytes::from("AKIAIOSFODNN7EXAMPLE ".repeat(count));
    let found = |body: &Bytes| find(std::str::from_utf8(body).unwrap());
    let few = with(FOUND_MAX - 1);
    let recorded = recordable(&few, &found(&few)).unwrap();
    assert!(memchr::memmem::find(&recorded, b"AKIA").is_none());
    for count in [FOUND_MAX, FOUND_MAX + 1] {
        let many = with(count);
        assert_eq!(recordable(&many, &found(&many)), None, "{count}");
    }
}

#[test]
fn the_vaults_secrets_are_found_as_they_are_and_as_json_writes_them() {
    let secrets = [
        ("a", Secret::new("hunter2-of-the-vault")),
        ("b", Secret::new(r#"quo"te\d-secret"#)),
        ("c", Secret::new("short")),
    ];
    let search = search_for(secrets.iter().map(|(name, secret)| (*name, secret))).unwrap().unwrap();
    let written = |text: &str| serde_json::json!({ "content": format!("it is {text}!") }).to_string();
    assert!(search.is_match(written("hunter2-of-the-vault").as_bytes()));
    assert!(search.is_match(written(r#"quo"te\d-secret"#).as_bytes()));
    assert!(!search.is_match(written("short").as_bytes()), "a word is no secret");
    assert!(search_for(std::iter::empty()).unwrap().is_none());
}

proptest! {
    /// Wherever secrets stand in a request, what is sent instead is the same JSON without them.
    #[test]
    fn what_is_redacted_holds_no_secret_and_stays_json(
        picks in prop::collection::vec((0usize..22, "[ -!#-\\[\\]-~]{0,20}"), 1..8),
        slashes_are_escaped in any::<bool>(),
    ) {
        let examples = examples();
        let text: String = picks.iter().map(|(pick, prose)| format!("{prose} {} ", examples[*pick].1.replace("\\n", "\n"))).collect();
        let body = serde_json::json!({ "model": "m", "content": text }).to_string();
        let body = Bytes::from(if slashes_are_escaped { body.replace('/', r"\/") } else { body });
        let found = find(std::str::from_utf8(&body).unwrap());
        let redacted = redact(&body, &found);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&redacted).is_ok());
        let left = String::from_utf8(unescaped(&redacted).into_owned()).unwrap();
        for (pick, _) in &picks {
            let written = examples[*pick].1.clone();
            prop_assert!(!left.contains(&written), "{written} in {left}");
        }
    }
}
