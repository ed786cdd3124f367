-- What follows a declaration. Rows that are there keep the defaults until their next status, or until a rebuild.

ALTER TABLE documents
    ADD COLUMN later text COLLATE "C" NOT NULL DEFAULT '',      -- what time makes a need of: hub.domain.reading.later
    ADD COLUMN later_from bigint NOT NULL DEFAULT 0,            -- from when on, and by when
    ADD COLUMN later_by bigint NOT NULL DEFAULT 0,
    ADD COLUMN bill text COLLATE "C" NOT NULL DEFAULT '',       -- the master bill it speaks of or travels under
    ADD COLUMN goods text NOT NULL DEFAULT '';                  -- what a summary merges: JSON [invtNo, goods]

CREATE INDEX documents_later ON documents (principal, later, later_by) WHERE later <> '';
CREATE INDEX documents_by_bill ON documents (bill) WHERE bill <> '';
