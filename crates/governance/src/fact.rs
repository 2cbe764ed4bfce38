//! Values that policies look at: as the index reads them, and as Cedar gets them.

use std::collections::BTreeMap;

use cedar_policy::{EntityUid, RestrictedExpression};

use crate::decimal;

/// One value. Decimals are ten-thousandths.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fact {
    Bool(bool),
    Long(i64),
    Decimal(i64),
    Text(String),
    /// As RFC 3339 in UTC with milliseconds.
    Datetime(String),
    Uid(EntityUid),
    Set(Vec<Fact>),
    Record(Record),
}

pub(crate) type Record = BTreeMap<String, Fact>;

impl Fact {
    pub(crate) fn expression(&self) -> RestrictedExpression {
        match self {
            Self::Bool(flag) => RestrictedExpression::new_bool(*flag),
            Self::Long(number) => RestrictedExpression::new_long(*number),
            Self::Decimal(scaled) => RestrictedExpression::new_decimal(decimal::text(*scaled)),
            Self::Text(text) => RestrictedExpression::new_string(text.clone()),
            Self::Datetime(text) => RestrictedExpression::new_datetime(text),
            Self::Uid(uid) => RestrictedExpression::new_entity_uid(uid.clone()),
            Self::Set(members) => RestrictedExpression::new_set(members.iter().map(Self::expression)),
            // The names of a map are unique, which is all that can be wrong with a record.
            Self::Record(record) => RestrictedExpression::new_record(expressions(record))
                .unwrap_or_else(|_| RestrictedExpression::new_set([])),
        }
    }

    /// For people: what a policy saw.
    pub(crate) fn display(&self) -> String {
        match self {
            Self::Bool(flag) => flag.to_string(),
            Self::Long(number) => number.to_string(),
            Self::Decimal(scaled) => decimal::text(*scaled),
            Self::Text(text) | Self::Datetime(text) => format!("{text:?}"),
            Self::Uid(uid) => uid.to_string(),
            Self::Set(members) => {
                let members: Vec<String> = members.iter().map(Self::display).collect();
                format!("[{}]", members.join(", "))
            }
            Self::Record(record) => {
                let fields: Vec<String> =
                    record.iter().map(|(name, fact)| format!("{name}: {}", fact.display())).collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }
}

pub(crate) fn expressions(record: &Record) -> Vec<(String, RestrictedExpression)> {
    record.iter().map(|(name, fact)| (name.clone(), fact.expression())).collect()
}
