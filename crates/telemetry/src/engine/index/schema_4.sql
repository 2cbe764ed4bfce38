CREATE TABLE telemetry_left_alone (
    node TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (node, path)
);
