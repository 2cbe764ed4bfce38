//! Where state rests: the data folder, the control database, and the object storage of segments.
//!
//! * [`claim`]: one process to a PostgreSQL database
//! * [`data_dir`]: one folder, one process, one format version
//! * [`database`]: SQLite in that folder or PostgreSQL by URL, behind one pool
//! * [`migrate`]: tables, owned by the planes and applied here
//! * [`objects`]: a folder or an S3-compatible bucket
//!
//! This crate knows no plane's tables or queries.

pub mod claim;
pub mod data_dir;
pub mod database;
pub mod error;
pub mod migrate;
pub mod objects;
#[cfg(feature = "testing")]
pub mod testing;

pub use self::claim::Claim;
pub use self::data_dir::DataDir;
pub use self::database::{NullableDouble, Store, StoreConfig};
pub use self::error::{Outage, StoreError, outage};
pub use self::migrate::Migration;
