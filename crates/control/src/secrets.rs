//! Secrets in what passes a door: keys of well-known forms, and every secret that the vault itself keeps.
//!
//! One pass over the body with one expression whose alternatives begin with fixed text, so that the search is for
//! those beginnings and runs at memory speed. What is found is named by its kind and never shown. An escape of JSON that
//! nobody needs hides nothing: `\u0067hp_…` is searched as `ghp_…`, and taken out as it stands.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use mizzen_runtime::lanes;
use mizzen_runtime::metrics::{Counter, Metrics};
use mizzen_runtime::secret::Secret;
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;

/// A secret of the vault below this is a word that may stand anywhere.
const VAULT_BYTES_MIN: usize = 8;
/// Of both expressions when compiled; the vault may hold a thousand keys.
const REGEX_BYTES_MAX: usize = 64 << 20;
/// Places in one body that are told and replaced one by one. One with more is not to be repaired.
const FOUND_MAX: usize = 1_000;

const VAULT: &str = "vault";
const PRIVATE_KEY: &str = "private_key";

/// What is done about a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretsAction {
    /// Nobody looks.
    Off,
    /// It is recorded that there was one, and of what kind.
    #[default]
    Observe,
    /// It is replaced by `[redacted:kind]` before it is passed on.
    Redact,
    /// What holds it is not passed on.
    Deny,
}

/// Kinds, each with how one is written. The beginnings are fixed text, and what follows has the length that the
/// issuer gives it, so that prose and base64 rarely fit. Only what ends a form may have any length: what was read of
/// it belongs to the secret, so that no byte is read again for the next.
const KINDS: &[(&str, &str)] = &[
    (PRIVATE_KEY, r"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\\:,.\s-]{32,}"),
    ("anthropic_key", r"sk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_-]{40,}"),
    ("openrouter_key", r"sk-or-v1-[0-9a-f]{64}"),
    ("openai_key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}"),
    ("provider_key", r"sk-[A-Za-z0-9]{32,64}"),
    ("stripe_key", r"(?:sk|rk)_live_[A-Za-z0-9]{16,}"),
    ("aws_key", r"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    ("google_key", r"AIza[A-Za-z0-9_-]{35}"),
    ("google_oauth", r"ya29\.[A-Za-z0-9_-]{20,}"),
    ("azure_storage_key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("github_token", r"gh[pousr]_[A-Za-z0-9]{36,}"),
    ("github_token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("gitlab_token", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("slack_token", r"xox[abeoprs]-[A-Za-z0-9-]{20,}"),
    ("slack_token", r"xapp-[0-9]-[A-Za-z0-9-]{20,}"),
    ("huggingface_token", r"hf_[A-Za-z]{34}"),
    ("groq_key", r"gsk_[A-Za-z0-9]{40,}"),
    ("npm_token", r"npm_[A-Za-z0-9]{36}"),
    ("pypi_token", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    ("sendgrid_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("mizzen_key", r"mzk_[A-Za-z0-9_-]{20,}"),
    ("jwt", r"eyJ[A-Za-z0-9_-]{10,256}\.eyJ[A-Za-z0-9_.-]{30,}"),
];

/// Where a secret was found, as `/metrics` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// What a model is asked.
    ModelRequest,
    ModelAnswer,
    ToolArguments,
    /// What a client answers to a question of a tool server.
    AnswersToServer,
    ToolResult,
}

impl Place {
    pub const MODELS: &[Self] = &[Self::ModelRequest, Self::ModelAnswer];
    pub const TOOLS: &[Self] = &[Self::ToolArguments, Self::AnswersToServer, Self::ToolResult];

    const fn as_str(self) -> &'static str {
        match self {
            Self::ModelRequest => "model_request",
            Self::ModelAnswer => "model_answer",
            Self::ToolArguments => "tool_arguments",
            Self::AnswersToServer => "answers_to_server",
            Self::ToolResult => "tool_result",
        }
    }
}

/// What may be done with a body that was searched.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes as it is.
    Pass,
    /// This passes instead.
    Instead(Bytes),
    /// It does not pass.
    Withhold,
}

/// The search of one gateway.
#[derive(Debug)]
pub struct Secrets {
    action: SecretsAction,
    known: Regex,
    /// Of the last snapshot that was looked at.
    vault: Mutex<Vault>,
    found: Vec<(Place, &'static str, Counter)>,
}

#[derive(Debug, Clone, Default)]
struct Vault {
    snapshot: Option<Arc<Snapshot>>,
    /// Shared, since a clone of an expression begins without the memory that makes the next search fast.
    search: Option<Arc<Regex>>,
}

/// One secret in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    kind: &'static str,
    at: Range<usize>,
}

/// Nobody can say which secrets there are.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// At the start the gateway must not start then: it would let through what it should not.
    #[error("the expression for secrets does not compile")]
    Expression(#[source] Box<regex::Error>),
    #[error("the search for secrets broke off")]
    BrokeOff(#[source] tokio::task::JoinError),
}

impl Secrets {
    /// # Errors
    /// When an expression does not compile.
    pub fn new(action: SecretsAction, places: &[Place], metrics: &Metrics) -> Result<Self, SecretsError> {
        // One group for each kind, so that the group that took part names it.
        let alternatives: Vec<String> = KINDS.iter().map(|(_, form)| format!("({form})")).collect();
        let known = compile(&alternatives.join("|"))?;
        let mut kinds: Vec<&'static str> = KINDS.iter().map(|(kind, _)| *kind).chain([VAULT]).collect();
        // Forms of one kind stand together.
        kinds.dedup();
        let counter = |place: Place, kind| {
            let help = "Secrets found, by where and of what kind.";
            metrics.counter("mizzen_secrets_found_total", help, &[("in", place.as_str()), ("kind", kind)])
        };
        let found = places.iter().flat_map(|place| kinds.iter().map(|kind| (*place, *kind, counter(*place, kind))));
        Ok(Self { action, known, vault: Mutex::default(), found: found.collect() })
    }

    /// As [`Self::find`], without holding up other tasks when `body` is large.
    ///
    /// # Errors
    /// When the search cannot be made, or does not end.
    pub async fn look(
        self: &Arc<Self>,
        place: Place,
        body: &Bytes,
        snapshot: Arc<Snapshot>,
    ) -> Result<Vec<Found>, SecretsError> {
        if self.action == SecretsAction::Off {
            return Ok(Vec::new());
        }
        let (secrets, body) = (Arc::clone(self), body.clone());
        let looking = lanes::beside(body.len(), move || secrets.find(place, &body, &snapshot));
        looking.await.map_err(SecretsError::BrokeOff)?
    }

    /// The secrets in `body`, in the order of their places, none within another unless there are too many to be
    /// told one by one. Where nobody is to look there are none.
    ///
    /// # Errors
    /// When the vault's secrets cannot be searched for.
    pub fn find(&self, place: Place, body: &[u8], snapshot: &Arc<Snapshot>) -> Result<Vec<Found>, SecretsError> {
        if self.action == SecretsAction::Off {
            return Ok(Vec::new());
        }
        let all = self.all_in(body, self.vault(snapshot)?.as_deref());
        for found in &all {
            let mut counters = self.found.iter();
            if let Some((.., counter)) = counters.find(|(at, kind, _)| (*at, *kind) == (place, found.kind)) {
                counter.inc();
            }
        }
        Ok(all)
    }

    fn all_in(&self, body: &[u8], vault: Option<&Regex>) -> Vec<Found> {
        let plain = unescaped(body);
        let mut all = self.of_known_forms(&plain);
        let mut is_whole = all.len() < FOUND_MAX;
        if let Some(vault) = vault {
            let kept = vault.find_iter(&plain).map(|found| Found { kind: VAULT, at: found.range() });
            let kept: Vec<Found> = kept.take(FOUND_MAX).collect();
            is_whole &= kept.len() < FOUND_MAX;
            all.extend(kept);
        }
        all.sort_by_key(|found| (found.at.start, usize::MAX - found.at.end));
        // Where the search stopped early all stay, so that their number goes on saying so.
        if is_whole {
            let mut end = 0;
            all.retain(|found| {
                let apart = found.at.start >= end;
                end = end.max(found.at.end);
                apart
            });
        }
        if matches!(plain, Cow::Owned(_)) {
            put_back(&mut all, body);
        }
        all
    }

    /// What the configured action makes of a body in which `found` was found.
    #[must_use]
    pub fn judge(&self, body: &Bytes, found: &[Found]) -> Verdict {
        match self.action {
            _ if found.is_empty() => Verdict::Pass,
            SecretsAction::Off | SecretsAction::Observe => Verdict::Pass,
            SecretsAction::Redact if found.len() < FOUND_MAX => Verdict::Instead(redact(body, found)),
            SecretsAction::Redact | SecretsAction::Deny => Verdict::Withhold,
        }
    }

    fn of_known_forms(&self, body: &[u8]) -> Vec<Found> {
        let (mut all, mut from) = (Vec::new(), 0);
        while all.len() < FOUND_MAX
            && let Some(groups) = self.known.captures_at(body, from)
        {
            let Some((number, found)) = (1..groups.len()).find_map(|number| Some((number, groups.get(number)?))) else {
                break;
            };
            let kind = KINDS.get(number - 1).map_or(PRIVATE_KEY, |(kind, _)| *kind);
            let mut at = found.range();
            if kind == PRIVATE_KEY {
                // What comes behind it is looked at again.
                at.end = at.start + end_of_private_key(found.as_bytes());
            }
            from = at.end;
            if kind == PRIVATE_KEY || stands_alone(body, &at) {
                all.push(Found { kind, at });
            }
        }
        all
    }

    /// The search for what the vault keeps, made anew when the vault has changed.
    fn vault(&self, snapshot: &Arc<Snapshot>) -> Result<Option<Arc<Regex>>, SecretsError> {
        let mut vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        if vault.snapshot.as_ref().is_none_or(|known| !Arc::ptr_eq(known, snapshot)) {
            let search = search_for(snapshot.provider_secrets())?.map(Arc::new);
            *vault = Vault { snapshot: Some(Arc::clone(snapshot)), search };
        }
        Ok(vault.search.clone())
    }
}

/// An escape of JSON that stands for a character that needs none.
struct Needless {
    at: usize,
    len: usize,
    meant: u8,
}

/// `\/` as PHP writes it, and `\u0020` to `\u007e` but for the quote and the backslash, which end what they stand in.
fn needless_escapes(body: &[u8]) -> impl Iterator<Item = Needless> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + memchr::memchr(b'\\', body.get(from..)?)?;
            let (meant, len) = match body.get(at + 1..)? {
                [b'/', ..] => (Some(b'/'), 2),
                [b'u', b'0', b'0', digits @ ..] => (digits.first_chunk().and_then(plain_character), 6),
                _ => (None, 2),
            };
            let Some(meant) = meant else {
                // With what is behind it: `\\u0067` is a backslash and a word.
                from = at + 2;
                continue;
            };
            from = at + len;
            return Some(Needless { at, len, meant });
        }
    })
}

fn plain_character(digits: &[u8; 2]) -> Option<u8> {
    // Not left to the number's own parser, which takes a sign too.
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let meant = u8::from_str_radix(digits, 16).ok()?;
    (matches!(meant, b' '..=b'~') && !matches!(meant, b'"' | b'\\')).then_some(meant)
}

/// `body` as its reader understands it, as far as no other escape is needed to say so.
fn unescaped(body: &[u8]) -> Cow<'_, [u8]> {
    let (mut out, mut copied) = (Vec::new(), 0);
    for escape in needless_escapes(body) {
        if out.is_empty() {
            out.reserve(body.len());
        }
        out.extend_from_slice(body.get(copied..escape.at).unwrap_or_default());
        out.push(escape.meant);
        copied = escape.at + escape.len;
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// Puts what was found in the unescaped `body` where it stands in `body` itself, so that all else of it stays as it is.
fn put_back(found: &mut [Found], body: &[u8]) {
    let mut ends: Vec<&mut usize> =
        found.iter_mut().flat_map(|found| [&mut found.at.start, &mut found.at.end]).collect();
    ends.sort_unstable();
    let mut escapes = needless_escapes(body).peekable();
    let mut longer = 0;
    for end in ends {
        while let Some(escape) = escapes.next_if(|escape| escape.at - longer < *end) {
            longer += escape.len - 1;
        }
        *end += longer;
    }
}

fn search_for<'s>(secrets: impl Iterator<Item = (&'s str, &'s Secret)>) -> Result<Option<Regex>, SecretsError> {
    let mut written: Vec<String> = Vec::new();
    for (_, secret) in secrets.filter(|(_, secret)| secret.expose().len() >= VAULT_BYTES_MIN) {
        written.push(regex::escape(secret.expose()));
        let in_json = serde_json::to_string(secret.expose()).unwrap_or_default();
        let in_json = in_json.trim_matches('"');
        if in_json != secret.expose() {
            written.push(regex::escape(in_json));
        }
    }
    // Of two that begin alike the longer one is meant.
    written.sort_by_key(|form| std::cmp::Reverse(form.len()));
    if written.is_empty() { Ok(None) } else { compile(&written.join("|")).map(Some) }
}

fn compile(expression: &str) -> Result<Regex, SecretsError> {
    let mut builder = RegexBuilder::new(expression);
    // Bytes, since a body need not be text.
    builder.unicode(false).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX);
    builder.build().map_err(|error| SecretsError::Expression(Box::new(error)))
}

/// A key within a longer word, as in base64, is none.
fn stands_alone(body: &[u8], at: &Range<usize>) -> bool {
    let in_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let before = at.start.checked_sub(1).and_then(|before| body.get(before));
    // In JSON the letter of an escape may stand before a key: `\nsk-…`.
    let escape = at.start.checked_sub(2).and_then(|before| body.get(before)) == Some(&b'\\');
    // Or its last digit: Go writes `<` as `\u003c`.
    let unicode = matches!(
        at.start.checked_sub(6).and_then(|from| body.get(from..at.start)),
        Some([b'\\', b'u', digits @ ..]) if digits.iter().all(u8::is_ascii_hexdigit)
    );
    (escape || unicode || !in_word(before)) && !in_word(body.get(at.end))
}

/// A private key ends where its last line says so, whatever prose comes behind.
fn end_of_private_key(found: &[u8]) -> usize {
    const END: &[u8] = b"-----END ";
    let end = memchr::memmem::find(found, END).map(|at| at + END.len());
    let closed = end.and_then(|from| Some(from + memchr::memmem::find(found.get(from..)?, b"-----")? + 5));
    // One that breaks off ends before the backslash of an escape, which belongs to what comes behind.
    closed.unwrap_or_else(|| found.iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1))
}

/// The kinds of what was found, each once.
#[must_use]
pub fn kinds(found: &[Found]) -> Vec<&'static str> {
    let mut kinds: Vec<&'static str> = found.iter().map(|found| found.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// `body` as it may be recorded, without its secrets. `None` when there are too many: what comes behind the last of
/// them was not searched.
#[must_use]
pub fn recordable(body: &Bytes, found: &[Found]) -> Option<Bytes> {
    (found.len() < FOUND_MAX).then(|| redact(body, found))
}

/// `body` with every secret replaced. JSON stays JSON: no secret has a quote in it, and neither has what replaces it.
fn redact(body: &Bytes, found: &[Found]) -> Bytes {
    if found.is_empty() {
        return body.clone();
    }
    let mut out = BytesMut::with_capacity(body.len());
    let mut copied = 0;
    for secret in found {
        out.extend_from_slice(body.get(copied..secret.at.start).unwrap_or_default());
        out.extend_from_slice(format!("[redacted:{}]", secret.kind).as_bytes());
        copied = secret.at.end;
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    out.freeze()
}

#[cfg(test)]
mod tests;
