//! The web UI, embedded in the binary with its compressed copies.

use axum::response::{Html, IntoResponse, Response};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Assets;

const INDEX: &str = "index.html";
const PLACEHOLDER: &str = include_str!("ui/placeholder.html");
/// Vite puts what has a hash in its name here.
const HASHED: &str = "assets/";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Paths of programs: what is not found below them is an error, never a page.
const PROGRAMS: [&str; 7] = ["api", "v1", "anthropic", "mcp", "v0.1", ".well-known", "assets"];
/// Encodings by preference, with the ending that the UI's build gives them.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Serves a file of the UI, or its first page: the UI itself knows what `/runs/…` means.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    respond::<Assets>(&method, uri.path(), &headers)
}

fn respond<Files: RustEmbed>(method: &Method, path: &str, request: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    if is_read
        && !is_compressed_copy::<Files>(name)
        && let Some(file) = Files::get(name)
    {
        return asset::<Files>(name, file, request);
    }
    let first = name.split('/').next().unwrap_or_default();
    if !is_read || PROGRAMS.contains(&first) {
        return ApiError::not_found("route", format!("{method} {path}")).into_response();
    }
    match Files::get(INDEX) {
        Some(file) => asset::<Files>(INDEX, file, request),
        None => Html(PLACEHOLDER).into_response(),
    }
}

fn is_compressed_copy<Files: RustEmbed>(name: &str) -> bool {
    ENCODINGS.iter().any(|(_, ending)| name.strip_suffix(ending).is_some_and(|plain| Files::get(plain).is_some()))
}

fn asset<Files: RustEmbed>(name: &str, plain: EmbeddedFile, request: &HeaderMap) -> Response {
    let accepted = ENCODINGS.iter().filter(|(encoding, _)| accepts(request, encoding));
    let copy =
        accepted.filter_map(|(encoding, ending)| Some((*encoding, Files::get(&format!("{name}{ending}"))?))).next();
    let (encoding, file) = copy.map_or((None, plain), |(encoding, file)| (Some(encoding), file));
    let tag = entity_tag(&file);
    let mut headers = HeaderMap::new();
    let mut add = |field: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(field, value);
        }
    };
    add(header::VARY, "accept-encoding");
    add(header::CACHE_CONTROL, cache_control(name));
    add(header::ETAG, &tag);
    add(header::CONTENT_TYPE, content_type(name));
    if let Some(encoding) = encoding {
        add(header::CONTENT_ENCODING, encoding);
    }
    if request.get_all(header::IF_NONE_MATCH).iter().any(|known| lists(known, &tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data).into_response()
}

/// Each encoding is a representation of its own (RFC 9110, section 8.8.3), and so has its own tag.
fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex = mizzen_model::id::hex(&hash[..16]);
    format!("\"{hex}\"")
}

fn lists(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn cache_control(path: &str) -> &'static str {
    match path {
        INDEX => "no-store",
        _ if path.starts_with(HASHED) => IMMUTABLE,
        _ => "no-cache",
    }
}

/// Whether `Accept-Encoding` lists `encoding` with a weight above zero (RFC 9110, section 12.5.3).
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().trim_start_matches("q=").trim();
        name.trim().eq_ignore_ascii_case(encoding) && weight.parse::<f32>().map_or(true, |weight| weight > 0.0)
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
