-- The subject that a relation follows, and where it leads while nothing stands for that; none: it leads where it was told.
ALTER TABLE catalog_relations ADD COLUMN subject_kind TEXT;
ALTER TABLE catalog_relations ADD COLUMN subject_key TEXT COLLATE "C";
ALTER TABLE catalog_relations ADD COLUMN unclaimed TEXT COLLATE "C";
CREATE INDEX catalog_relations_by_subject ON catalog_relations (subject_kind, subject_key) WHERE subject_kind IS NOT NULL;
-- 1 when the relations of agents that were kept before were made anew.
INSERT INTO catalog_counters (name, value) VALUES ('agents_follow', 0);
-- Nobody is no owner.
DELETE FROM catalog_relations WHERE kind = 'ownedBy' AND target_id IS NULL AND target LIKE 'group:%/unowned';
DELETE FROM catalog_relations WHERE kind = 'ownerOf' AND source_id IS NULL AND source LIKE 'group:%/unowned';
