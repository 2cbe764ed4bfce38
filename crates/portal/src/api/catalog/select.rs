//! Which entities a list, its facets or a count are about.

use mizzen_catalog::compat::UNOWNED;
use mizzen_catalog::filter;
use mizzen_catalog::query::{FullText, Predicate};
use mizzen_catalog::reference::{DEFAULT_NAMESPACE, EntityRef};
use mizzen_catalog::version::VersionState;
use utoipa::IntoParams;

use crate::asked::Asked;
use crate::error::ApiError;

/// Stands for not having any.
const NONE: &str = "none";
/// Values that one parameter may name.
const VALUES_MAX: usize = 100;

/// Parameters of a selection: each may name several values, separated by commas, of which one must be met; all parameters must be.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Select {
    /// For example `component,api`.
    kind: Option<String>,
    /// `spec.type`
    r#type: Option<String>,
    /// What it is for Mizzen: `agent`, `tool_server`, `tool`, `model`, `pool`, `eval_set`, `prompt`, `skill`, `caller`, or else the kind in
    /// lower case.
    class: Option<String>,
    /// References of owners, groups where no kind is given; `none`: nobody owns it.
    owner: Option<String>,
    lifecycle: Option<String>,
    /// References of systems.
    system: Option<String>,
    namespace: Option<String>,
    tag: Option<String>,
    /// State of the version shown; `none`: it is not reviewed.
    state: Option<String>,
    /// `declared` or `discovered`.
    origin: Option<String>,
    /// Of the scorecard, 0 to 4; `none`: there is no scorecard yet.
    level: Option<String>,
    /// `true`: with ingestion errors or dangling references; `false`: without.
    problems: Option<String>,
    /// Backstage's filter: `key` or `key=value`, separated by commas; several filters are alternatives.
    #[param(required = false)]
    filter: Vec<String>,
    /// Words that must be there, the last of them perhaps only begun.
    q: Option<String>,
}

impl Select {
    pub(super) const NAMES: &'static [&'static str] = &[
        "kind",
        "type",
        "class",
        "owner",
        "lifecycle",
        "system",
        "namespace",
        "tag",
        "state",
        "origin",
        "level",
        "problems",
        "filter",
        "q",
    ];

    pub(super) fn read(asked: &Asked) -> Result<Self, ApiError> {
        let one = |name| asked.one(name).map(|value| value.filter(|value| !value.is_empty()).map(str::to_owned));
        Ok(Self {
            kind: one("kind")?,
            r#type: one("type")?,
            class: one("class")?,
            owner: one("owner")?,
            lifecycle: one("lifecycle")?,
            system: one("system")?,
            namespace: one("namespace")?,
            tag: one("tag")?,
            state: one("state")?,
            origin: one("origin")?,
            level: one("level")?,
            problems: one("problems")?,
            filter: asked.all("filter").map(str::to_owned).collect(),
            q: one("q")?,
        })
    }

    pub(super) fn full_text(&self) -> Option<FullText> {
        let text = self.q.as_deref().filter(|text| !text.trim().is_empty())?;
        Some(FullText { text: text.to_owned(), fields: Vec::new() })
    }

    pub(super) fn predicate(&self) -> Result<Predicate, ApiError> {
        let mut all: Vec<Predicate> = filter::filters(&self.filter)?.into_iter().collect();
        let plain = [
            ("kind", "kind", &self.kind),
            ("type", "spec.type", &self.r#type),
            ("class", "mizzen.class", &self.class),
            ("lifecycle", "spec.lifecycle", &self.lifecycle),
            ("namespace", "metadata.namespace", &self.namespace),
            ("tag", "metadata.tags", &self.tag),
        ];
        for (field, key, given) in plain {
            if let Some(given) = given {
                all.push(one_of(key, values(field, given)?));
            }
        }
        if let Some(given) = &self.owner {
            all.push(owned(given)?);
        }
        if let Some(given) = &self.system {
            all.push(related("system", "relations.partof", "system", given)?);
        }
        let states: Vec<&str> = VersionState::ALL.iter().map(|state| state.as_str()).chain([NONE]).collect();
        let known: [(&'static str, &str, &Option<String>, &[&str]); 4] = [
            ("state", "mizzen.state", &self.state, &states),
            ("origin", "mizzen.origin", &self.origin, &["declared", "discovered"]),
            ("level", "mizzen.level", &self.level, &["0", "1", "2", "3", "4", NONE]),
            ("problems", "mizzen.problems", &self.problems, &["true", "false"]),
        ];
        for (field, key, given, known) in known {
            let Some(given) = given else { continue };
            let values = values(field, given)?;
            if let Some(unknown) = values.iter().find(|value| !known.contains(&value.as_str())) {
                return Err(ApiError::unknown(field, unknown, known));
            }
            all.push(if field == "problems" { problems(key, &values) } else { one_of(key, values) });
        }
        Ok(Predicate::All(all))
    }
}

/// Comma-separated values in lower case.
fn values(field: &'static str, given: &str) -> Result<Vec<String>, ApiError> {
    let values: Vec<String> =
        given.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_lowercase).collect();
    if values.len() > VALUES_MAX {
        return Err(ApiError::Field { field, message: format!("can name at most {VALUES_MAX} values") });
    }
    Ok(values)
}

/// That `key` has one of `values`, or is not there when they say so.
fn one_of(key: &str, mut values: Vec<String>) -> Predicate {
    let may_lack = values.iter().any(|value| value == NONE);
    values.retain(|value| value != NONE);
    let lacks = may_lack.then(|| Predicate::Not(Box::new(Predicate::Exists(key.to_owned()))));
    let has = (!values.is_empty()).then(|| Predicate::In(key.to_owned(), values));
    Predicate::Any(has.into_iter().chain(lacks).collect())
}

/// There is a key for having problems, and none for having none.
fn problems(key: &str, values: &[String]) -> Predicate {
    let has = Predicate::Exists(key.to_owned());
    let parts =
        values.iter().map(|value| if value == "true" { has.clone() } else { Predicate::Not(Box::new(has.clone())) });
    Predicate::Any(parts.collect())
}

/// By one of these; foreign documents that name no owner have one that stands for nobody.
fn owned(given: &str) -> Result<Predicate, ApiError> {
    const KEY: &str = "relations.ownedby";
    let owners = related("owner", KEY, "group", given)?;
    if !given.split(',').any(|owner| owner.trim().eq_ignore_ascii_case(NONE)) {
        return Ok(owners);
    }
    let nobody = EntityRef::new("group", DEFAULT_NAMESPACE, UNOWNED).to_string();
    Ok(Predicate::Any(vec![owners, Predicate::Equals(KEY.to_owned(), nobody)]))
}

fn related(field: &'static str, key: &str, kind: &str, given: &str) -> Result<Predicate, ApiError> {
    let reference = |text: String| {
        if text == NONE {
            return Ok(text);
        }
        let read = EntityRef::parse(&text, Some(kind), DEFAULT_NAMESPACE);
        read.map(|reference| reference.to_string())
            .map_err(|error| ApiError::Field { field, message: error.to_string() })
    };
    let values = values(field, given)?.into_iter().map(reference).collect::<Result<_, _>>()?;
    Ok(one_of(key, values))
}
