//! Lines in and out, bounded.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

const READ_BYTES: usize = 16 << 10;

/// Gives every line to `take` until the end; with a problem when a line was larger than `bytes_max`.
pub(super) async fn read(
    mut from: impl AsyncRead + Unpin,
    bytes_max: usize,
    mut take: impl FnMut(&[u8]),
) -> Option<String> {
    let mut line: Vec<u8> = Vec::new();
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let count = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => count,
        };
        let mut rest = &chunk[..count];
        while let Some(at) = memchr(rest) {
            line.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if line.len() > bytes_max {
                return Some(too_large(bytes_max));
            }
            if !line.trim_ascii().is_empty() {
                take(&line);
            }
            line.clear();
            // One large message must not stay allocated for the life of the child.
            line.shrink_to(READ_BYTES);
        }
        line.extend_from_slice(rest);
        if line.len() > bytes_max {
            return Some(too_large(bytes_max));
        }
    }
}

fn too_large(bytes_max: usize) -> String {
    format!("a tool server sent a line of more than {bytes_max} bytes")
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// Gives every line to `take`, cut at `bytes_max`, until the end.
pub(super) async fn drain(mut from: impl AsyncRead + Unpin, bytes_max: usize, mut take: impl FnMut(&[u8])) {
    let mut line: Vec<u8> = Vec::new();
    let mut chunk = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        for byte in &chunk[..count] {
            match byte {
                b'\n' => {
                    take(&line);
                    line.clear();
                }
                byte if line.len() < bytes_max => line.push(*byte),
                _ => {}
            }
        }
    }
    if !line.is_empty() {
        take(&line);
    }
}

/// Writes each message as a line until there are no more or nobody reads.
pub(super) async fn write(mut to: impl AsyncWrite + Unpin, mut messages: mpsc::Receiver<Bytes>) {
    while let Some(message) = messages.recv().await {
        if to.write_all(&message).await.is_err() || to.write_all(b"\n").await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{drain, read};

    #[tokio::test]
    async fn lines_are_bounded_one_way_and_cut_the_other() {
        let mut lines = Vec::new();
        let text = b"one\n\n  \r\ntwo\nthree and far too long\nfour\n";
        let end = read(&text[..], 8, |line| lines.push(String::from_utf8_lossy(line).into_owned())).await;
        assert_eq!(lines, ["one", "two"]);
        assert!(end.is_some());
        assert!(read(&b"endless without a line end"[..], 8, |_| panic!()).await.is_some());
        lines.clear();
        drain(&b"one\nthree and far too long\nrest"[..], 8, |line| {
            lines.push(String::from_utf8_lossy(line).into_owned())
        })
        .await;
        assert_eq!(lines, ["one", "three an", "rest"]);
    }
}
