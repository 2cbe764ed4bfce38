//! Where a link of a page leads.

use std::collections::HashSet;

use mizzen_model::percent::encode_path;
use percent_encoding::percent_decode_str;

use crate::reference::EntityRef;

/// What every id of a page begins with, so that none is an id of the portal's.
pub const ID_PREFIX: &str = "doc-";
/// What a page may link to elsewhere.
const SCHEMES: &[&str] = &["http", "https", "mailto"];

/// What there is to link to, seen from one page.
#[derive(Debug, Clone)]
pub struct Links {
    pub entity: EntityRef,
    /// Path of the page within the documentation.
    pub page: String,
    /// All pages.
    pub pages: HashSet<String>,
    /// Images and what else lies beside the pages.
    pub files: HashSet<String>,
    /// Where the sources can be read, ending in `/`; for links to what is not kept here.
    pub source_url: Option<String>,
}

impl Links {
    /// Where the portal shows a page.
    #[must_use]
    pub fn page_url(&self, path: &str) -> String {
        let (kind, namespace, name) = (self.entity.kind(), self.entity.namespace(), self.entity.name());
        format!("/catalog/{}/{}/{}/docs/{}", encoded(kind), encoded(namespace), encoded(name), encoded(path))
    }

    fn file_url(&self, path: &str) -> String {
        let (kind, namespace, name) = (self.entity.kind(), self.entity.namespace(), self.entity.name());
        let (kind, namespace, name) = (encoded(kind), encoded(namespace), encoded(name));
        format!("/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs-files/{}", encoded(path))
    }

    /// What a link becomes; `None`: it is taken out.
    #[must_use]
    pub fn link(&self, written: &str) -> Option<String> {
        let target = clean(written)?;
        if let Some(scheme) = scheme(target) {
            return SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()).then(|| target.to_owned());
        }
        if let Some(id) = target.strip_prefix('#') {
            return Some(format!("#{}", anchor(id)));
        }
        let (path, id) = target.split_once('#').map_or((target, None), |(path, id)| (path, Some(id)));
        let path = path.split('?').next().unwrap_or_default();
        let inner = self.resolve(path)?;
        let id = id.map(|id| format!("#{}", anchor(id))).unwrap_or_default();
        if let Some(page) = self.find_page(&inner) {
            return Some(format!("{}{id}", self.page_url(&page)));
        }
        if self.files.contains(&inner) {
            return Some(self.file_url(&inner));
        }
        let source = self.source_url.as_ref()?;
        Some(format!("{source}{}{id}", encoded(&inner)))
    }

    /// What the address of an image becomes: one of this documentation, or none.
    #[must_use]
    pub fn image(&self, written: &str) -> Option<String> {
        let target = clean(written)?;
        if scheme(target).is_some() {
            return None;
        }
        let path = self.resolve(target.split(['?', '#']).next().unwrap_or_default())?;
        self.files.contains(&path).then(|| self.file_url(&path))
    }

    /// A page is linked to by its file, or as the address that MkDocs gives it.
    fn find_page(&self, path: &str) -> Option<String> {
        let bare = path.trim_end_matches('/');
        let join =
            |end: &str| if bare.is_empty() { end.trim_start_matches('/').to_owned() } else { format!("{bare}{end}") };
        let candidates = [bare.to_owned(), join(".md"), join("/index.md"), join("/README.md")];
        candidates.into_iter().find(|candidate| self.pages.contains(candidate))
    }

    /// A relative path, seen from the page; `None` when it leads out of the documentation.
    fn resolve(&self, path: &str) -> Option<String> {
        let decoded = decoded(path)?;
        let mut names: Vec<&str> = match decoded.strip_prefix('/') {
            Some(_) => Vec::new(),
            None => self.page.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
        };
        for name in decoded.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    names.pop()?;
                }
                name => names.push(name),
            }
        }
        Some(names.join("/"))
    }
}

/// The address without blanks around it; `None` when it has what browsers read in their own ways.
fn clean(written: &str) -> Option<&str> {
    let target = written.trim();
    let is_odd = |c: char| c.is_control() || c == '\\';
    (!target.is_empty() && !target.starts_with("//") && !target.contains(is_odd)).then_some(target)
}

fn scheme(target: &str) -> Option<&str> {
    let end = target.find([':', '/', '?', '#'])?;
    target[end..].starts_with(':').then(|| &target[..end])
}

/// The id that is meant by one in a link.
pub(super) fn anchor(id: &str) -> String {
    if id.starts_with(ID_PREFIX) { id.to_owned() } else { format!("{ID_PREFIX}{id}") }
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (!decoded.contains(|c: char| c.is_control() || c == '\\')).then(|| decoded.into_owned())
}

fn encoded(path: &str) -> String {
    encode_path(path.as_bytes())
}
