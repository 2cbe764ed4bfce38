CREATE TABLE catalog_scorecards (
    reference TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    owner TEXT NOT NULL,
    level BIGINT NOT NULL,
    states TEXT NOT NULL,
    document TEXT NOT NULL,
    computed_at BIGINT NOT NULL
);
CREATE INDEX catalog_scorecards_by_owner ON catalog_scorecards (owner, reference);
CREATE TABLE catalog_scorecard_history (
    reference TEXT NOT NULL,
    at BIGINT NOT NULL,
    day BIGINT NOT NULL,
    level BIGINT NOT NULL,
    passed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    no_evidence BIGINT NOT NULL,
    exempt BIGINT NOT NULL,
    PRIMARY KEY (reference, at)
);
CREATE INDEX catalog_scorecard_history_by_day ON catalog_scorecard_history (day, at);
CREATE TABLE catalog_observed_keys (
    observed_key TEXT PRIMARY KEY,
    observed_at BIGINT NOT NULL
);
CREATE INDEX catalog_observed_keys_by_time ON catalog_observed_keys (observed_at)
