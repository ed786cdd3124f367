-- How each recipient stands at each process that delivers, the newest word; and where what was handed over lies, so that what is
-- parked can be sent again.

CREATE TABLE deliveries (
    recipient text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (recipient, instance)
);

ALTER TABLE hand_overs
    ADD COLUMN sender text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN message text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN topic text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN partition integer NOT NULL DEFAULT -1,
    ADD COLUMN "offset" bigint NOT NULL DEFAULT -1;
CREATE INDEX hand_overs_parked ON hand_overs (recipient, at) WHERE outcome = 'parked';
