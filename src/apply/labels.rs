//! Labels: the same ones for several mails with one command, unless the server makes trouble.

use std::collections::BTreeMap;

use super::{ApplyError, Hands};
use crate::mailbox::{LabelChange, MailboxError};
use crate::store::{After, Books, Effect, EffectRow, EffectState, SendRow, StoreError};

impl Hands<'_> {
    /// Labels that are the same for several mails are set with one command, and all commands are sent at once. If that
    /// is refused, each mail has a command of its own: one that the server fails on must not hold up the others.
    pub(super) async fn label(&mut self, rows: Vec<EffectRow>) -> Result<(), ApplyError> {
        if rows.is_empty() || *self.stop.borrow() {
            return Ok(());
        }
        let groups = self.groups(rows).await?;
        let refused = self.change(groups).await?;
        self.change(refused.into_iter().flat_map(LabelGroup::apart).collect()).await?;
        Ok(())
    }

    /// Answers which groups the server refused as a whole; of all others it is noted what became of them.
    async fn change(&mut self, groups: Vec<LabelGroup>) -> Result<Vec<LabelGroup>, ApplyError> {
        let changes: Vec<LabelChange> = groups.iter().flat_map(LabelGroup::changes).collect();
        let mut results = self.inbox.change_labels(&changes).await?.into_iter();
        let (mut outcomes, mut apart) = (Vec::new(), Vec::new());
        for group in groups {
            // All of them are taken off the list, also those behind a failure.
            let of_group: Vec<_> = results.by_ref().take(group.changes().len()).collect();
            let result: Result<Vec<()>, MailboxError> = of_group.into_iter().collect();
            match (&result, group.rows.as_slice()) {
                (_, []) => {}
                (Err(MailboxError::Refused { .. }), [_, _, ..]) => apart.push(group),
                (_, [first, ..]) => {
                    let outcome = self.outcome(first, result)?;
                    outcomes.extend(group.rows.iter().map(|row| (row.id, outcome.clone())));
                }
            }
        }
        self.notes.note(outcomes).await?;
        Ok(apart)
    }

    /// What is to be changed, and for which effects.
    async fn groups(&mut self, rows: Vec<EffectRow>) -> Result<Vec<LabelGroup>, ApplyError> {
        let group = move |books: &Books<'_>| {
            let mut groups: BTreeMap<(Vec<String>, Vec<String>), Vec<EffectRow>> = BTreeMap::new();
            for row in rows {
                groups.entry(wanted_labels(&row, books)?).or_default().push(row);
            }
            Ok(groups)
        };
        let groups = self.store.in_one(group).await?.into_iter();
        Ok(groups.map(|((off, on), rows)| LabelGroup { off, on, rows }).collect())
    }
}

/// What a mail is to say about its answer; where its end was changed, what it said before comes off.
fn labels_of_send(send: &SendRow, sent: &[String], unsent: &[String]) -> (Vec<String>, Vec<String>) {
    let before = |labels: &[String]| if send.after.is_some() { labels.to_vec() } else { Vec::new() };
    match (send.state, send.after) {
        (EffectState::Done, _) => (before(unsent), sent.to_vec()),
        (_, Some(After::Dropped)) => (before(unsent), Vec::new()),
        _ => (before(sent), unsent.to_vec()),
    }
}

/// Effects that change the same labels.
struct LabelGroup {
    off: Vec<String>,
    on: Vec<String>,
    rows: Vec<EffectRow>,
}

impl LabelGroup {
    /// A group for each mail.
    fn apart(self) -> impl Iterator<Item = LabelGroup> {
        let LabelGroup { off, on, rows } = self;
        rows.into_iter().map(move |row| LabelGroup { off: off.clone(), on: on.clone(), rows: vec![row] })
    }

    fn changes(&self) -> Vec<LabelChange> {
        let changes = [(false, &self.off), (true, &self.on)].into_iter().filter(|(_, labels)| !labels.is_empty());
        let items = || self.rows.iter().map(|row| row.key.item.clone()).collect();
        changes.map(|(add, labels)| LabelChange { add, labels: labels.clone(), items: items() }).collect()
    }
}

/// Labels to take off and to put on.
fn wanted_labels(row: &EffectRow, books: &Books<'_>) -> Result<(Vec<String>, Vec<String>), StoreError> {
    Ok(match &row.effect {
        Effect::AddLabels { labels } => (Vec::new(), labels.clone()),
        Effect::RemoveLabels { labels } => (labels.clone(), Vec::new()),
        Effect::LabelSend { of, sent, unsent } => labels_of_send(&books.send_effect(row.mail_id, *of)?, sent, unsent),
        _ => (Vec::new(), Vec::new()),
    })
}

pub(super) fn is_label(effect: &Effect) -> bool {
    matches!(effect, Effect::AddLabels { .. } | Effect::RemoveLabels { .. } | Effect::LabelSend { .. })
}
