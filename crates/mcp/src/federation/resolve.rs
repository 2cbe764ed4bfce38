//! Whose a name or URI is. A name that two servers have is nobody's.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::capabilities::about;
use super::listing::{Entry, listed};
use super::{names, template};
use crate::seam::{About, Definition, ListKind, Member, UpstreamError, View};

/// Why nobody can be asked.
#[derive(Debug)]
pub(crate) enum Missing {
    Unknown,
    /// Several have it.
    Shared,
    /// An address that no server lists, and that leads through `.` or `..`: patterns match what is written, servers go where it leads.
    Indirect,
    /// The one that may have it does not answer.
    Unavailable(UpstreamError),
}

/// Who has the tool or prompt that clients call `name`.
pub(crate) async fn by_name(view: &View, kind: ListKind, name: &str, wait: Duration) -> Result<Entry, Missing> {
    let server = |member: &&Member| names::may_belong(member.names, member.upstream.name(), name);
    let is_called = |member: &Member, key: &str| names::is_called(member.names, member.upstream.name(), key, name);
    let candidates: Vec<&Member> = view.members.iter().filter(server).collect();
    let lists = join_all(candidates.iter().map(|member| listed(member, kind, wait))).await;
    let (mut found, mut failed) = (Vec::new(), None);
    for (member, list) in candidates.into_iter().zip(lists) {
        match list {
            Ok(list) => found.extend(
                list.items
                    .iter()
                    .filter(|item| is_called(member, &item.key) && member.shown.admits(kind, &item.key))
                    .map(|item| Entry { member: member.clone(), definition: item.clone(), exposed: name.to_owned() }),
            ),
            Err(error) => failed = Some(error),
        }
    }
    one(found).unwrap_or_else(|| Err(failed.map_or(Missing::Unknown, Missing::Unavailable)))
}

/// Who has the resource `uri`, and its definition when it is listed: by the lists, else by the templates, else the
/// only server of the view that has resources at all.
pub(crate) async fn by_uri(view: &View, uri: &str, wait: Duration) -> Result<(Member, Option<Definition>), Missing> {
    let members: Vec<&Member> = view.members.iter().filter(|m| m.shown.admits(ListKind::Resources, uri)).collect();
    let lists = join_all(members.iter().map(|member| listed(member, ListKind::Resources, wait))).await;
    let (mut found, mut failed) = (Vec::new(), None);
    for (member, list) in members.iter().zip(lists) {
        match list {
            Ok(list) => found.extend(list.items.iter().filter(|item| item.key == uri).map(|item| Entry {
                member: (*member).clone(),
                definition: item.clone(),
                exposed: uri.to_owned(),
            })),
            Err(error) => failed = Some(error),
        }
    }
    if let Some(listed) = one(found) {
        return listed.map(|entry| (entry.member, Some(entry.definition)));
    }
    if is_indirect(uri) {
        return Err(Missing::Indirect);
    }
    if let Some(fitting) = by_template(&members, uri, wait).await {
        return fitting;
    }
    if let Some(error) = failed {
        return Err(Missing::Unavailable(error));
    }
    let abouts = join_all(members.iter().map(|member| about(member, wait))).await;
    let has =
        |about: &Result<Arc<About>, _>| about.as_ref().is_ok_and(|about| about.capabilities.contains_key("resources"));
    let mut able = members.iter().zip(&abouts).filter(|(_, about)| has(about));
    match (able.next(), able.next()) {
        (Some((only, _)), None) => Ok(((*only).clone(), None)),
        _ => Err(Missing::Unknown),
    }
}

/// Whether `uri` has a segment `.` or `..` (RFC 3986, section 3.3), however its characters are written, and also between the
/// backslashes that some systems take for slashes.
pub(crate) fn is_indirect(uri: &str) -> bool {
    let (_, path) = uri.split_once(':').unwrap_or(("", uri));
    let written = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    written.split(['/', '\\', '?', '#']).any(|segment| matches!(segment, "." | ".."))
}

/// `None` when no template fits. Of several the one with most literal characters counts; two of one length of
/// different servers are one too many.
async fn by_template(
    members: &[&Member],
    uri: &str,
    wait: Duration,
) -> Option<Result<(Member, Option<Definition>), Missing>> {
    let lists = join_all(members.iter().map(|member| listed(member, ListKind::ResourceTemplates, wait))).await;
    let mut best: Vec<(usize, &Member)> = Vec::new();
    for (member, list) in members.iter().zip(lists) {
        let fits = |item: &Definition| template::matches(&item.key, uri);
        if let Some(literal) = list.ok().and_then(|list| list.items.iter().filter_map(fits).max()) {
            best.push((literal, member));
        }
    }
    let longest = best.iter().map(|(literal, _)| *literal).max()?;
    best.retain(|(literal, _)| *literal == longest);
    Some(match best.as_slice() {
        [(_, member)] => Ok(((*member).clone(), None)),
        _ => Err(Missing::Shared),
    })
}

/// `None` when there is none.
fn one(mut found: Vec<Entry>) -> Option<Result<Entry, Missing>> {
    match found.len() {
        0 => None,
        1 => found.pop().map(Ok),
        _ => Some(Err(Missing::Shared)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_indirect;

    #[test]
    fn an_address_that_leads_elsewhere_than_it_says_is_seen_however_it_is_written() {
        for uri in [
            "file:///srv/public/../private/k",
            "file:///srv/public/..",
            "file:///srv/./k",
            "file:///srv/public/%2e%2E/private/k",
            "file:///srv/public/.%2e/private/k",
            "file:///srv/public/..%2fprivate/k",
            "file:///srv/public%2F..%5Cprivate",
            "file:///srv/public\\..\\private",
            "file:../k",
            "x://a/..?q=1",
            "..",
        ] {
            assert!(is_indirect(uri), "{uri}");
        }
        for uri in ["file:///srv/.env", "file:///srv/a..b/...", "x://a/b?from=v1..v2#..c", "x://..a/b", "urn:a:b", ""] {
            assert!(!is_indirect(uri), "{uri}");
        }
    }
}
