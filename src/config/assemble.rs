//! The configuration as a whole: desks get their packs and registers, and are compared with each other.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

use jiff::SignedDuration;

use super::calendar::{self, Layer};
use super::desk::{self, Draft, RegisterPlace};
use super::freemail::FreeMail;
use super::health::{self, Health};
use super::oauth::{self, Accounts};
use super::pack::{self, PackFiles, embedded_packs};
use super::problems::{File, Problem, Problems, Report};
use super::reader::{self, At, Table};
use super::register::Entries;
use super::{Config, Desk, RegisterSource, Surroundings, form, notices, suggest, text_of};
use crate::mailbox;
use crate::store::Keep;
use crate::triage::context::DeskProfile;
use crate::triage::decision::Disposition;
use crate::triage::pack::Pack;
use crate::triage::register::{Register, Shared};
use crate::triage::rulebook::Edition;

/// The file as written.
struct Written {
    store: Option<PathBuf>,
    keep: Keep,
    health: Health,
    /// The address for alarms, as written.
    alarm_mail: Option<At<String>>,
    /// Folders of own packs; none: those of the binary.
    packs: Option<(PathBuf, PathBuf)>,
    /// Domains that identify nobody.
    free_mail: FreeMail,
    /// Path of the notices as written.
    notices: Option<At<String>>,
    accounts: Accounts,
    desks: Vec<Draft>,
}

/// What desks name, loaded once each; none for what could not be loaded.
struct Loaded {
    /// Editions of each pack, by the day from which they are in force; never empty.
    packs: Packs,
    notices: Vec<notices::Draft>,
    /// By their paths.
    registers: BTreeMap<Vec<String>, Option<Arc<Register>>>,
    calendars: BTreeMap<String, Option<Layer>>,
}

/// Reads and checks everything; what is wrong is reported.
pub fn config(file: File<'_>, around: &Surroundings) -> Option<Config> {
    let written = reader::read(file, |root| Some(written(root, around)))?;
    distinct_desks(file, &written.desks);
    // Packs take as long as a large register: each is read on a thread of its own.
    let (packs, registers) = std::thread::scope(|scope| {
        let reading = reading_packs(scope, file, &written);
        let registers = registers(file, around, &written);
        (read_packs(file, reading), registers)
    });
    let mut loaded =
        Loaded { packs, notices: Vec::new(), registers, calendars: calendars(file, around, &written.desks) };
    let own_addresses = own_addresses(&written.desks);
    for form in written.desks.iter().flat_map(|desk| &desk.forms) {
        form::not_ourselves(file, form, &own_addresses);
    }
    let own = |mail: &&At<String>| own_addresses.contains(&mail.value);
    if let Some(mail) = written.alarm_mail.as_ref().filter(own) {
        let message = format!("alarms cannot go to `{}`, an address of this installation", mail.value);
        let hint = "an address that somebody reads when the desk stands still";
        file.add(Problem::error(message).at(&mail.span).hint(hint.to_owned()));
    }
    for draft in &written.desks {
        for pack in loaded.editions(draft) {
            names_fit_pack(file, draft, pack);
        }
    }
    loaded.notices =
        written.notices.as_ref().map_or_else(Vec::new, |path| dated_notices(file, around, path, &written, &loaded));
    let desks = written.desks.into_iter().map(|draft| loaded.desk(draft, &own_addresses));
    let (store, keep, health) = (written.store?, written.keep, written.health);
    let free_mail = written.free_mail;
    let accounts = written.accounts.into_values().collect::<Option<_>>()?;
    let warnings = Problems::default();
    Some(Config { desks: desks.collect::<Option<_>>()?, accounts, store, keep, health, free_mail, warnings })
}

fn written(root: &Table<'_>, around: &Surroundings) -> Written {
    let path = |table: &Table<'_>, key| Some(around.folder.join(table.string(key)?.value));
    let free_mail = root.optional_string("free_mail").map(|path| around.folder.join(path.value));
    let free_mail = free_mail.map(|path| FreeMail::read(root.file.report, &path)).unwrap_or_default();
    let store = root
        .require("store")
        .and_then(|store| store.table("[store]", |store| Some((path(store, "path"), keep(store)))));
    let (store, keep) = store.unwrap_or_default();
    let packs = root.get("packs").and_then(|packs| {
        packs.table("[packs]", |packs| {
            let (rules, templates) = (path(packs, "rules"), path(packs, "templates"));
            Some((rules?, templates?))
        })
    });
    let packs = around.rules.map(|rules| (rules.to_owned(), rules.with_file_name("templates"))).or(packs);
    let health = root.get("health").and_then(|health| health.table("[health]", |health| Some(health::read(health))));
    let (health, alarm_mail) = health.unwrap_or_default();
    let notices = root.optional_string("notices");
    let folder = store.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let accounts = oauth::accounts(root, around, folder);
    root.require("desk");
    let desks = root.tables("desk", "[[desk]]", |table| desk::read(table, around, &accounts));
    Written { store, keep, health, alarm_mail, packs, free_mail, notices, accounts, desks }
}

/// Days that mails and cases are kept; left out: for ever.
fn keep(store: &Table<'_>) -> Keep {
    const LONGEST: i64 = 36_500;
    // A mail that waits, and the threads and refusals of late, must still be known.
    const SHORTEST_MAILS: i64 = 7;
    const SHORTEST_CASES: i64 = 90;
    let days = |key, least| {
        let days = store.get(key)?.integer(least..=LONGEST)?;
        Some(SignedDuration::from_hours(days * 24))
    };
    let keep = Keep { mails: days("keep_mails_days", SHORTEST_MAILS), cases: days("keep_cases_days", SHORTEST_CASES) };
    if keep.mails.zip(keep.cases).is_some_and(|(mails, cases)| cases < mails) {
        store.error("`keep_cases_days` must not be less than `keep_mails_days`");
    }
    keep
}

/// Two desks with one id, address or mailbox would answer the same mail twice.
fn distinct_desks(file: File<'_>, desks: &[Draft]) {
    let mut seen: BTreeMap<String, &std::ops::Range<usize>> = BTreeMap::new();
    for desk in desks {
        let id = desk.id.iter().map(|id| (format!("desk `{}`", id.value), &id.span));
        let addresses = desk.addresses().map(|address| (format!("address `{}`", address.value), &address.span));
        let mailbox = desk.mailbox.iter().map(|mailbox| (mailbox_name(&mailbox.value), &mailbox.span));
        let prefix =
            desk.receipt_prefix.iter().map(|prefix| (format!("receipt prefix `{}`", prefix.value), &prefix.span));
        for (what, span) in id.chain(addresses).chain(mailbox).chain(prefix) {
            if let Some(first) = seen.get(&what) {
                let problem = Problem::error(format!("{what} appears twice")).at(span);
                file.add(problem.hint(format!("first at {}", file.line(first))));
            } else {
                seen.insert(what, span);
            }
        }
    }
}

fn mailbox_name(settings: &mailbox::Settings) -> String {
    match settings {
        mailbox::Settings::Imap(imap) => {
            format!("mailbox `{}` of `{}` on {}:{}", imap.folder, imap.user, imap.host.to_lowercase(), imap.port)
        }
        mailbox::Settings::Maildir { path, .. } => format!("mailbox `{}`", path.display()),
    }
}

/// Every address of the installation: mail from them is never answered.
fn own_addresses(desks: &[Draft]) -> Arc<[String]> {
    let addresses = desks.iter().flat_map(|desk| desk.addresses().map(|address| address.value.as_str()));
    let alerts = desks.iter().filter_map(|desk| Some(desk.alert.as_ref()?.value.as_str()));
    let all: BTreeSet<&str> = addresses.chain(desks.iter().filter_map(Draft::bounce_address)).chain(alerts).collect();
    all.into_iter().map(str::to_owned).collect()
}

/// The notices of the file, each checked against the desks it is for.
fn dated_notices(
    file: File<'_>,
    around: &Surroundings,
    path: &At<String>,
    written: &Written,
    loaded: &Loaded,
) -> Vec<notices::Draft> {
    let Some((full, text)) = named_file(file, around, path) else { return Vec::new() };
    let file = File::new(file.report, &full, &text);
    let drafts = notices::read(file).unwrap_or_default();
    let ids = || written.desks.iter().filter_map(|desk| Some(desk.id.as_ref()?.value.as_str()));
    for notice in &drafts {
        for desk in notice.desks.iter().filter(|desk| !ids().any(|id| id == desk.value)) {
            let problem = Problem::error(format!("there is no desk `{}`", desk.value)).at(&desk.span);
            file.add(problem.hint(suggest::hint(&desk.value, ids())));
        }
        let named = |desk: &&Draft| desk.id.as_ref().is_some_and(|id| notice.concerns(&id.value));
        for pack in written.desks.iter().filter(named).flat_map(|desk| loaded.editions(desk)) {
            notice.fits(file, pack);
        }
    }
    drafts
}

/// Packs with their editions, by id; none for one that could not be read.
type Packs = BTreeMap<String, Option<Vec<Arc<Pack>>>>;
/// Packs that are being read, each with a report of its own.
type Reading<'scope> = BTreeMap<String, ScopedJoinHandle<'scope, (Option<Vec<Arc<Pack>>>, Report)>>;

fn reading_packs<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    file: File<'env>,
    written: &'env Written,
) -> Reading<'scope> {
    let mut reading = BTreeMap::new();
    for id in written.desks.iter().filter_map(|desk| desk.pack.as_ref()) {
        reading.entry(id.value.clone()).or_insert_with(|| {
            let (report, name, text) = (file.report.beside(), file.name, file.text);
            scope.spawn(move || (editions(File::new(&report, name, text), written, id), report))
        });
    }
    reading
}

fn read_packs(file: File<'_>, reading: Reading<'_>) -> Packs {
    let read = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    let read = reading.into_iter().map(|(id, thread)| (id, read(thread)));
    read.map(|(id, (editions, report))| {
        file.report.take_over(report);
        (id, editions)
    })
    .collect()
}

/// A pack with all its editions: the folder of its name, and those with `@` and a day behind it.
fn editions(file: File<'_>, written: &Written, id: &At<String>) -> Option<Vec<Arc<Pack>>> {
    let known = match &written.packs {
        Some((rules, _)) => folders(rules),
        None => embedded_packs(),
    };
    if !known.contains(&id.value) {
        let problem = Problem::error(format!("there is no pack `{}`", id.value)).at(&id.span);
        file.add(problem.hint(suggest::hint(&id.value, known.iter().map(String::as_str))));
        return None;
    }
    let edition = |folder: &str| {
        let files = match &written.packs {
            Some((rules, templates)) => PackFiles::from_folders(file.report, rules, templates, folder),
            None => PackFiles::embedded(folder),
        };
        pack::read(file.report, folder, &files).map(Arc::new)
    };
    let is_edition = |folder: &&String| folder.split('@').next() == Some(&id.value);
    let mut editions: Vec<Arc<Pack>> =
        known.iter().filter(is_edition).map(|folder| edition(folder)).collect::<Option<_>>()?;
    editions.sort_by_key(|pack| pack.effective);
    if let Some(pair) = editions.windows(2).find(|pair| pair[0].effective == pair[1].effective) {
        let message = format!("two editions of pack `{}` are in force from {} on", id.value, pair[0].effective);
        file.add(Problem::error(message).at(&id.span));
    }
    Some(editions)
}

/// The packs in a folder of packs.
fn folders(rules: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(rules).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn calendars(file: File<'_>, around: &Surroundings, desks: &[Draft]) -> BTreeMap<String, Option<Layer>> {
    let mut calendars = BTreeMap::new();
    for path in desks.iter().flat_map(|desk| &desk.calendars) {
        calendars.entry(path.value.clone()).or_insert_with(|| {
            let (full, text) = named_file(file, around, path)?;
            calendar::layer(File::new(file.report, &full, &text))
        });
    }
    calendars
}

/// A file that a desk names: its path and its text.
fn named_file(file: File<'_>, around: &Surroundings, path: &At<String>) -> Option<(PathBuf, String)> {
    let full = around.folder.join(&path.value);
    if !full.is_file() {
        file.add(Problem::error(format!("there is no file `{}`", path.value)).at(&path.span));
        return None;
    }
    let text = text_of(file.report, &full)?;
    Some((full, text))
}

fn registers(file: File<'_>, around: &Surroundings, written: &Written) -> BTreeMap<Vec<String>, Option<Arc<Register>>> {
    let ids: Vec<String> = written.desks.iter().filter_map(|desk| Some(desk.id.as_ref()?.value.clone())).collect();
    let mut registers = BTreeMap::new();
    for files in written.desks.iter().filter_map(register_files) {
        registers.entry(paths(files)).or_insert_with(|| {
            let mut entries = Entries::default();
            let mut all_there = true;
            for At { value: path, span } in files {
                let full = around.folder.join(path);
                if full.is_file() {
                    entries.read(file.report, &full, &written.free_mail);
                } else {
                    file.add(Problem::error(format!("there is no file `{path}`")).at(span));
                    all_there = false;
                }
            }
            let register = entries.register(file.report);
            // With a file missing, what the others refer to may only seem to be missing.
            if all_there {
                entries.check(file.report, &ids, register.as_ref().map_or(Shared::MAYBE, Register::shared));
            }
            register.map(Arc::new).filter(|_| all_there)
        });
    }
    registers
}

fn register_files(desk: &Draft) -> Option<&[At<String>]> {
    match desk.register.as_ref()? {
        RegisterPlace::Files(files) => Some(files),
        RegisterPlace::Store => None,
    }
}

fn paths(files: &[At<String>]) -> Vec<String> {
    files.iter().map(|file| file.value.clone()).collect()
}

/// Folders and departments of the desk, against clauses of its pack.
fn names_fit_pack(file: File<'_>, draft: &Draft, pack: &Pack) {
    let dispositions = [Disposition::Auto, Disposition::Review, Disposition::Hold, Disposition::Ignore];
    let labels = || dispositions.iter().map(|d| d.as_str()).chain(pack.clauses.iter().map(|c| c.id.as_str()));
    for (key, _) in draft.folders.iter().filter(|(key, _)| !labels().any(|label| label == key.value)) {
        let message = format!("`{}` is neither a disposition nor a clause of pack `{}`", key.value, pack.id);
        file.add(Problem::error(message).at(&key.span).hint(suggest::hint(&key.value, labels())));
    }
    let needed: BTreeSet<&str> = pack.clauses.iter().filter_map(|clause| clause.department.as_deref()).collect();
    for name in needed.iter().filter(|name| !draft.departments.iter().any(|(key, _)| key.value == **name)) {
        let clauses = pack.clauses.iter().filter(|clause| clause.department.as_deref() == Some(name));
        let clauses: Vec<&str> = clauses.map(|clause| clause.id.as_str()).collect();
        let message = format!("[desk.departments.{name}] is missing: clauses {} name it", clauses.join(", "));
        let hint = format!("[desk.departments.{name}] with name = \"…\" and contact = \"…\"");
        file.add(Problem::error(message).at(&draft.header).hint(hint));
    }
    for (key, _) in draft.departments.iter().filter(|(key, _)| !needed.contains(key.value.as_str())) {
        let message = format!("no clause of pack `{}` names the department `{}`", pack.id, key.value);
        let hint = suggest::hint(&key.value, needed.iter().copied());
        file.add(Problem::warning(message).at(&key.span).hint(hint));
    }
}

impl Loaded {
    /// The editions of the desk's pack.
    fn editions(&self, draft: &Draft) -> impl Iterator<Item = &Arc<Pack>> {
        draft.pack.as_ref().and_then(|id| self.packs.get(&id.value)?.as_ref()).into_iter().flatten()
    }

    fn desk(&self, draft: Draft, own_addresses: &Arc<[String]>) -> Option<Desk> {
        let editions = self.packs.get(&draft.pack.as_ref()?.value)?.as_ref()?;
        let register = match &draft.register {
            Some(RegisterPlace::Files(files)) => RegisterSource::Files(self.registers.get(&paths(files))?.clone()?),
            Some(RegisterPlace::Store) => RegisterSource::Store,
            None => RegisterSource::Files(Arc::default()),
        };
        let calendars = draft.calendars.iter().map(|path| self.calendars.get(&path.value)?.as_ref());
        let layers: Vec<&Layer> = calendars.chain([Some(&draft.days)]).collect::<Option<_>>()?;
        let mut editions = editions.iter().map(|pack| at_desk(pack, &layers));
        let id = draft.id.as_ref().map(|id| id.value.clone())?;
        let notices =
            self.notices.iter().filter(|draft| draft.concerns(&id)).map(|draft| draft.notice.clone()).collect();
        let (outbox, give_up_after) = draft.outbox.clone()?;
        let profile = DeskProfile {
            folders: draft.folder_map(),
            departments: draft.department_map(),
            id,
            name: draft.name,
            address: draft.address?.value,
            own_addresses: own_addresses.clone(),
            border: draft.border,
            partner_staff: draft.partner_staff,
            forward_to_partner: draft.forward_to_partner,
            receipt_prefix: draft.receipt_prefix?.value,
            forms: draft.forms.into_iter().map(|form| form.value).collect(),
            authentication: draft.authentication,
            label_prefix: draft.label_prefix,
            drafts: draft.drafts,
            max_age: draft.max_age,
            budgets: draft.budgets,
            out_of_hours: draft.out_of_hours,
            guide: draft.guide,
            alert: draft.alert.map(|address| address.value),
            alert_command: draft.alert_command,
            signature: draft.signature,
            secret: Vec::new(),
        };
        Some(Desk {
            profile,
            edition: editions.next()?,
            later: editions.collect(),
            notices,
            release_every: draft.release_every,
            register,
            check_dkim: draft.check_dkim,
            mailbox: draft.mailbox?.value,
            outbox,
            give_up_after,
            sent_copy: draft.sent_copy,
            answer_since: draft.answer_since,
            batch: draft.batch,
        })
    }
}

/// On the pack's hours what further calendars say, and on top the days that the desk itself names.
fn at_desk(pack: &Arc<Pack>, layers: &[&Layer]) -> Edition {
    let mut edition = Edition { pack: pack.clone(), calendar: pack.hours.clone() };
    layers.iter().for_each(|layer| layer.onto(&mut edition.calendar));
    edition
}
