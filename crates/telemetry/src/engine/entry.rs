//! The body of a log record: where a batch came from, and the batch as OTLP protobuf after the capture policy.
//!
//! ```text
//! body = version:u8 source:u8 received_at:i64 caller:name run_id:name agent:name request
//! name = length:u16 utf8[length]      (length 65535: none)
//! ```

use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;

use crate::origin::Origin;
use crate::row::Name;

const VERSION: u8 = 1;
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
    for name in [&origin.caller, &origin.run_id, &origin.agent] {
        encode_name(name.as_deref(), out);
    }
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
    if version != VERSION {
        return Err(EntryError::Newer { lsn, version });
    }
    let source = Source::ALL.iter().copied().find(|known| *known as u8 == source);
    let source = source.ok_or(EntryError::Malformed { lsn, what: "its source is unknown" })?;
    let (received_at, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (caller, rest) = decode_name(rest).ok_or_else(cut)?;
    let (run_id, rest) = decode_name(rest).ok_or_else(cut)?;
    let (agent, rest) = decode_name(rest).ok_or_else(cut)?;
    let received_at = Timestamp::from_unix_nanos(i64::from_le_bytes(*received_at));
    Ok((Origin { source, caller, run_id, agent, received_at }, rest))
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
            Origin::unknown(received_at),
            Origin {
                source: Source::Gateway,
                caller: Some(Name::from("ci")),
                run_id: Some(Name::from("")),
                agent: Some(Name::from("plänner")),
                received_at,
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
    fn a_newer_record_is_refused() {
        assert!(matches!(decode(9, &[VERSION + 1, 0]), Err(EntryError::Newer { lsn: 9, version: 2 })));
    }
}
