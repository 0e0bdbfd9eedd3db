//! The store inside one transaction: what several steps see and write together, without waiting in between.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Transaction;

use super::breaker::{DeskLoad, desk_load, open_breaker};
use super::case::{case_of, next_case};
use super::decisions::{Record, record_one};
use super::effect::{EffectRow, Outcome, SendRow};
use super::effects::{finish, send, start};
use super::error::{Fault, StoreError};
use super::history::{HistoryQuery, history, mail_before};
use super::notices::{NoticeRow, rows as notice_rows};
use super::observe::{Activation, activation, record_observed};
use super::queue::Turn;
use super::standing::standing_of_row;
use super::{EffectId, MailId, Store};
use crate::triage::budget::Standing;
use crate::triage::context::{Case, History};
use crate::triage::decision::Decision;
use crate::triage::outage::Outage;

/// The calls of [`Store`] of the same names, on the state of one transaction: each sees what the ones before have
/// written.
pub struct Books<'a> {
    tx: &'a Transaction<'a>,
    path: &'a Path,
}

impl Store {
    /// Runs `work` in one transaction on the store's thread. All that it wrote is on the disk when this returns; if it
    /// fails, nothing was written. For many small steps, each of which would else wait for the disk.
    ///
    /// # Errors
    /// Those of `work`, and what the end of the transaction can meet.
    pub async fn in_one<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Books<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.thread.path().to_path_buf();
        self.thread.write(move |tx| work(&Books { tx, path: &path }).map_err(Fault::Told)).await
    }
}

impl Books<'_> {
    fn at<T>(&self, result: Result<T, Fault>) -> Result<T, StoreError> {
        result.map_err(|fault| fault.at(self.path))
    }

    pub fn activation(&self, desk: &str, mailbox: &str) -> Result<Activation, StoreError> {
        self.at(activation(self.tx, desk, mailbox))
    }

    /// Writes down a mail that is only observed, with what would have been decided; it is done then.
    pub fn record_observed(&self, record: &Record, would: &Decision, now: Timestamp) -> Result<(), StoreError> {
        self.at(record_observed(self.tx, record, would, now))
    }

    pub fn history(&self, desk: &str, query: &HistoryQuery, now: Timestamp) -> Result<History, StoreError> {
        self.at(history(self.tx, desk, query, now))
    }

    pub fn mail_before(&self, desk: &str, query: &HistoryQuery) -> Result<Option<MailId>, StoreError> {
        self.at(mail_before(self.tx, desk, query))
    }

    pub fn case_of(&self, mail: MailId) -> Result<Option<Case>, StoreError> {
        self.at(case_of(self.tx, mail))
    }

    pub fn next_case(&self, desk: &str, day: Date) -> Result<u32, StoreError> {
        self.at(next_case(self.tx, desk, day))
    }

    pub fn notices(&self, desk: &str) -> Result<Vec<NoticeRow>, StoreError> {
        self.at(notice_rows(self.tx, desk))
    }

    pub fn outages(&self, desk: &str) -> Result<Vec<Outage>, StoreError> {
        self.at(super::outages::rows(self.tx, desk))
    }

    pub fn desk_load(&self, desk: &str, now: Timestamp) -> Result<DeskLoad, StoreError> {
        self.at(desk_load(self.tx, desk, now))
    }

    pub fn open_breaker(&self, desk: &str, now: Timestamp) -> Result<(), StoreError> {
        self.at(open_breaker(self.tx, desk, now))
    }

    /// Answers how many answers of the desk this makes.
    pub fn record_in_turn(&self, record: &Record, turn: Option<Turn>, now: Timestamp) -> Result<u32, StoreError> {
        self.at(record_one(self.tx, record, turn, now))
    }

    pub fn standing(&self, row: &EffectRow, of_domain: bool, now: Timestamp) -> Result<Standing, StoreError> {
        self.at(standing_of_row(self.tx, row, of_domain, now))
    }

    pub fn start(&self, effect: EffectId, now: Timestamp) -> Result<(), StoreError> {
        self.at(start(self.tx, effect, now))
    }

    pub fn finish(&self, effect: EffectId, outcome: &Outcome, now: Timestamp) -> Result<(), StoreError> {
        self.at(finish(self.tx, effect, outcome, now))
    }

    pub fn send_effect(&self, mail: MailId, seq: u32) -> Result<SendRow, StoreError> {
        self.at(send(self.tx, mail, seq))
    }
}
