//! Bodies, bounded before and after decompression.

use std::io::Read;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use mizzen_runtime::limit::Limit;

use super::{Failure, INLINE_BYTES_MAX};

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
        match stated.map(str::trim) {
            Ok("" | "identity") => Ok(Self::Identity),
            Ok("gzip" | "x-gzip") => Ok(Self::Gzip),
            Ok("zstd") => Ok(Self::Zstd),
            _ => Err(Failure::Unsupported("content encoding must be `gzip`, `zstd` or none".to_owned())),
        }
    }
}

/// The body as it came. A stated length that is too large is refused before anything is read.
pub(super) async fn read(headers: &HeaderMap, mut body: Body, limit: &Limit) -> Result<Bytes, Failure> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    limit.check(stated.unwrap_or(0))?;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Body("connection ended within the body".to_owned()))?;
        if let Ok(data) = frame.into_data() {
            limit.check((whole.len() + data.len()) as u64)?;
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// The message inside; stops one byte after the limit, however much would come out.
pub(super) async fn decompress(body: Bytes, compression: Compression, limit: &Limit) -> Result<Bytes, Failure> {
    if compression == Compression::Identity {
        limit.check(body.len() as u64)?;
        return Ok(body);
    }
    let max = limit.max();
    let inflated = if body.len() <= INLINE_BYTES_MAX {
        inflate(&body, compression, max)
    } else {
        tokio::task::spawn_blocking(move || inflate(&body, compression, max)).await.map_err(|_| Failure::Interrupted)?
    };
    let message = inflated.map_err(|_| Failure::Body("body is not what its content encoding says".to_owned()))?;
    limit.check(message.len() as u64)?;
    Ok(message.into())
}

fn inflate(body: &[u8], compression: Compression, max: u64) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let stop = max.saturating_add(1);
    match compression {
        Compression::Identity => message.extend_from_slice(body),
        Compression::Gzip => {
            MultiGzDecoder::new(body).take(stop).read_to_end(&mut message)?;
        }
        Compression::Zstd => {
            zstd::stream::read::Decoder::with_buffer(body)?.take(stop).read_to_end(&mut message)?;
        }
    }
    Ok(message)
}
