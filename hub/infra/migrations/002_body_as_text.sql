-- What is only ever read back whole needs no parsing on its way in. It is JSON in UTF-8 as before; submissions.body is
-- asked into, and stays json.

ALTER TABLE documents ALTER COLUMN body TYPE text;
ALTER TABLE refusals ALTER COLUMN body TYPE text;
ALTER TABLE assessments ALTER COLUMN body TYPE text;
ALTER TABLE alerts ALTER COLUMN body TYPE text;
ALTER TABLE answers ALTER COLUMN body TYPE text;
