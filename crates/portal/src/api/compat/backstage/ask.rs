//! Which entities a request asks for, and in which order.

use mizzen_catalog::filter;
use mizzen_catalog::query::{LIMIT_MAX, Order, Predicate};
use serde_json::Value;

use crate::asked::Asked;
use crate::error::ApiError;

/// In a filter, how a discovered entity is asked for.
const ORIGIN_ANNOTATION: &str = "metadata.annotations.mizzen.dev/origin";
/// Where the catalog keeps that.
const ORIGIN_KEY: &str = "mizzen.origin";
/// What a location held and holds no longer; also put on an entity on its way out.
const ORPHAN_ANNOTATION: &str = "metadata.annotations.backstage.io/orphan";
const ORPHAN_KEY: &str = "mizzen.orphan";

/// What `filter=` says; `None` when nothing.
pub(super) fn filter(asked: &Asked) -> Result<Option<Predicate>, ApiError> {
    Ok(filter::filters(&asked.all("filter").collect::<Vec<_>>())?)
}

/// The predicate of a JSON body; `None` when the body has none.
pub(super) fn predicate(query: Option<&Value>) -> Result<Option<Predicate>, ApiError> {
    Ok(query.map(filter::predicate).transpose()?)
}

/// A key that a list is ordered by.
///
/// # Errors
/// When there is no key, or the direction is neither `asc` nor `desc`.
pub(super) fn order(field: &'static str, key: &str, direction: &str) -> Result<Order, ApiError> {
    let message = match (direction, key.trim()) {
        ("asc" | "desc", "") => format!("`{direction}` needs a field to order by"),
        ("asc" | "desc", key) => return Ok(Order { key: key.to_lowercase(), descending: direction == "desc" }),
        _ => format!("the direction must be asc or desc, not `{direction}`"),
    };
    Err(ApiError::Field { field, message })
}

/// A limit as the catalog takes it; what is more comes with the next cursor.
pub(super) fn bounded(limit: u64) -> u32 {
    u32::try_from(limit).unwrap_or(LIMIT_MAX).clamp(1, LIMIT_MAX)
}

/// What is asked for, among what is registered; discovered entities are looked at when the question names their annotation.
pub(super) fn visible(asked: Option<Predicate>) -> Predicate {
    let mut names_origin = false;
    let asked = asked.map(|asked| translated(asked, &mut names_origin));
    let registered = (!names_origin).then(|| Predicate::Equals(ORIGIN_KEY.to_owned(), "declared".to_owned()));
    let mut all: Vec<Predicate> = asked.into_iter().chain(registered).collect();
    if all.len() == 1 { all.swap_remove(0) } else { Predicate::All(all) }
}

/// What is asked of entities that are named one by one.
pub(super) fn among_named(asked: Predicate) -> Predicate {
    translated(asked, &mut false)
}

/// Some annotations are put on entities on their way out only; the catalog keeps what they say under keys of its own.
fn translated(predicate: Predicate, names_origin: &mut bool) -> Predicate {
    let mut key = |key: String| match key.as_str() {
        ORIGIN_ANNOTATION => {
            *names_origin = true;
            ORIGIN_KEY.to_owned()
        }
        ORPHAN_ANNOTATION => ORPHAN_KEY.to_owned(),
        _ => key,
    };
    match predicate {
        Predicate::Exists(name) if name == ORIGIN_ANNOTATION => Predicate::Equals(key(name), "discovered".to_owned()),
        Predicate::Exists(name) => Predicate::Exists(key(name)),
        Predicate::Equals(name, value) => Predicate::Equals(key(name), value),
        Predicate::In(name, values) => Predicate::In(key(name), values),
        Predicate::HasPrefix(name, prefix) => Predicate::HasPrefix(key(name), prefix),
        Predicate::Contains(name, part) => Predicate::Contains(key(name), part),
        Predicate::Not(inner) => Predicate::Not(Box::new(translated(*inner, names_origin))),
        Predicate::All(inner) => Predicate::All(each(inner, names_origin)),
        Predicate::Any(inner) => Predicate::Any(each(inner, names_origin)),
    }
}

fn each(predicates: Vec<Predicate>, names_origin: &mut bool) -> Vec<Predicate> {
    predicates.into_iter().map(|predicate| translated(predicate, names_origin)).collect()
}

#[cfg(test)]
mod tests {
    use mizzen_catalog::filter::filters;
    use mizzen_catalog::query::Predicate;

    use super::{bounded, order, visible};

    fn equals(key: &str, value: &str) -> Predicate {
        Predicate::Equals(key.to_owned(), value.to_owned())
    }

    #[test]
    fn discovered_entities_are_looked_at_when_their_annotation_is_named() {
        assert_eq!(visible(None), equals("mizzen.origin", "declared"));
        let kind = visible(filters(&["kind=api"]).unwrap());
        assert_eq!(kind, Predicate::All(vec![equals("kind", "api"), equals("mizzen.origin", "declared")]));
        let named = visible(filters(&["metadata.annotations.mizzen.dev/Origin"]).unwrap());
        assert_eq!(named, equals("mizzen.origin", "discovered"));
        let orphans = visible(filters(&["metadata.annotations.backstage.io/orphan=true"]).unwrap());
        assert_eq!(orphans, Predicate::All(vec![equals("mizzen.orphan", "true"), equals("mizzen.origin", "declared")]));
        let either = visible(filters(&["kind=api", "metadata.annotations.mizzen.dev/origin=discovered"]).unwrap());
        assert_eq!(either, Predicate::Any(vec![equals("kind", "api"), equals("mizzen.origin", "discovered")]));
    }

    #[test]
    fn limits_and_orders_stay_in_their_bounds() {
        assert_eq!((bounded(0), bounded(7), bounded(u64::MAX)), (1, 7, super::LIMIT_MAX));
        assert!(
            order("order", "metadata.Name", "desc").is_ok_and(|order| order.descending && order.key == "metadata.name")
        );
        assert!(order("order", "metadata.name", "down").is_err() && order("order", " ", "asc").is_err());
    }
}
