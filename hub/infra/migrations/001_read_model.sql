-- The read model: a projection of the topics, made for reading, dropped and rebuilt at will.
-- No personal data: the topics it is made of hold digests and masked values only.
-- Times are milliseconds since the epoch (UTC), as everywhere in the hub.
-- Text is compared byte by byte (COLLATE "C"): keys are codes, and byte order is the cheapest and the same everywhere.

-- How far each partition has been applied. Moved in the transaction that applies, by compare-and-set,
-- so that a second projector or a replay can neither go back nor count twice.
CREATE TABLE projector_offsets (
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- One row a document: what `statuses` says of it, newest revision. `body` is the status itself;
-- the other columns are what is searched and sorted by.
CREATE TABLE documents (
    key text COLLATE "C" PRIMARY KEY,           -- register key: kind/business key
    kind text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    submission text COLLATE "C" NOT NULL,
    principal text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    platform text COLLATE "C" NOT NULL,
    order_no text COLLATE "C" NOT NULL,
    office text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    need text COLLATE "C" NOT NULL,             -- what somebody has to do: hub.domain.reading.need
    matched_at bigint NOT NULL,
    assessed_at bigint NOT NULL,
    handed_at bigint NOT NULL,
    released_at bigint NOT NULL,
    body json NOT NULL
) WITH (fillfactor = 85);                       -- room for the status to grow on its page

CREATE INDEX documents_by_order ON documents (order_no) WHERE order_no <> '';
CREATE INDEX documents_by_last_number ON documents (split_part(key, ':', -1));   -- copNo, order, waybill, transaction
CREATE INDEX documents_by_time ON documents (received_at);
CREATE INDEX documents_by_principal ON documents (principal, received_at);
-- Only what needs somebody: small, and what a declarant asks for first at midnight of a sale.
CREATE INDEX documents_in_need ON documents (principal, received_at) WHERE need <> '';

-- Any other number of a document → its register key. The business key and the order number need no row here.
CREATE TABLE numbers (
    number text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (number, key)
);

-- One row an acknowledged submission: where its bytes lie in the log, and its documents without their content.
CREATE TABLE submissions (
    id text COLLATE "C" PRIMARY KEY,
    principal text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    message text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    body json NOT NULL                          -- the SubmissionSummary
);
CREATE INDEX submissions_by_principal ON submissions (principal, received_at);
CREATE INDEX submissions_by_time ON submissions (received_at);

-- What the door refused, each time it did.
CREATE TABLE refusals (
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    principal text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    status bigint NOT NULL,
    code text COLLATE "C" NOT NULL,             -- of the first fault
    body json NOT NULL,
    PRIMARY KEY (partition, "offset")
);
CREATE INDEX refusals_by_id ON refusals (id);
CREATE INDEX refusals_by_principal ON refusals (principal, received_at);
CREATE INDEX refusals_by_time ON refusals (received_at);

-- Every assessment of a declaration; the newest revision, then the later in the log, is the current one. Officers only.
CREATE TABLE assessments (
    id text COLLATE "C" PRIMARY KEY,
    declaration text COLLATE "C" NOT NULL,      -- register key: one declaration, one partition
    revision bigint NOT NULL,
    at bigint NOT NULL,
    score bigint NOT NULL,
    level text COLLATE "C" NOT NULL,
    recommendation text COLLATE "C" NOT NULL,
    "offset" bigint NOT NULL,
    body json NOT NULL
);
CREATE INDEX assessments_by_declaration ON assessments (declaration, revision, "offset");

-- Risk alerts; officers only. `position` orders them for cursors: where each stands in the log.
CREATE TABLE alerts (
    id text COLLATE "C" PRIMARY KEY,
    at bigint NOT NULL,
    rule text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    family text COLLATE "C" NOT NULL,
    agency jsonb NOT NULL,
    enterprises jsonb NOT NULL,
    declaration text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    body json NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (at, id);
CREATE INDEX alerts_by_declaration ON alerts (declaration) WHERE declaration <> '';

-- Receipts and notices for a participant. A participant's answers lie in one partition, so (partition, offset) is
-- the order it reads them in.
CREATE TABLE answers (
    id text COLLATE "C" PRIMARY KEY,
    participant text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    body json NOT NULL
);
CREATE INDEX answers_by_participant ON answers (participant, partition, "offset");

-- What became of a submission's hand-over to a recipient, newest word.
CREATE TABLE hand_overs (
    submission text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,             -- of several messages rendered from one submission
    outcome text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    attempts bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (submission, recipient, part)
);

-- What happened in a second; a rebuild from the log counts the same. Assessments are counted under no principal.
CREATE TABLE throughput (
    second bigint NOT NULL,                     -- seconds since the epoch
    principal text COLLATE "C" NOT NULL,
    measure text COLLATE "C" NOT NULL,          -- documents, flagged, messages, refusals, assessments, receipts
    kind text COLLATE "C" NOT NULL,             -- of document; of a receipt its code
    n bigint NOT NULL,
    PRIMARY KEY (second, principal, measure, kind)
);
