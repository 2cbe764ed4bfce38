ALTER TABLE catalog_versions ADD COLUMN agent TEXT;
CREATE INDEX catalog_versions_unnamed ON catalog_versions (ref, digest) WHERE agent IS NULL;
