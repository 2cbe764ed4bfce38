//! The published keys of an issuer (RFC 7517), and which of them a token may be signed with.

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{TOKEN_BYTES_MAX, TokenError};

/// Keys of one issuer; more are not read.
const KEYS_MAX: usize = 64;
/// Those that only the holder of a private key can sign with. With any other, the published key, or nothing, would do.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// A key set as published.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet(Vec<Jwk>);

/// What a token says of how it is signed.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

impl KeySet {
    /// Keys that are no signing keys, or of a kind that is not known here, are left out: issuers publish them too.
    pub(super) fn parse(document: &Value) -> Option<Self> {
        let keys = document.get("keys")?.as_array()?;
        let keys = keys.iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        let signs = |key: &Jwk| {
            ALGORITHMS.iter().any(|algorithm| fits(key, *algorithm))
                && key.common.public_key_use.as_ref().is_none_or(|kind| *kind == PublicKeyUse::Signature)
        };
        Some(Self(keys.filter(signs).collect()))
    }

    /// The key that a token names; a token that names none is right only where there is one key for its algorithm.
    pub(super) fn find(&self, signed: &Signed) -> Option<&Jwk> {
        let fits = |key: &&Jwk| fits(key, signed.algorithm);
        match &signed.key_id {
            Some(id) => self.0.iter().filter(fits).find(|key| key.common.key_id.as_ref() == Some(id)),
            None => {
                let mut keys = self.0.iter().filter(fits);
                keys.next().filter(|_| keys.next().is_none())
            }
        }
    }
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_family = match key.algorithm {
        AlgorithmParameters::RSA(_) => !matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA),
        AlgorithmParameters::EllipticCurve(_) => matches!(algorithm, Algorithm::ES256 | Algorithm::ES384),
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        _ => false,
    };
    is_family && key.common.key_algorithm.is_none_or(|stated| stated == algorithm.into())
}

/// Reads how `token` is signed, and refuses what proves nothing.
pub(super) fn read_header(token: &str) -> Result<Signed, TokenError> {
    if token.len() > TOKEN_BYTES_MAX || token.split('.').count() != 3 {
        return Err(TokenError::Malformed);
    }
    // `none`, and what else is no algorithm, is an error here already.
    let header =
        decode_header(token).map_err(|_| TokenError::Algorithm("an algorithm that is not known".to_owned()))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenError::Algorithm(format!("{:?}", header.alg)));
    }
    // What must be understood to read the token, we do not (RFC 7515, section 4.1.11).
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(TokenError::Malformed);
    }
    Ok(Signed { algorithm: header.alg, key_id: header.kid })
}

/// Who `token` says issued it: whom to ask about it, and nothing to believe before that one's signature is verified.
///
/// # Errors
/// When it is no signed token, or does not say.
pub fn issuer_of(token: &str) -> Result<String, TokenError> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    read_header(token)?;
    insecure_decode_claims::<Named>(token).map(|named| named.iss).map_err(|_| TokenError::Claim("iss"))
}

/// The claims of `token`, signed with `key`. They are compared elsewhere, with the clock that all else uses.
pub(super) fn open(token: &str, signed: &Signed, key: &Jwk) -> Result<Map<String, Value>, TokenError> {
    let key = DecodingKey::from_jwk(key).map_err(|_| TokenError::Signature)?;
    let mut validation = Validation::new(signed.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode::<Map<String, Value>>(token, &key, &validation).map(|token| token.claims).map_err(|_| TokenError::Signature)
}
