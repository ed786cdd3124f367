-- What officers do about alerts: each alert as it was last published (topic `alerts`), and the cases they are dealt with in (topic
-- `cases`). Rows of alerts that are there keep the defaults until the alert changes, or until a rebuild.

ALTER TABLE alerts
    ADD COLUMN state text COLLATE "C" NOT NULL DEFAULT 'raised',
    ADD COLUMN assignee text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN verdict text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN escalated bigint NOT NULL DEFAULT 0,
    ADD COLUMN shared jsonb NOT NULL DEFAULT '[]',      -- authorities invited to its case
    ADD COLUMN day bigint NOT NULL DEFAULT 0,           -- yyyymmdd, China time, on which it was raised
    ADD COLUMN revision bigint NOT NULL DEFAULT 0;
CREATE INDEX alerts_open ON alerts (at, id) WHERE state <> 'closed';
CREATE INDEX alerts_by_day ON alerts (day, rule, verdict);

CREATE TABLE cases (
    id text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    authorities jsonb NOT NULL,
    assignee text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    gravity bigint NOT NULL,                            -- the severity's place in their order
    late boolean NOT NULL,
    opened_at bigint NOT NULL,
    body text NOT NULL
);
CREATE INDEX cases_open ON cases (gravity DESC, opened_at, id) WHERE state <> 'closed';
CREATE INDEX cases_by_gravity ON cases (gravity DESC, opened_at, id);
