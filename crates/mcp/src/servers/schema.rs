//! The tables of this plane. Instants are nanoseconds since the Unix epoch; configurations and definitions are JSON.

use mizzen_store::Migration;

/// To be given to `Store::open`.
pub const MIGRATIONS: &[Migration] = &[Migration {
    plane: "mcp",
    version: 1,
    sql: "
CREATE TABLE mcp_revision (
    id BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO mcp_revision (id, revision) VALUES (1, 0);

CREATE TABLE mcp_servers (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

CREATE TABLE mcp_profiles (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

CREATE TABLE mcp_definitions (
    server TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    definition TEXT NOT NULL,
    findings TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    PRIMARY KEY (server, tool)
);

CREATE TABLE mcp_pins (
    server TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    definition TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at BIGINT NOT NULL,
    PRIMARY KEY (server, tool)
);
",
}];
