//! Urgent mail, and a program of staff's own that is told of it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::ToSpan;
use madoguchi::command;
use madoguchi::store::{CaseEffect, CaseRow, EffectState, Store};
use madoguchi::worker::Worker;

use crate::support::desk::{ALL, TestDesk, header};

const SINCE: &str = "answer_since = 2020-01-01T00:00:00+09:00\n";

/// Writes down what it is told, and ends as the file `end` says.
const SCRIPT: &str =
    "#!/bin/sh\nenv | sort > \"$1.env\"\necho \"$MADOGUCHI_RECEIPT\" >> \"$1\"\nexit $(cat \"$1.end\")\n";

struct Bench {
    desk: TestDesk,
    store: Store,
    worker: Worker,
}

impl Bench {
    async fn new(since: &str) -> Bench {
        let desk = TestDesk::start("biz-phone", "");
        let path = |name: &str| desk.folder.path().join(name).display().to_string();
        fs::write(path("page"), SCRIPT).unwrap();
        let config = fs::read_to_string(desk.config_file()).unwrap();
        // Not for a shell: these words stay as they are.
        let keys =
            format!("alert_command = [\"sh\", \"{}\", \"{}\", \"$(id); *\"]\n{since}", path("page"), path("told"));
        fs::write(desk.config_file(), config.replace(SINCE, &keys)).unwrap();
        let store = desk.open_store();
        let worker = desk.worker(&store).await;
        let bench = Bench { desk, store, worker };
        bench.ends_with(0);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desk.folder.path().join(name)
    }

    fn ends_with(&self, status: u8) {
        fs::write(self.path("told.end"), status.to_string()).unwrap();
    }

    /// Urgent, out of hours.
    fn deliver(&self, number: u32, thread: &str) {
        let raw = format!(
            "From: taro@firm.example\nTo: support@desk.example\nSubject: stolen\nMessage-ID: <{number}@firm.example>\n{thread}\
             Date: Tue, 01 Dec 2026 22:00:00 +0900\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 8bit\n\nCIDのパスワードが盗まれたようです。パスワードの変更の手続きを教えてください。\n"
        );
        self.desk.dovecot.deliver(raw.replace('\n', "\r\n").as_bytes());
    }

    async fn work(&mut self) {
        self.worker.until_idle().await.unwrap();
    }

    async fn later(&mut self, minutes: i64) {
        self.desk.clock.set(self.desk.clock.now().checked_add(minutes.minutes()).unwrap());
        self.work().await;
    }

    async fn row(&self) -> CaseRow {
        self.store.overview(None, ALL).await.unwrap().remove(0)
    }

    async fn alert(&self) -> CaseEffect {
        let mut effects = self.row().await.effects.into_iter();
        effects.find(|effect| effect.kind == "alert-command").expect("the command is an effect")
    }

    /// The receipt numbers that the command was told.
    fn told(&self) -> Vec<String> {
        let told = fs::read_to_string(self.path("told")).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_is_run_once_a_case_out_of_hours_too_and_learns_nothing_of_the_mail() {
    let mut bench = Bench::new(SINCE).await;
    bench.deliver(1, "");
    bench.later(11 * 60).await;
    let row = bench.row().await;
    let case = row.decision.as_ref().unwrap().decision().unwrap().case.unwrap();
    assert_eq!(bench.told(), [case.as_str()]);
    let kinds: Vec<&str> = row.effects.iter().map(|effect| effect.kind.as_str()).collect();
    assert_eq!(kinds[0], "alert-command", "nothing holds it up: {kinds:?}");
    assert_eq!(bench.alert().await.note.as_deref(), Some("the command ended well"));
    let env = fs::read_to_string(bench.path("told.env")).unwrap();
    let said: Vec<&str> = env.lines().filter(|line| line.starts_with("MADOGUCHI_")).collect();
    let receipt = format!("MADOGUCHI_RECEIPT={case}");
    assert_eq!(
        said,
        [
            "MADOGUCHI_ALERT=ID・パスワードの紛失・盗難・不正使用",
            "MADOGUCHI_ARTICLE=利用約款 第13条第7項",
            "MADOGUCHI_DESK=test",
            "MADOGUCHI_MAIL=1",
            receipt.as_str(),
        ]
    );
    assert!(!env.contains("taro") && !env.contains("stolen") && !env.contains("盗まれたよう"), "{env}");

    // The customer's next mail of the case, and a new start.
    let answer = bench.desk.sink.received().remove(0);
    let id = header(&answer.message, "Message-ID");
    bench.deliver(2, &format!("In-Reply-To: <{id}>\nReferences: <{id}>\n"));
    bench.worker = bench.desk.worker(&bench.store).await;
    bench.later(5).await;
    assert_eq!(bench.row().await.message_id.as_deref(), Some("2@firm.example"));
    assert_eq!(bench.told().len(), 1, "staff know");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_tried_again_and_the_rest_follows() {
    let mut bench = Bench::new(SINCE).await;
    bench.ends_with(3);
    bench.deliver(1, "");
    bench.work().await;
    let alert = bench.alert().await;
    assert_eq!((alert.state, alert.attempts), (EffectState::Pending, 1));
    assert_eq!(alert.note.as_deref(), Some("the command ended with exit status: 3"));
    assert_eq!((bench.told().len(), bench.desk.sink.count()), (1, 0));
    bench.ends_with(0);
    bench.later(1).await;
    assert_eq!((bench.alert().await.state, bench.told().len()), (EffectState::Done, 2));
    assert_eq!(bench.desk.sink.count(), 1, "the customer's first instructions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_never_works_is_given_up_and_listed_and_the_customer_is_answered() {
    let mut bench = Bench::new(SINCE).await;
    fs::remove_file(bench.path("page")).unwrap();
    bench.deliver(1, "");
    bench.work().await;
    for _ in 0..4 {
        assert_eq!(bench.desk.sink.count(), 0);
        bench.later(5).await;
    }
    let alert = bench.alert().await;
    assert_eq!((alert.state, bench.desk.sink.count()), (EffectState::Failed, 1));
    assert!(alert.note.as_deref().unwrap().starts_with("tried 5 times in vain: the command ended with"), "{alert:?}");
    assert_eq!(bench.store.quarantined("test").await.unwrap().len(), 1, "staff see it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_only_observed_runs_no_command() {
    let mut bench = Bench::new("").await;
    bench.deliver(1, "");
    bench.work().await;
    assert_eq!((bench.row().await.effects.len(), bench.told().len()), (0, 0));
}

#[tokio::test]
async fn a_command_that_hangs_is_killed() {
    let words = ["sleep", "600"].map(str::to_owned);
    let error = command::run(&words, &[], Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(error, command::CommandError::TooLong(_)), "{error}");
    let error = command::run(&["/no/such/program".to_owned()], &[], Duration::from_secs(20)).await.unwrap_err();
    assert!(error.to_string().starts_with("the command cannot be run: "), "{error}");
}
