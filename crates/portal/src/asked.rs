//! Query strings in which a name may come more than once.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use mizzen_model::percent::encode_pairs;
use mizzen_model::suggest;

use crate::error::ApiError;

/// Names and values of one query string.
const PARAMETERS_MAX: usize = 1_000;

/// What a query string says, in its order.
#[derive(Debug)]
pub(crate) struct Asked(Vec<(String, String)>);

impl Asked {
    /// # Errors
    /// When a name is none of `known`: a misspelt filter would otherwise select everything.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, ApiError> {
        let Some((name, _)) = self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) else { return Ok(self) };
        let near = suggest::nearest(name, known.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Err(ApiError::Invalid(format!("unknown query parameter `{name}`{hint}")))
    }

    pub(crate) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// # Errors
    /// When it is there twice.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(ApiError::Field { field: name, message: "can be given once".to_owned() }),
        }
    }

    /// # Errors
    /// When it is there twice, or is no whole number from 0.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let number = |text: &str| {
            let message = || format!("must be a whole number from 0, not `{text}`");
            text.parse().map_err(|_| ApiError::Field { field: name, message: message() })
        };
        self.one(name)?.map(number).transpose()
    }

    /// The query string again, with `name` set anew and without the names in `without`.
    pub(crate) fn with(&self, name: &str, value: &str, without: &[&str]) -> String {
        let kept = self.0.iter().filter(|(found, _)| found != name && !without.contains(&found.as_str()));
        encode_pairs(kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([(name, value)]))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let read = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = read.map_err(|error| ApiError::Invalid(error.body_text()))?;
        if pairs.len() > PARAMETERS_MAX {
            return Err(ApiError::Invalid(format!("a query string has at most {PARAMETERS_MAX} parameters")));
        }
        Ok(Self(pairs))
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;
    use http::Request;

    use super::Asked;

    async fn asked(query: &str) -> Asked {
        let request = Request::builder().uri(format!("/x?{query}")).body(()).unwrap();
        Asked::from_request_parts(&mut request.into_parts().0, &()).await.ok().unwrap()
    }

    #[tokio::test]
    async fn a_name_may_be_repeated_where_that_means_something() {
        let asked = asked("filter=a%2Cb%3D1&limit=2&filter=c+d&limit=3").await;
        assert_eq!(asked.all("filter").collect::<Vec<_>>(), ["a,b=1", "c d"]);
        assert!(asked.one("limit").is_err() && asked.number("limit").is_err());
        assert_eq!(asked.one("cursor").unwrap(), None);
        assert_eq!(asked.with("limit", "a&b", &[]), "filter=a%2Cb%3D1&filter=c%20d&limit=a%26b");
        assert_eq!(asked.with("after", "x", &["filter", "limit"]), "after=x");
    }

    #[tokio::test]
    async fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        let error = asked("fliter=kind=api").await.only(&["filter", "limit"]).unwrap_err();
        assert_eq!(error.to_string(), "unknown query parameter `fliter`; did you mean `filter`?");
        assert!(asked("limit=-1").await.number("limit").is_err());
    }
}
