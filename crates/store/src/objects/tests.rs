use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};
use tempfile::{TempDir, tempdir};

use super::{ObjectsError, is_loopback, open, open_bucket};
use crate::DataDir;
use crate::testing::bucket;

/// The same tests for the folder and, when there is a server, for a bucket, each under a prefix of its own.
fn storages(test: &str) -> (TempDir, Vec<Arc<dyn ObjectStore>>) {
    let folder = tempdir().unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    let mut storages = vec![open(None, &data_dir).unwrap()];
    if let Some(url) = bucket(test) {
        storages.push(open(Some(&url), &data_dir).unwrap());
    }
    (folder, storages)
}

async fn names(storage: &Arc<dyn ObjectStore>) -> Vec<String> {
    let found: Vec<_> = storage.list(None).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
    let mut found = found;
    found.sort_unstable();
    found
}

#[tokio::test]
async fn objects_are_stored_listed_read_in_part_and_removed() {
    let (_folder, storages) = storages("objects");
    for storage in storages {
        let (one, two) = (Path::from("spans/2026-11-22/one.parquet"), Path::from("logs/two.parquet"));
        storage.put(&one, Bytes::from_static(b"0123456789").into()).await.unwrap();
        storage.put(&two, Bytes::from_static(b"").into()).await.unwrap();
        assert_eq!(names(&storage).await, ["logs/two.parquet", "spans/2026-11-22/one.parquet"], "{storage}");
        assert_eq!(storage.get_range(&one, 3..6).await.unwrap(), "345", "{storage}");
        assert_eq!(storage.head(&one).await.unwrap().size, 10, "{storage}");
        storage.delete(&one).await.unwrap();
        assert!(matches!(storage.get(&one).await, Err(object_store::Error::NotFound { .. })), "{storage}");
        storage.delete(&two).await.unwrap();
    }
}

#[tokio::test]
async fn an_object_in_many_parts_is_whole_or_not_there() {
    let (_folder, storages) = storages("parts");
    for storage in storages {
        let path = Path::from("spans/large.parquet");
        let part = Bytes::from(vec![7; 3 << 20]);
        let mut upload = WriteMultipart::new(storage.put_multipart(&path).await.unwrap());
        (0..4).for_each(|_| upload.put(part.clone()));
        assert!(storage.head(&path).await.is_err(), "{storage}");
        upload.finish().await.unwrap();
        assert_eq!(storage.head(&path).await.unwrap().size, 12 << 20, "{storage}");
        storage.delete(&path).await.unwrap();

        let mut given_up = WriteMultipart::new(storage.put_multipart(&path).await.unwrap());
        given_up.put(part.clone());
        given_up.abort().await.unwrap();
        assert_eq!(names(&storage).await, [""; 0], "{storage}");
    }
}

#[test]
fn addresses_that_cannot_be_are_told() {
    let folder = tempdir().unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    for url in ["gs://bucket", "/var/segments", "s3://", "s3:///prefix"] {
        assert!(matches!(open(Some(url), &data_dir), Err(ObjectsError::UnknownUrl(_))), "{url}");
    }
}

#[test]
fn plain_http_is_only_for_this_machine() {
    let with = |endpoint: &str| {
        let environment = AmazonS3Builder::new().with_access_key_id("a").with_secret_access_key("b");
        let environment = environment.with_config(AmazonS3ConfigKey::Endpoint, endpoint).with_region("eu-central-1");
        open_bucket("s3://bucket/prefix", environment).map(|_| ())
    };
    assert!(with("http://127.0.0.1:9000").is_ok());
    assert!(with("https://s3.example.com").is_ok());
    assert!(matches!(with("http://s3.example.com"), Err(ObjectsError::PlainHttp(_))));
    assert!(matches!(with("http://localhost.example.com:80/x"), Err(ObjectsError::PlainHttp(_))));
    assert!(is_loopback("[::1]:9000") && is_loopback("localhost/path") && !is_loopback("10.0.0.1:80"));
}
