CREATE TABLE catalog_counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO catalog_counters (name, value) VALUES ('row', 0);
INSERT INTO catalog_counters (name, value) VALUES ('approvals', 0);

CREATE TABLE catalog_entities (
    entity_id BIGINT PRIMARY KEY,
    ref TEXT COLLATE "C" NOT NULL UNIQUE,
    uid TEXT NOT NULL UNIQUE,
    class TEXT NOT NULL,
    origin TEXT NOT NULL,
    document TEXT NOT NULL,
    body TEXT,
    digest TEXT NOT NULL,
    tag TEXT,
    format TEXT NOT NULL,
    source TEXT NOT NULL,
    source_line BIGINT NOT NULL,
    source_column BIGINT NOT NULL,
    location_id TEXT,
    orphan_since BIGINT NOT NULL,
    applied_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX catalog_entities_by_location ON catalog_entities (location_id);

CREATE TABLE catalog_search (
    entity_id BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    original TEXT COLLATE "C",
    place BIGINT NOT NULL
);
CREATE INDEX catalog_search_by_value ON catalog_search (key, value, original, entity_id, place);
CREATE INDEX catalog_search_by_entity ON catalog_search (entity_id, key, place, value, original);

CREATE TABLE catalog_relations (
    entity_id BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    source_id BIGINT,
    kind TEXT COLLATE "C" NOT NULL,
    kind_key TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    target_id BIGINT,
    is_forward BIGINT NOT NULL
);
CREATE INDEX catalog_relations_by_source ON catalog_relations (source, kind_key, target, is_forward, kind);
CREATE INDEX catalog_relations_by_target ON catalog_relations (target, kind_key, source, is_forward, kind);
CREATE INDEX catalog_relations_by_kind ON catalog_relations (kind_key, target, source_id);
CREATE INDEX catalog_relations_dangling ON catalog_relations (source, kind, target) WHERE target_id IS NULL;
CREATE INDEX catalog_relations_by_entity ON catalog_relations (entity_id);

CREATE TABLE catalog_versions (
    ref TEXT COLLATE "C" NOT NULL,
    digest TEXT NOT NULL,
    tag TEXT NOT NULL,
    state TEXT NOT NULL,
    is_fixed BIGINT NOT NULL,
    steps BIGINT NOT NULL,
    document TEXT NOT NULL,
    body TEXT,
    agent_digest TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (ref, digest)
);
CREATE UNIQUE INDEX catalog_versions_fixed ON catalog_versions (ref, tag) WHERE is_fixed = 1;
CREATE INDEX catalog_versions_by_state ON catalog_versions (state, changed_at);

CREATE TABLE catalog_transitions (
    ref TEXT COLLATE "C" NOT NULL,
    digest TEXT NOT NULL,
    step BIGINT NOT NULL,
    state TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    reason TEXT,
    PRIMARY KEY (ref, digest, step)
);

CREATE TABLE catalog_subjects (
    subject_id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    entity_id BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    UNIQUE (kind, name_key)
);
CREATE INDEX catalog_subjects_by_entity ON catalog_subjects (entity_id);

CREATE TABLE catalog_uses (
    source_id BIGINT NOT NULL,
    target_id BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (source_id, target_id)
);
CREATE INDEX catalog_uses_by_target ON catalog_uses (target_id, source_id);

CREATE TABLE catalog_claims (
    kind TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    entity_id BIGINT NOT NULL,
    PRIMARY KEY (kind, name_key, entity_id)
);
CREATE INDEX catalog_claims_by_entity ON catalog_claims (entity_id);

CREATE TABLE catalog_locations (
    location_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    is_configured BIGINT NOT NULL,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    read_at BIGINT,
    due_at BIGINT NOT NULL,
    content TEXT,
    sources BIGINT NOT NULL,
    entities BIGINT NOT NULL,
    failure TEXT,
    UNIQUE (kind, target)
);

CREATE TABLE catalog_problems (
    location_id TEXT NOT NULL,
    place BIGINT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    source_line BIGINT NOT NULL,
    source_column BIGINT NOT NULL,
    ref TEXT COLLATE "C",
    message TEXT NOT NULL,
    PRIMARY KEY (location_id, place)
);
CREATE INDEX catalog_problems_by_ref ON catalog_problems (ref);
