//! TLS for doors, from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {what} from `{}`; it must be a PEM file", path.display())]
    Read {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("`{}` holds no certificate; it must be a PEM file with the chain, leaf first", .0.display())]
    NoCertificate(PathBuf),
    #[error("the certificate in `{}` and the key in `{}` cannot be used together", cert.display(), key.display())]
    Pair {
        cert: PathBuf,
        key: PathBuf,
        #[source]
        source: rustls::Error,
    },
}

/// A TLS configuration for HTTP/2 and HTTP/1.1 from a certificate chain (leaf first) and its private key.
///
/// # Errors
/// When a file cannot be read, or the two do not belong together.
pub fn tls_config(cert_pem: &Path, key_pem: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let read = |what, path: &Path, source| TlsError::Read { what, path: path.to_owned(), source };
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert_pem)
        .and_then(Iterator::collect)
        .map_err(|source| read("the certificate", cert_pem, source))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(cert_pem.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key_pem).map_err(|source| read("the private key", key_pem, source))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|source| TlsError::Pair { cert: cert_pem.to_owned(), key: key_pem.to_owned(), source })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
