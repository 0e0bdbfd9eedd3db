//! Taking mail in: bytes first, before anybody looks inside (invariant 1), once for each key (invariant 2).

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction};
use sha2::{Digest, Sha256};

use super::cases::{CaseRow, cases, select_cases};
use super::decisions::write_effect;
use super::effect::{Effect, EffectState, NewEffect};
use super::error::{Fault, StoreError};
use super::values::{Ms, item_columns, key, time};
use super::{MailId, Store};
use crate::triage::arrival::{Arrival, Known};

/// With so many bytes no further mail is handed out: a batch of long mails must not fill the memory.
const BYTES_AT_ONCE: usize = 1 << 20;

/// A mail of the journal, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMail {
    pub id: MailId,
    pub arrival: Arrival,
    /// When it was journalled.
    pub seen_at: Timestamp,
    /// How often working on it failed.
    pub attempts: u32,
    /// The last failure.
    pub note: Option<String>,
}

impl StoredMail {
    /// When the server took it in; where it does not tell, when it was journalled.
    pub fn arrived(&self) -> Timestamp {
        self.arrival.internal_date.unwrap_or(self.seen_at)
    }
}

impl Store {
    /// What the journal has of a mailbox. Lists every Maildir name there is: ask when the mailbox is opened, and go
    /// on from what was journalled since; [`Store::journal`] skips what it knows anyway.
    pub async fn known(&self, desk: &str, mailbox: &str, validity: u32) -> Result<Known, StoreError> {
        let (desk, mailbox) = (desk.to_owned(), mailbox.to_owned());
        self.thread.read(move |tx| known(tx, &desk, &mailbox, validity)).await
    }

    /// Takes a batch in, in one transaction. Answers the ids of those that are new, in their order.
    ///
    /// Batches of an IMAP mailbox must come with ascending UIDs: after a crash, reading goes on behind the highest
    /// one journalled.
    pub async fn journal(&self, desk: &str, mail: Vec<Arrival>, now: Timestamp) -> Result<Vec<MailId>, StoreError> {
        let desk = desk.to_owned();
        // Here, not on the store's thread, for which others wait.
        let hashes: Vec<_> = mail.iter().map(|arrival| Sha256::digest(&arrival.raw)).collect();
        let insert_all = move |tx: &Transaction<'_>| {
            let hashed = mail.iter().zip(&hashes);
            let ids: Result<Vec<_>, Fault> = hashed.map(|(mail, hash)| insert(tx, &desk, mail, hash, now)).collect();
            Ok(ids?.into_iter().flatten().collect())
        };
        self.thread.write(insert_all).await
    }

    /// Puts a longer head of an undecided mail in the place of the one journalled; size and key stay.
    pub async fn replace_head(&self, mail: MailId, raw: Vec<u8>, complete: bool) -> Result<(), StoreError> {
        let replace = move |tx: &Transaction<'_>| {
            let sha256 = Sha256::digest(&raw);
            match tx.prepare_cached(NEW_HEAD)?.execute((mail, sha256.as_slice(), complete))? {
                0 => Err(not_seen(tx, mail)),
                _ => Ok(_ = tx.prepare_cached(NEW_RAW)?.execute((mail, raw))?),
            }
        };
        self.thread.write(replace).await
    }

    /// Mail without a decision, oldest first; not what is in quarantine or has failed more often than `most_attempts`.
    /// The first ones only, where they are many bytes.
    pub async fn undecided(&self, desk: &str, most_attempts: u32, limit: u32) -> Result<Vec<StoredMail>, StoreError> {
        self.undecided_after(None, desk, most_attempts, limit).await
    }

    /// The same, of what was journalled after this mail.
    pub async fn undecided_after(
        &self,
        mail: Option<MailId>,
        desk: &str,
        most_attempts: u32,
        limit: u32,
    ) -> Result<Vec<StoredMail>, StoreError> {
        let (desk, after) = (desk.to_owned(), mail.unwrap_or(MailId(0)));
        self.thread.read(move |tx| undecided(tx, (&desk, most_attempts, limit, after))).await
    }

    /// Notes that working on a mail failed, or may fail; it stays undecided. Answers how often that happened, this time included.
    pub async fn record_failure(&self, mail: MailId, error: &str, now: Timestamp) -> Result<u32, StoreError> {
        let note = dated(error, now);
        let count = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(FAILURE)?;
            let attempts = statement.query_row((mail, note), |row| row.get(0)).optional()?;
            attempts.map_or_else(|| Err(not_seen(tx, mail)), Ok)
        };
        self.thread.write(count).await
    }

    /// Takes a mail out of the way: it is not handed out any more, and staff see it by its labels and with `reason`.
    pub async fn quarantine(
        &self,
        mail: MailId,
        reason: &str,
        labels: Vec<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let note = dated(reason, now);
        let set = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(QUARANTINE)?;
            let desk: Option<String> = statement.query_row((mail, note), |row| row.get(0)).optional()?;
            let desk = desk.ok_or_else(|| not_seen(tx, mail))?;
            let label = NewEffect { effect: Effect::AddLabels { labels }, due: None };
            write_effect(tx, &desk, mail, (0, EffectState::Pending), &label, now)?;
            Ok(())
        };
        self.thread.write(set).await
    }

    /// Mails of a desk in quarantine, and then those that the mailbox failed on after they were decided ([`IN_VAIN`]);
    /// of each at most 1,000, oldest first. Looks at all effects.
    pub async fn quarantined(&self, desk: &str) -> Result<Vec<CaseRow>, StoreError> {
        let desk = desk.to_owned();
        let all = move |tx: &Transaction<'_>| {
            let mut all = cases(tx, QUARANTINED, [&desk])?;
            all.extend(cases(tx, FAILED_ON, [&desk])?);
            Ok(all)
        };
        self.thread.read(all).await
    }

    /// The newest mail of any desk; one older than all if there is none.
    pub async fn newest_mail(&self) -> Result<MailId, StoreError> {
        self.thread.read(|tx| Ok(MailId(tx.query_row(NEWEST_MAIL, [], |row| row.get(0))?))).await
    }
}

const LAST_UID: &str = "SELECT max(uid) FROM mail WHERE desk = ?1 AND mailbox = ?2 AND validity = ?3";

const FILES: &str =
    "SELECT file FROM mail WHERE desk = ?1 AND mailbox = ?2 AND validity = ?3 AND uid = 0 AND file > ''";

pub(super) const INSERT: &str = "
    INSERT INTO mail (desk, mailbox, validity, uid, file, sha256, internal_date, flags, size, complete, seen_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (desk, mailbox, validity, uid, file) DO NOTHING";

pub(super) const INSERT_RAW: &str = "INSERT INTO raw (mail_id, bytes) VALUES (?1, ?2)";

const NEW_HEAD: &str = "UPDATE mail SET sha256 = ?2, complete = ?3 WHERE id = ?1 AND state = 'seen'";

const NEW_RAW: &str = "UPDATE raw SET bytes = ?2 WHERE mail_id = ?1";

const UNDECIDED: &str = "
    SELECT m.id, m.mailbox, m.validity, m.uid, m.file, m.internal_date, m.flags, m.size, m.complete, m.seen_at,
           m.attempts, m.note, r.bytes
    FROM mail m INDEXED BY mail_undecided JOIN raw r ON r.mail_id = m.id
    WHERE m.desk = ?1 AND m.state = 'seen' AND m.attempts <= ?2 AND m.id > ?4
    ORDER BY m.id LIMIT ?3";

const FAILURE: &str =
    "UPDATE mail SET attempts = attempts + 1, note = ?2 WHERE id = ?1 AND state = 'seen' RETURNING attempts";

const QUARANTINE: &str =
    "UPDATE mail SET state = 'quarantined', note = ?2 WHERE id = ?1 AND state = 'seen' RETURNING desk";

const QUARANTINED: &str = select_cases!(
    "WHERE m.id IN (SELECT id FROM mail INDEXED BY mail_quarantined WHERE desk = ?1 AND state = 'quarantined'
                    ORDER BY id LIMIT 1000)
     ORDER BY m.id"
);

const NEWEST_MAIL: &str = "SELECT coalesce(max(id), 0) FROM mail";

/// Stands in the note of a mail, or of an effect, that was tried a few times and given up.
pub const IN_VAIN: &str = "in vain";

// Rare and asked for by staff only: no index.
const FAILED_ON: &str = select_cases!(
    "WHERE m.id IN (SELECT mail_id FROM effect WHERE desk = ?1 AND state = 'failed' AND note LIKE 'tried _ times in vain%'
                    ORDER BY mail_id LIMIT 1000)
     ORDER BY m.id"
);

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM mail WHERE id = ?1)";

#[cfg(test)]
pub(super) const SQL: &[&str] =
    &[LAST_UID, FILES, INSERT, INSERT_RAW, NEW_HEAD, NEW_RAW, UNDECIDED, FAILURE, QUARANTINE, QUARANTINED, EXISTS];

fn known(tx: &Transaction<'_>, desk: &str, mailbox: &str, validity: u32) -> Result<Known, Fault> {
    let whose = (desk, mailbox, validity);
    let last_uid: Option<u32> = tx.prepare_cached(LAST_UID)?.query_row(whose, |row| row.get(0))?;
    let mut files = tx.prepare_cached(FILES)?;
    let files = files.query_map(whose, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Known { last_uid: last_uid.unwrap_or(0), files })
}

/// None if the key is known.
fn insert(
    tx: &Transaction<'_>,
    desk: &str,
    mail: &Arrival,
    sha256: &[u8],
    now: Timestamp,
) -> Result<Option<MailId>, Fault> {
    let (uid, file) = item_columns(&mail.key.item);
    let values = rusqlite::params![
        desk,
        mail.key.mailbox,
        mail.key.validity,
        uid,
        file,
        sha256,
        mail.internal_date.map(Ms),
        serde_json::to_string(&mail.flags)?,
        i64::try_from(mail.size).unwrap_or(i64::MAX),
        mail.complete,
        Ms(now),
    ];
    if tx.prepare_cached(INSERT)?.execute(values)? == 0 {
        return Ok(None);
    }
    let id = MailId(tx.last_insert_rowid());
    tx.prepare_cached(INSERT_RAW)?.execute((id, &mail.raw))?;
    Ok(Some(id))
}

fn undecided(tx: &Transaction<'_>, whose: (&str, u32, u32, MailId)) -> Result<Vec<StoredMail>, Fault> {
    let mut statement = tx.prepare_cached(UNDECIDED)?;
    let mut rows = statement.query(whose)?;
    let (mut mail, mut bytes) = (Vec::new(), 0);
    while bytes < BYTES_AT_ONCE
        && let Some(row) = rows.next()?
    {
        let stored = stored(row)?;
        bytes += stored.arrival.raw.len();
        mail.push(stored);
    }
    Ok(mail)
}

/// A row with the columns of [`UNDECIDED`].
pub(super) fn stored(row: &Row<'_>) -> Result<StoredMail, Fault> {
    let flags: String = row.get("flags")?;
    let arrival = Arrival {
        key: key(row)?,
        internal_date: time(row, "internal_date")?,
        flags: serde_json::from_str(&flags)?,
        size: row.get::<_, i64>("size")?.unsigned_abs(),
        raw: row.get("bytes")?,
        complete: row.get("complete")?,
    };
    let seen_at: Ms = row.get("seen_at")?;
    Ok(StoredMail {
        id: row.get("id")?,
        arrival,
        seen_at: seen_at.0,
        attempts: row.get("attempts")?,
        note: row.get("note")?,
    })
}

/// Why an update of a mail in state `seen` found none.
pub(super) fn not_seen(tx: &Transaction<'_>, mail: MailId) -> Fault {
    let exists = tx.prepare_cached(EXISTS).and_then(|mut statement| statement.query_row([mail], |row| row.get(0)));
    match exists {
        Ok(true) => Fault::AlreadyDecided(mail),
        Ok(false) => Fault::NoSuchMail(mail),
        Err(error) => error.into(),
    }
}

fn dated(text: &str, now: Timestamp) -> String {
    format!("{now:.0} {text}")
}
