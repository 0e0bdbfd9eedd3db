//! What only shows when entries are compared: ids, addresses and contract numbers that two have, partners that are
//! missing.

use std::collections::{BTreeMap, BTreeSet};

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
    let key = |text: &String| text.clone();
    not_shared(entries, report, "address", |customer| customer.addresses.iter().map(key).collect());
    let contracts = |customer: &Customer| customer.contracts.iter().map(|number| contract_key(number)).collect();
    not_shared(entries, report, "contract number", contracts);
    shared_domains(entries, report);
    for entry in entries.customers.iter().filter(|_| as_written) {
        let Customer { id, contracts, addresses, domains, .. } = &entry.value;
        if contracts.is_empty() && addresses.is_empty() && domains.is_empty() {
            let message = format!("customer `{id}` has neither contract number nor address nor domain");
            entries.report(report, entry, Problem::warning(message).hint("nothing in a mail can prove it".to_owned()));
        }
    }
}

/// Reports every id that was there before.
fn unique<T>(entries: &Entries, report: &Report, what: &str, list: &[Entry<T>], id: fn(&T) -> &String) {
    let mut sorted: Vec<&Entry<T>> = list.iter().collect();
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
fn not_shared(entries: &Entries, report: &Report, what: &str, keys: impl Fn(&Customer) -> Vec<String>) {
    let mut claims: Vec<(String, Customers)> = Vec::new();
    for entry in &entries.customers {
        claims.extend(keys(&entry.value).into_iter().map(|key| (key, entry)));
    }
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
fn in_order(claims: &mut [(String, Customers)]) {
    let from = |entry: Customers| entry.value.valid.from.unwrap_or(Date::MIN);
    claims.sort_by(|one, other| one.0.cmp(&other.0).then(from(one.1).cmp(&from(other.1))));
}

/// Two customers of one domain are possible (a group of companies), but on two routes the domain proves nothing.
fn shared_domains(entries: &Entries, report: &Report) {
    let mut owners: BTreeMap<&str, Customers> = BTreeMap::new();
    for entry in &entries.customers {
        for domain in &entry.value.domains {
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
