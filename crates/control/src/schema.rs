//! The tables of this plane. Instants are nanoseconds since the Unix epoch; hashes are SHA-256 in base64url.

use mizzen_store::Migration;

/// To be given to `Store::open`.
pub const MIGRATIONS: &[Migration] = &[Migration {
    plane: "control",
    version: 1,
    sql: "
CREATE TABLE control_revision (
    id BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO control_revision (id, revision) VALUES (1, 0);

CREATE TABLE control_keys (
    key_id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    agent TEXT,
    run_id TEXT,
    last_four TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

CREATE TABLE control_providers (
    name TEXT PRIMARY KEY,
    ciphertext TEXT,
    variable TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE control_links (
    hash TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE control_sessions (
    hash TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE control_responses (
    response_id TEXT PRIMARY KEY,
    caller TEXT NOT NULL,
    upstream TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
",
}];
