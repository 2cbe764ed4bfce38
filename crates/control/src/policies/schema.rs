//! The tables of policies and of recorded decisions.

/// Of a policy every version is kept; one of them is `current`. The revision counts changes of the set, so that two
/// changes that were made at the same time are not both put on the same ground.
pub(crate) const TABLES: &str = "
CREATE TABLE control_policy_revision (
    id BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO control_policy_revision (id, revision) VALUES (1, 0);

CREATE TABLE control_policies (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    digest TEXT NOT NULL,
    document TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, name, version)
);
CREATE INDEX control_policies_state ON control_policies (state, kind, name);

CREATE TABLE control_decisions (
    decision_id TEXT PRIMARY KEY,
    decided_at BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    caller TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    effect TEXT NOT NULL,
    mode TEXT NOT NULL,
    enforced BIGINT NOT NULL,
    code TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX control_decisions_at ON control_decisions (decided_at, decision_id);
CREATE INDEX control_decisions_run ON control_decisions (run_id, decided_at);
CREATE INDEX control_decisions_agent ON control_decisions (agent, decided_at);
CREATE INDEX control_decisions_effect ON control_decisions (effect, decided_at);
";

/// Documents stand together, many in a row; of the decisions that let a call go there are too many for an index by effect.
pub(crate) const DOCUMENTS: &str = "
CREATE TABLE control_decision_documents (
    block BIGINT PRIMARY KEY,
    decided_to BIGINT NOT NULL,
    documents TEXT NOT NULL
);
CREATE INDEX control_decision_documents_to ON control_decision_documents (decided_to);
ALTER TABLE control_decisions ADD COLUMN document_block BIGINT NOT NULL DEFAULT 0;
ALTER TABLE control_decisions ADD COLUMN document_index BIGINT NOT NULL DEFAULT 0;
DROP INDEX control_decisions_effect;
CREATE INDEX control_decisions_refused ON control_decisions (effect, decided_at) WHERE effect <> 'allow';
";
