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
