-- The merchant of a declaration (ebcCode), known once it is assessed. Rows that are there keep the default until their next
-- status, or until a rebuild.

ALTER TABLE documents ADD COLUMN merchant text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX documents_by_merchant ON documents (merchant, received_at DESC) WHERE merchant <> '';
