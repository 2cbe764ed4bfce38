//! What is kept and declared, in both databases.

use std::collections::BTreeMap;

use mizzen_control::audit::AuditError;
use mizzen_runtime::clock::Clock;
use mizzen_store::testing::stores;

use super::{
    ChangeError, ConfigError, Credential, Declared, MIGRATIONS, NameStyle, Profile, ProfileServer, ServerConfig,
    ToolServers, Transport, check,
};

fn files() -> ServerConfig {
    ServerConfig::new("files", Transport::stdio("server", ["/srv"]))
}

fn profile(name: &str, server: &str) -> Profile {
    let star = || vec!["*".to_owned()];
    let member = ProfileServer { server: server.into(), tools: star(), prompts: star(), resources: star() };
    Profile { name: name.into(), names: NameStyle::Plain, servers: vec![member] }
}

/// An entry that the audit log took.
async fn written() -> Result<(), AuditError> {
    Ok(())
}

#[tokio::test]
async fn changes_hold_at_once_and_after_a_restart_and_are_told() {
    for test in stores(MIGRATIONS).await {
        let servers = ToolServers::open(test.store.clone(), Clock::system(), Declared::default()).await.unwrap();
        let mut changed = servers.changed();
        servers.put_server(files(), "ada", written()).await.unwrap();
        assert!(changed.has_changed().unwrap());
        changed.mark_unchanged();
        servers.refresh().await.unwrap();
        assert!(!changed.has_changed().unwrap(), "nothing changed");
        servers.put_profile(profile("coding", "files"), "ada", written()).await.unwrap();
        let again = ToolServers::open(test.store.clone(), Clock::system(), Declared::default()).await.unwrap();
        assert_eq!(again.configured(), servers.configured());
        assert_eq!(again.configured().servers["files"].updated_by, "ada");
        assert!(matches!(servers.remove_server("files").await, Err(ChangeError::InUse { .. })));
        assert!(servers.remove_profile("coding").await.unwrap() && servers.remove_server("files").await.unwrap());
        assert!(!servers.remove_server("files").await.unwrap());
        let unknown = servers.put_profile(profile("coding", "files"), "ada", written()).await;
        assert!(matches!(unknown, Err(ChangeError::UnknownServer(_))));
    }
}

#[tokio::test]
async fn what_the_audit_log_does_not_take_changes_nothing() {
    for test in stores(MIGRATIONS).await {
        let servers = ToolServers::open(test.store.clone(), Clock::system(), Declared::default()).await.unwrap();
        servers.put_server(files(), "ada", written()).await.unwrap();
        let before = servers.configured();
        let refused = || async { Err(AuditError::Busy) };
        let other = ServerConfig { enabled: false, ..files() };
        assert!(matches!(servers.put_server(other, "ben", refused()).await, Err(ChangeError::Audit(_))));
        let unwritten = servers.put_profile(profile("coding", "files"), "ben", refused()).await;
        assert!(matches!(unwritten, Err(ChangeError::Audit(_))));
        servers.refresh().await.unwrap();
        assert_eq!(servers.configured(), before, "{}", test.name);
    }
}

#[tokio::test]
async fn what_the_file_declares_is_not_changed_over_the_api() {
    for test in stores(MIGRATIONS).await {
        let declared = Declared { servers: vec![files()], profiles: vec![profile("coding", "files")] };
        let servers = ToolServers::open(test.store.clone(), Clock::system(), declared).await.unwrap();
        assert!(servers.configured().servers["files"].declared);
        assert!(matches!(servers.put_server(files(), "ada", written()).await, Err(ChangeError::Declared(_))));
        assert!(matches!(servers.remove_server("files").await, Err(ChangeError::Declared(_))));
        assert!(matches!(servers.remove_profile("coding").await, Err(ChangeError::Declared(_))));
        let bad =
            Declared { servers: vec![ServerConfig::new("Bad_Name", Transport::http("http://x/"))], profiles: vec![] };
        assert!(ToolServers::open(test.store.clone(), Clock::system(), bad).await.is_err());
    }
}

#[test]
fn unfit_configurations_are_refused_by_field() {
    let http = |headers: &[(&str, &str)], credential| Transport::Http {
        url: "https://tools.example/mcp".into(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        credential,
    };
    let header = |header: &str, secret: &str| {
        Some(Credential::Header { header: header.into(), prefix: "Bearer ".into(), secret: secret.into() })
    };
    let field = |transport| match check::server(&ServerConfig::new("a", transport)) {
        Err(ConfigError::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(Transport::http("ftp://x/")), "url");
    assert_eq!(field(Transport::http("http://user:pass@x/")), "url");
    assert_eq!(field(http(&[("Authorization", "Bearer x")], None)), "headers");
    assert_eq!(field(http(&[("Mcp-Session-Id", "x")], None)), "headers");
    assert_eq!(field(http(&[("X-A", "a\nb")], None)), "headers");
    assert_eq!(field(http(&[], header("Authorization", ""))), "secret");
    assert_eq!(field(http(&[], header("Host", "x"))), "header");
    assert_eq!(field(Transport::stdio("", [""; 0])), "command");
    assert_eq!(field(Transport::stdio("a", ["b\0"])), "args");
    let env = BTreeMap::from([("A=B".to_owned(), "x".to_owned())]);
    let stdio = Transport::Stdio {
        command: "a".into(),
        args: vec![],
        env,
        env_secrets: BTreeMap::new(),
        env_inherit: vec![],
        cwd: None,
    };
    assert_eq!(field(stdio), "env");
    assert!(check::server(&ServerConfig::new("a", http(&[("X-A", "b")], header("Authorization", "x")))).is_ok());
    for name in ["", "-a", "A", "a_b", "a b", &"a".repeat(41)] {
        assert!(check::name(name).is_err(), "{name}");
    }
}

#[test]
fn a_configuration_needs_no_more_than_its_transport_and_an_unknown_key_is_refused() {
    let text = r#"{"transport": {"kind": "stdio", "command": "server"}}"#;
    let config: ServerConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config, ServerConfig::new("", Transport::stdio("server", [""; 0])));
    assert!(
        serde_json::from_str::<ServerConfig>(r#"{"transport": {"kind": "http", "url": "http://x/", "ulr": 1}}"#)
            .is_err()
    );
    assert!(
        serde_json::from_str::<ServerConfig>(r#"{"transport": {"kind": "http", "url": "http://x/"}, "pins": 1}"#)
            .is_err()
    );
}
