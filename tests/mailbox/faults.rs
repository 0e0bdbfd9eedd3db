//! Servers that misbehave, by script: nothing of this may pass for success, and no mail may stop the rest.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use madoguchi::mailbox::{Filed, ImapSettings, Inbox, MailboxError, Moved, Place, Settings, Wake};
use madoguchi::net::{NetError, Tls};
use madoguchi::triage::arrival::{Item, Known, MailKey};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a good server says; a test puts its own lines before these.
const GOOD: &[(&str, &str)] = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS\r\n{tag} OK done\r\n"),
    ("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"\r\n{tag} OK done\r\n"),
    ("LIST", "* LIST () \"/\" INBOX\r\n* LIST (\\Drafts) \"/\" Drafts\r\n{tag} OK done\r\n"),
    (
        "SELECT",
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n{tag} OK [READ-WRITE] done\r\n",
    ),
    ("UID SEARCH UID", "* SEARCH 1 2 3\r\n{tag} OK done\r\n"),
    (
        "UID FETCH 1:3 (UID FLAGS I",
        "* 1 FETCH (UID 1 RFC822.SIZE 3 BODY[]<0> {3}\r\none)\r\n* 2 FETCH (UID 2 RFC822.SIZE 3 BODY[]<0> {3}\r\ntwo)\r\n\
         * 3 FETCH (UID 3 RFC822.SIZE 3 BODY[]<0> {3}\r\n333)\r\n{tag} OK done\r\n",
    ),
    ("UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n{tag} OK done\r\n"),
    ("UID FETCH 1 (UID FLAGS I", "* 1 FETCH (UID 1 RFC822.SIZE 3 BODY[]<0> {3}\r\none)\r\n{tag} OK done\r\n"),
    ("UID FETCH 2 (UID FLAGS I", "* 2 FETCH (UID 2 RFC822.SIZE 3 BODY[]<0> {3}\r\ntwo)\r\n{tag} OK done\r\n"),
    ("UID FETCH 3 (UID FLAGS I", "* 3 FETCH (UID 3 RFC822.SIZE 3 BODY[]<0> {3}\r\n333)\r\n{tag} OK done\r\n"),
    ("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())\r\n{tag} OK done\r\n"),
    ("UID FETCH 2 (UID FLAGS)", "* 2 FETCH (UID 2 FLAGS ())\r\n{tag} OK done\r\n"),
    ("UID FETCH 2:3 (UID FLAGS)", "* 2 FETCH (UID 2 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS ())\r\n{tag} OK done\r\n"),
    ("UID SEARCH HEADER", "* SEARCH\r\n{tag} OK done\r\n"),
    ("", "{tag} OK done\r\n"),
];

/// Says nothing, and keeps the line open.
const SILENCE: &str = "";
/// Parts the first answer from the second one, and so on; the last one is given ever after.
const THEN: &str = "<then>";
/// At the end of an answer: hangs up after it.
const HANG_UP: &str = "<hang up>";

pub struct Played {
    pub settings: ImapSettings,
    /// Commands as they came, without tags; literals in place.
    pub heard: Arc<Mutex<Vec<String>>>,
}

impl Played {
    fn heard(&self, prefix: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|command| command.starts_with(prefix)).count()
    }
}

/// Starts a server that answers each command by the first rule whose prefix fits.
pub fn play(greeting: &'static str, rules: &[(&'static str, &'static str)]) -> Played {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let settings = ImapSettings {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        tls: Tls::None,
        user: "desk".to_owned(),
        credential: "secret".into(),
        folder: "INBOX".to_owned(),
        poll: Duration::from_secs(600),
        noop: None,
        timeout: Duration::from_secs(5),
        head_bytes: 100,
    };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let played = Played { settings, heard: heard.clone() };
    let rules: Vec<_> = rules.iter().chain(GOOD).copied().collect();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, greeting, rules.clone(), heard.clone()));
        }
    });
    played
}

async fn serve(
    stream: TcpStream,
    greeting: &str,
    rules: Vec<(&'static str, &'static str)>,
    heard: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(greeting.as_bytes()).await.ok()?;
    let mut tag = String::new();
    while let Some(line) = command(&mut stream).await {
        // DONE has no tag of its own: its answer is IDLE's.
        let command = match line.split_once(' ') {
            Some((fresh, command)) => {
                tag = fresh.to_owned();
                command
            }
            None => &line,
        };
        heard.lock().unwrap().push(command.to_owned());
        let (_, answer) = rules.iter().find(|(prefix, _)| command.starts_with(prefix))?;
        let answers: Vec<&str> = answer.split(THEN).collect();
        let answer = answers[(count(&heard, command) - 1).min(answers.len() - 1)];
        let answer = answer.replace("{tag}", &tag);
        let (said, hang_up) = answer.strip_suffix(HANG_UP).map_or((answer.as_str(), false), |said| (said, true));
        stream.write_all(said.as_bytes()).await.ok()?;
        if hang_up {
            return None;
        }
    }
    None
}

fn count(heard: &Mutex<Vec<String>>, command: &str) -> usize {
    heard.lock().unwrap().iter().filter(|before| *before == command).count()
}

/// One command; its literals are asked for and put in place.
async fn command(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut command = String::new();
    loop {
        if stream.read_line(&mut command).await.ok()? == 0 {
            return None;
        }
        let literal = command.trim_end().strip_suffix('}').and_then(|text| text.rsplit_once('{')?.1.parse().ok());
        let Some(length) = literal else { return Some(command.trim_end().to_owned()) };
        stream.write_all(b"+ go on\r\n").await.ok()?;
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await.ok()?;
        command.push_str(&String::from_utf8_lossy(&bytes));
    }
}

async fn open(played: &Played) -> Result<Inbox, MailboxError> {
    Inbox::open(&Settings::Imap(played.settings.clone())).await
}

const HELLO: &str = "* OK hello\r\n";

/// Opens and reads against a server with one odd rule; what came of it in short.
async fn reading(rules: &[(&'static str, &'static str)]) -> (Played, Result<Vec<String>, MailboxError>) {
    let mut played = play(HELLO, rules);
    played.settings.timeout = Duration::from_millis(400);
    let read = async {
        let arrivals = open(&played).await?.new_mail(&Known::default(), 10).await?;
        let shown = |arrival: &madoguchi::triage::arrival::Arrival| {
            let text = String::from_utf8_lossy(&arrival.raw).into_owned();
            if arrival.complete { text } else { format!("{text}…") }
        };
        Ok(arrivals.iter().map(shown).collect())
    };
    let result = read.await;
    (played, result)
}

#[tokio::test]
async fn the_script_of_a_good_server_is_good() {
    let (_, read) = reading(&[]).await;
    assert_eq!(read.unwrap(), ["one", "two", "333"]);
}

#[tokio::test]
async fn no_bad_bye_silence_nonsense_and_hanging_up_are_errors_at_every_step() {
    let answers = [
        "{tag} NO not now\r\n",
        "{tag} BAD what\r\n",
        "* BYE overloaded\r\n<hang up>",
        "* 3 EXISTS\r\n<hang up>",
        "<hang up>",
        "* 3 EXI<hang up>",
        "* \u{1}\u{2}nonsense(((\r\n{tag} OK done\r\n",
        "WRONG OK done\r\n",
        "* OK [ALERT]あ\r\n{tag} OK done\r\n",
        SILENCE,
    ];
    for step in ["CAPABILITY", "LOGIN", "LIST \"\" \"\"", "SELECT", "NOOP", "UID SEARCH"] {
        for answer in answers {
            let (_, read) = reading(&[(step, answer)]).await;
            assert!(read.is_err(), "{step} answered {answer:?} gave {read:?}");
        }
    }
}

#[tokio::test]
async fn a_greeting_must_be_a_greeting() {
    for (greeting, fits) in [
        ("* BYE too many\r\n", "Bye"),
        ("220 smtp.example.com ESMTP\r\n", "Protocol"),
        ("M1 OK x\r\n", "Protocol"),
        ("", "Timeout"),
    ] {
        let mut played = play(greeting, &[]);
        played.settings.timeout = Duration::from_millis(300);
        let error = open(&played).await.err().unwrap();
        assert!(format!("{error:?}").starts_with(fits), "{greeting:?}: {error:?}");
        assert_eq!(played.heard("LOGIN"), 0, "{greeting:?}");
    }
}

#[tokio::test]
async fn a_server_that_knows_us_needs_no_login_and_one_without_passwords_gets_none() {
    let played = play("* PREAUTH welcome\r\n", &[]);
    open(&played).await.unwrap();
    assert_eq!(played.heard("LOGIN"), 0);

    let played = play(HELLO, &[("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK\r\n")]);
    assert!(matches!(open(&played).await, Err(MailboxError::LoginRefused(_))));
    assert_eq!(played.heard("LOGIN"), 0);
}

#[tokio::test]
async fn starttls_is_insisted_on() {
    let without = &[("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n")][..];
    let refused = &[
        ("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK\r\n"),
        ("STARTTLS", "{tag} NO not today\r\n"),
    ][..];
    for (greeting, rules) in [(HELLO, without), (HELLO, refused), ("* PREAUTH hi\r\n", &[])] {
        let mut played = play(greeting, rules);
        played.settings.tls = Tls::StartTls { ca_file: None };
        let error = open(&played).await.err().unwrap();
        assert!(matches!(error, MailboxError::Net(NetError::Tls { .. }) | MailboxError::Refused { .. }), "{error:?}");
        assert_eq!(played.heard("LOGIN"), 0, "the password must not go out before TLS");
    }
}

#[tokio::test]
async fn a_login_refused_for_load_is_tried_again_later() {
    for (answer, permanent) in [
        ("{tag} NO [UNAVAILABLE] try later\r\n", false),
        ("{tag} NO [AUTHENTICATIONFAILED] no\r\n", true),
        ("{tag} NO wrong password for desk@example.jp\r\n", true),
    ] {
        let error = open(&play(HELLO, &[("LOGIN", answer)])).await.err().unwrap();
        assert_eq!(error.is_permanent(), permanent, "{answer}: {error}");
        assert!(!error.to_string().contains("desk@"), "{error}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_said_to_be_so() {
    for (answer, fits) in [
        ("{tag} NO [NONEXISTENT] none\r\n", "NoSuchFolder"),
        ("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n{tag} OK [READ-ONLY] done\r\n", "ReadOnly"),
        ("* 1 EXISTS\r\n{tag} OK done\r\n", "Protocol"),
        ("{tag} NO [INUSE] locked\r\n", "Refused"),
    ] {
        let error = open(&play(HELLO, &[("SELECT", answer)])).await.err().unwrap();
        assert!(format!("{error:?}").starts_with(fits), "{answer}: {error:?}");
    }
}

#[tokio::test]
async fn a_mail_that_breaks_the_answer_is_quarantined_and_the_rest_is_read() {
    // The batch dies at mail 2, and so does a FETCH of mail 2 alone, in every way a server can fail.
    for failure in [
        "* 2 FETCH (UID 2 BODY[]<0> (broken\r\n{tag} OK done\r\n",
        "* BYE internal error\r\n<hang up>",
        "* 2 FETCH (UID 2 BODY[]<0> {50}\r\nshort<hang up>",
        "<hang up>",
        "{tag} NO [SERVERBUG] internal error\r\n",
        "{tag} BAD internal error\r\n",
        "* 2 FETCH (UID 2 RFC822.SIZE 9 BODY[]<0> NIL)\r\n{tag} OK done\r\n",
        "{tag} OK done\r\n",
        SILENCE,
    ] {
        let batch: &'static str = format!("* 1 FETCH (UID 1 RFC822.SIZE 3 BODY[]<0> {{3}}\r\none)\r\n{failure}").leak();
        let (_, read) = reading(&[("UID FETCH 1:3 (UID FLAGS I", batch), ("UID FETCH 2 (UID FLAGS I", failure)]).await;
        assert_eq!(read.unwrap(), ["one", "…", "333"], "{failure:?}");
    }
}

#[tokio::test]
async fn more_of_a_mail_is_what_was_asked_for_or_nothing() {
    let key = MailKey { mailbox: "INBOX".to_owned(), validity: 7, item: Item::Uid(2) };
    for (answer, more) in [
        ("* 2 FETCH (UID 2 BODY[]<3> {4}\r\ndefg)\r\n{tag} OK done\r\n", Some("defg")),
        ("* 2 FETCH (UID 2 BODY[]<3> {2}\r\nde)\r\n{tag} OK done\r\n", Some("de")),
        ("* 2 FETCH (UID 2 BODY[]<3> \"\")\r\n{tag} OK done\r\n", Some("")),
        ("* 2 FETCH (UID 2 BODY[]<3> {6}\r\ndefghi)\r\n{tag} OK done\r\n", Some("defg")),
        ("* 2 FETCH (UID 2 BODY[] {9}\r\nabcdefghi)\r\n{tag} OK done\r\n", Some("defg")),
        ("* 2 FETCH (UID 2 BODY[] {2}\r\nab)\r\n{tag} OK done\r\n", Some("")),
        ("* 2 FETCH (UID 2 BODY[]<5> {4}\r\nfghi)\r\n{tag} OK done\r\n", None),
        ("* 1 FETCH (UID 1 BODY[]<3> {4}\r\ndefg)\r\n{tag} OK done\r\n", None),
        ("* 2 FETCH (UID 2 BODY[]<3> NIL)\r\n{tag} OK done\r\n", None),
        ("{tag} OK done\r\n", None),
        ("{tag} NO [SERVERBUG] internal error\r\n", None),
        ("* 2 FETCH (UID 2 BODY[]<3> (broken\r\n{tag} OK done\r\n", None),
        ("<hang up>", None),
        ("<hang up><then>* 2 FETCH (UID 2 BODY[]<3> {4}\r\ndefg)\r\n{tag} OK done\r\n", Some("defg")),
    ] {
        let mut inbox = open(&play(HELLO, &[("UID FETCH 2 (UID BODY.PEEK[]<3.4>)", answer)])).await.unwrap();
        let got = inbox.more(&key, 3, 4).await.unwrap();
        assert_eq!(got.map(|more| String::from_utf8(more).unwrap()).as_deref(), more, "{answer:?}");
        assert_eq!(inbox.new_mail(&Known::default(), 10).await.unwrap().len(), 3, "the inbox still works: {answer:?}");
    }
    let mut inbox = open(&play(HELLO, &[("UID FETCH 2", "{tag} NO [UNAVAILABLE] later\r\n")])).await.unwrap();
    assert!(inbox.more(&key, 3, 4).await.is_err(), "asked for patience");
}

#[tokio::test]
async fn a_batch_that_fails_once_loses_no_mail() {
    for failure in ["<hang up>", "* nonsense\r\n", "{tag} NO [SERVERBUG] no\r\n"] {
        let (_, read) = reading(&[("UID FETCH 1:3 (UID FLAGS I", failure)]).await;
        assert_eq!(read.unwrap(), ["one", "two", "333"], "{failure:?}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it_and_no_mail_is_given_up() {
    let (_, read) = reading(&[("UID FETCH", "{tag} NO [UNAVAILABLE] later\r\n")]).await;
    assert!(matches!(read, Err(MailboxError::Refused { .. })), "{read:?}");
}

#[tokio::test]
async fn a_mailbox_rebuilt_meanwhile_is_not_read_by_old_uids() {
    let good = "* OK [UIDVALIDITY 7] ok\r\n{tag} OK done\r\n";
    let rebuilt = "* OK [UIDVALIDITY 8] ok\r\n{tag} OK done\r\n";
    // Noticed at the next SELECT, be it for coming back from another folder or for a new connection.
    for (fetch, look_elsewhere) in [("{tag} OK done\r\n", true), ("<hang up>", false)] {
        let played = play(HELLO, &[("SELECT", once(good, rebuilt)), ("UID FETCH", fetch)]);
        let mut inbox = open(&played).await.unwrap();
        if look_elsewhere {
            inbox.holds(&Place::Drafts, "a@b").await.unwrap();
        }
        let error = inbox.new_mail(&Known::default(), 10).await.unwrap_err();
        assert!(matches!(error, MailboxError::ValidityChanged) && error.needs_reopen(), "{error:?}");
        assert_eq!(inbox.place(), ("INBOX", 7));
        assert_eq!(open(&played).await.unwrap().place(), ("INBOX", 8));
    }
}

/// An answer for the first time, and another from then on.
fn once(first: &str, then: &str) -> &'static str {
    format!("{first}{THEN}{then}").leak()
}

#[tokio::test]
async fn the_newest_mail_that_a_range_always_names_is_not_new() {
    let played = play(HELLO, &[("UID SEARCH", "* SEARCH 41\r\n{tag} OK done\r\n")]);
    let mut inbox = open(&played).await.unwrap();
    let known = Known { last_uid: 41, ..Known::default() };
    assert_eq!(inbox.new_mail(&known, 10).await.unwrap(), []);
    assert_eq!(played.heard("UID SEARCH UID 42:*"), 1);
}

#[tokio::test]
async fn nothing_is_fetched_in_a_way_that_marks_mail_as_read() {
    let (played, _) = reading(&[]).await;
    assert!(played.heard("UID FETCH") > 0);
    let heard = played.heard.lock().unwrap().join("\n");
    assert!(!heard.replace("BODY.PEEK[", "").contains("BODY["), "{heard}");
}

#[tokio::test]
async fn a_refused_change_is_an_error_and_the_connection_stays_good() {
    for refusal in ["{tag} NO [OVERQUOTA] full\r\n", "{tag} BAD what\r\n"] {
        let played = play(HELLO, &[("UID STORE", refusal), ("UID MOVE", refusal), ("APPEND", refusal)]);
        let mut inbox = open(&played).await.unwrap();
        let errors = [
            inbox.add_labels(&[Item::Uid(1)], &["x".to_owned()]).await.unwrap_err(),
            inbox.remove_labels(&[Item::Uid(1)], &["x".to_owned()]).await.unwrap_err(),
            inbox.move_to(&Item::Uid(1), "Drafts").await.unwrap_err(),
            inbox.file_once(&Place::Drafts, b"x", "a@b").await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, MailboxError::Refused { .. }) && !error.needs_reopen(), "{error:?}");
        }
        assert_eq!(inbox.new_mail(&Known::default(), 10).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_lost_connection_in_a_change_is_an_error() {
    for loss in ["* BYE gone\r\n<hang up>", "<hang up>", SILENCE] {
        for step in ["UID STORE", "UID MOVE", "APPEND", "EXAMINE", "UID SEARCH HEADER", "CREATE", "SUBSCRIBE"] {
            let mut played = play(HELLO, &[(step, loss)]);
            played.settings.timeout = Duration::from_millis(300);
            let results = async {
                let mut inbox = open(&played).await?;
                inbox.add_labels(&[Item::Uid(1)], &["x".to_owned()]).await?;
                inbox.move_to(&Item::Uid(1), "New").await?;
                inbox.file_once(&Place::Drafts, b"x", "a@b").await
            };
            let error = results.await.err().unwrap_or_else(|| panic!("{step} lost by {loss:?} passed for success"));
            assert!(error.needs_reopen(), "{step} {loss:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn keywords_are_asked_for_only_where_they_are_kept() {
    let select = "* OK [UIDVALIDITY 7] ok\r\n* OK [PERMANENTFLAGS (\\Seen Madoguchi)] ok\r\n{tag} OK done\r\n";
    let played = play(HELLO, &[("SELECT", select)]);
    let mut inbox = open(&played).await.unwrap();
    inbox.add_labels(&[Item::Uid(1)], &["madoguchi".to_owned()]).await.unwrap();
    let both = ["madoguchi".to_owned(), "other".to_owned()];
    let refused = inbox.add_labels(&[Item::Uid(1)], &both).await.unwrap_err();
    assert!(matches!(&refused, MailboxError::LabelsRefused(label) if label == "other"), "{refused}");
    assert_eq!(played.heard("UID STORE"), 1, "nothing is stored by halves");
}

#[tokio::test]
async fn labels_of_many_mails_go_in_few_commands() {
    let played = play(HELLO, &[]);
    let mut inbox = open(&played).await.unwrap();
    let items: Vec<Item> = (1..=250).map(Item::Uid).collect();
    inbox.add_labels(&items, &["a".to_owned(), "b".to_owned()]).await.unwrap();
    assert_eq!(played.heard("UID STORE"), 3);
    assert_eq!(played.heard("UID STORE 201:250 +FLAGS.SILENT (a b)"), 1);
}

#[tokio::test]
async fn folders_below_inbox_are_found_and_made_where_the_server_wants_them() {
    let list = "* LIST () \".\" INBOX\r\n* LIST () \".\" \"INBOX.&Tgtm+DBN-\"\r\n{tag} OK done\r\n";
    let rules = [
        ("LIST \"\" \"\"", "* LIST (\\Noselect) \".\" \"\"\r\n{tag} OK done\r\n"),
        ("LIST", list),
        ("CREATE \"INBOX.", "{tag} OK done\r\n"),
        ("CREATE", "{tag} NO must be below INBOX\r\n"),
    ];
    let played = play(HELLO, &rules);
    let mut inbox = open(&played).await.unwrap();
    assert_eq!(inbox.file_once(&Place::Drafts, b"x", "a@b").await.unwrap(), Filed::Done);
    assert_eq!(played.heard("APPEND \"INBOX.&Tgtm+DBN-\" (\\Draft) {1}"), 1);
    assert_eq!(inbox.move_to(&Item::Uid(1), "desk/done").await.unwrap(), Moved::Done);
    assert_eq!(played.heard("SUBSCRIBE \"INBOX.desk.done\""), 1);
    assert_eq!(played.heard("UID MOVE 1 \"INBOX.desk.done\""), 1);
}

#[tokio::test]
async fn folders_that_cannot_be_opened_are_no_place_for_mail() {
    let list = "* LIST (\\Noselect \\Drafts) \"/\" \"[G]\"\r\n* LIST (\\NonExistent) \"/\" Drafts\r\n{tag} OK done\r\n";
    let played = play(HELLO, &[("LIST \"\" \"*\"", list)]);
    let mut inbox = open(&played).await.unwrap();
    assert!(!inbox.holds(&Place::Drafts, "a@b").await.unwrap());
    inbox.file_once(&Place::Drafts, b"x", "a@b").await.unwrap();
    assert_eq!(played.heard("CREATE \"Drafts\""), 1);
}

#[tokio::test]
async fn extended_lists_are_asked_for_only_where_known() {
    for (capabilities, expected) in [
        ("* CAPABILITY IMAP4rev1 SPECIAL-USE LIST-EXTENDED\r\n{tag} OK\r\n", 1),
        ("* CAPABILITY IMAP4rev1 SPECIAL-USE\r\n{tag} OK\r\n", 0),
    ] {
        let played = play(HELLO, &[("CAPABILITY", capabilities)]);
        open(&played).await.unwrap().holds(&Place::Sent, "a@b").await.unwrap();
        assert_eq!(played.heard("LIST \"\" \"*\" RETURN (SPECIAL-USE)"), expected);
    }
}

#[tokio::test]
async fn logins_are_sent_so_that_no_character_counts_as_syntax() {
    for (password, expected) in [
        (r#"p"a\ss {5}"#, r#"LOGIN "desk" "p\"a\\ss {5}""#),
        ("窓口", "LOGIN \"desk\" {6}\r\n窓口"),
        ("a\r\nM9 LOGOUT", "LOGIN \"desk\" {12}\r\na\r\nM9 LOGOUT"),
    ] {
        let mut played = play(HELLO, &[]);
        played.settings.credential = password.into();
        open(&played).await.unwrap();
        assert_eq!(played.heard(expected), 1, "{:?}", played.heard.lock().unwrap());
    }
}

#[tokio::test]
async fn idle_wakes_for_mail_and_for_nothing_else() {
    let chatter = "+ idling\r\n* OK Still here\r\n* 1 EXPUNGE\r\n* 2 FETCH (FLAGS (\\Seen))\r\n";
    for (news, poll, woken_by) in [("* 5 EXISTS\r\n", 600_000, "mail"), ("", 200, "the interval")] {
        let answer: &'static str = format!("{chatter}{news}").leak();
        let mut played = play(HELLO, &[("IDLE", answer)]);
        played.settings.poll = Duration::from_millis(poll);
        let mut inbox = open(&played).await.unwrap();
        inbox.new_mail(&Known::default(), 10).await.unwrap();
        assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News, "by {woken_by}");
        assert_eq!(played.heard("DONE"), 1);
        assert_eq!(inbox.new_mail(&Known::default(), 10).await.unwrap().len(), 3, "the connection is still good");
    }
}

#[tokio::test]
async fn a_desk_that_asks_by_noop_does_not_idle_and_wakes_when_the_server_tells_of_mail() {
    // The first one is the look for mail before the wait.
    let quiet = "{tag} OK done\r\n<then>{tag} OK done\r\n<then>";
    let news: &'static str = format!("{quiet}{quiet}* 5 EXISTS\r\n{{tag}} OK done\r\n").leak();
    for (answers, poll, asked) in [(news, 600_000, 5), ("{tag} OK done\r\n", 60, 2)] {
        let mut played = play(HELLO, &[("NOOP", answers)]);
        played.settings.poll = Duration::from_millis(poll);
        played.settings.noop = Some(Duration::from_millis(10));
        let mut inbox = open(&played).await.unwrap();
        inbox.new_mail(&Known::default(), 10).await.unwrap();
        assert_eq!(inbox.wait(std::future::ready(())).await.unwrap(), Wake::Until);
        assert_eq!(played.heard("NOOP"), 1, "whoever is due does not wait for the server");
        assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News);
        assert!(played.heard("NOOP") >= asked && played.heard("IDLE") == 0, "{:?}", played.heard.lock().unwrap());
        assert_eq!(inbox.new_mail(&Known::default(), 10).await.unwrap().len(), 3, "the connection is still good");
    }
    let mut played = play(HELLO, &[("NOOP", "{tag} OK done\r\n<then><hang up>")]);
    played.settings.noop = Some(Duration::from_millis(10));
    let mut inbox = open(&played).await.unwrap();
    inbox.new_mail(&Known::default(), 10).await.unwrap();
    assert!(inbox.wait(std::future::pending()).await.unwrap_err().needs_reopen());
}

#[tokio::test]
async fn a_done_that_is_not_answered_is_an_error() {
    for answer in [SILENCE, "<hang up>", "* BYE bye\r\n<hang up>"] {
        let mut played = play(HELLO, &[("IDLE", "+ idling\r\n* 5 EXISTS\r\n"), ("DONE", answer)]);
        played.settings.timeout = Duration::from_millis(300);
        let mut inbox = open(&played).await.unwrap();
        inbox.new_mail(&Known::default(), 10).await.unwrap();
        let error = inbox.wait(std::future::pending()).await.unwrap_err();
        assert!(error.needs_reopen(), "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn idle_that_fails_is_an_error_and_idle_refused_is_polling() {
    for answer in ["+ idling\r\n* BYE bye\r\n<hang up>", "+ idling\r\n<hang up>", "<hang up>", SILENCE] {
        let mut played = play(HELLO, &[("IDLE", answer)]);
        played.settings.timeout = Duration::from_millis(300);
        let mut inbox = open(&played).await.unwrap();
        inbox.new_mail(&Known::default(), 10).await.unwrap();
        let error = inbox.wait(std::future::pending()).await.unwrap_err();
        assert!(error.needs_reopen(), "{answer:?}: {error:?}");
    }
    for answer in ["{tag} NO not here\r\n", "{tag} BAD what\r\n", "+ idling\r\n{tag} NO stop\r\n"] {
        let mut played = play(HELLO, &[("IDLE", answer)]);
        played.settings.poll = Duration::from_millis(20);
        let mut inbox = open(&played).await.unwrap();
        for _ in 0..2 {
            inbox.new_mail(&Known::default(), 10).await.unwrap();
            assert_eq!(inbox.wait(std::future::pending()).await.unwrap(), Wake::News);
        }
        assert_eq!(played.heard("IDLE"), 1, "asked once, then polled");
    }
}
