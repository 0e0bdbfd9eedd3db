-- What became of a send after it had ended, the last word only: 'again': staff had it sent again; 'dropped': staff have
-- settled it themselves; 'bounced': it came back.
CREATE TABLE send_after (
    effect_id INTEGER NOT NULL PRIMARY KEY REFERENCES effect (id),
    what      TEXT    NOT NULL CHECK (what IN ('again', 'dropped', 'bounced')),
    at        INTEGER NOT NULL
) STRICT;

-- What staff must look at.
CREATE INDEX effect_unsent ON effect (desk, id)
    WHERE state IN ('failed', 'held') AND kind IN ('send', 'forward', 'draft');
CREATE INDEX mail_quarantined ON mail (desk, id) WHERE state = 'quarantined';

-- What the server said when it refused the address, or the report that came back.
ALTER TABLE bounced ADD COLUMN reason TEXT;
