-- When a desk first looked at a mailbox. Until staff activate it there it only observes: from this schema on, a row in
-- activation is made by them alone, not by the first look. Desks that have one go on as they are.
CREATE TABLE first_look (
    desk    TEXT    NOT NULL,
    mailbox TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (desk, mailbox)
) STRICT, WITHOUT ROWID;

-- Mail that was only observed: what would have been decided when it came, whole as JSON.
CREATE TABLE observed (
    mail_id     INTEGER NOT NULL PRIMARY KEY REFERENCES mail (id),
    desk        TEXT    NOT NULL,
    disposition TEXT    NOT NULL,
    json        TEXT    NOT NULL
) STRICT;
CREATE INDEX observed_desk ON observed (desk, mail_id);

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
-- What of a mail is still kept: 2 everything; 1 all but its bytes; 0 only where it lay, so that it is never read again.
ALTER TABLE mail ADD COLUMN kept INTEGER NOT NULL DEFAULT 2;
CREATE INDEX mail_kept_whole ON mail (seen_at) WHERE kept = 2;
CREATE INDEX mail_kept_texts ON mail (seen_at) WHERE kept = 1;
CREATE INDEX answer_thread_effect ON answer_thread (effect_id);
CREATE INDEX thread_case_ref ON thread_case (case_ref);
-- Outages of the service that staff recorded, for claims of a credit. until_at: none while it lasts. ours: the
-- provider's fault.
CREATE TABLE outage (
    desk     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    from_at  INTEGER NOT NULL,
    until_at INTEGER,
    known_at INTEGER NOT NULL,
    ours     INTEGER NOT NULL,
    cause    TEXT    NOT NULL,
    PRIMARY KEY (desk, id)
) STRICT, WITHOUT ROWID;
