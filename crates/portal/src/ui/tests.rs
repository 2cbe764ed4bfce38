use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::RustEmbed;

use super::{accepts, respond};

/// A UI as its build leaves it, with a compressed copy of one file.
#[derive(RustEmbed)]
#[folder = "src/ui/sample"]
struct Sample;

/// A binary into which no UI was built.
#[derive(RustEmbed)]
#[folder = "src/ui/nothing"]
#[allow_missing = true]
struct Nothing;

fn get(path: &str, fields: &[(header::HeaderName, &'static str)]) -> Response {
    let headers = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    respond::<Sample>(&Method::GET, path, &headers)
}

#[test]
fn an_unknown_page_is_the_first_page_and_an_unknown_call_is_an_error() {
    for path in ["/", "/runs/abc", "/runs/a.b"] {
        let page = get(path, &[]);
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
    }
    for path in ["/api/v1/nope", "/v1/nope", "/anthropic/v1/nope", "/assets/gone.js"] {
        let missing = get(path, &[]);
        assert_eq!(missing.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(missing.headers()[header::CONTENT_TYPE], "application/json");
    }
    let posted = respond::<Sample>(&Method::POST, "/runs", &HeaderMap::new());
    assert_eq!(posted.status(), StatusCode::NOT_FOUND);
}

#[test]
fn only_names_with_a_hash_are_kept_for_ever() {
    let hashed = get("/assets/app-1a2b3c4d.js", &[]);
    assert_eq!(hashed.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(hashed.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert_eq!(get("/mark.svg", &[]).headers()[header::CACHE_CONTROL], "no-cache");
}

#[test]
fn a_compressed_copy_is_sent_to_who_accepts_it_with_a_tag_of_its_own() {
    let plain = get("/", &[]);
    let brotli = get("/", &[(header::ACCEPT_ENCODING, "gzip, br")]);
    let gzip = get("/", &[(header::ACCEPT_ENCODING, "gzip, br;q=0")]);
    assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    assert_eq!(brotli.headers()[header::CONTENT_ENCODING], "br");
    assert_eq!(gzip.headers()[header::CONTENT_ENCODING], "gzip");
    assert_eq!(brotli.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_ne!(brotli.headers()[header::ETAG], gzip.headers()[header::ETAG]);
    assert_eq!(plain.headers()[header::VARY], "accept-encoding");
    // The copy has no address of its own.
    assert_eq!(get("/mark.svg.br", &[]).headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
}

#[test]
fn a_known_tag_saves_the_body() {
    let first = get("/mark.svg", &[]);
    let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())]);
    assert_eq!(respond::<Sample>(&Method::GET, "/mark.svg", &known).status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get("/mark.svg", &[(header::IF_NONE_MATCH, "\"other\"")]).status(), StatusCode::OK);
}

#[test]
fn a_binary_without_a_ui_says_so() {
    let page = respond::<Nothing>(&Method::GET, "/", &HeaderMap::new());
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
}

#[test]
fn a_weight_of_zero_refuses_an_encoding() {
    let headers = |value| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
    assert!(accepts(&headers("gzip, br;q=0.5"), "br"));
    assert!(!accepts(&headers("br; q=0"), "br"));
    assert!(!accepts(&headers("gzip"), "br"));
}
