-- Timestamps are milliseconds UTC since 1970. Every look-up that happens once a mail has its own index, so that
-- the millionth mail costs what the first one cost.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value ANY  NOT NULL
) STRICT, WITHOUT ROWID;

-- When a desk first looked at a mailbox: older mail is never answered.
CREATE TABLE activation (
    desk    TEXT    NOT NULL,
    mailbox TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (desk, mailbox)
) STRICT, WITHOUT ROWID;

-- Imported customers and partners, whole as JSON; `register_version` in `meta` counts the imports.
CREATE TABLE register (
    kind TEXT NOT NULL CHECK (kind IN ('customer', 'partner')),
    id   TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- What was seen. The bytes live in their own table, so that this one stays dense.
CREATE TABLE mail (
    id            INTEGER NOT NULL PRIMARY KEY,
    desk          TEXT    NOT NULL,
    mailbox       TEXT    NOT NULL,
    validity      INTEGER NOT NULL,
    uid           INTEGER NOT NULL,  -- IMAP; 0 for Maildir
    file          TEXT    NOT NULL,  -- Maildir; '' for IMAP
    sha256        BLOB    NOT NULL,
    internal_date INTEGER,
    flags         TEXT    NOT NULL,  -- JSON array
    size          INTEGER NOT NULL,
    complete      INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    state         TEXT    NOT NULL DEFAULT 'seen' CHECK (state IN ('seen', 'decided', 'done', 'quarantined')),
    note          TEXT,              -- last failure, or why it is in quarantine
    message_id    TEXT,              -- from here on known when decided
    sender        TEXT               -- lower case
) STRICT;
CREATE UNIQUE INDEX mail_key ON mail (desk, mailbox, validity, uid, file);
CREATE INDEX mail_desk ON mail (desk);
CREATE INDEX mail_undecided ON mail (desk, id) WHERE state = 'seen';
CREATE INDEX mail_bytes ON mail (desk, sha256);
CREATE INDEX mail_message_id ON mail (desk, message_id, sender) WHERE message_id IS NOT NULL;

CREATE TABLE raw (
    mail_id INTEGER NOT NULL PRIMARY KEY REFERENCES mail (id),
    bytes   BLOB    NOT NULL
) STRICT;

-- What was decided: one decision a mail, whole as JSON.
CREATE TABLE decision (
    mail_id     INTEGER NOT NULL PRIMARY KEY REFERENCES mail (id),
    at          INTEGER NOT NULL,
    disposition TEXT    NOT NULL,
    case_ref    TEXT,
    json        TEXT    NOT NULL
) STRICT;

-- What was decided first about mail that waited for the opening and was then decided anew.
CREATE TABLE decision_before (
    mail_id     INTEGER NOT NULL PRIMARY KEY REFERENCES mail (id),
    at          INTEGER NOT NULL,
    disposition TEXT    NOT NULL,
    case_ref    TEXT,
    json        TEXT    NOT NULL
) STRICT;

-- Mail that waits for the opening. due: its turn.
CREATE TABLE queue (
    mail_id INTEGER NOT NULL PRIMARY KEY REFERENCES mail (id),
    desk    TEXT    NOT NULL,
    sender  TEXT    NOT NULL,        -- lower case, without plus-tag
    due     INTEGER NOT NULL
) STRICT;
CREATE INDEX queue_due ON queue (desk, due, mail_id);
CREATE INDEX queue_sender ON queue (desk, sender, mail_id);

-- Notices that staff started (json) or stopped; json is NULL for one of the configuration's file.
CREATE TABLE notice (
    desk       TEXT NOT NULL,
    id         TEXT NOT NULL,
    json       TEXT,
    stopped_at INTEGER,
    PRIMARY KEY (desk, id)
) STRICT, WITHOUT ROWID;

-- What is to be done about it, in order of seq. At most one effect of a mail is pending or started; the later
-- ones are waiting for it.
CREATE TABLE effect (
    id          INTEGER NOT NULL PRIMARY KEY,
    mail_id     INTEGER NOT NULL REFERENCES mail (id),
    seq         INTEGER NOT NULL,
    desk        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    payload     TEXT    NOT NULL,    -- the effect, whole as JSON
    message_id  TEXT,                -- of a send
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    not_before  INTEGER NOT NULL,    -- due_at, or a later retry
    state       TEXT    NOT NULL
                CHECK (state IN ('waiting', 'pending', 'started', 'done', 'failed', 'held')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER,
    finished_at INTEGER,
    note        TEXT,
    UNIQUE (mail_id, seq)
) STRICT;
CREATE INDEX effect_pending ON effect (desk, not_before, id) WHERE state = 'pending';
CREATE INDEX effect_started ON effect (desk, id) WHERE state = 'started';
CREATE INDEX effect_message_id ON effect (message_id) WHERE message_id IS NOT NULL;

CREATE INDEX decision_case ON decision (case_ref) WHERE case_ref IS NOT NULL;

-- The cases. person: whose it is (lower case, without plus-tag); nobody else's mail joins it. state: what it
-- remembers, a JSON object.
CREATE TABLE inquiry_case (
    ref       TEXT    NOT NULL PRIMARY KEY,
    desk      TEXT    NOT NULL,
    person    TEXT    NOT NULL,
    opened_at INTEGER NOT NULL,
    state     TEXT    NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

-- How many cases a desk opened on a day (2026-11-20, where the desk is).
CREATE TABLE case_count (
    desk  TEXT    NOT NULL,
    day   TEXT    NOT NULL,
    cases INTEGER NOT NULL,
    PRIMARY KEY (desk, day)
) STRICT, WITHOUT ROWID;

-- The case of a thread, by every Message-ID of the thread.
CREATE TABLE thread_case (
    desk       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    case_ref   TEXT NOT NULL,
    PRIMARY KEY (desk, message_id)
) STRICT, WITHOUT ROWID;

-- Our sends, by every Message-ID of the thread they answer. Only answers have rows here: a robot that writes a
-- million mails into one thread makes none.
CREATE TABLE answer_thread (
    desk       TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    effect_id  INTEGER NOT NULL REFERENCES effect (id),
    PRIMARY KEY (desk, message_id, effect_id)
) STRICT, WITHOUT ROWID;

-- When a desk decided its answers; one that waits for the opening counts when it is queued.
CREATE TABLE answer_decided (
    id   INTEGER NOT NULL PRIMARY KEY,
    desk TEXT    NOT NULL,
    at   INTEGER NOT NULL
) STRICT;
CREATE INDEX answer_decided_at ON answer_decided (desk, at);

-- How many answers a desk decided in each hour (since 1970, UTC) in which there were any.
CREATE TABLE answer_hour (
    desk    TEXT    NOT NULL,
    hour    INTEGER NOT NULL,
    answers INTEGER NOT NULL,
    PRIMARY KEY (desk, hour)
) STRICT, WITHOUT ROWID;

-- Desks that answered too much. at: when it opened, or when it was released.
CREATE TABLE breaker (
    desk TEXT    NOT NULL PRIMARY KEY,
    open INTEGER NOT NULL,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- People (lower case, without plus-tag) to whom mail was refused for good; the last time.
CREATE TABLE bounced (
    desk    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (desk, address)
) STRICT, WITHOUT ROWID;

-- Our sends, by whom they concern, who wrote and whom we answered: the person ('taro@example.co.jp'), the organisation
-- ('@example.co.jp'), the person under a subject ('taro@example.co.jp 請求書'). at: when it went out (or may have);
-- until then the end of time. What surely does not go out has no row.
CREATE TABLE answer_to (
    desk      TEXT    NOT NULL,
    whom      TEXT    NOT NULL,
    effect_id INTEGER NOT NULL REFERENCES effect (id),
    at        INTEGER NOT NULL,
    PRIMARY KEY (desk, whom, effect_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_to_at ON answer_to (desk, whom, at);
CREATE INDEX answer_to_effect ON answer_to (effect_id);
