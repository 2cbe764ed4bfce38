CREATE TABLE eval_sets (
    digest TEXT PRIMARY KEY,
    cases BIGINT NOT NULL,
    content TEXT NOT NULL
);
CREATE TABLE eval_set_versions (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    description TEXT,
    PRIMARY KEY (name, version)
);
CREATE TABLE eval_golden_runs (
    name TEXT NOT NULL,
    case_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (name, case_id)
);
CREATE TABLE eval_experiments (
    id TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX eval_experiments_time ON eval_experiments (created_at, id);
CREATE TABLE eval_score_blocks (
    experiment_id TEXT NOT NULL,
    block BIGINT NOT NULL,
    scores TEXT NOT NULL,
    PRIMARY KEY (experiment_id, block)
);
CREATE TABLE eval_labels (
    label_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    metric TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    note TEXT,
    labelled_by TEXT NOT NULL,
    labelled_at BIGINT NOT NULL,
    is_current BIGINT NOT NULL
);
CREATE INDEX eval_labels_run ON eval_labels (run_id, metric);
CREATE INDEX eval_labels_time ON eval_labels (labelled_at, label_id);
CREATE TABLE eval_baselines (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
);
CREATE TABLE eval_monitors (
    id TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    state TEXT NOT NULL,
    steps BIGINT NOT NULL
);
CREATE TABLE eval_monitor_runs (
    monitor_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (monitor_id, run_id)
);
CREATE TABLE eval_monitor_points (
    monitor_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    point TEXT NOT NULL,
    PRIMARY KEY (monitor_id, n)
);
CREATE TABLE eval_evidence (
    evidence_id TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    agent TEXT NOT NULL,
    metric TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX eval_evidence_subject ON eval_evidence (subject, as_of);
CREATE INDEX eval_evidence_agent ON eval_evidence (agent, as_of);
CREATE TABLE eval_lineages (
    agent TEXT NOT NULL,
    metric TEXT NOT NULL,
    look BIGINT NOT NULL,
    subject TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (agent, metric, look)
);
CREATE UNIQUE INDEX eval_lineages_asked ON eval_lineages (agent, metric, asked_by, subject);
