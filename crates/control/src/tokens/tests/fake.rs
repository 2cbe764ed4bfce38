//! An issuer on loopback: metadata, keys, and a token endpoint that answers what a test laid ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::http_double::HttpDouble;

/// Made for these tests; signs for nobody.
const RSA_KEY: &str = "\
    MIIEogIBAAKCAQEAn80sqGBqPArvbBHstehLqT8pmta+RnhNxDD/4oVrb2Nk4B879RQ+2QMbqXJLtKYd7hSmW+yve0Swu+8l+0D2MAoGHmvG50\
    KBRKffeBDSFD5ujA7CKTbXQwhfaMB0rt2Jep/Ati19TsrMzmHGO080JE6/ljNzizNTdvVE+M5m0YjJ/1ULnR3aIqdwTvORl6SnQLM/DOZySKcB\
    XbIaDziZmXs/1tASyH5BkeLwIwZHzCCgfWsLipr+6jLgHSIwJhAcn0OPEUfqcsJbG/wClRaClpZoSLhyH9ijiX3jS/7UV//DDIuFR8enspFXGb\
    97qqb9MdQk5Hsz8cavu10NnpKoywIDAQABAoIBABL9EubpGgaLeBq74IhXE5KHZl63UMHX7sm21tkoaHVCdsyo+XtsTfGEjIdshPFw4dKWEpSO\
    weVgaq3SQ42hEP/xWPvJa8e0H980IXpHaWctaf5rjIfQM/ELsCam49aZjYoMLJ6ZNjAkKgUGGkOW7Ee6Mcrbz0mFrk/O4kS8ZfxU1/Dj88fhNK\
    IifLetWd163Hf/H467x4wQc15ZanlddygGGqYtazo5qlCQDf8BqUSlWaziCaEasMCfjG+5q2M/Z306/TA2EbLnBQpG2O6+tGQ2e1MDosr1Mg77\
    p8bQNOyi8GBUUziEXXtr5kjZv0AxL7YU+L8azizfjPc78abfsHECgYEA4O9rCfqdRjz+II+mHPKYxbMB/q1IjOvnpjhvG/SR0FqMQEJL5ZdzrT\
    C8oiQBV0pwVbWh4iZEGWqHQSbEuVAeYKwDueHyFAoBwAdbyvTll7MhxmdbfkpMhb+TkHl8ih9bQdTRBGwagn+hvK86RkfRhmwg7mEg2w8VFz7y\
    1d2m61ECgYEAtd7z9hoQAMdEIfdIiipwOmoWcyaeuZjGJYT+2i5PyVhFL6oUMnaFuKXG1seOmnekWTyo0GZI7hnmym2b751TuKzFGnVlY7cuPW\
    HZQwebC03ey4wXYfkElGOsM3qOqKvNSJW01MF1B+ISYFIpB12Xtv9nJmcYwYgODopr/ybmE1sCgYBcLMBITpK0fboFzdfcdO111m0y1/+q/+Dl\
    lKqzYf1+zBw9GO3RH8cfaaFjMC38f1yZQt0bt2Kgp67VW/WxmstYAiVkvtpcq90bu+g5uzF6gMWOcDxl/Dxvcpod0irezwquZ29fyIz0fSjiEU\
    xoEHYkB5tXFCZKnlueMwV/7lzAgQKBgGg0XHfPqwenJKSJeOihNDhj/ITxxdP1cuKgdx0vl8t3ZfzPaE8ZlbicU3dQU6axklsG5HqzgGncMV4e\
    u0/pRsTzSOPGC9e8ZyQIYmGDhBRQA62AkQ0zjqovCcVdHUwLU82Y6UlVpuZjY8AIkzWDLKBPahyYyZhpihROv14sPXstAoGAcdkyzW58CEOJur\
    0q8cgPFw/mnDLPsNuvMkenePZh/hcQKMhTc3k9RswZjB8X0o9KQdYLNnBZ6SlXVYWJDF+34po1ndFq54o/cNjhkDzsBfzVpJvMwrfnTNuiFM9e\
    2iczG3Uf7mcPd1MUqqsASPlQ6RrtYkdz7tiFIrFjGERJUdU=";

/// A key pair with its published id.
#[derive(Clone)]
pub(crate) struct Key {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
    ed25519: Option<SigningKey>,
}

impl Key {
    pub(crate) fn rsa(id: &str) -> Self {
        let key = EncodingKey::from_rsa_der(&STANDARD.decode(RSA_KEY).unwrap());
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, key, ed25519: None }
    }

    pub(crate) fn ed25519(id: &str, seed: u8) -> Self {
        // PKCS #8 (RFC 8410, section 7) around the seed.
        let der = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &[seed; 32]].concat();
        let key = EncodingKey::from_ed_der(&der);
        Self { id: id.to_owned(), algorithm: Algorithm::EdDSA, key, ed25519: Some(SigningKey::from_bytes(&[seed; 32])) }
    }

    pub(crate) fn hmac(id: &str, secret: &[u8]) -> Self {
        let key = EncodingKey::from_secret(secret);
        Self { id: id.to_owned(), algorithm: Algorithm::HS256, key, ed25519: None }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }

    /// With a header of the test's own, signed rightly.
    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.ed25519.as_ref().unwrap().sign(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    pub(crate) fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// What an attacker could take for the secret of an HMAC.
    pub(crate) fn public_texts(&self) -> Vec<String> {
        let jwk = self.jwk();
        vec![jwk.to_string(), jwk["n"].as_str().unwrap_or_default().to_owned()]
    }
}

#[derive(Default)]
struct State {
    keys: Vec<Value>,
    key_fetches: usize,
    fails: bool,
    /// By code: the ID token, and the challenge of the sign-in.
    codes: HashMap<String, String>,
    user_info: Option<Value>,
    forms: Vec<String>,
    authorizations: Vec<Option<String>>,
}

#[derive(Clone)]
pub(crate) struct FakeIssuer {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl FakeIssuer {
    pub(crate) async fn start() -> Self {
        let (server, url) = HttpDouble::bind().await;
        let fake = Self { url, state: Arc::default() };
        let served = fake.clone();
        server.serve(move |request| {
            let (status, body) = served.answer(&request.path, &request.body, request.field("authorization"));
            (status, "application/json", body)
        });
        fake
    }

    /// These keys and no others, among what real issuers publish beside them.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        let mut keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        keys.push(json!({ "kty": "RSA", "use": "enc", "kid": "enc", "n": "AQAB", "e": "AQAB" }));
        keys.push(json!({ "kty": "future", "kid": "future" }));
        keys.push(json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" }));
        self.state.lock().unwrap().keys = keys;
    }

    pub(crate) fn key_fetches(&self) -> usize {
        self.state.lock().unwrap().key_fetches
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.state.lock().unwrap().fails = fails;
    }

    /// What `code` will be exchanged for, once.
    pub(crate) fn lay_ready(&self, code: &str, id_token: String) {
        self.state.lock().unwrap().codes.insert(code.to_owned(), id_token);
    }

    /// What is told of the person who signs in, beside the ID token.
    pub(crate) fn tell_beside(&self, user_info: Value) {
        self.state.lock().unwrap().user_info = Some(user_info);
    }

    /// What was posted to the token endpoint last: the form, and the credentials.
    pub(crate) fn last_exchange(&self) -> (String, Option<String>) {
        let state = self.state.lock().unwrap();
        (state.forms.last().unwrap().clone(), state.authorizations.last().unwrap().clone())
    }

    fn answer(&self, path: &str, body: &str, authorization: Option<&str>) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        if state.fails {
            return (503, "{}".to_owned());
        }
        let answer = match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": self.url, "jwks_uri": format!("{}/keys", self.url),
                "authorization_endpoint": format!("{}/authorize", self.url),
                "token_endpoint": format!("{}/token", self.url),
                "userinfo_endpoint": format!("{}/userinfo", self.url),
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }),
            "/keys" => {
                state.key_fetches += 1;
                json!({ "keys": state.keys })
            }
            "/token" => {
                state.forms.push(body.to_owned());
                state.authorizations.push(authorization.map(str::to_owned));
                let code = body.split('&').find_map(|pair| pair.strip_prefix("code=")).unwrap_or_default();
                let Some(id_token) = state.codes.remove(code) else {
                    return (400, json!({ "error": "invalid_grant" }).to_string());
                };
                json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token })
            }
            "/userinfo" => match state.user_info.clone().filter(|_| authorization == Some("Bearer opaque")) {
                Some(told) => told,
                None => return (401, "{}".to_owned()),
            },
            _ => return (404, "{}".to_owned()),
        };
        (200, answer.to_string())
    }
}
