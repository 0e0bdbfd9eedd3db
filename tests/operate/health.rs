//! Monitors, alarms and the service manager hear how the desks are.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use madoguchi::clock::Clock;
use madoguchi::health::alarm::{self, Alarm};
use madoguchi::health::{Health, Pulse, Stage};
use madoguchi::net::Tls;
use madoguchi::outbox::{self, SmtpSettings};
use madoguchi::store::Store;
use serde_json::Value;

use crate::site::{Desk, Kind, RUN, Site, dovecot, imap, mail, smtp};
use crate::support::desk::{header, labels, recipient};
use crate::support::faulty::{At, Fault, FaultySmtp};
use crate::support::smtp::{SmtpSink, eventually, free_port};

fn with_health(site: &Site, keys: &str) {
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    site.write("madoguchi.toml", &format!("{config}\n[health]\n{keys}\n"));
}

/// Status and body.
fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = eventually("somebody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn value(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn monitors_see_each_desk_and_each_stage() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    let port = free_port();
    with_health(&site, &format!("listen = \"127.0.0.1:{port}\""));
    dovecot.deliver(&mail(0, Kind::HowTo));
    let running = site.start();
    crate::support::smtp::eventually("the mail is labelled", || {
        labels(&dovecot, "INBOX").values().any(|l| l.contains(&"mado-answered".into())).then_some(())
    });
    let (status, body) = get(port, "/healthz");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["healthy"], &body["desks"][0]["desk"]), (200, &true.into(), &"desk".into()), "{body}");
    let metrics = eventually("every stage has succeeded", || {
        let (status, metrics) = get(port, "/metrics");
        assert_eq!(status, 200);
        let success = "madoguchi_desk_last_success_timestamp_seconds";
        let stage = |stage: &str| value(&metrics, &format!("{success}{{desk=\"desk\",stage=\"{stage}\"}}"));
        ["read", "decide", "act"].into_iter().all(|s| stage(s).is_some_and(|at| at > 1.7e9)).then_some(metrics)
    });
    for (series, expected) in [
        ("madoguchi_desk_healthy", 1.0),
        ("madoguchi_desk_undecided_mails", 0.0),
        ("madoguchi_desk_unsent_answers", 0.0),
        ("madoguchi_desk_waiting_mails", 0.0),
        ("madoguchi_desk_failures_total", 0.0),
    ] {
        assert_eq!(value(&metrics, &format!("{series}{{desk=\"desk\"}}")), Some(expected), "{series}");
    }
    assert!(metrics.contains("# TYPE madoguchi_desk_failures_total counter\n"));
    assert_eq!(get(port, "/").0, 404);
    assert_eq!(running.stop().code, Some(0));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn an_answer_that_cannot_go_out_and_a_desk_that_has_ended_are_seen() {
    let (good, broken, sink) = (dovecot(), dovecot(), SmtpSink::with(&["-r", "RCPT"]));
    let wrong = imap(broken.port).replace("\"password\"", "\"wrong-password\"");
    let site = Site::new(&[Desk::on("desk", &good, &sink), Desk::new("other", wrong, smtp(sink.port))]);
    let (port, told) = (free_port(), site.path("told"));
    let command = format!("alarm_command = [\"sh\", \"-c\", \"env >> {}\"]", told.display());
    with_health(&site, &format!("listen = \"127.0.0.1:{port}\"\n{command}"));
    good.deliver(&mail(0, Kind::HowTo));
    let running = site.start();
    running.wait_for("the desk cannot go on");
    running.wait_for("answer not sent yet");
    let (status, body) = get(port, "/healthz");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["healthy"]), (503, &false.into()), "{body}");
    assert_eq!((&body["desks"][0]["healthy"], &body["desks"][1]["trouble"]), (&true.into(), &"ended".into()), "{body}");
    let metrics = get(port, "/metrics").1;
    assert_eq!(value(&metrics, "madoguchi_desk_unsent_answers{desk=\"desk\"}"), Some(1.0), "{metrics}");
    assert!(value(&metrics, "madoguchi_desk_oldest_unsent_timestamp_seconds{desk=\"desk\"}").is_some());
    assert_eq!(value(&metrics, "madoguchi_desk_healthy{desk=\"other\"}"), Some(0.0));
    // Somebody is told of it, without being asked.
    let said =
        eventually("the alarm command has run", || fs::read_to_string(&told).ok().filter(|t| t.contains("STATE")));
    for line in ["MADOGUCHI_DESK=other", "MADOGUCHI_STATE=down", "MADOGUCHI_TROUBLE=ended"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(running.stop().code, Some(78));
}

/// A store and its health under a clock of the test's own, and everything that alarms have said.
struct Watch {
    clock: Clock,
    health: Health,
    sink: SmtpSink,
    told: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Watch {
    fn new() -> Watch {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-24T01:00:00Z".parse().unwrap());
        let store = Store::open(&folder.path().join("store.db"), clock.now()).unwrap();
        let limit = SignedDuration::from_mins(30);
        let health = Health::new(["desk".to_owned()].into_iter(), store, clock.clone(), limit);
        Watch { clock, health, sink: SmtpSink::start(), told: folder.path().join("told"), _folder: folder }
    }

    fn alarm(&self) -> Alarm {
        let way = outbox::Settings::Smtp(SmtpSettings {
            bounce_tags: false,
            host: "127.0.0.1".into(),
            port: self.sink.port,
            tls: Tls::None,
            login: None,
            bounce_address: None,
            timeout: Duration::from_secs(20),
            connections: 1,
        });
        let script = format!("echo $MADOGUCHI_DESK $MADOGUCHI_STATE $MADOGUCHI_TROUBLE >> {}", self.told.display());
        Alarm {
            command: ["sh", "-c", &script].map(str::to_owned).to_vec(),
            mail: Some("ops@other.example".into()),
            ways: BTreeMap::from([("desk".to_owned(), ("desk@desk.example".to_owned(), way))]),
        }
    }

    fn later(&self, minutes: i64) {
        self.clock.set(self.clock.now() + minutes.minutes());
    }

    /// Waits until so many mails have gone out: the command is told first.
    async fn mailed(&self, mails: usize) {
        for _ in 0..6000 {
            if self.sink.count() == mails {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("expected {mails} mails, got {}", self.sink.count());
    }

    /// Waits until the alarms have said so much; meanwhile the clock goes on, a hundred times as fast as ours.
    async fn said(&self, lines: &str) {
        for _ in 0..6000 {
            if fs::read_to_string(&self.told).is_ok_and(|told| told == lines) {
                return;
            }
            self.clock.set(self.clock.now() + 1.second());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("expected {lines:?}, got {:?}", fs::read_to_string(&self.told));
    }
}

#[tokio::test]
async fn a_desk_without_success_is_told_of_once_and_once_when_it_gets_on_again() {
    let watch = Watch::new();
    let alarm = tokio::spawn(alarm::watch(watch.health.clone(), watch.alarm()));
    watch.health.note("desk", Pulse::Done(Stage::Act));
    watch.later(29);
    assert!(watch.health.look().await.unwrap()[0].trouble.is_none());
    watch.later(2);
    watch.said("desk down no-success\n").await;
    // It still is, and is not told of again.
    for _ in 0..5 {
        watch.later(10);
        watch.health.note("desk", Pulse::Failed);
    }
    watch.health.note("desk", Pulse::Done(Stage::Act));
    watch.later(1);
    watch.said("desk down no-success\ndesk up\n").await;
    watch.mailed(2).await;
    alarm.abort();
    let mut mails: Vec<String> = watch.sink.received().iter().map(|mail| header(&mail.message, "Subject")).collect();
    mails.sort();
    assert_eq!(mails, ["madoguchi: desk down", "madoguchi: desk up"]);
    let mail = watch.sink.received().remove(0);
    assert_eq!(recipient(&mail), "<ops@other.example>");
    assert_eq!(header(&mail.message, "Auto-Submitted"), "auto-generated");
}

#[tokio::test]
async fn an_alarm_that_fails_is_tried_again() {
    let watch = Watch::new();
    let (told, tried) = (watch.told.display(), watch.told.with_extension("tried"));
    let script = format!("echo told >> {told}; test -e {0} || {{ touch {0}; exit 1; }}", tried.display());
    let command = ["sh", "-c", &script].map(str::to_owned).to_vec();
    let alarm = tokio::spawn(alarm::watch(watch.health.clone(), Alarm { command, ..Alarm::default() }));
    watch.later(31);
    watch.said("told\n").await;
    watch.said("told\ntold\n").await;
    alarm.abort();
}

#[tokio::test]
async fn an_alarm_whose_mail_cannot_go_out_does_not_knock_at_the_door_for_ever() {
    let watch = Watch::new();
    let server = FaultySmtp::start(At::Auth, Fault::Say("535 5.7.8 no"));
    let mut alarm = watch.alarm();
    if let Some((_, outbox::Settings::Smtp(way))) = alarm.ways.get_mut("desk") {
        (way.port, way.login) = (server.port, Some(("desk".into(), "old".into())));
    }
    let watching = tokio::spawn(alarm::watch(watch.health.clone(), alarm));
    watch.later(31);
    watch.said("desk down no-success\n").await;
    while server.failed() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Logins after 0 s, 15 s, 45 s, 105 s and 225 s; the clock stands still while one is under way.
    let begun = watch.clock.now();
    for seconds in [0, 15, 45, 105, 225] {
        let before = server.failed();
        while watch.clock.now() < begun + (seconds + 30).seconds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
            watch.clock.set(watch.clock.now() + 1.second());
        }
        assert!(server.failed() <= before + 1, "{} logins after {seconds} s", server.failed());
    }
    let logins = server.failed();
    assert!((4..=5).contains(&logins), "{logins} logins in four minutes");
    server.mend();
    for _ in 0..10 {
        watch.later(1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.taken().len(), 1, "then it goes out, once");
    watch.said("desk down no-success\n").await;
    watching.abort();
}

#[test]
fn the_service_manager_is_told_of_the_start_of_life_and_of_the_end() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    let socket = site.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let hear = || {
        let mut said = [0; 200];
        let length = manager.recv(&mut said).unwrap();
        String::from_utf8(said[..length].to_vec()).unwrap().trim().to_owned()
    };
    let name = format!("NOTIFY_SOCKET={}", socket.display());
    let running = site.spawn(&["env", &name, "WATCHDOG_USEC=400000"], RUN);
    let mut heard: Vec<String> = Vec::new();
    while heard.iter().filter(|said| *said == "WATCHDOG=1").count() < 3 || !heard.contains(&"READY=1".to_owned()) {
        heard.push(hear());
    }
    running.signal("TERM");
    while heard.last().is_some_and(|said| said != "STOPPING=1") {
        heard.push(hear());
    }
    assert_eq!(running.ended().code, Some(0));
}

/// The unit of the repository, with the program where it is.
fn unit(folder: &Path) -> std::path::PathBuf {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/madoguchi.service")).unwrap();
    let unit = folder.join("madoguchi.service");
    fs::write(&unit, text.replace("/usr/local/bin/madoguchi", env!("CARGO_BIN_EXE_madoguchi"))).unwrap();
    unit
}

/// None where systemd is not installed.
fn analyze(arguments: &[&str], unit: &Path) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn the_unit_is_sound_and_lets_the_process_do_little() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path());
    let Some((sound, said)) = analyze(&["verify", "--man=no"], &unit) else { return };
    assert!(sound && !said.contains("madoguchi.service:"), "{said}");
    // 10 is everything allowed; below 2 is what systemd calls OK.
    let offline = ["security", "--offline=yes", "--threshold=15", "--no-pager"];
    let (safe, said) = analyze(&offline, &unit).unwrap();
    assert!(safe, "{said}");
    assert!(said.contains("Overall exposure level"), "{said}");
}
