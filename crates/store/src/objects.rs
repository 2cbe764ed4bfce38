//! Object storage for segments: a folder of the data folder, or an S3-compatible bucket.

mod folder;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use self::folder::SyncedFolder;
use crate::data_dir::{DataDir, DataDirError};

const FOLDER: &str = "segments";

/// Why object storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    #[error("unknown object storage `{0}`; use `s3://bucket/prefix`, or no URL for a folder in the data folder")]
    UnknownUrl(String),
    #[error("the endpoint `{0}` is plain HTTP and not on this machine; use `https`")]
    PlainHttp(String),
    #[error("cannot use the bucket `{bucket}`; check `AWS_REGION`, `AWS_ENDPOINT_URL` and the credentials")]
    Bucket {
        bucket: String,
        #[source]
        source: object_store::Error,
    },
    #[error("cannot use the folder of segments")]
    Folder(#[source] object_store::Error),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// Opens the storage of segments.
///
/// Without `url` it is `segments/` in the data folder, and what it has stored is synced. With `s3://bucket/prefix`
/// region, credentials and endpoint come from the environment variables that every S3 client reads
/// (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`…). No request is sent yet.
///
/// # Errors
/// When the URL is not understood, or the folder cannot be made.
pub fn open(url: Option<&str>, data_dir: &DataDir) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    match url {
        None => Ok(Arc::new(SyncedFolder::open(data_dir.folder(FOLDER)?).map_err(ObjectsError::Folder)?)),
        Some(url) => open_bucket(url, AmazonS3Builder::from_env()),
    }
}

/// Whether the URL names a bucket that could be opened, without opening it.
///
/// # Errors
/// When it does not.
pub fn check(url: &str) -> Result<(), ObjectsError> {
    open_bucket(url, AmazonS3Builder::from_env()).map(drop)
}

fn open_bucket(url: &str, environment: AmazonS3Builder) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    let unknown = || ObjectsError::UnknownUrl(url.to_owned());
    let address = url.strip_prefix("s3://").ok_or_else(unknown)?;
    let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
    let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|_| unknown())?;
    if bucket.is_empty() {
        return Err(unknown());
    }
    let endpoint = environment.get_config_value(&AmazonS3ConfigKey::S3Endpoint);
    let endpoint = endpoint.or_else(|| environment.get_config_value(&AmazonS3ConfigKey::Endpoint));
    let mut builder = environment.with_bucket_name(bucket);
    if let Some(plain) = endpoint.as_deref().and_then(|endpoint| endpoint.strip_prefix("http://")) {
        // Credentials and traces would cross the network readable.
        if !is_loopback(plain) {
            return Err(ObjectsError::PlainHttp(format!("http://{plain}")));
        }
        builder = builder.with_allow_http(true);
    }
    let store = builder.build().map_err(|source| ObjectsError::Bucket { bucket: bucket.to_owned(), source })?;
    Ok(if prefix.as_ref().is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

/// `address` is `host`, `host:port`, perhaps with a path.
fn is_loopback(address: &str) -> bool {
    let authority = address.split_once('/').map_or(address, |(authority, _)| authority);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map_or(v6, |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
