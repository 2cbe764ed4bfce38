ALTER TABLE telemetry_runs ADD COLUMN title TEXT;
