//! Files as JSON: text as it is, everything else in base64.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{File, Files, FilesError, FilesLimits};
use crate::template::path::FilePath;

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogFileText)]
#[serde(deny_unknown_fields)]
pub struct FileText {
    pub path: String,
    /// `utf-8` or `base64`.
    #[serde(default = "utf8")]
    pub encoding: String,
    pub content: String,
    #[serde(default)]
    pub executable: bool,
}

/// Why files that were sent are no folder.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("`{path}`: `{encoding}` is no encoding; use `utf-8` or `base64`")]
    Encoding { path: String, encoding: String },
    #[error("`{path}`: the content is not base64")]
    Base64 {
        path: String,
        #[source]
        source: base64::DecodeError,
    },
    #[error(transparent)]
    Files(#[from] FilesError),
}

fn utf8() -> String {
    "utf-8".to_owned()
}

impl FileText {
    #[must_use]
    pub fn of(path: &FilePath, file: &File) -> Self {
        let (encoding, content) = match file.text() {
            Some(text) => (utf8(), text.to_owned()),
            None => ("base64".to_owned(), BASE64_STANDARD.encode(&file.content)),
        };
        Self { path: path.to_string(), encoding, content, executable: file.executable }
    }

    fn file(self) -> Result<File, WireError> {
        let content = match self.encoding.as_str() {
            "utf-8" => Bytes::from(self.content),
            "base64" => {
                let decoded = BASE64_STANDARD.decode(&self.content);
                Bytes::from(decoded.map_err(|source| WireError::Base64 { path: self.path, source })?)
            }
            _ => return Err(WireError::Encoding { path: self.path, encoding: self.encoding }),
        };
        Ok(File { content, executable: self.executable })
    }
}

impl Files {
    /// # Errors
    /// When a path is unsafe, a file is there twice, or there is too much.
    pub fn from_texts(texts: Vec<FileText>, limits: FilesLimits) -> Result<Self, WireError> {
        let mut files = Self::new(limits);
        for text in texts {
            let path = FilePath::parse(&text.path).map_err(FilesError::from)?;
            files.add(path, text.file()?)?;
        }
        Ok(files)
    }

    #[must_use]
    pub fn to_texts(&self) -> Vec<FileText> {
        self.iter().map(|(path, file)| FileText::of(path, file)).collect()
    }
}
