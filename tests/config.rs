//! Configuration and packs from outside: the good one loads to the last value, the bad ones say what is wrong.
//!
//! `tests/bad/*.txt` are changes to `tests/good/` with the messages they must cause; see [`Case`].

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use madoguchi::config::{self, Config, Desk, Problems, RegisterSource};
use madoguchi::net::Tls;
use madoguchi::oauth::{Credential, Endpoint};
use madoguchi::triage::budget::Budgets;
use madoguchi::triage::calendar::OutOfHours;
use madoguchi::triage::context::{AuthProfile, Border, Drafts, RequiredAuth};
use madoguchi::triage::form::{AddressPlace, FormRule};
use madoguchi::triage::pack::{Pack, Place, Term};
use madoguchi::triage::rulebook::{Book, Editions, Shelf};
use madoguchi::{mailbox, outbox};
use secrecy::ExposeSecret;
use tempfile::TempDir;

// ---- bad configurations ----

/// A bad configuration: what to change in `tests/good/`, a line `====`, and the messages.
///
/// `@ file` begins the changes of a file, `@ file gone` deletes it; `- line` takes a line out (it must be there) and
/// `+ line` puts one in at the same place (in front, if nothing was taken out).
struct Case {
    path: PathBuf,
    changes: String,
    expected: String,
}

impl Case {
    fn read(path: PathBuf) -> Case {
        let text = fs::read_to_string(&path).unwrap();
        let (changes, expected) = text.split_once("====\n").unwrap_or_else(|| panic!("no ==== in {}", path.display()));
        Case { path, changes: changes.to_owned(), expected: expected.to_owned() }
    }

    fn apply(&self, folder: &Path) {
        for section in self.changes.split("@ ").filter(|section| !section.trim().is_empty()) {
            let (file, lines) = section.split_once('\n').unwrap();
            match file.strip_suffix(" gone") {
                Some(file) => fs::remove_file(folder.join(file)).unwrap(),
                None => self.edit(&folder.join(file), lines),
            }
        }
    }

    fn edit(&self, file: &Path, edits: &str) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        for edit in edits.lines() {
            if let Some(old) = edit.strip_prefix("- ") {
                let found = lines[at..].iter().position(|line| *line == old);
                at += found.unwrap_or_else(|| panic!("{}: no line `{old}`", self.path.display()));
                lines.remove(at);
            } else if let Some(new) = edit.strip_prefix('+') {
                lines.insert(at, new.strip_prefix(' ').unwrap_or(new));
                at += 1;
            } else {
                panic!("{}: neither + nor -: {edit}", self.path.display());
            }
        }
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, lines.join("\n") + "\n").unwrap();
    }

    /// What is said about this case; none if all is well.
    fn said(&self) -> Option<String> {
        let folder = good();
        self.apply(folder.path());
        let problems = match load(folder.path()) {
            Ok(config) => config.warnings,
            Err(problems) => problems,
        };
        (!problems.is_empty()).then(|| shown(&problems, folder.path()))
    }
}

/// With `UPDATE_EXPECTED=1` the messages are written instead of compared; read the diff before you commit it.
#[test]
fn bad_configurations_say_what_is_wrong() {
    let mut failures = Vec::new();
    let mut count = 0;
    for path in files(Path::new("tests/bad")) {
        count += 1;
        let case = Case::read(path);
        let said = case.said().unwrap_or_else(|| "nothing is wrong\n".into());
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&case.path, format!("{}====\n{said}", case.changes)).unwrap();
        } else if said != case.expected {
            failures.push(format!("{}\nexpected:\n{}\nsaid:\n{said}", case.path.display(), case.expected));
        }
    }
    assert!(count >= 40, "only {count} bad configurations");
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
}

#[test]
fn problems_are_in_colour_on_demand() {
    let folder = good();
    fs::write(folder.path().join("madoguchi.toml"), "[store]\npath = 1\n").unwrap();
    let problems = load(folder.path()).unwrap_err();
    assert!(problems.has_errors());
    assert!(problems.render(true).contains("\u{1b}["));
    assert!(!problems.render(false).contains('\u{1b}'));
    assert_eq!(problems.to_string(), problems.render(false));
}

/// Relative paths are shown as they were given, and start at the configuration's folder.
#[test]
fn file_names_are_shown_as_given() {
    let problems = config::load(Path::new("tests/no-such-folder/madoguchi.toml")).unwrap_err();
    assert!(problems.to_string().contains("--> tests/no-such-folder/madoguchi.toml"), "{problems}");
}

// ---- the good configuration ----

fn desks() -> Vec<Desk> {
    let config = load(good().path()).unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    config.desks
}

/// The first desk's border, with these lines instead of `trusted_authserv`.
fn border(lines: &str) -> Border {
    let folder = good();
    let file = folder.path().join("madoguchi.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("trusted_authserv = \"mx.desk.example\"", lines, 1)).unwrap();
    load(folder.path()).unwrap_or_else(|problems| panic!("{problems}")).desks.remove(0).profile.border
}

#[test]
fn every_key_of_a_border_arrives() {
    let lines = r#"
        trusted_authserv = "mx.desk.example"
        border_received_by = "edge.desk.example"
        trusted_arc_sealers = ["Lists.example", "partner.example"]
    "#;
    let expected = Border {
        profile: AuthProfile::Standard,
        authserv: Some("mx.desk.example".into()),
        received_by: Some("edge.desk.example".into()),
        arc_sealers: vec!["lists.example".into(), "partner.example".into()],
    };
    assert_eq!(border(lines), expected);
}

#[test]
fn providers_need_no_names() {
    for (name, profile) in [("m365", AuthProfile::Microsoft365), ("google", AuthProfile::Google)] {
        let read = border(&format!("authentication_profile = \"{name}\""));
        assert_eq!(read, Border { profile, ..Border::default() });
    }
}

#[test]
fn every_key_of_a_desk_arrives() {
    let desk = desks().remove(0);
    let profile = &desk.profile;
    assert_eq!((profile.id.as_str(), profile.name.as_str()), ("counter", "サポート窓口"));
    assert_eq!(profile.address, "support@desk.example");
    assert_eq!(profile.authentication, RequiredAuth::Strong);
    assert_eq!(profile.border, Border { authserv: Some("mx.desk.example".into()), ..Border::default() });
    assert_eq!(profile.label_prefix, "m-");
    assert_eq!(profile.max_age, Some(SignedDuration::from_hours(48)));
    assert_eq!(profile.signature, "----\nサポート窓口");
    assert_eq!(profile.folders["4-2-6"], "ライセンス");
    assert_eq!(profile.folders.len(), 2);
    assert_eq!(profile.departments["sales"].contact, "sales@desk.example");
    assert!(profile.drafts == Drafts::All && profile.secret.is_empty());
    assert_eq!((desk.sent_copy, desk.batch), (false, 20));
    assert_eq!(desk.answer_since, Some("2026-10-31T15:00:00Z".parse::<Timestamp>().unwrap()));
}

#[test]
fn forms_arrive_with_their_labels() {
    let desks = desks();
    assert!(desks[0].profile.forms.is_empty());
    let some = |label: &str| Some(label.to_string());
    let expected = [
        FormRule {
            from: "no-reply@form.example".into(),
            address: AddressPlace::Label("メールアドレス".into()),
            name: some("お名前"),
            company: some("会社名"),
            subject: some("件名"),
            body: "お問い合わせ内容".into(),
            others: vec!["電話番号".into(), "送信日時".into()],
        },
        FormRule {
            from: "form@site.example".into(),
            address: AddressPlace::ReplyTo,
            name: None,
            company: None,
            subject: None,
            body: "お問い合わせ内容".into(),
            others: vec![],
        },
    ];
    assert_eq!(desks[1].profile.forms, expected);
}

#[test]
fn keys_left_out_have_their_defaults() {
    let desk = desks().remove(1);
    assert_eq!(desk.profile.label_prefix, "mado-");
    assert_eq!(desk.profile.max_age, None);
    assert_eq!(desk.profile.authentication, RequiredAuth::Weak);
    assert!(desk.sent_copy && desk.profile.drafts == Drafts::Never && desk.profile.signature.is_empty());
    assert_eq!((desk.answer_since, desk.batch), (None, 50));
    assert!(matches!(desk.register, RegisterSource::Files(register) if register.is_empty()));
    match desk.mailbox {
        mailbox::Settings::Maildir { path, poll } => assert!(path.ends_with("mail") && poll.as_secs() == 60),
        other => panic!("{other:?}"),
    }
    assert!(matches!(desk.outbox, outbox::Settings::Folder { path } if path.ends_with("out")));
}

#[test]
fn budgets_are_set_one_by_one() {
    let folder = good();
    edit(folder.path(), "[desk.folders]", "[desk.budgets]\nsender_per_day = 5\n\n[desk.folders]");
    let desks = load(folder.path()).unwrap().desks;
    let usual = Budgets { sender_per_day: 3, domain_per_hour: 20, desk_per_hour: 60 };
    assert_eq!(desks[0].profile.budgets, Budgets { sender_per_day: 5, ..usual });
    assert_eq!(desks[1].profile.budgets, usual);
}

#[test]
fn every_desk_knows_all_addresses_of_the_installation() {
    let all = ["bounce@desk.example", "help@desk.example", "second@desk.example", "support@desk.example"];
    for desk in desks() {
        assert_eq!(*desk.profile.own_addresses, all);
    }
}

fn password(credential: &Credential) -> &str {
    let Credential::Password(password) = credential else { panic!("{credential:?}") };
    password.expose_secret()
}

#[test]
fn servers_arrive_with_password_and_times() {
    let desk = desks().remove(0);
    let mailbox::Settings::Imap(imap) = desk.mailbox else { panic!("{:?}", desk.mailbox) };
    assert_eq!((imap.host.as_str(), imap.port, imap.user.as_str()), ("imap.desk.example", 10993, "support"));
    assert_eq!(imap.tls, Tls::StartTls { ca_file: None });
    assert_eq!(password(&imap.credential), "secret");
    assert_eq!((imap.folder.as_str(), imap.head_bytes), ("INBOX/受付", 65536));
    assert_eq!((imap.poll, imap.timeout), (Duration::from_secs(30), Duration::from_secs(20)));
    let outbox::Settings::Smtp(smtp) = desk.outbox else { panic!("{:?}", desk.outbox) };
    assert_eq!((smtp.host.as_str(), smtp.port, smtp.tls), ("127.0.0.1", 10025, Tls::None));
    assert!(smtp.login.is_none());
    assert_eq!((smtp.bounce_address.as_deref(), smtp.bounce_tags), (Some("bounce@desk.example"), false));
    assert_eq!(desk.give_up_after, SignedDuration::from_hours(24));
    assert_eq!(smtp.timeout, Duration::from_secs(600));
}

/// What both providers' documents say, in their own words.
#[test]
fn providers_bring_their_addresses_and_scopes() {
    let folder = good();
    let secret = "client_id = \"7\"\nclient_secret = { env = \"MAIL_PASSWORD\" }\n";
    let microsoft = format!("provider = \"microsoft\"\ntenant = \"desk.example\"\n{secret}");
    let accounts = format!(
        "[oauth.apps]\n{microsoft}grant = \"client-credentials\"\n[oauth.google]\nprovider = \"google\"\n{secret}\
         [oauth.m365]\n{microsoft}[packs]"
    );
    edit(folder.path(), "[packs]", &accounts);
    edit(folder.path(), "password = { env = \"MAIL_PASSWORD\" }\nfolder", "oauth = \"m365\"\nfolder");
    let config = load(folder.path()).unwrap();
    let at = |what: &str| Some(format!("https://login.microsoftonline.com/desk.example/oauth2/v2.0/{what}"));
    let known = |index: usize| {
        let settings = config.accounts[index].settings();
        let url = |endpoint: &Endpoint| endpoint.url();
        let pages = (settings.device.as_ref().map(url), settings.authorize.as_ref().map(|a| url(&a.page)));
        (settings.name.as_str(), settings.scope.as_str(), Some(settings.token.url()), pages)
    };
    let pages = || (at("devicecode"), at("authorize"));
    assert_eq!(known(0), ("apps", "https://outlook.office365.com/.default", at("token"), pages()));
    let scope = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access";
    assert_eq!(known(2), ("m365", scope, at("token"), pages()));
    let page = Some("https://accounts.google.com/o/oauth2/v2/auth".to_owned());
    let token = Some("https://oauth2.googleapis.com/token".to_owned());
    assert_eq!(known(1), ("google", "https://mail.google.com/", token, (None, page)));
    let used: Vec<&str> = config.desks[0].accounts().iter().map(|account| account.settings().name.as_str()).collect();
    assert_eq!(used, ["m365"]);
    let file = &config.accounts[2].settings().file;
    assert_eq!(file, &folder.path().join("state/oauth-m365.json"), "beside the store");
}

/// (tls, its line in the file, usual IMAP port, usual SMTP port)
#[test]
fn ports_follow_the_protection() {
    for (tls, imap_port, smtp_port) in [("implicit", 993, 465), ("starttls", 143, 587), ("none", 143, 25)] {
        let folder = good();
        edit(folder.path(), "host = \"imap.desk.example\"\nport = 10993", "host = \"localhost\"");
        edit(folder.path(), "tls = \"starttls\"", &format!("tls = \"{tls}\""));
        edit(folder.path(), "port = 10025\ntls = \"none\"", &format!("tls = \"{tls}\""));
        let desk = load(folder.path()).unwrap().desks.remove(0);
        assert!(matches!(desk.mailbox, mailbox::Settings::Imap(imap) if imap.port == imap_port), "{tls}");
        assert!(matches!(desk.outbox, outbox::Settings::Smtp(smtp) if smtp.port == smtp_port), "{tls}");
    }
}

#[test]
fn own_certificates_are_kept_with_their_protection() {
    let folder = good();
    let certificate = rcgen::generate_simple_self_signed(["imap.desk.example".to_owned()]).unwrap().cert.pem();
    fs::write(folder.path().join("ca.pem"), certificate).unwrap();
    edit(folder.path(), "tls = \"starttls\"", "tls = \"starttls\"\nca_file = \"ca.pem\"");
    let desk = load(folder.path()).unwrap().desks.remove(0);
    let mailbox::Settings::Imap(imap) = desk.mailbox else { panic!("{:?}", desk.mailbox) };
    assert_eq!(imap.tls, Tls::StartTls { ca_file: Some(folder.path().join("ca.pem")) });
}

#[test]
fn a_desks_closed_days_are_its_own() {
    let days: Vec<usize> = desks().iter().map(|desk| desk.edition.calendar.closures.len()).collect();
    assert_eq!(days, [2, 1]);
}

#[test]
fn desks_of_one_pack_share_what_it_is_compiled_to_and_keep_their_own_days() {
    let mut shelf = Shelf::default();
    let now = "2026-12-01T10:30:00+09:00".parse().unwrap();
    let editions: Vec<Editions> =
        desks().iter().map(|desk| shelf.editions(&desk.edition, &desk.later).unwrap()).collect();
    let [one, other] = [&editions[0], &editions[1]].map(|editions| editions.at(now));
    assert!(std::ptr::eq::<Book>(&**one, &**other));
    assert_ne!(one.calendar.closures, other.calendar.closures);
}

#[test]
fn calendars_are_put_on_top_of_each_other() {
    let folder = good();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    // 元日 in Shift_JIS, as the Cabinet Office writes it.
    fs::write(folder.path().join("list.csv"), b"x,y\r\n2028/1/3,\x8c\xb3\x93\xfa\r\n").unwrap();
    write("company.toml", "holidays = \"list.csv\"\nclosed = [{ yearly = \"12-29..01-03\", reason = \"年末\" }]\n");
    write("berlin.toml", "time_zone = \"Europe/Berlin\"\n[week]\nmonday = [\"09:00-17:00\"]\n");
    let keys = "calendars = [\"company.toml\", \"berlin.toml\"]\nout_of_hours = \"next-business-day\"\nrelease_seconds = 9\n\
                guide_hours = 8\nopen = [{ date = 2028-01-03, hours = [\"10:00-12:00\"], reason = \"当番\" }]\n";
    edit(folder.path(), "label_prefix = \"m-\"", &format!("label_prefix = \"m-\"\n{keys}"));
    let desk = load(folder.path()).unwrap().desks.remove(0);
    let calendar = &desk.edition.calendar;
    assert_eq!(calendar.zone.iana_name(), Some("Europe/Berlin"));
    let day = |text: &str| {
        let day = calendar.day(text.parse().unwrap());
        let hours: Vec<String> = day.hours.iter().map(|hours| hours.to_string()).collect();
        format!("{} {}", hours.join(" "), day.reason.unwrap_or_default())
    };
    assert_eq!(day("2028-01-03"), "10:00-12:00 当番");
    assert_eq!(day("2028-01-10"), "09:00-17:00 ", "not in the newer list");
    assert_eq!((day("2027-01-01"), day("2026-12-29")), (" 元日".into(), " 年末".into()));
    assert_eq!(calendar.holidays.name("2028-01-03".parse().unwrap()), Some("元日"));
    assert_eq!(desk.profile.out_of_hours, OutOfHours::NextBusinessDay);
    assert_eq!(
        (desk.release_every, desk.profile.guide),
        (SignedDuration::from_secs(9), Some(SignedDuration::from_hours(8)))
    );
}

#[test]
fn editions_of_a_pack_are_in_force_from_their_day_on() {
    let folder = good();
    for kind in ["rules", "templates"] {
        copy(&folder.path().join(kind).join("counter"), &folder.path().join(kind).join("counter@2027-04-01"));
    }
    let head = folder.path().join("rules/counter@2027-04-01/pack.toml");
    let text = fs::read_to_string(&head).unwrap();
    fs::write(&head, text.replace("2026-11-01", "2027-04-01").replace("\"2026.11\"", "\"2027.04\"")).unwrap();
    let desk = load(folder.path()).unwrap_or_else(|problems| panic!("{problems}")).desks.remove(0);
    let editions = Editions::compile(&desk.edition, &desk.later).unwrap();
    for (at, version) in [
        ("2020-01-01T00:00:00+09:00", "2026.11"),
        ("2027-03-31T23:59:59+09:00", "2026.11"),
        ("2027-04-01T00:00:00+09:00", "2027.04"),
    ] {
        assert_eq!(editions.at(at.parse().unwrap()).pack.version, version, "{at}");
    }
    let same = text.replace("\"2026.11\"", "\"2027.04\"");
    fs::rename(folder.path().join("rules/counter@2027-04-01"), folder.path().join("rules/counter@2026-11-01")).unwrap();
    fs::rename(folder.path().join("templates/counter@2027-04-01"), folder.path().join("templates/counter@2026-11-01"))
        .unwrap();
    fs::write(folder.path().join("rules/counter@2026-11-01/pack.toml"), same).unwrap();
    let problems = load(folder.path()).unwrap_err().to_string();
    assert!(problems.contains("two editions of pack `counter` are in force from 2026-11-01 on"), "{problems}");
}

#[test]
fn passwords_come_from_a_file_or_a_credential() {
    for (reference, file, content) in [
        ("{ file = \"mail.password\" }", "mail.password", "s3cret\n"),
        ("{ file = \"mail.password\" }", "mail.password", "s3cret"),
        ("{ file = \"mail.password\" }", "mail.password", "s3cret\r\n"),
        ("{ credential = \"imap\" }", "credentials/imap", "s3cret\n"),
    ] {
        let folder = good();
        edit(folder.path(), "{ env = \"MAIL_PASSWORD\" }", reference);
        write_secret(&folder.path().join(file), content);
        let config = load(folder.path()).unwrap();
        assert!(config.warnings.is_empty(), "{}", config.warnings);
        let mailbox::Settings::Imap(imap) = &config.desks[0].mailbox else { panic!("{reference}") };
        assert_eq!(password(&imap.credential), "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}

#[test]
fn useless_password_files_are_refused() {
    for content in ["", "\n", "s3cret\nmore\n"] {
        let folder = good();
        edit(folder.path(), "{ env = \"MAIL_PASSWORD\" }", "{ file = \"mail.password\" }");
        write_secret(&folder.path().join("mail.password"), content);
        let said = load(folder.path()).unwrap_err().to_string();
        assert!(said.contains("on one line") && !said.contains("s3cret"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_password_file_for_everybody_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = good();
    edit(folder.path(), "{ env = \"MAIL_PASSWORD\" }", "{ file = \"mail.password\" }");
    let file = folder.path().join("mail.password");
    write_secret(&file, "s3cret\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = load(folder.path()).unwrap().warnings;
    assert!(!warnings.has_errors());
    assert!(warnings.to_string().contains("everybody on this machine can read"), "{warnings}");
}

// ---- packs ----

fn pack() -> Pack {
    config::pack_from(Path::new("tests/good/rules"), Path::new("tests/good/templates"), "counter").unwrap()
}

#[test]
fn a_rule_arrives_with_its_word_lists_spelt_out() {
    let literal = |text: &str| Term::Literal(text.into());
    let pattern = |text: &str| Term::Pattern(text.into());
    let pack = pack();
    let rule = pack.rules.iter().find(|rule| rule.id == "how-to").unwrap();
    assert_eq!((rule.clause.as_str(), rule.score, rule.question, rule.place), ("4-1-3", 3.0, true, Place::Anywhere));
    assert!(rule.any.is_empty());
    let how = vec![literal("方法"), literal("手順"), literal("やり方")];
    let object = vec![literal("設定"), literal("端末"), literal("iphone"), pattern("ios ?[0-9]+")];
    assert_eq!(rule.all, [how, object]);
    assert_eq!(rule.none, [literal("解約")]);
    assert_eq!((rule.examples.len(), rule.counterexamples.len()), (1, 1));
    let contract = pack.rules.iter().find(|rule| rule.id == "contract").unwrap();
    assert_eq!(contract.place, Place::Subject);
    assert_eq!(contract.any, [literal("解約"), pattern("契約.{0,4}変更")]);
}

#[test]
fn a_pack_arrives_with_calendar_and_templates() {
    let pack = pack();
    assert_eq!((pack.id.as_str(), pack.version.as_str()), ("counter", "2026.11"));
    assert_eq!(pack.effective.to_string(), "2026-11-01");
    assert_eq!((pack.thresholds.scope, pack.thresholds.margin, pack.thresholds.conduct), (2.0, 1.0, 3.0));
    assert_eq!(pack.clause("4-2-6").unwrap().department.as_deref(), Some("sales"));
    assert_eq!(pack.clause("4-1-3").unwrap().links[0].url, "https://help.example/manual");
    assert_eq!(pack.templates["parts/4-1-3"], "手順書をご覧ください。\n");
    assert_eq!(pack.templates.len(), 18);
    let monday: Vec<String> = pack.hours.week[0].iter().map(|h| format!("{}-{}", h.from, h.until)).collect();
    assert_eq!(monday, ["10:00-11:45", "12:45-18:00"]);
    let opens = |at: &str| pack.hours.is_open(at.parse().unwrap());
    assert!(opens("2026-11-21T23:59:59+09:00") && !opens("2026-11-22T00:00:00+09:00"));
}

#[test]
fn any_changed_byte_changes_the_hash_and_nothing_else_does() {
    let hash =
        |folder: &Path| config::pack_from(&folder.join("rules"), &folder.join("templates"), "counter").unwrap().hash;
    let folder = good();
    let same = hash(folder.path());
    assert_eq!(same, pack().hash);
    assert_eq!((same.len(), same.chars().all(|c| c.is_ascii_hexdigit())), (16, true));
    fs::write(folder.path().join("rules/counter/.words.toml.swp"), "x").unwrap();
    fs::write(folder.path().join("rules/counter/README.md"), "x").unwrap();
    assert_eq!(hash(folder.path()), same);
    for file in ["rules/counter/words.toml", "templates/counter/parts/4-1-3.txt"] {
        let folder = good();
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        fs::write(folder.path().join(file), text + "\n").unwrap();
        assert_ne!(hash(folder.path()), same, "{file}");
    }
}

#[test]
fn files_saved_on_windows_are_read_and_shift_jis_is_refused() {
    let folder = good();
    let template = folder.path().join("templates/counter/parts/4-1-3.txt");
    fs::write(&template, "\u{feff}手順書を\r\nご覧ください。\r\n").unwrap();
    let desk = load(folder.path()).unwrap().desks.remove(1);
    assert_eq!(desk.edition.pack.templates["parts/4-1-3"], "手順書を\nご覧ください。\n");
    let words = folder.path().join("rules/counter/words.toml");
    let text = fs::read_to_string(&words).unwrap();
    fs::write(&words, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    load(folder.path()).unwrap();
    fs::write(&words, encoding_rs::SHIFT_JIS.encode(&text).0).unwrap();
    let said = load(folder.path()).unwrap_err().to_string();
    assert!(said.contains("not UTF-8 at byte") && said.contains("words.toml"), "{said}");
}

#[test]
fn packs_that_do_not_exist_are_refused() {
    let said = config::embedded_pack("no-such-pack").unwrap_err().to_string();
    assert!(said.contains("there is no pack here"), "{said}");
    let said =
        config::pack_from(Path::new("tests/good/rules"), Path::new("nowhere"), "counter").unwrap_err().to_string();
    assert!(said.contains("there are no templates here"), "{said}");
}

#[test]
fn the_packs_of_the_binary_load() {
    let folder = TempDir::new().unwrap();
    write_embedded(folder.path());
    for id in config::embedded_packs() {
        let embedded = config::embedded_pack(&id).unwrap_or_else(|problems| panic!("{problems}"));
        let written = config::pack_from(&folder.path().join("rules"), &folder.path().join("templates"), &id).unwrap();
        assert_eq!((embedded.id, embedded.hash), (id, written.hash));
    }
}

// ---- what we ship and document ----

/// With the binary's pack, or, where that is not in this tree, with the test's under its name.
#[test]
fn the_configuration_that_init_writes_loads() {
    let folder = good();
    write_embedded(folder.path());
    if !config::embedded_packs().contains(&"optim-biz".to_owned()) {
        rename_pack(folder.path(), "counter", "optim-biz");
    }
    fs::write(folder.path().join("madoguchi.toml"), config::DEFAULT).unwrap();
    write_secret(&folder.path().join("mail.password"), "s3cret\n");
    let config = load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
    let desk = &config.desks[0];
    assert_eq!(desk.profile.drafts, Drafts::All, "a new desk starts with drafts");
    assert_eq!(desk.profile.authentication, RequiredAuth::Strong);
    assert_eq!(desk.profile.max_age, Some(SignedDuration::from_hours(24)));
}

/// Each TOML block of the documents begins with a comment that names its file; together with `tests/good/` they load.
#[test]
fn the_documents_examples_load() {
    let readmes = ["README.md", "README.ja.md"].map(PathBuf::from);
    let mut examples = BTreeMap::new();
    for document in files(Path::new("docs")).into_iter().chain(readmes) {
        let text = fs::read_to_string(&document).unwrap();
        let document = document.to_str().unwrap();
        let blocks: Vec<&str> = text.split("```toml\n").skip(1).map(|b| b.split("```").next().unwrap()).collect();
        examples.insert(document.to_owned(), blocks.len());
        let folder = good();
        for block in blocks {
            let name = block.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap();
            let name = name.split_whitespace().next().unwrap();
            fs::write(folder.path().join(name), block).unwrap();
            if name == "madoguchi.toml" {
                load_documented(folder.path(), document);
            }
        }
        load_documented(folder.path(), document);
    }
    for (document, least) in [
        ("docs/configuration.md", 2),
        ("docs/oauth.md", 2),
        ("docs/register.md", 1),
        ("docs/rules.md", 4),
        ("README.md", 1),
        ("README.ja.md", 1),
    ] {
        assert!(examples[document] >= least, "{document} has {} examples", examples[document]);
    }
}

fn load_documented(folder: &Path, document: &str) {
    write_secret(&folder.join("mail.password"), "s3cret\n");
    write_secret(&folder.join("client.secret"), "s3cret\n");
    let config = load(folder).unwrap_or_else(|problems| panic!("{document}: {problems}"));
    assert!(config.warnings.is_empty(), "{document}: {}", config.warnings);
}

// ---- helpers ----

/// The good configuration in a folder of its own.
fn good() -> TempDir {
    let folder = TempDir::new().unwrap();
    copy(Path::new("tests/good"), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

/// All files below, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

/// Replaces a part of `madoguchi.toml` that must be there.
fn edit(folder: &Path, from: &str, to: &str) {
    let file = folder.join("madoguchi.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "no {from}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// A file that only its owner can read.
fn write_secret(file: &Path, content: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn write_embedded(folder: &Path) {
    for (name, bytes) in config::embedded_files() {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}

fn rename_pack(folder: &Path, from: &str, to: &str) {
    for top in ["rules", "templates"] {
        fs::rename(folder.join(top).join(from), folder.join(top).join(to)).unwrap();
    }
    let head = folder.join("rules").join(to).join("pack.toml");
    let text = fs::read_to_string(&head).unwrap();
    fs::write(head, text.replacen(&format!("\"{from}\""), &format!("\"{to}\""), 1)).unwrap();
}

fn load(folder: &Path) -> Result<Config, Problems> {
    let credentials = folder.join("credentials").display().to_string();
    config::load_with(&folder.join("madoguchi.toml"), &move |name| match name {
        "MAIL_PASSWORD" => Some("secret".into()),
        "CREDENTIALS_DIRECTORY" => Some(credentials.clone()),
        _ => None,
    })
}

fn shown(problems: &Problems, folder: &Path) -> String {
    problems.render(false).replace(&format!("{}/", folder.display()), "")
}
