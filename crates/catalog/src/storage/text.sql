CREATE TABLE catalog_documents (
    document_id BIGINT PRIMARY KEY,
    ref TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    markdown TEXT NOT NULL,
    digest TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (ref, path)
);

CREATE TABLE catalog_terms (
    term TEXT COLLATE "C" NOT NULL,
    entity_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    weight BIGINT NOT NULL
);
CREATE INDEX catalog_terms_by_term ON catalog_terms (term, entity_id, document_id, weight);
CREATE INDEX catalog_terms_by_entity ON catalog_terms (entity_id, document_id);
