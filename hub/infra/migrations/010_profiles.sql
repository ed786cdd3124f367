-- What is known of each enterprise, the newest word (topic `profiles`).

CREATE TABLE profiles (
    enterprise text COLLATE "C" PRIMARY KEY,
    at bigint NOT NULL,
    body text NOT NULL
);
