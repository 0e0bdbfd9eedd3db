//! Reading new mail: UIDs by SEARCH, heads by `BODY.PEEK[]<0.N>`, and quarantine for mail that cannot be read.
//!
//! ENVELOPE and BODYSTRUCTURE are never asked for: one malformed mail in them makes an answer that no client can
//! parse, at every connection again.

use std::collections::BTreeMap;

use imap_proto::{AttributeValue, Response};
use jiff::Timestamp;

use super::wire::Command;
use super::{BATCH, Imap, note_search, uid_set};
use crate::mailbox::MailboxError;
use crate::triage::arrival::{Arrival, Item, MailKey};

/// What was read so far, by UID.
pub(super) struct Heads {
    /// Bytes asked for of each mail.
    limit: usize,
    by_uid: BTreeMap<u32, Head>,
}

#[derive(Default)]
struct Head {
    flags: Vec<String>,
    internal_date: Option<Timestamp>,
    size: u64,
    raw: Option<Vec<u8>>,
    /// It cannot be read, and is handed on without its text.
    given_up: bool,
}

impl Imap {
    /// UIDs above `last`, ascending.
    pub(super) async fn uids_after(&mut self, last: u32) -> Result<Vec<u32>, MailboxError> {
        let Some(first) = last.checked_add(1) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let command = Command::new("UID SEARCH").raw(&format!("UID {first}:*"));
        self.wire.watch(command, &mut |response| note_search(&mut found, response)).await?;
        // `n:*` always names the newest mail, even if its UID is below n (RFC 9051 §9, seq-range).
        found.retain(|uid| *uid >= first);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    pub(super) async fn heads(&mut self, uids: &[u32]) -> Result<Heads, MailboxError> {
        let mut heads = Heads { limit: self.settings.head_bytes, by_uid: BTreeMap::new() };
        for batch in uids.chunks(BATCH) {
            self.batch(batch, &mut heads).await?;
        }
        Ok(heads)
    }

    /// One command for all; mail it left out is asked for again, one by one, unless it is gone.
    async fn batch(&mut self, uids: &[u32], heads: &mut Heads) -> Result<(), MailboxError> {
        match self.fetch(uids, heads).await {
            Ok(()) => {}
            Err(error) => self.survive(error).await?,
        }
        let missing: Vec<u32> = uids.iter().copied().filter(|uid| !heads.has(*uid)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for uid in self.still_there(&missing).await? {
            self.alone(uid, heads).await?;
        }
        Ok(())
    }

    /// Reads one mail that a batch failed on. If it fails again, twice, on a connection that is otherwise good, it is
    /// the mail: it is handed on without its text, so that the rest can go on.
    async fn alone(&mut self, uid: u32, heads: &mut Heads) -> Result<(), MailboxError> {
        for _ in 0..2 {
            match self.fetch(&[uid], heads).await {
                Ok(()) if heads.has(uid) || self.still_there(&[uid]).await?.is_empty() => return Ok(()),
                Ok(()) => {}
                Err(error) => self.survive(error).await?,
            }
        }
        tracing::warn!(uid, "the server does not give a mail; it is asked for again later");
        heads.give_up(uid);
        Ok(())
    }

    /// Makes the connection good again after a FETCH failed; an error only if that cannot be done or the server
    /// asks for patience.
    pub(super) async fn survive(&mut self, error: MailboxError) -> Result<(), MailboxError> {
        if error.is_passing_refusal() {
            return Err(error);
        }
        if error.needs_reopen() {
            tracing::info!(%error, "reading mail failed; connecting again");
            return self.reopen().await;
        }
        Ok(())
    }

    async fn fetch(&mut self, uids: &[u32], heads: &mut Heads) -> Result<(), MailboxError> {
        let items = format!("(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{}>)", heads.limit);
        let command = Command::new("UID FETCH").raw(&uid_set(uids)).raw(&items);
        self.wire.watch(command, &mut |response| heads.note(uids, response)).await
    }

    /// A stretch of one mail, which is what `BODY.PEEK[]<from.bytes>` gives. A mail that breaks the connection twice
    /// is left as it is, as in [`Imap::alone`].
    pub(super) async fn piece(&mut self, uid: u32, from: usize, bytes: usize) -> Result<Option<Vec<u8>>, MailboxError> {
        let items = format!("(UID BODY.PEEK[]<{from}.{bytes}>)");
        for _ in 0..2 {
            let mut found = None;
            let command = Command::new("UID FETCH").raw(&uid_set(&[uid])).raw(&items);
            let fetched = self.wire.watch(command, &mut |response| note_piece(&mut found, uid, from, response)).await;
            match fetched {
                Ok(()) => return Ok(found.map(|piece| cut(&piece, bytes))),
                Err(error) => self.survive(error).await?,
            }
        }
        tracing::warn!(uid, "the rest of a mail's text cannot be read from the server");
        Ok(None)
    }

    /// Those of `uids` that were not expunged, with mail flagged `\Deleted` counted as there, and all of them if the
    /// server fails even on this question.
    async fn still_there(&mut self, uids: &[u32]) -> Result<Vec<u32>, MailboxError> {
        match self.flags_of(uids).await {
            Ok(flags) => Ok(flags.into_keys().collect()),
            Err(error) => {
                self.survive(error).await?;
                Ok(uids.to_vec())
            }
        }
    }

    /// UID and flags of those of `uids` that are there.
    pub(super) async fn flags_of(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, Vec<String>>, MailboxError> {
        let mut heads = Heads { limit: 0, by_uid: BTreeMap::new() };
        let command = Command::new("UID FETCH").raw(&uid_set(uids)).raw("(UID FLAGS)");
        self.wire.watch(command, &mut |response| heads.note(uids, response)).await?;
        Ok(heads.by_uid.into_iter().map(|(uid, head)| (uid, head.flags)).collect())
    }
}

impl Heads {
    fn has(&self, uid: u32) -> bool {
        self.by_uid.get(&uid).is_some_and(|head| head.raw.is_some())
    }

    fn give_up(&mut self, uid: u32) {
        self.by_uid.entry(uid).or_default().given_up = true;
    }

    /// Takes in a FETCH answer. A server may answer in several parts, and tell of flags nobody asked for.
    fn note(&mut self, asked: &[u32], response: &Response<'_>) {
        let Response::Fetch(_, attributes) = response else { return };
        let Some(uid) = uid_of(attributes).filter(|uid| asked.contains(uid)) else { return };
        let head = self.by_uid.entry(uid).or_default();
        for attribute in attributes {
            head.note(attribute, self.limit);
        }
    }

    /// By UID, which is oldest first. Mail that was expunged before its body came is left out.
    pub(super) fn into_arrivals(self, mailbox: &str, validity: u32) -> Vec<Arrival> {
        let limit = self.limit;
        let key = |uid| MailKey { mailbox: mailbox.to_owned(), validity, item: Item::Uid(uid) };
        let there = self.by_uid.into_iter().filter(|(_, head)| head.raw.is_some() || head.given_up);
        there.map(|(uid, head)| head.into_arrival(key(uid), limit)).collect()
    }
}

impl Head {
    fn note(&mut self, attribute: &AttributeValue<'_>, limit: usize) {
        match attribute {
            AttributeValue::Flags(flags) => self.flags = flags.iter().map(|flag| flag.to_string()).collect(),
            AttributeValue::InternalDate(date) => self.internal_date = internal_date(date),
            AttributeValue::Rfc822Size(size) => self.size = u64::from(*size),
            AttributeValue::BodySection { section: None, data: Some(data), .. } => {
                self.raw = Some(cut(data, limit));
            }
            _ => {}
        }
    }

    /// Complete if all octets are there, or fewer came than were asked for: some servers only estimate RFC822.SIZE.
    fn into_arrival(self, key: MailKey, limit: usize) -> Arrival {
        let readable = self.raw.is_some();
        let raw = self.raw.unwrap_or_default();
        let length = raw.len() as u64;
        let complete = readable && (length >= self.size || raw.len() < limit);
        Arrival {
            key,
            internal_date: self.internal_date,
            flags: self.flags,
            size: self.size.max(length),
            raw,
            complete,
        }
    }
}

pub(super) fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

/// Takes in the bytes of `uid` from `from` on, also from a server that sends the whole mail all the same.
fn note_piece(found: &mut Option<Vec<u8>>, uid: u32, from: usize, response: &Response<'_>) {
    let Response::Fetch(_, attributes) = response else { return };
    for attribute in attributes.iter().filter(|_| uid_of(attributes) == Some(uid)) {
        if let AttributeValue::BodySection { section: None, index, data: Some(data) } = attribute {
            let skip = from.checked_sub(index.map_or(0, |origin| origin as usize));
            *found = skip.map(|skip| data[skip.min(data.len())..].to_vec());
        }
    }
}

/// No more than was asked for, whatever came.
fn cut(data: &[u8], limit: usize) -> Vec<u8> {
    data[..data.len().min(limit)].to_vec()
}

/// `17-Jul-1996 02:44:25 -0700`, the day padded with a blank (RFC 9051 §9, date-time).
pub(super) fn internal_date(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates_are_read_with_their_offset() {
        let at = |text: &str| internal_date(text).map(|t| t.to_string());
        assert_eq!(at("17-Jul-1996 02:44:25 -0700").as_deref(), Some("1996-07-17T09:44:25Z"));
        assert_eq!(at(" 7-Nov-2026 08:00:00 +0900").as_deref(), Some("2026-11-06T23:00:00Z"));
        assert_eq!(at("yesterday"), None);
    }

    fn arrival(answers: &[&str], limit: usize) -> Vec<Arrival> {
        let mut heads = Heads { limit, by_uid: BTreeMap::new() };
        for answer in answers {
            let (_, response) = Response::parse(answer.as_bytes()).unwrap();
            heads.note(&[7, 9], &response);
        }
        heads.into_arrivals("INBOX", 3)
    }

    #[test]
    fn an_answer_in_several_parts_is_one_mail() {
        let got = arrival(
            &[
                "* 1 FETCH (UID 7 FLAGS (\\Seen x) RFC822.SIZE 5)\r\n",
                "* 1 FETCH (UID 7 BODY[]<0> {5}\r\nhello)\r\n",
                "* 2 FETCH (UID 8 FLAGS ())\r\n",
                "* 2 FETCH (FLAGS (\\Seen))\r\n",
            ],
            10,
        );
        assert_eq!(got.len(), 1, "UID 8 was not asked for");
        assert_eq!((got[0].raw.as_slice(), got[0].complete, got[0].size), (&b"hello"[..], true, 5));
        assert_eq!(got[0].flags, ["\\Seen", "x"]);
    }

    #[test]
    fn a_head_is_complete_if_nothing_can_be_missing() {
        let complete = |limit, answer: &str| arrival(&[answer], limit)[0].complete;
        assert!(complete(10, "* 1 FETCH (UID 7 RFC822.SIZE 5 BODY[]<0> {5}\r\nhello)\r\n"));
        assert!(complete(5, "* 1 FETCH (UID 7 RFC822.SIZE 5 BODY[]<0> {5}\r\nhello)\r\n"));
        assert!(!complete(5, "* 1 FETCH (UID 7 RFC822.SIZE 6 BODY[]<0> {5}\r\nhello)\r\n"));
        assert!(complete(10, "* 1 FETCH (UID 7 RFC822.SIZE 900 BODY[]<0> {5}\r\nhello)\r\n"), "an estimate");
        assert!(!complete(3, "* 1 FETCH (UID 7 RFC822.SIZE 5 BODY[] {5}\r\nhello)\r\n"), "N was ignored");
    }

    #[test]
    fn mail_given_up_comes_without_text_and_vanished_mail_not_at_all() {
        let mut heads = Heads { limit: 10, by_uid: BTreeMap::new() };
        let (_, response) = Response::parse(b"* 1 FETCH (UID 9 RFC822.SIZE 5 BODY[] NIL)\r\n").unwrap();
        heads.note(&[9], &response);
        heads.give_up(7);
        let got = heads.into_arrivals("INBOX", 3);
        assert_eq!(got.len(), 1);
        assert_eq!((&got[0].key.item, got[0].raw.len(), got[0].complete), (&Item::Uid(7), 0, false));
    }
}
