//! Witnesses: others who sign that they saw the log only grow (C2SP tlog-witness, tlog-cosignature). Their lines are
//! checked and kept beside the checkpoint, in `checkpoint.witnessed`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::BoxError;
use serde::{Deserialize, Serialize};

use super::note::{KeyKind, NOTE_BYTES_MAX, Note, NoteError, NoteSignature, VerifierKey};
use super::{AuditError, AuditLog, Published, files, read};

/// How often witnesses are asked at most.
pub const WITNESS_INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(10);
pub const WITNESSES_MAX: usize = 16;

/// A witness as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Its submission prefix; `/add-checkpoint` is appended.
    pub url: String,
    /// Its public key, `name+id+base64`.
    pub key: String,
}

/// How it stands with one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessStatus {
    pub name: String,
    pub url: String,
    /// The size of the newest tree it cosigned.
    pub cosigned_size: Option<u64>,
    pub cosigned_at: Option<Timestamp>,
    /// Why the last request did not end in a cosignature.
    pub error: Option<String>,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("the key of the witness `{url}` is not one that cosigns checkpoints")]
    Key {
        url: String,
        #[source]
        source: Option<NoteError>,
    },
    #[error("there are more than {WITNESSES_MAX} witnesses")]
    TooMany,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answers with status {0}")]
    Status(u16),
    #[error(
        "it saw {seen} entries of this log, which has {size}: the log was rolled back, or another one runs with its key"
    )]
    SeenMore { seen: u64, size: u64 },
    #[error("it saw another tree of {0} entries: the log was rewritten, or another one runs with its key")]
    SeenOther(u64),
    #[error("its answer holds no cosignature of its key")]
    Answer(#[source] NoteError),
    #[error(transparent)]
    Log(#[from] AuditError),
}

#[derive(Debug)]
pub(super) struct Witness {
    url: String,
    key: VerifierKey,
    /// The size it cosigned last, as far as we know.
    old: u64,
    status: WitnessStatus,
}

impl Witness {
    pub(super) fn new(config: &WitnessConfig) -> Result<Self, WitnessError> {
        let fault = |source| WitnessError::Key { url: config.url.clone(), source };
        let key: VerifierKey = config.key.parse().map_err(|error| fault(Some(error)))?;
        if key.kind() != KeyKind::Witness {
            return Err(fault(None));
        }
        let url = config.url.trim_end_matches('/').to_owned();
        let status = WitnessStatus {
            name: key.name().to_owned(),
            url: url.clone(),
            cosigned_size: None,
            cosigned_at: None,
            error: None,
        };
        Ok(Self { url, key, old: 0, status })
    }

    /// Asks for a cosignature of `published`. A witness that saw less or more than we thought says so, and is asked
    /// once more from there.
    async fn cosign(
        &mut self,
        log: &AuditLog,
        client: &HttpClient,
        published: &Published,
    ) -> Result<Vec<NoteSignature>, WitnessError> {
        let size = published.checkpoint.size;
        for _ in 0..2 {
            let old = self.old;
            let folder = log.folder().to_owned();
            let proof = tokio::task::spawn_blocking(move || read::consistency(&folder, old, size)).await;
            let proof = proof.map_err(|error| AuditError::NotWritten(error.to_string()))??;
            let lines: String = proof.iter().map(|hash| STANDARD.encode(hash.as_bytes()) + "\n").collect();
            let (status, body) = self.post(client, format!("old {old}\n{lines}\n{}", published.note)).await?;
            match status {
                StatusCode::OK => return self.read(&body, published),
                StatusCode::CONFLICT => {
                    let seen = body.trim_end().parse::<u64>().map_err(|_| WitnessError::Status(409))?;
                    if seen > size {
                        return Err(WitnessError::SeenMore { seen, size });
                    }
                    if seen == old {
                        return Err(WitnessError::SeenOther(seen));
                    }
                    self.old = seen;
                }
                StatusCode::UNPROCESSABLE_ENTITY => return Err(WitnessError::SeenOther(old)),
                status => return Err(WitnessError::Status(status.as_u16())),
            }
        }
        Err(WitnessError::Status(409))
    }

    async fn post(&self, client: &HttpClient, body: String) -> Result<(StatusCode, String), WitnessError> {
        let unreachable = |error: String| WitnessError::Unreachable(error);
        let request = Request::post(format!("{}/add-checkpoint", self.url)).body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        let exchange = async {
            let response = client.send(request).await.map_err(|error| unreachable(Chain(&error).to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), NOTE_BYTES_MAX).collect().await;
            let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let answered = tokio::time::timeout(TIMEOUT, exchange).await;
        answered.map_err(|_| unreachable(format!("no answer within {} seconds", TIMEOUT.as_secs())))?
    }

    /// Only lines of the configured key count, and only when they are over this checkpoint.
    fn read(&mut self, answer: &str, published: &Published) -> Result<Vec<NoteSignature>, WitnessError> {
        let lines = NoteSignature::parse_lines(answer).map_err(WitnessError::Answer)?;
        let lines: Vec<_> = lines.into_iter().filter(|line| line.is_of(&self.key)).collect();
        let mut note = Note::new(published.checkpoint.to_string());
        note.extend(lines.clone());
        let seconds = note.verify(&self.key).map_err(WitnessError::Answer)?.unwrap_or_default();
        self.old = published.checkpoint.size;
        self.status.cosigned_size = Some(published.checkpoint.size);
        let nanos = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        self.status.cosigned_at = Some(Timestamp::from_unix_nanos(nanos));
        Ok(lines)
    }
}

impl AuditLog {
    /// How it stands with the configured witnesses.
    #[must_use]
    pub fn witnesses(&self) -> Arc<Vec<WitnessStatus>> {
        self.0.witnesses.load_full()
    }

    /// Shows each new checkpoint to the witnesses, until it is dropped.
    pub(super) async fn keep_witnessed(self, mut witnesses: Vec<Witness>, client: HttpClient) -> Result<(), BoxError> {
        self.show(&witnesses);
        let mut shown = 0;
        loop {
            let published = self.published();
            let is_retry = witnesses.iter().any(|witness| witness.status.error.is_some());
            if published.checkpoint.size > shown || is_retry {
                self.ask(&mut witnesses, &client, &published).await;
                shown = published.checkpoint.size;
            }
            tokio::time::sleep(WITNESS_INTERVAL).await;
        }
    }

    /// Asks each witness, and keeps what they signed.
    pub(super) async fn ask(&self, witnesses: &mut [Witness], client: &HttpClient, published: &Published) {
        let Ok(mut note) = published.note.parse::<Note>() else { return };
        let before = note.clone();
        for witness in witnesses.iter_mut() {
            match witness.cosign(self, client, published).await {
                Ok(lines) => {
                    witness.status.error = None;
                    note.extend(lines);
                }
                Err(error) => {
                    let error = Chain(&error).to_string();
                    tracing::warn!(witness = %witness.status.name, %error, "a witness did not cosign the audit log");
                    witness.status.error = Some(error);
                }
            }
        }
        self.show(witnesses);
        if note != before {
            let writer = Arc::clone(&self.0);
            let write = move || writer.write_file(files::WITNESSED, note.to_string().as_bytes());
            match tokio::task::spawn_blocking(write).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(error = %Chain(&error), "cosignatures could not be kept"),
                Err(error) => tracing::error!(%error, "cosignatures could not be kept"),
            }
        }
    }

    fn show(&self, witnesses: &[Witness]) {
        self.0.witnesses.store(Arc::new(witnesses.iter().map(|witness| witness.status.clone()).collect()));
    }
}

#[cfg(test)]
mod tests;
