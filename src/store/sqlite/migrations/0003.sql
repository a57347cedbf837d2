-- The year of birth lay in clear in the profile's row: from now on it is sealed. The store cannot seal, so rows that still hold a year are read as
-- they are, and the engine seals them at its next start, from the profile number in this setting on.
DROP VIEW profile;
CREATE VIEW profile AS SELECT key >> 24 AS number, a AS id, b AS root, c AS created_ms, d AS erased_ms, e AS due_ms,
    f AS identifier_next, g AS jurisdiction, h AS sealed, i AS version
    FROM person_row WHERE (key >> 20 & 15) = 0;
INSERT INTO setting (key, value) SELECT 'birth_years_clear', '1'
    WHERE EXISTS (SELECT 1 FROM person_row WHERE (key >> 20 & 15) = 0 AND typeof(h) = 'integer' AND h <> 0);
