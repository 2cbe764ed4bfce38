//! The tables of this plane, and how rows are written and read.
//!
//! * [`sql`]: statements that are put together, and many rows at once
//! * [`entities`]: entities and what hangs on them: search rows, relations, terms, claims
//! * [`searches`]: which keys and values an entity is found by
//! * [`terms`]: which words
//! * [`uses`]: relations to what agents call by its name in traffic
//!
//! What is found by prefix or compared in order is compared by code point on both databases (`COLLATE "C"`).

pub(crate) mod entities;
pub(crate) mod searches;
pub(crate) mod sql;
pub(crate) mod subjects;
pub(crate) mod terms;
pub(crate) mod uses;

use mizzen_store::Migration;

/// Tables of this plane, to be given to `Store::open`.
pub const MIGRATIONS: &[Migration] = &[
    Migration { plane: "catalog", version: 1, sql: include_str!("storage/entities.sql") },
    Migration { plane: "catalog", version: 2, sql: include_str!("storage/text.sql") },
    crate::scorecard::MIGRATION,
    Migration { plane: "catalog", version: 4, sql: include_str!("storage/agents.sql") },
    Migration { plane: "catalog", version: 5, sql: include_str!("storage/uses.sql") },
    // Planes of their own, so that their steps count by themselves.
    Migration { plane: "documentation", version: 1, sql: include_str!("docs/schema.sql") },
    Migration { plane: "templates", version: 1, sql: include_str!("template/plane/schema.sql") },
];
