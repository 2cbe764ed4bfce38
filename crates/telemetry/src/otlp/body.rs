//! Bodies, bounded before and after decompression.

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use mizzen_runtime::limit::Limit;

use super::held::Held;
use super::{Failure, INLINE_BYTES_MAX};

/// Room is made at once for a body that says to be as large: it takes memory only as its bytes come in.
const EXPECTED_BYTES_MAX: usize = 1 << 20;

/// Room is asked for before as many bytes come out of a body.
pub(super) const INFLATED_STEP_BYTES: usize = 64 << 10;

/// How the body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Identity,
    Gzip,
    Zstd,
}

impl Compression {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let stated = headers.get(CONTENT_ENCODING).map_or(Ok("identity"), |value| value.to_str());
        // Names of codings have no case, RFC 9110 section 8.4.1.
        match stated.map(|coding| coding.trim().to_ascii_lowercase()).as_deref() {
            Ok("" | "identity") => Ok(Self::Identity),
            Ok("gzip" | "x-gzip") => Ok(Self::Gzip),
            Ok("zstd") => Ok(Self::Zstd),
            _ => Err(Failure::Unsupported("content encoding must be `gzip`, `zstd` or none".to_owned())),
        }
    }
}

/// The body as it came. A stated length that is too large is refused before anything is read.
pub(super) async fn read(headers: &HeaderMap, mut body: Body, limit: &Limit, held: &Held) -> Result<Bytes, Failure> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    limit.check(stated.unwrap_or(0))?;
    let expected = usize::try_from(stated.unwrap_or(0)).unwrap_or(usize::MAX);
    let room = expected.min(EXPECTED_BYTES_MAX);
    held.grow_to(room)?;
    let mut whole = BytesMut::with_capacity(room);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Body("connection ended within the body".to_owned()))?;
        if let Ok(data) = frame.into_data() {
            limit.check((whole.len() + data.len()) as u64)?;
            held.grow_to(whole.len() + data.len())?;
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// The message inside; stops one byte after the limit, however much would come out.
pub(super) async fn decompress(
    body: Bytes,
    compression: Compression,
    limit: &Limit,
    held: &Arc<Held>,
) -> Result<Bytes, Failure> {
    if compression == Compression::Identity {
        limit.check(body.len() as u64)?;
        return Ok(body);
    }
    let max = limit.max();
    let held = Arc::clone(held);
    let message = if body.len() <= INLINE_BYTES_MAX {
        inflate(&body, compression, max, &held)?
    } else {
        let inflated = tokio::task::spawn_blocking(move || inflate(&body, compression, max, &held));
        inflated.await.map_err(|_| Failure::Interrupted)??
    };
    limit.check(message.len() as u64)?;
    Ok(message.into())
}

fn inflate(body: &[u8], compression: Compression, max: u64, held: &Held) -> Result<Vec<u8>, Failure> {
    let damaged = |_| Failure::Body("body is not what its content encoding says".to_owned());
    let inflated: Box<dyn Read + '_> = match compression {
        Compression::Identity => Box::new(body),
        Compression::Gzip => Box::new(MultiGzDecoder::new(body)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(body).map_err(damaged)?),
    };
    let mut inflated = inflated.take(max.saturating_add(1));
    let mut message = Vec::new();
    loop {
        held.grow_to(body.len() + message.len() + INFLATED_STEP_BYTES)?;
        let step = INFLATED_STEP_BYTES as u64;
        if inflated.by_ref().take(step).read_to_end(&mut message).map_err(damaged)? == 0 {
            return Ok(message);
        }
    }
}
