//! Secrets in what leaves for a provider: in the body, which may leave without them, and in the address and the headers, which
//! would be others then.

use bytes::Bytes;
use http::request::Parts;
use mizzen_control::secrets::{self, Found, Place, Secrets, SecretsError, Verdict};
use mizzen_runtime::error::Chain;
use percent_encoding::percent_decode_str;

use super::Inner;
use super::headers;
use super::refusal::{Reason, Refusal};

/// The secrets in `body`. What cannot be searched may not leave where secrets may not.
pub(super) async fn in_body(gateway: &Inner, body: &Bytes) -> Result<Vec<Found>, Refusal> {
    let found = gateway.secrets.look(Place::ModelRequest, body, gateway.control.snapshot()).await;
    found.map_err(unsearched)
}

/// The kinds of secrets in what of the client's address and headers goes on, and the refusal where they may not.
pub(super) fn in_head(gateway: &Inner, parts: &Parts) -> Result<(Vec<&'static str>, Option<Refusal>), Refusal> {
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let mut head: Vec<u8> = percent_decode_str(address).collect();
    for (name, value) in headers::crossing(&parts.headers) {
        head.push(b'\n');
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
    }
    let found = gateway.secrets.find(Place::ModelRequest, &head, &gateway.control.snapshot()).map_err(unsearched)?;
    let may_leave = matches!(gateway.secrets.judge(&Bytes::from(head), &found), Verdict::Pass);
    let refusal = (!may_leave).then(|| refused("the address or a header of the request", &found));
    Ok((secrets::kinds(&found), refusal))
}

/// The body to send instead; `None` when it may leave as it is.
pub(super) fn kept(search: &Secrets, body: &Bytes, found: &[Found]) -> Result<Option<Bytes>, Refusal> {
    match search.judge(body, found) {
        Verdict::Pass => Ok(None),
        Verdict::Instead(body) => Ok(Some(body)),
        Verdict::Withhold => Err(refused("the request", found)),
    }
}

fn refused(place: &str, found: &[Found]) -> Refusal {
    let (count, kinds) = (found.len(), secrets::kinds(found).join(", "));
    let message =
        format!("{place} holds {count} secret(s) ({kinds}), which may not leave; take them out and send it again");
    Refusal::new(Reason::SecretFound, message)
}

fn unsearched(error: SecretsError) -> Refusal {
    tracing::warn!(error = %Chain(&error), "a request could not be searched for secrets");
    let message = "the request could not be searched for secrets (`gateway.secrets`); tell the operator";
    Refusal::new(Reason::Internal, message)
}
