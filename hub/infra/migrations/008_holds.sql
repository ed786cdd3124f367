-- Messages that orders of authorities hold, the newest word about each; `authorities` are those whose orders are or were
-- about it, `until` is when the last of the orders that still hold it is over (0: none does).

CREATE TABLE holds (
    submission text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    state text COLLATE "C" NOT NULL,            -- held, gone, refused
    authorities jsonb NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL,
    body text NOT NULL
);
CREATE INDEX holds_by_state ON holds (state, since DESC);
