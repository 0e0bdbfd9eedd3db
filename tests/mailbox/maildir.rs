use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use madoguchi::mailbox::{Filed, HEAD_BYTES, Inbox, MailboxError, Moved, Place, Settings, Wake};
use madoguchi::triage::arrival::{Arrival, Item, Known, MailKey};
use tempfile::TempDir;

struct Host {
    dir: TempDir,
}

impl Host {
    fn new() -> Host {
        let host = Host { dir: tempfile::tempdir().unwrap() };
        for part in ["new", "cur", "tmp"] {
            fs::create_dir(host.path(part)).unwrap();
        }
        host
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Puts a mail file; `age` in seconds before a fixed hour.
    fn put(&self, below: &str, age: u64, raw: &[u8]) {
        let path = self.path(below);
        fs::write(&path, raw).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 - age);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    async fn open(&self) -> Inbox {
        let settings = Settings::Maildir { path: self.dir.path().to_owned(), poll: Duration::from_millis(20) };
        Inbox::open(&settings).await.unwrap()
    }

    fn names(&self, below: &str) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.path(below)) else { return Vec::new() };
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn file(name: &str) -> Item {
    Item::File(name.to_owned())
}

fn labels(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| label.to_string()).collect()
}

async fn all(inbox: &mut Inbox) -> Vec<Arrival> {
    inbox.new_mail(&Known::default(), 1000).await.unwrap()
}

fn keys(arrivals: &[Arrival]) -> Vec<&Item> {
    arrivals.iter().map(|arrival| &arrival.key.item).collect()
}

#[tokio::test]
async fn new_and_cur_are_read_oldest_first_and_left_as_they_are() {
    let host = Host::new();
    host.put("new/3.c.host", 10, b"Subject: c\n\nc\n");
    host.put("cur/1.a.host,S=5:2,FRS", 30, b"Subject: a\n\na\n");
    host.put("cur/2.b.host", 20, b"");
    host.put("tmp/9.z.host", 5, b"not delivered yet");
    host.put("new/.hidden", 5, b"not mail");
    fs::create_dir(host.path("new/folder")).unwrap();
    let mut inbox = host.open().await;
    assert_eq!(inbox.place(), ("INBOX", 0));
    let got = all(&mut inbox).await;

    assert_eq!(keys(&got), [&file("1.a.host,S=5"), &file("2.b.host"), &file("3.c.host")]);
    assert_eq!(got[0].flags, ["\\Flagged", "\\Answered", "\\Seen"]);
    assert_eq!(got[0].internal_date.unwrap().as_second(), 1_800_000_000 - 30);
    assert_eq!((got[0].raw.as_slice(), got[0].size, got[0].complete), (&b"Subject: a\n\na\n"[..], 14, true));
    assert!(got[1].complete && got[1].raw.is_empty());
    assert_eq!(host.names("new").len() + host.names("cur").len(), 5, "reading moves nothing");
}

#[tokio::test]
async fn known_names_are_not_read_again_whatever_staff_flagged() {
    let host = Host::new();
    host.put("cur/1.a.host:2,S", 30, b"x");
    host.put("new/2.b.host", 20, b"x");
    let known = Known { files: HashSet::from(["1.a.host".to_owned()]), ..Known::default() };
    let got = host.open().await.new_mail(&known, 10).await.unwrap();
    assert_eq!(keys(&got), [&file("2.b.host")]);
}

#[tokio::test]
async fn a_long_mail_is_cut_at_the_head_and_marked() {
    let host = Host::new();
    for (age, length, complete) in [(30, HEAD_BYTES, true), (20, HEAD_BYTES + 1, false)] {
        host.put(&format!("new/{age}.a.host"), age, &vec![b'x'; length]);
        let got = all(&mut host.open().await).await;
        let last = got.last().unwrap();
        assert_eq!((last.raw.len(), last.size, last.complete), (HEAD_BYTES, length as u64, complete));
    }
}

#[tokio::test]
async fn more_of_a_mail_continues_its_head_wherever_staff_moved_the_file() {
    let host = Host::new();
    let raw: Vec<u8> = (0..HEAD_BYTES + 100).map(|n| n as u8).collect();
    host.put("new/1.a.host", 30, &raw);
    let mut inbox = host.open().await;
    let got = all(&mut inbox).await.remove(0);
    fs::rename(host.path("new/1.a.host"), host.path("cur/1.a.host:2,S")).unwrap();
    for (asked, complete) in [(99, false), (100, true), (1000, true)] {
        let mut longer = got.clone();
        longer.append(inbox.more(&got.key, HEAD_BYTES, asked).await.unwrap().unwrap(), asked);
        assert_eq!(longer.raw, raw[..(HEAD_BYTES + asked).min(raw.len())]);
        assert_eq!((longer.complete, longer.size), (complete, raw.len() as u64));
    }
    let key = MailKey { validity: 1, ..got.key.clone() };
    assert_eq!(inbox.more(&key, 0, 10).await.unwrap(), None, "of another mailbox");
    fs::remove_file(host.path("cur/1.a.host:2,S")).unwrap();
    assert_eq!(inbox.more(&got.key, 0, 10).await.unwrap(), None, "gone");
    let error = inbox.more(&MailKey { item: file("../up"), ..got.key }, 0, 10).await.unwrap_err();
    assert!(matches!(error, MailboxError::ForeignItem));
}

#[tokio::test]
async fn what_the_limit_leaves_is_news_at_once_and_nothing_else_is() {
    let host = Host::new();
    for number in 0..5 {
        host.put(&format!("new/{number}.a.host"), 100 - number, b"x");
    }
    let mut inbox = host.open().await;
    let mut known = Known::default();
    let mut rounds = Vec::new();
    loop {
        let got = inbox.new_mail(&known, 2).await.unwrap();
        rounds.push(got.len());
        known.files.extend(got.into_iter().map(|arrival| match arrival.key.item {
            Item::File(name) => name,
            Item::Uid(_) => panic!("a Maildir has no UIDs"),
        }));
        // `Until` is ready from the start: only news that is there already comes before it.
        if inbox.wait(std::future::ready(())).await.unwrap() == Wake::Until {
            break;
        }
    }
    assert_eq!(rounds, [2, 2, 1]);
    assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News, "the poll interval");
}

#[tokio::test]
async fn labels_come_and_go_and_follow_the_mail() {
    let host = Host::new();
    host.put("new/1.a.host", 30, b"x");
    host.put("cur/2.b.host:2,S", 20, b"x");
    let mut inbox = host.open().await;
    let both = [file("1.a.host"), file("2.b.host")];
    for _ in 0..2 {
        inbox.add_labels(&both, &labels(&["madoguchi", "clause-4"])).await.unwrap();
    }
    inbox.remove_labels(&both[..1], &labels(&["clause-4", "other"])).await.unwrap();
    inbox.add_labels(&[file("9.gone.host")], &labels(&["madoguchi"])).await.unwrap();
    let flags: Vec<Vec<String>> = all(&mut inbox).await.into_iter().map(|arrival| arrival.flags).collect();
    assert_eq!(flags, [labels(&["madoguchi"]), labels(&["\\Seen", "madoguchi", "clause-4"])]);
    assert_eq!(host.names("madoguchi-labels"), ["1.a.host", "2.b.host"]);

    assert_eq!(inbox.move_to(&both[1], "Done").await.unwrap(), Moved::Done);
    assert_eq!(host.names(".Done/madoguchi-labels"), ["2.b.host"]);
    inbox.remove_labels(&both[..1], &labels(&["madoguchi"])).await.unwrap();
    assert_eq!(host.names("madoguchi-labels"), Vec::<String>::new());
}

#[tokio::test]
async fn bad_labels_and_foreign_items_are_refused() {
    let host = Host::new();
    let mut inbox = host.open().await;
    let error = inbox.add_labels(&[], &labels(&["対応待ち"])).await.unwrap_err();
    assert!(matches!(error, MailboxError::BadLabel(_)));
    for item in [Item::Uid(1), file("../new/1.a.host"), file("")] {
        let error = inbox.add_labels(std::slice::from_ref(&item), &labels(&["x"])).await.unwrap_err();
        assert!(matches!(error, MailboxError::ForeignItem), "{item:?}");
        assert!(inbox.move_to(&item, "Done").await.is_err());
    }
}

#[tokio::test]
async fn mail_moves_once_with_its_flags_and_unread_mail_stays_unread() {
    let host = Host::new();
    host.put("new/1.a.host", 30, b"x");
    host.put("cur/2.b.host:2,FS", 20, b"x");
    host.put("cur/3.c.host:2,T", 20, b"x");
    let mut inbox = host.open().await;
    assert_eq!(inbox.move_to(&file("1.a.host"), "窓口/済み").await.unwrap(), Moved::Done);
    assert_eq!(inbox.move_to(&file("1.a.host"), "窓口/済み").await.unwrap(), Moved::Gone);
    assert_eq!(inbox.move_to(&file("2.b.host"), "窓口/済み").await.unwrap(), Moved::Done);
    assert_eq!(inbox.move_to(&file("3.c.host"), "窓口/済み").await.unwrap(), Moved::Gone, "deleted by staff");
    assert_eq!(host.names(".&epNT4w-.&bggwfw-/new"), ["1.a.host"]);
    assert_eq!(host.names(".&epNT4w-.&bggwfw-/cur"), ["2.b.host:2,FS"]);
    assert!(host.path(".&epNT4w-.&bggwfw-/maildirfolder").exists());
    assert_eq!(inbox.move_to(&file("3.c.host"), "../up").await.err().map(|error| error.is_permanent()), Some(true));
}

#[tokio::test]
async fn copies_are_filed_once_whole_and_flagged() {
    let host = Host::new();
    let mut inbox = host.open().await;
    let raw = b"From: a@b\r\nMessage-ID:\r\n <x@y>\r\n\r\nbody\r\n";
    for (place, folder) in [
        (Place::Drafts, ".Drafts/cur"),
        (Place::Sent, ".Sent/cur"),
        (Place::Folder("Copies".to_owned()), ".Copies/new"),
        (Place::Folder("INBOX".to_owned()), "new"),
    ] {
        assert!(!inbox.holds(&place, "x@y").await.unwrap());
        assert_eq!(inbox.file_once(&place, raw, "<x@y>").await.unwrap(), Filed::Done);
        assert_eq!(inbox.file_once(&place, raw, "x@y").await.unwrap(), Filed::AlreadyThere);
        assert!(inbox.holds(&place, "<x@y>").await.unwrap());
        let names = host.names(folder);
        assert_eq!(names.len(), 1, "{folder}");
        assert_eq!(fs::read(host.path(folder).join(&names[0])).unwrap(), raw);
    }
    assert!(host.names(".Drafts/cur")[0].ends_with(":2,D") && host.names(".Sent/cur")[0].ends_with(":2,S"));
    assert_eq!(host.names(".Drafts/tmp"), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_of_a_usual_name_is_taken_before_a_new_one_is_made() {
    let host = Host::new();
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(host.path(".&Tgtm+DBN-").join(part)).unwrap();
    }
    host.open().await.file_once(&Place::Drafts, b"x", "x@y").await.unwrap();
    assert_eq!(host.names(".&Tgtm+DBN-/cur").len(), 1);
    assert!(!host.path(".Drafts").exists());
}

#[tokio::test]
async fn what_is_no_maildir_is_a_permanent_error() {
    let empty = tempfile::tempdir().unwrap();
    for path in [empty.path(), Path::new("/nonexistent/Maildir")] {
        let settings = Settings::Maildir { path: path.to_owned(), poll: Duration::from_secs(1) };
        let error = Inbox::open(&settings).await.err().unwrap();
        assert!(matches!(error, MailboxError::NoSuchFolder(_)) && error.is_permanent());
    }
}

#[tokio::test]
async fn dovecot_sees_what_we_did() {
    let dovecot = crate::support::dovecot::Dovecot::start();
    dovecot.deliver(b"Subject: one\r\nMessage-ID: <one@x>\r\n\r\nbody\r\n");
    let settings = Settings::Maildir { path: dovecot.maildir(), poll: Duration::from_secs(1) };
    let mut inbox = Inbox::open(&settings).await.unwrap();
    let item = all(&mut inbox).await.remove(0).key.item;
    inbox.add_labels(std::slice::from_ref(&item), &labels(&["x"])).await.unwrap();
    inbox.move_to(&item, "窓口/済み").await.unwrap();
    inbox.file_once(&Place::Sent, b"Subject: two\r\nMessage-ID: <two@x>\r\n\r\n", "two@x").await.unwrap();
    dovecot.own_mail();
    let seen = dovecot.doveadm(&["-f flow fetch", "mailbox hdr.subject flags", "mailbox", "*", "all"]);
    assert!(seen.contains("mailbox=窓口/済み hdr.subject=one"), "{seen}");
    assert!(seen.contains("mailbox=Sent hdr.subject=two flags=\\Seen"), "{seen}");
}
