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
