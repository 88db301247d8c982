-- What decisions remember of a lead is bytes in a compact form (src/domain/lead/packed.rs): as JSON it was most of
-- what a decision read and wrote. Rows keep their JSON until they are written again; that of a lead who was never
-- decided is empty. SQLite takes bytes in any column, so there is nothing to do and nothing to copy there.

ALTER TABLE leads ALTER COLUMN memory TYPE BYTEA USING convert_to(memory, 'UTF8'); -- PostgreSQL
