DROP INDEX telemetry_runs_received;
CREATE INDEX telemetry_runs_quiet ON telemetry_runs (quiet_at);
