CREATE TABLE documentation_sites (
    ref TEXT COLLATE "C" PRIMARY KEY,
    title TEXT,
    navigation TEXT NOT NULL,
    source_url TEXT,
    digest TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE documentation_images (
    ref TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (ref, path)
);
