-- The zone's register of retail exports (Caishui 2018-103): a row a line of each version of a declaration, never changed.

CREATE TABLE export_register (
    declaration text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    line integer NOT NULL,
    merchant text COLLATE "C" NOT NULL,
    mode text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    date text COLLATE "C" NOT NULL,              -- day of export, yyyyMMdd
    unit text NOT NULL,
    qty text NOT NULL,
    price text NOT NULL,
    total text NOT NULL,
    currency text NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (declaration, revision, line)
);
CREATE INDEX export_register_by_merchant ON export_register (merchant, received_at);
CREATE INDEX export_register_by_time ON export_register (received_at);
