-- What decisions remember of a lead, in a compact form (src/domain/lead/packed.rs): it was most of what a
-- decision read and wrote. Rows keep their JSON until they are written again.

ALTER TABLE leads ADD COLUMN packed BYTEA; -- NULL until the lead is decided first
UPDATE leads SET packed = convert_to(memory, 'UTF8') WHERE memory <> '{}';
ALTER TABLE leads DROP COLUMN memory;
ALTER TABLE leads RENAME COLUMN packed TO memory;
