//! The tables of this plane. Instants are nanoseconds since the Unix epoch; hashes are SHA-256 in base64url.

use mizzen_store::Migration;

/// To be given to `Store::open`.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
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
    },
    Migration {
        plane: "control",
        version: 2,
        sql: "
ALTER TABLE control_keys ADD COLUMN team TEXT;
ALTER TABLE control_keys ADD COLUMN agent_digest TEXT;
ALTER TABLE control_keys ADD COLUMN minted_by TEXT;

INSERT INTO control_revision (id, revision) VALUES (2, 0);

CREATE TABLE control_pauses (
    pause_id TEXT PRIMARY KEY,
    reach TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

CREATE TABLE control_budgets (
    name TEXT PRIMARY KEY,
    budget TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL
);

CREATE TABLE control_accounts (
    account_id TEXT PRIMARY KEY,
    budget TEXT NOT NULL,
    subject TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX control_accounts_by_budget ON control_accounts (budget, window_start);

CREATE TABLE control_approvals (
    approval_id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    is_open BIGINT NOT NULL,
    state TEXT NOT NULL,
    key_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    agent TEXT,
    team TEXT,
    minted_by TEXT,
    run_id TEXT,
    session TEXT,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    server TEXT,
    name TEXT NOT NULL,
    arguments TEXT,
    arguments_shown TEXT NOT NULL,
    arguments_hash TEXT NOT NULL,
    taint BIGINT NOT NULL,
    reason TEXT NOT NULL,
    policies TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    answered_by TEXT,
    answered_at BIGINT,
    answer_reason TEXT,
    notices BIGINT NOT NULL,
    notify_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX control_approvals_open ON control_approvals (fingerprint) WHERE is_open = 1;
CREATE INDEX control_approvals_due ON control_approvals (state, expires_at);
CREATE INDEX control_approvals_changed ON control_approvals (changed_at);
CREATE INDEX control_approvals_by_time ON control_approvals (requested_at);

CREATE TABLE control_taint (
    place TEXT PRIMARY KEY,
    taint BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE control_evidence (
    subject TEXT NOT NULL,
    metric TEXT NOT NULL,
    agent TEXT NOT NULL,
    evidence TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (subject, metric)
);
",
    },
    Migration { plane: "control", version: 3, sql: crate::policies::TABLES },
    Migration {
        plane: "control",
        version: 4,
        sql: "
ALTER TABLE control_sessions ADD COLUMN subject TEXT;
",
    },
    Migration {
        plane: "control",
        version: 5,
        sql: "
CREATE TABLE control_api_tokens (
    token_id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_four TEXT NOT NULL
);
",
    },
    Migration {
        plane: "control",
        version: 6,
        sql: "
CREATE TABLE control_evidence_withdrawn (
    subject TEXT NOT NULL,
    metric TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    reason TEXT NOT NULL,
    withdrawn_by TEXT NOT NULL,
    withdrawn_at BIGINT NOT NULL,
    PRIMARY KEY (subject, metric, as_of)
);
",
    },
    Migration { plane: "control", version: 7, sql: crate::policies::DOCUMENTS },
    Migration {
        plane: "control",
        version: 8,
        sql: "
CREATE INDEX control_taint_by_time ON control_taint (updated_at);
",
    },
];
