CREATE TABLE telemetry_nodes (
    node TEXT PRIMARY KEY,
    flushed_through BIGINT NOT NULL,
    next_segment BIGINT NOT NULL
);
CREATE TABLE telemetry_segments (
    node TEXT NOT NULL,
    id BIGINT NOT NULL,
    signal TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    level BIGINT NOT NULL,
    min_at BIGINT NOT NULL,
    max_at BIGINT NOT NULL,
    received_min BIGINT NOT NULL,
    received_max BIGINT NOT NULL,
    PRIMARY KEY (node, id)
);
CREATE TABLE telemetry_hidden (
    node TEXT NOT NULL,
    segment_id BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (node, segment_id, run_id)
);
CREATE TABLE telemetry_runs (
    run_id TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    revision BIGINT NOT NULL,
    is_final BIGINT NOT NULL,
    quiet_at BIGINT,
    applied_lsn BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    title_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    agent TEXT,
    session TEXT,
    caller TEXT,
    sources TEXT NOT NULL,
    searched TEXT NOT NULL,
    summary TEXT NOT NULL,
    parts TEXT NOT NULL
);
CREATE INDEX telemetry_runs_time ON telemetry_runs (started_at, run_id);
CREATE INDEX telemetry_runs_outcome ON telemetry_runs (outcome, started_at, run_id);
CREATE INDEX telemetry_runs_agent ON telemetry_runs (agent, started_at, run_id) WHERE agent IS NOT NULL;
CREATE INDEX telemetry_runs_session ON telemetry_runs (session, started_at, run_id) WHERE session IS NOT NULL;
CREATE INDEX telemetry_runs_caller ON telemetry_runs (caller, started_at, run_id) WHERE caller IS NOT NULL;
CREATE INDEX telemetry_runs_quiet ON telemetry_runs (quiet_at) WHERE quiet_at IS NOT NULL;
CREATE INDEX telemetry_runs_received ON telemetry_runs (received_at);
CREATE TABLE telemetry_run_models (
    run_id TEXT NOT NULL,
    model TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    PRIMARY KEY (run_id, model)
);
CREATE INDEX telemetry_run_models_time ON telemetry_run_models (model, started_at, run_id);
CREATE TABLE telemetry_totals (
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    totals TEXT NOT NULL,
    PRIMARY KEY (node, kind, name)
);
