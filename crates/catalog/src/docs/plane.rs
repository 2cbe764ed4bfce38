//! Documentation in the database: pages with the catalog's, where search finds them, and beside them what a site is made of.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mizzen_governance::problem::Problem;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::Row as _;

use super::link::Links;
use super::markdown::{self, Rendered};
use super::site::{Item, Site, media_type};
use crate::plane::{Actor, Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::search::Page;
use crate::template::files::Files;

/// Bytes of the address of the sources.
const SOURCE_URL_BYTES_MAX: usize = 2_048;

/// Why documentation was not kept or is not there.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    #[error("`{0}` has no documentation; `docs/index.md` beside its catalog file is taken in when that is applied")]
    NoSite(EntityRef),
    #[error("the documentation of `{reference}` has no page `{path}`")]
    NoPage { reference: EntityRef, path: String },
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    #[error("`source_url` must be an http or https address")]
    SourceUrl,
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("what is kept of the documentation of `{reference}` is damaged")]
    Damaged {
        reference: EntityRef,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the page could not be rendered")]
    Ended,
}

impl From<sqlx::Error> for DocsError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// One page of a site, ready to show.
#[derive(Debug, Clone)]
pub struct Shown {
    pub site: String,
    pub path: String,
    pub title: String,
    pub rendered: Rendered,
    pub navigation: Vec<Item>,
    /// Title and path.
    pub previous: Option<(String, String)>,
    pub next: Option<(String, String)>,
    pub source_url: Option<String>,
    pub updated_at: Timestamp,
}

/// Documentation of entities. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Documentation(Catalog);

struct Kept {
    title: Option<String>,
    navigation: Vec<Item>,
    source_url: Option<String>,
    updated_at: Timestamp,
}

impl Documentation {
    #[must_use]
    pub const fn new(catalog: Catalog) -> Self {
        Self(catalog)
    }

    /// Makes a folder the documentation of an entity, all of it, and writes so into the audit log.
    ///
    /// # Errors
    /// When there is no such entity, the folder is no documentation, or the database or the audit log fails.
    pub async fn put(
        &self,
        reference: &EntityRef,
        files: &Files,
        source_url: Option<&str>,
        by: &Actor,
    ) -> Result<(Site, Digest), DocsError> {
        if self.0.get(reference).await?.is_none() {
            return Err(CatalogError::NotFound { what: "entity", name: reference.to_string() }.into());
        }
        let source_url = source_url.map(checked_url).transpose()?;
        let site = Site::read(files).map_err(DocsError::Problems)?;
        let digest = files.digest();
        self.0.audited(reference, self.0.entry(reference, by, "document").with("digest", digest.as_str())).await?;
        let pages: Vec<Page> = site
            .pages
            .iter()
            .map(|page| Page { path: page.path.clone(), title: page.title.clone(), markdown: page.markdown.clone() })
            .collect();
        // Pages first: a navigation that names a page which is not there yet would lead nowhere.
        self.0.put_documents(reference, &pages).await?;
        self.keep(reference, &site, source_url, &digest).await?;
        Ok((site, digest))
    }

    async fn keep(
        &self,
        reference: &EntityRef,
        site: &Site,
        source_url: Option<String>,
        digest: &Digest,
    ) -> Result<(), DocsError> {
        let navigation = serde_json::to_string(&site.navigation)
            .map_err(|error| DocsError::Damaged { reference: reference.clone(), source: error.into() })?;
        let mut change = self.0.store().begin().await?;
        let sql = "INSERT INTO documentation_sites (ref, title, navigation, source_url, digest, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (ref) DO UPDATE SET title = excluded.title, navigation = excluded.navigation,
            source_url = excluded.source_url, digest = excluded.digest, updated_at = excluded.updated_at";
        sqlx::query(sql)
            .bind(reference.to_string())
            .bind(site.title.clone())
            .bind(navigation)
            .bind(source_url)
            .bind(digest.to_string())
            .bind(self.0.clock().now().unix_nanos())
            .execute(&mut *change)
            .await?;
        sqlx::query("DELETE FROM documentation_images WHERE ref = $1")
            .bind(reference.to_string())
            .execute(&mut *change)
            .await?;
        for (path, _, file) in &site.images {
            let sql = "INSERT INTO documentation_images (ref, path, content) VALUES ($1, $2, $3)";
            let insert = sqlx::query(sql).bind(reference.to_string()).bind(path.clone());
            insert.bind(BASE64_STANDARD.encode(&file.content)).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Takes the documentation of an entity away, and writes so into the audit log.
    ///
    /// # Errors
    /// When there is none, or the database or the audit log fails.
    pub async fn remove(&self, reference: &EntityRef, by: &Actor) -> Result<(), DocsError> {
        if self.site(reference).await?.is_none() {
            return Err(DocsError::NoSite(reference.clone()));
        }
        self.0.audited(reference, self.0.entry(reference, by, "undocument")).await?;
        self.0.put_documents(reference, &[]).await?;
        let mut change = self.0.store().begin().await?;
        for table in ["documentation_sites", "documentation_images"] {
            let sql = sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE ref = $1"));
            sqlx::query(sql).bind(reference.to_string()).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Whether an entity has any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has(&self, reference: &EntityRef) -> Result<bool, DocsError> {
        let sql = "SELECT 1 FROM documentation_sites WHERE ref = $1";
        let row = sqlx::query(sql).bind(reference.to_string()).fetch_optional(self.0.store().pool()).await?;
        Ok(row.is_some())
    }

    /// A page; the first of the navigation when none is named.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn page(&self, reference: &EntityRef, path: Option<&str>) -> Result<Shown, DocsError> {
        let site = self.site(reference).await?.ok_or_else(|| DocsError::NoSite(reference.clone()))?;
        let order: Vec<(String, String)> = Site::order(&site.navigation)
            .into_iter()
            .map(|(title, path)| (title.to_owned(), path.to_owned()))
            .collect();
        let pages = self.paths("SELECT path FROM catalog_documents WHERE ref = $1 ORDER BY path", reference).await?;
        let first = || order.first().map(|(_, path)| path).or(pages.first()).cloned();
        let wanted = path.map(str::to_owned).or_else(first).ok_or_else(|| DocsError::NoSite(reference.clone()))?;
        let page = self.0.document_page(reference, &wanted).await?;
        let page = page.ok_or_else(|| DocsError::NoPage { reference: reference.clone(), path: wanted.clone() })?;
        let links = Links {
            entity: reference.clone(),
            page: wanted.clone(),
            pages: pages.into_iter().collect(),
            files: self
                .paths("SELECT path FROM documentation_images WHERE ref = $1", reference)
                .await?
                .into_iter()
                .collect(),
            source_url: site.source_url.clone(),
        };
        let text = page.page.markdown;
        // Rendering is work for the processor.
        let rendered =
            tokio::task::spawn_blocking(move || markdown::render(&text, &links)).await.map_err(|_| DocsError::Ended)?;
        let at = order.iter().position(|(_, path)| *path == wanted);
        let neighbour = |at: Option<usize>| at.and_then(|at| order.get(at)).cloned();
        Ok(Shown {
            site: site.title.unwrap_or_else(|| reference.name().to_owned()),
            title: page.page.title,
            rendered,
            navigation: site.navigation,
            previous: neighbour(at.and_then(|at| at.checked_sub(1))),
            next: neighbour(at.map(|at| at + 1)),
            source_url: site.source_url.map(|url| format!("{url}{wanted}")),
            updated_at: site.updated_at,
            path: wanted,
        })
    }

    /// An image of the documentation, and what it is sent as.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn image(&self, reference: &EntityRef, path: &str) -> Result<(&'static str, Vec<u8>), DocsError> {
        let missing = || DocsError::NoPage { reference: reference.clone(), path: path.to_owned() };
        let media = media_type(path).ok_or_else(missing)?;
        let sql = "SELECT content FROM documentation_images WHERE ref = $1 AND path = $2";
        let query = sqlx::query(sql).bind(reference.to_string()).bind(path.to_owned());
        let row = query.fetch_optional(self.0.store().pool()).await?.ok_or_else(missing)?;
        let content: String = row.try_get(0)?;
        let bytes = BASE64_STANDARD.decode(content);
        let bytes = bytes.map_err(|error| DocsError::Damaged { reference: reference.clone(), source: error.into() })?;
        Ok((media, bytes))
    }

    /// Of pages or images: what they hold may be megabytes.
    async fn paths(&self, sql: &'static str, reference: &EntityRef) -> Result<Vec<String>, DocsError> {
        let rows = sqlx::query(sql).bind(reference.to_string()).fetch_all(self.0.store().pool()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    async fn site(&self, reference: &EntityRef) -> Result<Option<Kept>, DocsError> {
        let sql = "SELECT title, navigation, source_url, updated_at FROM documentation_sites WHERE ref = $1";
        let row = sqlx::query(sql).bind(reference.to_string()).fetch_optional(self.0.store().pool()).await?;
        let Some(row) = row else { return Ok(None) };
        let (navigation, at): (String, i64) = (row.try_get(1)?, row.try_get(3)?);
        let navigation = serde_json::from_str(&navigation)
            .map_err(|error| DocsError::Damaged { reference: reference.clone(), source: error.into() })?;
        let (title, source_url) = (row.try_get(0)?, row.try_get(2)?);
        Ok(Some(Kept { title, navigation, source_url, updated_at: Timestamp::from_unix_nanos(at) }))
    }
}

fn checked_url(url: &str) -> Result<String, DocsError> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = !url.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\'));
    if !is_web || !is_plain || url.len() > SOURCE_URL_BYTES_MAX {
        return Err(DocsError::SourceUrl);
    }
    Ok(format!("{}/", url.trim_end_matches('/')))
}
