//! A witness that really checks: it remembers one checkpoint, and cosigns only what begins with it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use mizzen_governance::merkle::Hash;
use mizzen_governance::merkle::proof::verify_consistency;
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_store::DataDir;

use super::{Witness, WitnessConfig};
use crate::audit::note::{Checkpoint, KeyKind, Note, VerifierKey};
use crate::audit::verify::{Fault, Trust, verify};
use crate::audit::{AuditEntry, AuditLog, Durability, FOLDER, JOURNAL_FOLDER, Kind, Who, files};
use crate::http_double::HttpDouble;

const NAME: &str = "witness.example/w1";

#[derive(Clone)]
struct Double {
    log: VerifierKey,
    seen: Arc<Mutex<(u64, Hash)>>,
    asked: Arc<Mutex<Vec<u16>>>,
    /// Signs with another key than its own.
    lies: Arc<Mutex<bool>>,
}

impl Double {
    async fn start(log: &VerifierKey) -> (Self, WitnessConfig) {
        let (server, url) = HttpDouble::bind().await;
        let seen = Arc::new(Mutex::new((0, Hash::empty())));
        let double = Self { log: log.clone(), seen, asked: Arc::default(), lies: Arc::default() };
        let served = double.clone();
        server.serve(move |asked| {
            assert_eq!(asked.path, "/add-checkpoint");
            let (status, body) = served.judge(&asked.body);
            served.asked.lock().unwrap().push(status);
            (status, if status == 409 { "text/x.tlog.size" } else { "text/plain" }, body)
        });
        let key = VerifierKey::new(NAME, KeyKind::Witness, key(5).verifying_key().as_bytes()).unwrap();
        (double, WitnessConfig { url: format!("{url}/"), key: key.to_string() })
    }

    /// As C2SP tlog-witness says, word by word.
    fn judge(&self, body: &str) -> (u16, String) {
        let (head, note) = body.split_once("\n\n").unwrap();
        let note: Note = note.parse().unwrap();
        if note.verify(&self.log).is_err() {
            return (403, String::new());
        }
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        let mut lines = head.split('\n');
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<Hash> = lines.map(|line| Hash::from_slice(&STANDARD.decode(line).unwrap()).unwrap()).collect();
        let mut seen = self.seen.lock().unwrap();
        if old > checkpoint.size {
            return (400, String::new());
        }
        if old != seen.0 || (old == checkpoint.size && seen.1 != checkpoint.root) {
            return (409, format!("{}\n", seen.0));
        }
        if verify_consistency(old, checkpoint.size, &seen.1, &checkpoint.root, &proof).is_err() {
            return (422, String::new());
        }
        *seen = (checkpoint.size, checkpoint.root);
        let mut signed = Note::new(note.text().to_owned());
        signed.cosign("witness.example/other", &key(6), 1_800_000_000);
        signed.cosign(NAME, &key(if *self.lies.lock().unwrap() { 6 } else { 5 }), 1_800_000_000);
        (200, signed.signatures().iter().map(ToString::to_string).collect())
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn open(folder: &Path) -> AuditLog {
    AuditLog::open(&DataDir::open(folder).unwrap(), Clock::manual(Timestamp::from_unix_nanos(1))).unwrap()
}

async fn grow(log: &AuditLog, entries: u64) {
    for _ in 0..entries {
        let entry = AuditEntry::new(log.now(), Kind::Decision, Who::named("a"));
        log.append(entry, Durability::Durable).await.unwrap();
    }
    log.publish().await.unwrap();
}

async fn ask(log: &AuditLog, witness: &mut Witness) -> Option<String> {
    let client = HttpClient::new(ClientConfig::default()).unwrap();
    log.ask(std::slice::from_mut(witness), &client, &log.published()).await;
    log.witnesses()[0].error.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_checks_cosigns_a_log_that_grows_and_the_cosignature_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let (double, config) = Double::start(log.verifier_key()).await;
    let mut witness = Witness::new(&config).unwrap();
    let trust = Trust { key: log.verifier_key().clone(), witnesses: vec![config.key.parse().unwrap()], seen: None };
    for (round, more) in [0, 4, 300, 1].into_iter().enumerate() {
        grow(&log, more).await;
        assert_eq!(ask(&log, &mut witness).await, None);
        let report = verify(log.folder(), &trust).unwrap();
        assert_eq!(report.faults, [], "round {round}");
        assert_eq!(report.witnessed, [(NAME.to_owned(), log.published().checkpoint.size)]);
    }
    assert_eq!(*double.asked.lock().unwrap(), [200; 4]);
    let status = &log.witnesses()[0];
    assert_eq!(
        (status.cosigned_size, status.cosigned_at.unwrap().unix_nanos()),
        (Some(306), 1_800_000_000_000_000_000)
    );
    // After a start it is not known what the witness saw: it says so, and is asked from there.
    grow(&log, 3).await;
    assert_eq!(ask(&log, &mut Witness::new(&config).unwrap()).await, None);
    assert_eq!(double.asked.lock().unwrap()[4..], [409, 200]);
    // Lines of others are not kept.
    assert!(!std::fs::read_to_string(log.folder().join(files::WITNESSED)).unwrap().contains("other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_or_a_witness_that_signs_wrongly_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    grow(&log, 2).await;
    let (double, config) = Double::start(log.verifier_key()).await;
    let saved = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success())
    };
    copy(&folder.path().join(FOLDER), &saved.path().join(FOLDER));
    grow(&log, 3).await;
    assert_eq!(ask(&log, &mut Witness::new(&config).unwrap()).await, None);
    let witnessed = std::fs::read_to_string(log.folder().join(files::WITNESSED)).unwrap();
    drop(log);
    // Everything that this machine knows is taken back: only the witness still knows.
    std::fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
    std::fs::remove_dir_all(folder.path().join(JOURNAL_FOLDER)).unwrap();
    copy(&saved.path().join(FOLDER), &folder.path().join(FOLDER));
    let log = open(folder.path());
    let told = ask(&log, &mut Witness::new(&config).unwrap()).await.unwrap();
    assert!(told.contains("saw 6 entries of this log, which has 3"), "{told}");
    let trust =
        Trust { key: log.verifier_key().clone(), witnesses: vec![config.key.parse().unwrap()], seen: Some(witnessed) };
    let faults = verify(log.folder(), &trust).unwrap().faults;
    assert!(faults.iter().any(|fault| matches!(fault, Fault::RolledBack { seen: 6, size: 3, .. })), "{faults:?}");
    // Grown past it again, differently.
    log.append(AuditEntry::new(log.now(), Kind::Pause, Who::named("b")), Durability::Durable).await.unwrap();
    grow(&log, 5).await;
    let told = ask(&log, &mut Witness::new(&config).unwrap()).await.unwrap();
    assert!(told.contains("saw another tree of 6 entries"), "{told}");
    *double.seen.lock().unwrap() = (0, Hash::empty());
    *double.lies.lock().unwrap() = true;
    let told = ask(&log, &mut Witness::new(&config).unwrap()).await.unwrap();
    assert!(told.contains("no cosignature of its key"), "{told}");
    assert!(Witness::new(&WitnessConfig { key: log.verifier_key().to_string(), ..config }).is_err(), "a log's key");
}
