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
    Shared(Vec<String>),
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
        several => Err(Missing::Shared(several.iter().map(|(_, member)| member.upstream.name().to_owned()).collect())),
    })
}

/// `None` when there is none.
fn one(mut found: Vec<Entry>) -> Option<Result<Entry, Missing>> {
    match found.len() {
        0 => None,
        1 => found.pop().map(Ok),
        _ => {
            Some(Err(Missing::Shared(found.into_iter().map(|entry| entry.member.upstream.name().to_owned()).collect())))
        }
    }
}
