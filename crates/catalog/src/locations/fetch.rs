//! The texts of one target, within limits.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::error::Chain;

use crate::document::{is_manifest, skeletons};

/// Bytes of one file or response.
pub(super) const TEXT_BYTES_MAX: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(20);
/// Files of one folder that are looked at.
const FILES_MAX: usize = 5_000;
const FOLDER_DEPTH_MAX: usize = 16;
const NAMES: &[&str] = &["yaml", "yml", "json"];
const SKILL: &str = "SKILL.md";

/// A path or address, and its text or why it has none.
pub(super) type Text = (String, Result<String, String>);

/// An address that may be read.
pub(super) fn check(target: &str) -> Result<Uri, String> {
    let uri: Uri = target.parse().map_err(|_| format!("`{target}` is no address"))?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    match uri.scheme_str() {
        Some("http" | "https") if has_host => {}
        _ => return Err(format!("`{target}` is no `http` or `https` address")),
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("must not hold a password; locations are shown to everybody".to_owned());
    }
    Ok(uri)
}

/// Scheme, host and port: what a location may lead to without being told so.
pub(super) fn origin(uri: &Uri) -> (String, String, u16) {
    let scheme = uri.scheme_str().unwrap_or_default().to_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    (scheme, uri.host().unwrap_or_default().to_lowercase(), port)
}

/// Of one text, while so many bytes of all are left.
fn limit(bytes_left: usize) -> Result<usize, String> {
    match bytes_left {
        0 => Err("is left out: the location leads to too many bytes; split it into several locations".to_owned()),
        left => Ok(left.min(TEXT_BYTES_MAX)),
    }
}

/// What an address answers.
pub(super) async fn url(client: &HttpClient, target: &str, bytes_left: usize) -> Result<String, String> {
    let max = limit(bytes_left)?;
    let uri = check(target)?;
    let request = Request::get(uri).header(header::ACCEPT, "*/*").header(header::USER_AGENT, "mizzen");
    let request = request.body(Full::<Bytes>::default()).map_err(|error| error.to_string())?;
    let exchange = async {
        let response = client.send(request).await.map_err(|error| Chain(&error).to_string())?;
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            return Err(format!("it answers that it moved to `{to}`; add that address instead"));
        }
        if status != StatusCode::OK {
            return Err(format!("it answers with status {}", status.as_u16()));
        }
        let body = Limited::new(response.into_body(), max).collect().await;
        let body = body.map_err(|_| format!("its answer broke off, or has more than {max} bytes"))?;
        String::from_utf8(body.to_bytes().to_vec()).map_err(|_| "its answer is no UTF-8 text".to_owned())
    };
    let done = tokio::time::timeout(TIMEOUT, exchange).await;
    done.map_err(|_| format!("it did not answer within {} seconds", TIMEOUT.as_secs()))?
}

/// A file, or a folder's manifests, by path below `root`; each with its text or why it has none. What is read of them has no
/// more than `bytes_left` bytes together. What templates of the folder make others of is left out.
pub(super) fn files(root: &Path, target: &str, mut bytes_left: usize) -> Result<Vec<Text>, String> {
    let target = Path::new(target);
    let is_inward = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !target.components().all(is_inward) {
        return Err("must be a path below the configured folder, without `..`".to_owned());
    }
    let root = root.canonicalize().map_err(|error| format!("the configured folder cannot be read: {error}"))?;
    let path = root.join(target).canonicalize().map_err(|error| format!("cannot be read: {error}"))?;
    if !path.starts_with(&root) {
        return Err("leads out of the configured folder".to_owned());
    }
    let name = |path: &Path| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    if !path.is_dir() {
        return Ok(vec![(name(&path), text(&path, bytes_left))]);
    }
    let mut found = Vec::new();
    walk(&path, FOLDER_DEPTH_MAX, &mut found)?;
    // A template lies above what it makes others of, so that nothing is spent on that.
    found.sort_by_key(|path| path.components().count());
    let (mut fetched, mut texts): (Vec<PathBuf>, Vec<(PathBuf, Text)>) = (Vec::new(), Vec::new());
    for path in found {
        if is_below(&path, &fetched) {
            continue;
        }
        let (name, text) = (name(&path), text(&path, bytes_left));
        if let Ok(text) = &text {
            // A folder has files of other programs too.
            if !is_manifest(&name, text) {
                continue;
            }
            let around = path.parent().unwrap_or(&root);
            fetched.extend(skeletons(&name, text).into_iter().map(|inner| around.join(inner)));
            bytes_left = bytes_left.saturating_sub(text.len());
        }
        texts.push((path, (name, text)));
    }
    // A single file that a template fetches may lie beside it.
    texts.retain(|(path, _)| !is_below(path, &fetched));
    texts.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(texts.into_iter().map(|(_, text)| text).collect())
}

fn is_below(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Links are not followed: they may lead out, or in circles.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().collect();
    paths.sort_by_key(std::fs::DirEntry::file_name);
    for entry in paths {
        let Ok(kind) = entry.file_type() else { continue };
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if kind.is_dir() && depth > 0 && !name.starts_with('.') && name != "node_modules" {
            walk(&path, depth - 1, found)?;
        }
        let is_manifest =
            path.extension().is_some_and(|ending| NAMES.iter().any(|name| ending == *name)) || name == SKILL;
        if kind.is_file() && is_manifest {
            if found.len() >= FILES_MAX {
                return Err(format!("holds more than {FILES_MAX} manifests; add its folders one by one"));
            }
            found.push(path);
        }
    }
    Ok(())
}

fn text(path: &Path, bytes_left: usize) -> Result<String, String> {
    use std::io::Read as _;
    let max = limit(bytes_left)?;
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    let one_more = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(one_more).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > max {
        return Err(format!("has more than {max} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())
}
