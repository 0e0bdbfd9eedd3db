//! A store in a throw-away folder, and mail to put into it.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use madoguchi::store::{Effect, EffectRow, MailId, MailMeta, NewEffect, Outcome, Store};
use madoguchi::triage::arrival::{Arrival, Item, MailKey};
use madoguchi::triage::decision::{
    AuthLevel, Decision, Disposition, Gate, GateVerdict, MadeWith, Reason, Reply, Route, RouteKind,
};
use madoguchi::triage::inquiry::Mailbox;
use tempfile::TempDir;

pub const DESK: &str = "support";

/// 2026-11-24 10:00 in Tokyo, and `minutes` later.
pub fn minute(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(minutes)
}

pub struct Bench {
    pub store: Store,
    pub path: PathBuf,
    pub folder: TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madoguchi.db");
        Bench { store: Store::open(&path, minute(0)).unwrap(), path, folder }
    }

    /// Closes the store without any goodbye and opens it again.
    pub fn reopen(self) -> Bench {
        let Bench { store, path, folder } = self;
        drop(store);
        Bench { store: Store::open(&path, minute(0)).unwrap(), path, folder }
    }

    /// Journals one mail.
    pub async fn mail(&self, uid: u32, raw: &str) -> MailId {
        let ids = self.store.journal(DESK, vec![arrival(uid, raw)], minute(0)).await.unwrap();
        assert_eq!(ids.len(), 1, "uid {uid} was known");
        ids[0]
    }

    /// Journals one mail and decides it with these effects, due at once.
    pub async fn decided(&self, uid: u32, meta: &MailMeta, effects: Vec<Effect>) -> MailId {
        let mail = self.mail(uid, &format!("mail {uid}")).await;
        let effects: Vec<_> = effects.into_iter().map(at_once).collect();
        self.store.record(mail, meta, &decision(None), &effects, minute(0)).await.unwrap();
        mail
    }

    /// What is ready, and behind it what is ready to be sent.
    pub async fn ready(&self, minutes: i64) -> Vec<EffectRow> {
        let mut rows = self.store.ready(DESK, minute(minutes), 100).await.unwrap();
        rows.extend(self.store.ready_to_send(DESK, minute(minutes), 100).await.unwrap());
        rows
    }

    /// What is ready, as `mail.seq kind`, mails counted from 1.
    pub async fn ready_words(&self, minutes: i64) -> Vec<String> {
        self.ready(minutes)
            .await
            .iter()
            .map(|row| format!("{}.{} {}", row.mail_id, row.seq, row.effect.kind()))
            .collect()
    }

    /// Ends the one effect that is ready.
    pub async fn finish_next(&self, minutes: i64, outcome: Outcome) {
        let ready = self.ready(minutes).await;
        assert_eq!(ready.len(), 1, "{ready:?}");
        self.store.start(&[ready[0].id], minute(minutes)).await.unwrap();
        self.store.finish(vec![(ready[0].id, outcome)], minute(minutes)).await.unwrap();
    }

    /// State of the mail, then of its effects.
    pub async fn states(&self, mail: MailId) -> String {
        let cases = self.store.overview(Some(DESK), 1000).await.unwrap();
        let case = cases.iter().find(|case| case.mail == mail).unwrap();
        let effects = case.effects.iter().map(|effect| effect.state.as_str());
        [case.state.as_str()].into_iter().chain(effects).collect::<Vec<_>>().join(" ")
    }
}

pub fn arrival(uid: u32, raw: &str) -> Arrival {
    Arrival {
        key: MailKey { mailbox: "INBOX".into(), validity: 7, item: Item::Uid(uid) },
        internal_date: Some(minute(-5)),
        flags: vec!["\\Seen".into(), "$Forwarded".into()],
        size: raw.len() as u64,
        raw: raw.into(),
        complete: true,
    }
}

pub fn file_arrival(name: &str) -> Arrival {
    let key = MailKey { mailbox: "INBOX".into(), validity: 0, item: Item::File(name.into()) };
    Arrival { key, ..arrival(0, name) }
}

pub fn meta(message_id: &str, sender: &str, thread: &[&str]) -> MailMeta {
    MailMeta {
        message_id: Some(message_id.into()),
        sender: sender.into(),
        thread: thread.iter().map(|id| (*id).to_string()).collect(),
        subject: String::new(),
        signed_case: None,
        day: Some(jiff::civil::date(2026, 11, 24)),
        bounce: None,
    }
}

pub fn reply(message_id: &str) -> Reply {
    Reply {
        template: "answer".into(),
        to: Mailbox { name: "山田 太郎".into(), address: "Taro@kaisha.example".into() },
        at: None,
        until: None,
        follows: false,
        subject: "Re: 請求書の再発行".into(),
        body: "お世話になっております。\n".into(),
        message_id: message_id.into(),
        in_reply_to: Some("parent@kaisha.example".into()),
        references: vec!["parent@kaisha.example".into()],
    }
}

pub fn send(message_id: &str) -> Effect {
    Effect::Send(reply(message_id))
}

pub fn label() -> Effect {
    Effect::AddLabels { labels: vec!["mado-4-1-3".into()] }
}

pub fn at_once(effect: Effect) -> NewEffect {
    NewEffect { effect, due: None }
}

pub fn due(effect: Effect, minutes: i64) -> NewEffect {
    NewEffect { effect, due: Some(minute(minutes)) }
}

pub fn done() -> Outcome {
    Outcome::Done { note: None }
}

pub fn decision(case: Option<&str>) -> Decision {
    Decision {
        gate: Gate { verdict: GateVerdict::Answer, hits: vec![] },
        disposition: Disposition::Auto,
        reasons: vec![Reason { code: "clear".into(), text: "明確".into() }],
        route: Route {
            kind: RouteKind::Direct,
            partner: None,
            customer: Some("c1".into()),
            authenticated: AuthLevel::Strong,
            proof: "address".into(),
            doubt: None,
        },
        scopes: vec!["4-1-3".into()],
        conduct: vec![],
        parts: vec![],
        evidence: vec![],
        confidence: 0.9,
        runner_up: None,
        facts: Default::default(),
        actions: vec![],
        case: case.map(str::to_owned),
        case_state: serde_json::Map::new(),
        made_with: MadeWith::default(),
    }
}
