use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use madoguchi::mailbox::{Filed, ImapSettings, Inbox, MailboxError, Moved, Place, Settings, Wake};
use madoguchi::net::{NetError, Tls};
use madoguchi::triage::arrival::{Arrival, Item, Known, MailKey};

use crate::support::dovecot::{Dovecot, MARKED, PASSWORD, USER};

/// A mail of about `body` octets; lines end with CRLF.
fn mail(id: &str, body: usize) -> Vec<u8> {
    let head = format!("From: a@example.com\r\nTo: {USER}\r\nSubject: {id}\r\nMessage-ID: <{id}@example.com>\r\n\r\n");
    let line = "x".repeat(70) + "\r\n";
    (head + &line.repeat(body / line.len() + 1)).into_bytes()
}

async fn open(settings: &ImapSettings) -> Result<Inbox, MailboxError> {
    Inbox::open(&Settings::Imap(settings.clone())).await
}

async fn opened(dovecot: &Dovecot) -> Inbox {
    open(&dovecot.settings()).await.unwrap()
}

async fn all(inbox: &mut Inbox) -> Vec<Arrival> {
    inbox.new_mail(&Known::default(), 1000).await.unwrap()
}

fn labels(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| label.to_string()).collect()
}

fn uid(arrival: &Arrival) -> u32 {
    match arrival.key.item {
        Item::Uid(uid) => uid,
        Item::File(_) => panic!("an IMAP mail has a UID"),
    }
}

/// Where mail of this subject lies and how it is flagged, as staff see it: a head line, then one line a mail.
fn folder_of(dovecot: &Dovecot, subject: &str) -> String {
    dovecot.doveadm(&["-f tab fetch", "mailbox flags", "mailbox", "*", "subject", subject])
}

#[tokio::test]
async fn mail_is_read_whole_and_stays_unseen() {
    let dovecot = Dovecot::start();
    let raw = mail("one", 300);
    dovecot.deliver(&raw);
    let mut inbox = opened(&dovecot).await;
    let got = all(&mut inbox).await;

    assert_eq!(got.len(), 1);
    assert_eq!(got[0].raw, raw);
    assert!(got[0].complete && got[0].size == raw.len() as u64);
    assert!(got[0].internal_date.is_some());
    let (folder, validity) = inbox.place();
    assert_eq!((folder, got[0].key.mailbox.as_str()), ("INBOX", "INBOX"));
    assert!(validity > 0 && got[0].key.validity == validity);
    assert!(!folder_of(&dovecot, "one").contains("Seen"), "reading must not mark mail as read");
}

#[tokio::test]
async fn a_long_mail_is_cut_at_the_head_and_marked() {
    let dovecot = Dovecot::start();
    let raw = mail("long", 5000);
    dovecot.deliver(&raw);
    for (head_bytes, complete) in [(1000, false), (raw.len() - 1, false), (raw.len(), true), (raw.len() + 1, true)] {
        let mut inbox = open(&ImapSettings { head_bytes, ..dovecot.settings() }).await.unwrap();
        let got = all(&mut inbox).await;
        assert_eq!(got[0].raw, raw[..head_bytes.min(raw.len())], "head of {head_bytes}");
        assert_eq!((got[0].complete, got[0].size), (complete, raw.len() as u64), "head of {head_bytes}");
    }
}

#[tokio::test]
async fn more_of_a_mail_continues_its_head() {
    let dovecot = Dovecot::start();
    let raw = mail("long", 5000);
    dovecot.deliver(&raw);
    let mut inbox = open(&ImapSettings { head_bytes: 1000, ..dovecot.settings() }).await.unwrap();
    let got = all(&mut inbox).await.remove(0);
    let rest = raw.len() - 1000;
    for (asked, complete) in [(500, false), (rest - 1, false), (rest, true), (rest + 1, true)] {
        let mut longer = got.clone();
        longer.append(inbox.more(&got.key, 1000, asked).await.unwrap().unwrap(), asked);
        assert_eq!(longer.raw, raw[..(1000 + asked).min(raw.len())], "{asked}");
        assert_eq!((longer.complete, longer.size), (complete, raw.len() as u64), "{asked}");
    }
    assert_eq!(inbox.more(&got.key, raw.len() + 9, 10).await.unwrap(), Some(Vec::new()), "behind the end");
    assert!(!folder_of(&dovecot, "long").contains("Seen"));

    // Also from another folder, where copies are looked up; but never from another mailbox's numbers.
    inbox.holds(&Place::Drafts, "a@b").await.unwrap();
    assert!(inbox.more(&got.key, 0, 10).await.unwrap().is_some());
    for (mailbox, validity) in [("Other", got.key.validity), ("INBOX", got.key.validity + 1)] {
        let key = MailKey { mailbox: mailbox.to_owned(), validity, ..got.key.clone() };
        assert_eq!(inbox.more(&key, 0, 10).await.unwrap(), None, "{key:?}");
    }
    dovecot.doveadm(&["expunge", "mailbox", "INBOX", "subject", "long"]);
    assert_eq!(inbox.more(&got.key, 1000, 10).await.unwrap(), None, "gone");
}

#[tokio::test]
async fn bare_line_feeds_are_counted_as_the_server_counts_them() {
    let dovecot = Dovecot::start();
    dovecot.deliver(b"Subject: lf\n\none\ntwo\n");
    let got = all(&mut opened(&dovecot).await).await;
    assert!(got[0].complete);
    assert_eq!(got[0].raw, b"Subject: lf\r\n\r\none\r\ntwo\r\n");
}

#[tokio::test]
async fn an_empty_file_and_raw_bytes_are_mail_too() {
    let dovecot = Dovecot::start();
    dovecot.deliver(b"");
    dovecot.deliver(b"Subject: \x83\x65\x83\x58\x83\x67\r\n\r\n\x00\xff\xfe\r\n");
    let got = all(&mut opened(&dovecot).await).await;
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|arrival| arrival.complete));
    assert!(got[1].raw.starts_with(b"Subject: \x83\x65"));
}

#[tokio::test]
async fn two_hundred_mails_come_in_batches_oldest_first_and_once() {
    let dovecot = Dovecot::start();
    for number in 0..230 {
        dovecot.deliver(&mail(&format!("n{number}"), 10));
    }
    let mut inbox = opened(&dovecot).await;
    let (mut known, mut seen) = (Known::default(), Vec::new());
    loop {
        let batch = inbox.new_mail(&known, 90).await.unwrap();
        assert!(batch.len() <= 90);
        let Some(last) = batch.last() else { break };
        if seen.len() + batch.len() < 230 {
            let woken = inbox.wait(std::future::pending()).await.unwrap();
            assert_eq!(woken, Wake::News, "what the limit cut off is news at once");
        }
        known.last_uid = uid(last);
        seen.extend(batch.iter().map(uid));
    }
    assert_eq!(seen, (1..=230).collect::<Vec<u32>>());
    assert_eq!(all(&mut inbox).await.len(), 230, "more than one command's worth in one call");
}

/// The desks' loop runs on a pool of threads.
#[tokio::test]
async fn an_inbox_can_work_in_a_task_of_its_own() {
    let dovecot = Dovecot::start();
    let settings = Settings::Imap(dovecot.settings());
    let worked = tokio::spawn(async move {
        let mut inbox = Inbox::open(&settings).await?;
        inbox.new_mail(&Known::default(), 10).await?;
        inbox.add_labels(&[Item::Uid(1)], &labels(&["x"])).await?;
        inbox.move_to(&Item::Uid(1), "Done").await?;
        inbox.file_once(&Place::Sent, &mail("s", 1), "s@example.com").await?;
        inbox.wait(std::future::ready(())).await
    });
    assert_eq!(worked.await.unwrap().unwrap(), Wake::Until);
}

#[tokio::test]
async fn known_mail_is_not_read_again() {
    let dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 10));
    let mut inbox = opened(&dovecot).await;
    let known = Known { last_uid: 1, ..Known::default() };
    assert_eq!(inbox.new_mail(&known, 10).await.unwrap(), []);
    let known = Known { last_uid: u32::MAX, ..Known::default() };
    assert_eq!(inbox.new_mail(&known, 10).await.unwrap(), []);
}

#[tokio::test]
async fn expunged_mail_is_skipped() {
    let dovecot = Dovecot::start();
    for id in ["one", "two", "three"] {
        dovecot.deliver(&mail(id, 10));
    }
    let mut inbox = opened(&dovecot).await;
    assert_eq!(all(&mut inbox).await.len(), 3);
    dovecot.doveadm(&["expunge", "mailbox", "INBOX", "subject", "two"]);
    let got = all(&mut inbox).await;
    assert_eq!(got.iter().map(uid).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn the_flags_of_a_mail_are_those_of_now_and_expunged_mail_has_none() {
    let dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 300));
    let mut inbox = opened(&dovecot).await;
    let key = all(&mut inbox).await.remove(0).key;
    let answered = |flags: Option<Vec<String>>| flags.map(|flags| flags.contains(&"\\Answered".to_owned()));
    assert_eq!(answered(inbox.flags(&key).await.unwrap()), Some(false));
    dovecot.doveadm(&["flags add", "\\Answered", "mailbox", "INBOX", "all"]);
    assert_eq!(answered(inbox.flags(&key).await.unwrap()), Some(true));
    assert_eq!(inbox.flags(&MailKey { validity: key.validity + 1, ..key.clone() }).await.unwrap(), None);
    dovecot.doveadm(&["expunge", "mailbox", "INBOX", "all"]);
    assert_eq!(inbox.flags(&key).await.unwrap(), None);
}

#[tokio::test]
async fn mail_that_the_server_cannot_read_is_handed_on_without_text() {
    let dovecot = Dovecot::start();
    for id in ["one", "two", "three", "four", "five"] {
        dovecot.deliver(&mail(id, 10));
    }
    assert_eq!(all(&mut opened(&dovecot).await).await.len(), 5);
    // A file that may not be opened, and one whose name tells a wrong size.
    let mut files: Vec<_> =
        fs::read_dir(dovecot.maildir().join("cur")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    fs::set_permissions(&files[1], fs::Permissions::from_mode(0o000)).unwrap();
    fs::rename(&files[3], files[3].with_file_name("99.wrong.test,S=99999,W=99999:2,")).unwrap();

    let mut inbox = opened(&dovecot).await;
    let got = all(&mut inbox).await;
    let shown: Vec<(u32, bool)> = got.iter().map(|arrival| (uid(arrival), arrival.complete)).collect();
    assert_eq!(shown, [(1, true), (2, false), (3, true), (5, true), (6, false)]);
    assert!(got.iter().all(|arrival| arrival.complete || arrival.raw.is_empty()));
    assert_eq!(all(&mut inbox).await.len(), got.len(), "the inbox still works");
}

#[tokio::test]
async fn labels_are_keywords_that_come_and_go() {
    let dovecot = Dovecot::start();
    for id in ["one", "two", "three"] {
        dovecot.deliver(&mail(id, 10));
    }
    let mut inbox = opened(&dovecot).await;
    let items: Vec<Item> = all(&mut inbox).await.into_iter().map(|arrival| arrival.key.item).collect();
    let wanted = labels(&["madoguchi", "clause-4-1-3"]);
    for _ in 0..2 {
        inbox.add_labels(&items[..2], &wanted).await.unwrap();
    }
    inbox.remove_labels(&items[1..], &labels(&["madoguchi", "never-there"])).await.unwrap();
    inbox.add_labels(&[Item::Uid(999)], &wanted).await.unwrap();
    inbox.add_labels(&items, &[]).await.unwrap();
    inbox.add_labels(&[], &wanted).await.unwrap();

    let flags: Vec<Vec<String>> = all(&mut inbox).await.into_iter().map(|arrival| arrival.flags).collect();
    let has = |mail: usize, label: &str| flags[mail].iter().any(|flag| flag == label);
    assert!(has(0, "madoguchi") && has(0, "clause-4-1-3"));
    assert!(!has(1, "madoguchi") && has(1, "clause-4-1-3"));
    assert!(!has(2, "madoguchi") && !has(2, "clause-4-1-3"));
    assert!(!folder_of(&dovecot, "one").contains("Seen"));
}

#[tokio::test]
async fn what_is_no_atom_cannot_be_a_label() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    for bad in ["対応待ち", "two words", "\\Seen", "x) NOOP", ""] {
        let refused = inbox.add_labels(&[Item::Uid(1)], &labels(&[bad])).await.unwrap_err();
        assert!(matches!(refused, MailboxError::BadLabel(_)), "{bad}: {refused}");
    }
    let foreign = inbox.add_labels(&[Item::File("x".into())], &labels(&["x"])).await.unwrap_err();
    assert!(matches!(foreign, MailboxError::ForeignItem));
    all(&mut inbox).await;
}

#[tokio::test]
async fn mail_moves_to_a_japanese_folder_once() {
    let dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 10));
    let mut inbox = opened(&dovecot).await;
    let item = all(&mut inbox).await.remove(0).key.item;
    assert_eq!(inbox.move_to(&item, "窓口/対応済み & 完了").await.unwrap(), Moved::Done);
    assert_eq!(inbox.move_to(&item, "窓口/対応済み & 完了").await.unwrap(), Moved::Gone, "a repeat is harmless");
    assert_eq!(inbox.move_to(&Item::Uid(77), "窓口").await.unwrap(), Moved::Gone);
    assert!(folder_of(&dovecot, "one").contains("窓口/対応済み & 完了"));
    assert!(!folder_of(&dovecot, "one").contains("Seen"));
    assert!(dovecot.doveadm(&["mailbox list", "-s"]).contains("窓口/対応済み & 完了"), "subscribed");
    assert_eq!(all(&mut inbox).await, []);
}

#[tokio::test]
async fn a_folder_that_staff_removed_is_made_again() {
    let dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 10));
    dovecot.deliver(&mail("two", 10));
    let mut inbox = opened(&dovecot).await;
    assert_eq!(inbox.move_to(&Item::Uid(1), "済み").await.unwrap(), Moved::Done);
    dovecot.doveadm(&["mailbox delete", "-s", "済み"]);
    assert_eq!(inbox.move_to(&Item::Uid(2), "済み").await.unwrap(), Moved::Done);
    dovecot.doveadm(&["mailbox delete", "-s", "済み"]);
    let place = Place::Folder("済み".to_owned());
    assert!(!inbox.holds(&place, "two@example.com").await.unwrap());
    assert_eq!(inbox.file_once(&place, &mail("three", 10), "three@example.com").await.unwrap(), Filed::Done);
}

#[tokio::test]
async fn mail_that_staff_marked_deleted_is_left_alone() {
    let dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 10));
    let mut inbox = opened(&dovecot).await;
    all(&mut inbox).await;
    dovecot.doveadm(&["flags add", "\\Deleted", "mailbox", "INBOX", "all"]);
    assert_eq!(inbox.move_to(&Item::Uid(1), "Done").await.unwrap(), Moved::Gone);
    assert!(folder_of(&dovecot, "one").contains("INBOX"));
}

#[tokio::test]
async fn drafts_and_sent_copies_are_filed_once_where_the_server_marks_them() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    for (place, id, folder, flag) in
        [(Place::Drafts, "draft", "下書きフォルダ", "\\Draft"), (Place::Sent, "sent", "Out", "\\Seen")]
    {
        let raw = mail(id, 40_000);
        let message_id = format!("<{id}@example.com>");
        assert!(!inbox.holds(&place, &message_id).await.unwrap());
        assert_eq!(inbox.file_once(&place, &raw, &message_id).await.unwrap(), Filed::Done);
        assert_eq!(inbox.file_once(&place, &raw, &message_id).await.unwrap(), Filed::AlreadyThere);
        let mut again = opened(&dovecot).await;
        assert_eq!(again.file_once(&place, &raw, &message_id).await.unwrap(), Filed::AlreadyThere);
        assert!(again.holds(&place, &message_id).await.unwrap());
        let there = folder_of(&dovecot, id);
        assert!(there.contains(folder) && there.contains(flag), "{there}");
        assert_eq!(there.lines().count(), 2, "a head line and one mail: {there}");
    }
}

#[tokio::test]
async fn places_without_marks_are_found_by_name_or_made() {
    let named = "  mailbox \"送信済み\" {\n    auto = create\n  }\n";
    let dovecot = Dovecot::start_with(named, "");
    let mut inbox = opened(&dovecot).await;
    for (place, id, folder) in [(Place::Sent, "sent", "送信済み"), (Place::Drafts, "draft", "Drafts")] {
        assert_eq!(inbox.file_once(&place, &mail(id, 10), &format!("{id}@example.com")).await.unwrap(), Filed::Done);
        assert!(folder_of(&dovecot, id).contains(folder), "{}", folder_of(&dovecot, id));
    }
}

#[tokio::test]
async fn copies_can_be_filed_into_the_home_folder() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    let place = Place::Folder("INBOX".to_owned());
    let raw = mail("one", 10);
    assert_eq!(inbox.file_once(&place, &raw, "one@example.com").await.unwrap(), Filed::Done);
    assert_eq!(inbox.file_once(&place, &raw, "one@example.com").await.unwrap(), Filed::AlreadyThere);
    assert_eq!(all(&mut inbox).await.len(), 1);
}

#[tokio::test]
async fn a_home_folder_may_have_a_japanese_name() {
    let dovecot = Dovecot::start();
    let settings = ImapSettings { folder: "共有/サポート".to_owned(), ..dovecot.settings() };
    let missing = open(&settings).await.err().unwrap();
    assert!(matches!(missing, MailboxError::NoSuchFolder(_)) && missing.is_permanent(), "{missing}");
    dovecot.doveadm(&["mailbox create", "共有/サポート"]);
    let mut inbox = open(&settings).await.unwrap();
    assert_eq!(inbox.place().0, "共有/サポート");
    inbox.file_once(&Place::Folder("共有/サポート".into()), &mail("one", 10), "one@example.com").await.unwrap();
    assert_eq!(all(&mut inbox).await[0].key.mailbox, "共有/サポート");
}

#[tokio::test]
async fn delivery_wakes_a_waiting_inbox() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    assert_eq!(all(&mut inbox).await, []);
    let (woken, ()) = tokio::join!(inbox.wait(std::future::pending()), async {
        tokio::task::yield_now().await;
        dovecot.deliver(&mail("one", 10));
    });
    assert_eq!(woken.unwrap(), Wake::News);
    assert_eq!(all(&mut inbox).await.len(), 1);
}

#[tokio::test]
async fn mail_that_comes_between_two_commands_ends_the_next_wait() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    assert_eq!(all(&mut inbox).await, []);
    dovecot.deliver(&mail("one", 10));
    // The server announces the mail in one of these answers, and not again in IDLE.
    inbox.holds(&Place::Drafts, "x@example.com").await.unwrap();
    inbox.add_labels(&[Item::Uid(1)], &labels(&["x"])).await.unwrap();
    assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News);
}

#[tokio::test]
async fn looking_into_other_folders_is_no_news_but_mail_that_came_meanwhile_is() {
    let dovecot = Dovecot::start();
    for id in ["one", "two"] {
        dovecot.deliver(&mail(id, 10));
    }
    let mut inbox = opened(&dovecot).await;
    all(&mut inbox).await;
    // The newest mail vanishes: UIDNEXT stays ahead of what any search finds.
    dovecot.doveadm(&["expunge", "mailbox", "INBOX", "subject", "two"]);
    all(&mut inbox).await;
    for _ in 0..2 {
        inbox.holds(&Place::Drafts, "x@example.com").await.unwrap();
        assert_eq!(inbox.wait(std::future::ready(())).await.unwrap(), Wake::Until);
    }
    inbox.holds(&Place::Drafts, "x@example.com").await.unwrap();
    dovecot.deliver(&mail("three", 10));
    assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News);
}

#[tokio::test]
async fn the_callers_future_ends_a_wait_and_the_connection_stays_good() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    all(&mut inbox).await;
    for _ in 0..3 {
        assert_eq!(inbox.wait(std::future::ready(())).await.unwrap(), Wake::Until);
        assert_eq!(all(&mut inbox).await, []);
    }
}

#[tokio::test]
async fn the_poll_interval_ends_a_wait_with_and_without_idle() {
    for extra in ["", "imap_capability = IMAP4rev1 MOVE UIDPLUS\n"] {
        let dovecot = Dovecot::start_with(MARKED, extra);
        let settings = ImapSettings { poll: Duration::from_millis(50), ..dovecot.settings() };
        let mut inbox = open(&settings).await.unwrap();
        all(&mut inbox).await;
        dovecot.deliver(&mail("one", 10));
        assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News);
        assert_eq!(all(&mut inbox).await.len(), 1);
    }
}

#[tokio::test]
async fn a_wait_dropped_half_way_is_not_continued_by_the_next_command() {
    let dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    all(&mut inbox).await;
    let cut = tokio::time::timeout(Duration::from_millis(300), inbox.wait(std::future::pending())).await;
    assert!(cut.is_err());
    let error = inbox.new_mail(&Known::default(), 1).await.unwrap_err();
    assert!(matches!(error, MailboxError::Closed), "{error}");
}

#[tokio::test]
async fn a_server_without_move_copies_and_expunges_that_mail_only() {
    let dovecot = Dovecot::start_with(MARKED, "imap_capability = IMAP4rev1 UIDPLUS\n");
    for id in ["one", "two"] {
        dovecot.deliver(&mail(id, 10));
    }
    let mut inbox = opened(&dovecot).await;
    all(&mut inbox).await;
    dovecot.doveadm(&["flags add", "\\Deleted", "mailbox", "INBOX", "subject", "two"]);
    assert_eq!(inbox.move_to(&Item::Uid(1), "済み").await.unwrap(), Moved::Done);
    assert!(folder_of(&dovecot, "one").contains("済み"));
    assert_eq!(folder_of(&dovecot, "one").lines().count(), 2);
    assert!(folder_of(&dovecot, "two").contains("INBOX"), "staff's own deleted mail is not ours to expunge");
}

#[tokio::test]
async fn a_server_without_uidplus_keeps_the_moved_mail_marked_deleted() {
    let dovecot = Dovecot::start_with(MARKED, "imap_capability = IMAP4rev1\n");
    dovecot.deliver(&mail("one", 10));
    let mut inbox = opened(&dovecot).await;
    assert_eq!(inbox.move_to(&Item::Uid(1), "済み").await.unwrap(), Moved::Done);
    assert_eq!(inbox.move_to(&Item::Uid(1), "済み").await.unwrap(), Moved::Gone);
    assert_eq!(dovecot.doveadm(&["search", "mailbox", "済み", "all"]).lines().count(), 1);
}

#[tokio::test]
async fn a_restart_of_the_server_is_an_error_once_and_mail_goes_on() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 10));
    let mut inbox = opened(&dovecot).await;
    let before = all(&mut inbox).await;
    dovecot.restart();
    let error = inbox.new_mail(&Known::default(), 10).await.unwrap_err();
    assert!(error.needs_reopen() && !error.is_permanent(), "{error}");
    assert!(matches!(inbox.new_mail(&Known::default(), 10).await, Err(MailboxError::Closed)), "dead stays dead");

    let mut inbox = opened(&dovecot).await;
    dovecot.deliver(&mail("two", 10));
    let after = all(&mut inbox).await;
    assert_eq!((after.len(), &after[0].key), (2, &before[0].key));
}

#[tokio::test]
async fn a_server_that_stops_ends_a_wait_with_bye() {
    let mut dovecot = Dovecot::start();
    let mut inbox = opened(&dovecot).await;
    all(&mut inbox).await;
    let waiting = tokio::spawn(async move { inbox.wait(std::future::pending()).await });
    tokio::task::spawn_blocking(move || {
        dovecot.stop();
        dovecot
    })
    .await
    .unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, MailboxError::Bye(_) | MailboxError::Closed), "{error}");
}

#[tokio::test]
async fn a_stopped_server_is_worth_another_try() {
    let mut dovecot = Dovecot::start();
    dovecot.stop();
    let error = open(&dovecot.settings()).await.err().unwrap();
    assert!(matches!(error, MailboxError::Net(NetError::Connect { .. })) && !error.is_permanent(), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_permanent_and_never_shown() {
    let dovecot = Dovecot::start();
    let settings = ImapSettings { credential: "wrong\"secret".into(), ..dovecot.settings() };
    let error = open(&settings).await.err().unwrap();
    assert!(matches!(error, MailboxError::LoginRefused(_)) && error.is_permanent(), "{error}");
    assert!(!format!("{error} {error:?} {settings:?}").contains("secret"));
}

#[tokio::test]
async fn tls_and_starttls_carry_the_desk() {
    let dovecot = Dovecot::start();
    dovecot.deliver(&mail("one", 10));
    let ca_file = Some(dovecot.ca_file());
    for (tls, port) in [
        (Tls::Implicit { ca_file: ca_file.clone() }, dovecot.tls_port),
        (Tls::StartTls { ca_file: ca_file.clone() }, dovecot.port),
    ] {
        for host in ["localhost", "127.0.0.1"] {
            let settings = ImapSettings { host: host.to_owned(), tls: tls.clone(), port, ..dovecot.settings() };
            let mut inbox = open(&settings).await.unwrap_or_else(|error| panic!("{host} {tls:?}: {error}"));
            assert_eq!(all(&mut inbox).await.len(), 1);
            inbox.file_once(&Place::Sent, &mail("s", 50_000), "s@example.com").await.unwrap();
        }
    }
    assert!(dovecot.log().contains("TLS"), "the server saw TLS");
}

#[tokio::test]
async fn what_is_no_trusted_tls_is_permanent() {
    let dovecot = Dovecot::start();
    let other = Dovecot::start();
    let nothing = dovecot.maildir().join("none.pem");
    let key = dovecot.ca_file().with_file_name("key.pem");
    for (tls, port) in [
        (Tls::Implicit { ca_file: None }, dovecot.tls_port),
        (Tls::Implicit { ca_file: Some(other.ca_file()) }, dovecot.tls_port),
        (Tls::StartTls { ca_file: None }, dovecot.port),
        (Tls::Implicit { ca_file: Some(dovecot.ca_file()) }, dovecot.port),
        (Tls::Implicit { ca_file: Some(nothing) }, dovecot.tls_port),
        (Tls::Implicit { ca_file: Some(key) }, dovecot.tls_port),
        (Tls::StartTls { ca_file: Some(dovecot.ca_file()) }, no_starttls()),
    ] {
        let settings = ImapSettings { tls: tls.clone(), port, ..dovecot.settings() };
        let error = open(&settings).await.err().unwrap();
        assert!(
            matches!(error, MailboxError::Net(NetError::Tls { .. } | NetError::CaFile { .. })) && error.is_permanent(),
            "{tls:?}: {error:?}"
        );
    }
    assert!(!dovecot.log().contains(PASSWORD));
}

/// A port that speaks IMAP and offers no STARTTLS.
fn no_starttls() -> u16 {
    crate::faults::play("* OK hello\r\n", &[("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n")]).settings.port
}

#[tokio::test]
async fn a_password_never_leaves_this_machine_in_plain_text() {
    let dovecot = Dovecot::start();
    for host in ["192.0.2.1", "0.0.0.0", "::ffff:192.0.2.1"] {
        let settings = ImapSettings { host: host.to_owned(), ..dovecot.settings() };
        let error = open(&settings).await.err().unwrap();
        assert!(matches!(error, MailboxError::Net(NetError::PlainText(_))) && error.is_permanent(), "{host}: {error}");
    }
    open(&ImapSettings { host: "localhost".to_owned(), ..dovecot.settings() }).await.unwrap();
}

#[tokio::test]
async fn a_folder_without_new_keywords_refuses_labels_clearly() {
    let acl = "mail_plugins = acl\nprotocol imap {\n  mail_plugins = acl imap_acl\n}\nplugin {\n  acl = vfile\n}\n";
    let dovecot = Dovecot::start_with(MARKED, acl);
    dovecot.deliver(&mail("one", 10));
    let mut inbox = opened(&dovecot).await;
    inbox.add_labels(&[Item::Uid(1)], &labels(&["x"])).await.unwrap();
    // Look up and read, and nothing more.
    std::fs::write(dovecot.maildir().join("dovecot-acl"), "owner lr\n").unwrap();
    let refused = match open(&dovecot.settings()).await {
        Ok(mut inbox) => inbox.add_labels(&[Item::Uid(1)], &labels(&["y"])).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, MailboxError::LabelsRefused(_) | MailboxError::ReadOnly(_)), "{refused:?}");
    assert!(refused.is_permanent());
}
