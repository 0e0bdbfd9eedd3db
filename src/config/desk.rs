//! `[[desk]]`: what one desk says of itself. Packs and registers are looked up later, over all desks.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::calendar::Layer;
use super::oauth::Accounts;
use super::problems::Problem;
use super::reader::{At, Table, Value};
use super::{Surroundings, border, calendar, check, form, server};
use crate::mailbox;
use crate::outbox;
use crate::triage::budget::Budgets;
use crate::triage::calendar::OutOfHours;
use crate::triage::context::{Border, Department, Drafts, PartnerStaff, RequiredAuth};
use crate::triage::form::FormRule;
use crate::triage::receipt::prefix_of;

/// A desk as written. What is wrong is reported and left out, so that the rest can still be checked.
pub struct Draft {
    pub header: Range<usize>,
    pub id: Option<At<String>>,
    pub name: String,
    pub address: Option<At<String>>,
    pub aliases: Vec<At<String>>,
    pub pack: Option<At<String>>,
    pub authentication: RequiredAuth,
    pub border: Border,
    pub check_dkim: bool,
    pub register: Option<RegisterPlace>,
    pub partner_staff: PartnerStaff,
    pub forward_to_partner: bool,
    /// As written, or made of the desk's id.
    pub receipt_prefix: Option<At<String>>,
    pub forms: Vec<At<FormRule>>,
    pub label_prefix: String,
    pub max_age: Option<SignedDuration>,
    pub answer_since: Option<Timestamp>,
    pub signature: String,
    pub drafts: Drafts,
    pub sent_copy: bool,
    pub batch: usize,
    pub budgets: Budgets,
    /// Paths of further calendars as written, and the days that the desk itself names.
    pub calendars: Vec<At<String>>,
    pub days: Layer,
    pub out_of_hours: OutOfHours,
    pub release_every: SignedDuration,
    pub guide: Option<SignedDuration>,
    pub alert: Option<At<String>>,
    pub alert_command: Vec<String>,
    pub mailbox: Option<At<mailbox::Settings>>,
    pub outbox: Option<(outbox::Settings, SignedDuration)>,
    pub folders: Vec<(At<String>, String)>,
    pub departments: Vec<(At<String>, Department)>,
}

pub fn read(table: &Table<'_>, around: &Surroundings, accounts: &Accounts) -> Option<Draft> {
    let authentication = authentication(table);
    let check_dkim = table.flag("check_dkim", false);
    let text = |value: Option<At<String>>| value.map(|text| text.value).unwrap_or_default();
    let names = |key, name, read: fn(Value<'_>) -> Option<String>| {
        let table = table.get(key).and_then(|value| value.table(name, |t| Some(t.entries().collect::<Vec<_>>())));
        let entries = table.unwrap_or_default().into_iter();
        entries.filter_map(|(key, value)| Some((key, read(value)?))).collect()
    };
    Some(Draft {
        header: table.span.clone().unwrap_or_default(),
        id: table.require("id").and_then(check::name),
        name: text(table.string("name")),
        address: table.require("address").and_then(check::address),
        aliases: table.list("aliases").into_iter().filter_map(check::address).collect(),
        pack: table.require("pack").and_then(check::name),
        authentication,
        border: border::read(table, authentication != RequiredAuth::Off && !check_dkim),
        check_dkim,
        register: table.get("register").map(register),
        partner_staff: table.optional_choice("partner_staff", &PARTNER_STAFF).unwrap_or_default(),
        forward_to_partner: table.flag("forward_to_partner", false),
        receipt_prefix: receipt_prefix(table),
        forms: table.tables("forms", "[[desk.forms]]", form::read),
        label_prefix: table.get("label_prefix").and_then(check::name).map_or("mado-".into(), |prefix| prefix.value),
        max_age: max_age(table),
        answer_since: table.get("answer_since").and_then(Value::moment),
        signature: text(table.get("signature").and_then(Value::text)).trim_end().to_owned(),
        drafts: table.get("drafts").and_then(|value| value.choice(&DRAFTS)).unwrap_or_default(),
        sent_copy: table.flag("sent_copy", true),
        batch: batch(table),
        budgets: table.get("budgets").and_then(|value| value.table("[desk.budgets]", budgets)).unwrap_or_default(),
        calendars: table.strings("calendars"),
        days: calendar::days(table),
        out_of_hours: table.optional_choice("out_of_hours", &OUT_OF_HOURS).unwrap_or_default(),
        release_every: SignedDuration::from_secs(table.integer("release_seconds", 0..=3600, 5)),
        guide: guide(table),
        alert: table.get("alert").and_then(check::address),
        alert_command: table.strings("alert_command").into_iter().map(|word| word.value).collect(),
        mailbox: table.require("mailbox").and_then(|value| {
            let span = value.span();
            server::mailbox(value, around, accounts).map(|value| At { value, span })
        }),
        outbox: table.require("outbox").and_then(|value| server::outbox(value, around, accounts)),
        folders: names("folders", "[desk.folders]", |value| value.string().map(|text| text.value)),
        departments: departments(table),
    })
}

/// Where a desk's register is.
pub enum RegisterPlace {
    /// `register = "store"`: imported into the store.
    Store,
    /// Paths as written.
    Files(Vec<At<String>>),
}

/// `"store"`, a file, or several.
fn register(value: Value<'_>) -> RegisterPlace {
    let files = if value.is_array() { value.items() } else { vec![value] };
    let files: Vec<At<String>> = files.into_iter().filter_map(Value::string).collect();
    match files.as_slice() {
        [only] if only.value == "store" && !value.is_array() => RegisterPlace::Store,
        _ => RegisterPlace::Files(files),
    }
}

const PARTNER_STAFF: [(&str, PartnerStaff); 2] = [("answer", PartnerStaff::Answer), ("review", PartnerStaff::Review)];

const DRAFTS: [(&str, Drafts); 3] = [("never", Drafts::Never), ("review", Drafts::Review), ("all", Drafts::All)];

fn receipt_prefix(table: &Table<'_>) -> Option<At<String>> {
    const LONGEST: usize = 4;
    let Some(value) = table.get("receipt_prefix") else {
        // A wrong id is reported where it is read.
        let id = table.get("id").filter(|value| value.is_string()).and_then(Value::text)?;
        return Some(id.map(|id| prefix_of(&id)));
    };
    let text = value.string()?;
    if text.value.len() > LONGEST || !text.value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        value.error(format!("`receipt_prefix` has one to {LONGEST} letters from A to Z"));
        return None;
    }
    Some(text)
}

/// No default: whoever turns it off should have to say so.
fn authentication(table: &Table<'_>) -> RequiredAuth {
    const KINDS: [(&str, RequiredAuth); 3] =
        [("strong", RequiredAuth::Strong), ("weak", RequiredAuth::Weak), ("off", RequiredAuth::Off)];
    let Some(value) = table.require("authentication") else { return RequiredAuth::Off };
    let chosen = value.choice(&KINDS);
    if chosen == Some(RequiredAuth::Off) {
        let problem =
            Problem::warning("with authentication = \"off\" anybody can pose as a customer").at(&value.span());
        let hint = "use \"strong\" and trusted_authserv, if your mail server writes Authentication-Results";
        table.file.add(problem.hint(hint.to_owned()));
    }
    chosen.unwrap_or(RequiredAuth::Off)
}

fn max_age(table: &Table<'_>) -> Option<SignedDuration> {
    const YEAR_HOURS: i64 = 366 * 24;
    let hours = table.integer("max_age_hours", 0..=YEAR_HOURS, 24);
    (hours > 0).then(|| SignedDuration::from_hours(hours))
}

/// How to read "from the next business day on" (terms 5-2).
const OUT_OF_HOURS: [(&str, OutOfHours); 2] =
    [("next-opening", OutOfHours::NextOpening), ("next-business-day", OutOfHours::NextBusinessDay)];

fn guide(table: &Table<'_>) -> Option<SignedDuration> {
    const MOST_HOURS: i64 = 400;
    let hours = table.integer("guide_hours", 0..=MOST_HOURS, 0);
    (hours > 0).then(|| SignedDuration::from_hours(hours))
}

fn batch(table: &Table<'_>) -> usize {
    const MOST: i64 = 1000;
    const USUAL: i64 = 50;
    usize::try_from(table.integer("batch", 1..=MOST, USUAL)).unwrap_or(1)
}

fn budgets(table: &Table<'_>) -> Option<Budgets> {
    let usual = Budgets::default();
    let budget = |key, most, usual: u32| u32::try_from(table.integer(key, 1..=most, usual.into())).unwrap_or(usual);
    Some(Budgets {
        sender_per_day: budget("sender_per_day", 1000, usual.sender_per_day),
        domain_per_hour: budget("domain_per_hour", 100_000, usual.domain_per_hour),
        desk_per_hour: budget("desk_per_hour", 100_000, usual.desk_per_hour),
    })
}

fn departments(table: &Table<'_>) -> Vec<(At<String>, Department)> {
    let read = |entries: &Table<'_>| {
        let departments =
            entries.entries().filter_map(|(key, value)| Some((key, value.table("a department", department)?)));
        Some(departments.collect())
    };
    table.get("departments").and_then(|value| value.table("[desk.departments]", read)).unwrap_or_default()
}

fn department(table: &Table<'_>) -> Option<Department> {
    let text = |key| table.string(key).map(|text| text.value).unwrap_or_default();
    Some(Department { name: text("name"), contact: text("contact") })
}

impl Draft {
    /// Everything that counts as this desk itself (mail-safety R11).
    pub fn addresses(&self) -> impl Iterator<Item = &At<String>> {
        self.address.iter().chain(&self.aliases)
    }

    pub fn bounce_address(&self) -> Option<&str> {
        match &self.outbox {
            Some((outbox::Settings::Smtp(smtp), _)) => smtp.bounce_address.as_deref(),
            _ => None,
        }
    }

    pub fn folder_map(&self) -> BTreeMap<String, String> {
        self.folders.iter().map(|(key, folder)| (key.value.clone(), folder.clone())).collect()
    }

    pub fn department_map(&self) -> BTreeMap<String, Department> {
        self.departments.iter().map(|(key, department)| (key.value.clone(), department.clone())).collect()
    }
}
