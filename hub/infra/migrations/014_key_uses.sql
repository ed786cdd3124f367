-- When each API key opened the door last, to the minute. Written once a minute at most, by each process that takes calls.
CREATE TABLE key_uses (
    principal text NOT NULL,
    key_id text NOT NULL,
    last_used bigint NOT NULL,  -- ms since the epoch
    PRIMARY KEY (principal, key_id)
);
