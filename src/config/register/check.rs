//! What only shows when entries are compared: ids, addresses and contract numbers that two have, partners that are
//! missing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher};

use jiff::civil::Date;

use super::{Entries, Entry};
use crate::config::problems::{Problem, Report};
use crate::config::suggest;
use crate::triage::register::{Customer, contract_key};

type Customers<'a> = &'a Entry<Customer>;

/// Compares everything; `desks`: ids of the desks that there are.
pub fn all(entries: &Entries, report: &Report, desks: &[String]) {
    // What is wrong in a row may be why it seems to prove nothing.
    let as_written = !report.has_errors();
    unique(entries, report, "partner id", &entries.partners, |partner| &partner.id);
    unique(entries, report, "customer id", &entries.customers, |customer| &customer.id);
    known_partners(entries, report);
    known_desks(entries, report, desks);
    not_shared(entries, report, "address", |customer| &customer.addresses, |address| Cow::Borrowed(address));
    not_shared(
        entries,
        report,
        "contract number",
        |customer| &customer.contracts,
        |number| contract_key(number).into(),
    );
    shared_domains(entries, report);
    for entry in entries.customers.iter().filter(|_| as_written) {
        let Customer { id, contracts, addresses, domains, .. } = &entry.value;
        if contracts.is_empty() && addresses.is_empty() && domains.is_empty() {
            let message = format!("customer `{id}` has neither contract number nor address nor domain");
            entries.report(report, entry, Problem::warning(message).hint("nothing in a mail can prove it".to_owned()));
        }
    }
}

/// What may stand in the list more than once. Most keys of a register surely do not, and to compare all of them with each
/// other would take longer than to read them.
pub struct Repeated(HashSet<u64>);

impl Repeated {
    pub fn of<K: AsRef<str>>(keys: impl Iterator<Item = K>) -> Repeated {
        let mut hashes: Vec<u64> = keys.map(|key| hash(key.as_ref())).collect();
        hashes.sort_unstable();
        Repeated(hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn may_have(&self, key: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&hash(key))
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish()
}

/// Reports every id that was there before.
fn unique<T>(entries: &Entries, report: &Report, what: &str, list: &[Entry<T>], id: fn(&T) -> &String) {
    let repeated = Repeated::of(list.iter().map(|entry| id(&entry.value)));
    let mut sorted: Vec<&Entry<T>> = list.iter().filter(|entry| repeated.may_have(id(&entry.value))).collect();
    sorted.sort_by_key(|entry| id(&entry.value));
    for pair in sorted.chunk_by(|one, other| id(&one.value) == id(&other.value)) {
        let [first, others @ ..] = pair else { continue };
        for other in others {
            let problem = Problem::error(format!("{what} `{}` appears twice", id(&other.value)));
            entries.report(report, other, problem.hint(format!("first at {}", entries.place(first))));
        }
    }
}

fn known_partners(entries: &Entries, report: &Report) {
    let ids: BTreeSet<&str> = entries.partners.iter().map(|entry| entry.value.id.as_str()).collect();
    for entry in &entries.customers {
        let missing = entry.value.partner.as_deref().filter(|id| !ids.contains(id));
        if let Some(id) = missing {
            let problem = Problem::error(format!("customer `{}`: there is no partner `{id}`", entry.value.id));
            entries.report(report, entry, problem.hint(suggest::hint(id, ids.iter().copied())));
        }
    }
}

fn known_desks(entries: &Entries, report: &Report, desks: &[String]) {
    for entry in &entries.customers {
        for desk in entry.value.desks.iter().filter(|desk| !desks.contains(desk)) {
            let problem = Problem::warning(format!("customer `{}`: there is no desk `{desk}`", entry.value.id));
            entries.report(report, entry, problem.hint(suggest::hint(desk, desks.iter().map(String::as_str))));
        }
    }
}

/// Can both hold on one day at one desk?
fn meet(one: &Customer, other: &Customer) -> bool {
    let desks =
        one.desks.is_empty() || other.desks.is_empty() || one.desks.iter().any(|desk| other.desks.contains(desk));
    desks && one.valid.overlaps(&other.valid)
}

/// Reports what two customers have at one time. One after the other may: contracts are renewed.
fn not_shared(
    entries: &Entries,
    report: &Report,
    what: &str,
    list: fn(&Customer) -> &Vec<String>,
    key: fn(&str) -> Cow<'_, str>,
) {
    let keys =
        || entries.customers.iter().flat_map(|entry| list(&entry.value).iter().map(move |item| (key(item), entry)));
    let repeated = Repeated::of(keys().map(|(key, _)| key));
    let mut claims: Vec<(Cow<str>, Customers)> = keys().filter(|(key, _)| repeated.may_have(key)).collect();
    in_order(&mut claims);
    for pair in claims.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        if one == other && !std::ptr::eq(*first, *second) && meet(&first.value, &second.value) {
            let message = format!("{what} `{one}` appears twice");
            let hint = format!("first with customer `{}` at {}", first.value.id, entries.place(first));
            entries.report(report, second, Problem::error(message).hint(hint));
        }
    }
}

/// By key, then by time, then as they stand in the files.
fn in_order(claims: &mut [(Cow<str>, Customers)]) {
    let from = |entry: Customers| entry.value.valid.from.unwrap_or(Date::MIN);
    claims.sort_by(|one, other| one.0.cmp(&other.0).then(from(one.1).cmp(&from(other.1))));
}

/// Two customers of one domain are possible (a group of companies), but on two routes the domain proves nothing.
fn shared_domains(entries: &Entries, report: &Report) {
    let all = entries.customers.iter().flat_map(|entry| &entry.value.domains);
    let repeated = Repeated::of(all);
    let mut owners: BTreeMap<&str, Customers> = BTreeMap::new();
    for entry in &entries.customers {
        for domain in entry.value.domains.iter().filter(|domain| repeated.may_have(domain)) {
            let first = *owners.entry(domain).or_insert(entry);
            if first.value.partner != entry.value.partner && meet(&first.value, &entry.value) {
                let message = format!("customer `{}` has domain `{domain}` on another route", first.value.id);
                let hint =
                    format!("senders of this domain are left to staff; the other is at {}", entries.place(first));
                entries.report(report, entry, Problem::warning(message).hint(hint));
            }
        }
    }
}
