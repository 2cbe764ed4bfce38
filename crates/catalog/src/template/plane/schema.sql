CREATE TABLE templates_folders (
    ref TEXT COLLATE "C" NOT NULL,
    entity_digest TEXT NOT NULL,
    digest TEXT NOT NULL,
    put_by TEXT NOT NULL,
    put_at BIGINT NOT NULL,
    PRIMARY KEY (ref, entity_digest)
);

CREATE TABLE templates_sources (
    digest TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    content TEXT NOT NULL
);

CREATE TABLE templates_created (
    ref TEXT COLLATE "C" PRIMARY KEY,
    template TEXT COLLATE "C" NOT NULL,
    template_digest TEXT NOT NULL,
    input_digest TEXT NOT NULL,
    answers TEXT NOT NULL,
    project TEXT,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL
);
CREATE INDEX templates_created_by_template ON templates_created (template, ref);
