-- The text of what is sent or drafted, whole as the effect's JSON: written once, while the row of the effect is written
-- anew with each step. Such an effect's payload is 'null' from this schema on; older ones have their text there still.
CREATE TABLE effect_text (
    effect_id INTEGER NOT NULL PRIMARY KEY REFERENCES effect (id),
    json      TEXT    NOT NULL
) STRICT;

-- Of any kind, as they are few: to know the kind of each row that is written took longer.
DROP INDEX effect_unsent;
CREATE INDEX effect_unsent ON effect (desk, id) WHERE state IN ('failed', 'held');
