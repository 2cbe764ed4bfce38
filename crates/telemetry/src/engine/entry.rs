//! The body of a log record: where a batch came from, and the batch as OTLP protobuf after the capture policy.
//!
//! ```text
//! body = version:u8 source:u8 received_at:i64 caller:name run_id:name agent:name digest:name trusted:u8 request
//! name = length:u16 utf8[length]      (length 65535: none)
//! ```
//!
//! Version 1 ends with the agent. What it says was believed when it came in, and still is.

use mizzen_model::id::Digest;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;

use crate::origin::Origin;
use crate::row::Name;

const VERSION: u8 = 2;
/// The oldest that is read.
const VERSION_FIRST: u8 = 1;
const NO_NAME: u16 = u16::MAX;

/// A record's body is not one that this release wrote.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error(
        "record {lsn} of the log has version {version}, this release reads {VERSION}; start the release that wrote it"
    )]
    Newer { lsn: u64, version: u8 },
    #[error("record {lsn} of the log is not what its checksum promised: {what}")]
    Malformed { lsn: u64, what: &'static str },
}

/// The part before the request.
pub(crate) fn encode_origin(origin: &Origin, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, origin.source as u8]);
    out.extend_from_slice(&origin.received_at.unix_nanos().to_le_bytes());
    let digest = origin.agent_digest.as_ref().map(Digest::as_str);
    for name in [origin.caller.as_deref(), origin.run_id.as_deref(), origin.agent.as_deref(), digest] {
        encode_name(name, out);
    }
    out.push(u8::from(origin.is_trusted));
}

fn encode_name(name: Option<&str>, out: &mut Vec<u8>) {
    // Names come from keys that Mizzen minted and are far shorter; a longer one would be cut at a character.
    let name = name.map(|name| &name[..name.floor_char_boundary(usize::from(NO_NAME) - 1)]);
    let length = name.map_or(NO_NAME, |name| u16::try_from(name.len()).unwrap_or(NO_NAME));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(name.unwrap_or_default().as_bytes());
}

/// Splits a body into its origin and the request's bytes.
pub(crate) fn decode(lsn: u64, body: &[u8]) -> Result<(Origin, &[u8]), EntryError> {
    let cut = || EntryError::Malformed { lsn, what: "its origin is cut short" };
    let (&[version, source], rest) = body.split_first_chunk::<2>().ok_or_else(cut)?;
    if !(VERSION_FIRST..=VERSION).contains(&version) {
        return Err(EntryError::Newer { lsn, version });
    }
    let source = Source::ALL.iter().copied().find(|known| *known as u8 == source);
    let source = source.ok_or(EntryError::Malformed { lsn, what: "its source is unknown" })?;
    let (received_at, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (caller, rest) = decode_name(rest).ok_or_else(cut)?;
    let (run_id, rest) = decode_name(rest).ok_or_else(cut)?;
    let (agent, rest) = decode_name(rest).ok_or_else(cut)?;
    let (agent_digest, is_trusted, rest) = match version {
        VERSION_FIRST => (None, true, rest),
        _ => {
            let (digest, rest) = decode_name(rest).ok_or_else(cut)?;
            let (&trusted, rest) = rest.split_first().ok_or_else(cut)?;
            let digest = digest.map(|digest| digest.parse()).transpose();
            let digest = digest.map_err(|_| EntryError::Malformed { lsn, what: "its agent digest is none" })?;
            (digest, trusted != 0, rest)
        }
    };
    let received_at = Timestamp::from_unix_nanos(i64::from_le_bytes(*received_at));
    Ok((Origin { source, caller, run_id, agent, agent_digest, is_trusted, received_at }, rest))
}

fn decode_name(bytes: &[u8]) -> Option<(Option<Name>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = u16::from_le_bytes(*length);
    if length == NO_NAME {
        return Some((None, rest));
    }
    let (name, rest) = rest.split_at_checked(usize::from(length))?;
    Some((Some(Name::from(std::str::from_utf8(name).ok()?)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_comes_back_with_the_request_behind_it() {
        let received_at = Timestamp::from_unix_nanos(-5);
        let origins = [
            Origin::anonymous(received_at),
            Origin {
                source: Source::Gateway,
                caller: Some(Name::from("ci")),
                run_id: Some(Name::from("")),
                agent: Some(Name::from("plänner")),
                agent_digest: Some(Digest::of(b"v1")),
                ..Origin::unknown(received_at)
            },
        ];
        for origin in origins {
            let mut body = Vec::new();
            encode_origin(&origin, &mut body);
            let origin_bytes = body.len();
            body.extend_from_slice(b"request");
            assert_eq!(decode(1, &body).unwrap(), (origin, &b"request"[..]));
            assert!((0..origin_bytes).all(|end| decode(1, &body[..end]).is_err()), "every cut is noticed");
        }
    }

    #[test]
    fn a_record_of_the_last_release_is_read() {
        let at = Timestamp::from_unix_nanos(7);
        let mut body = vec![1, Source::Sdk as u8];
        body.extend_from_slice(&at.unix_nanos().to_le_bytes());
        [Some("ci"), None, None].into_iter().for_each(|name| encode_name(name, &mut body));
        body.extend_from_slice(b"request");
        let origin = Origin { caller: Some(Name::from("ci")), ..Origin::unknown(at) };
        assert_eq!(decode(1, &body).unwrap(), (origin, &b"request"[..]));
    }

    #[test]
    fn a_newer_record_is_refused() {
        assert!(matches!(decode(9, &[VERSION + 1, 0]), Err(EntryError::Newer { lsn: 9, version: 3 })));
    }
}
