//! What only shows when entries are compared: ids, addresses and contract numbers that two have, partners that are
//! missing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher};

use jiff::civil::Date;

use super::list::{Field, Listed};
use super::{Entries, Origin};
use crate::config::problems::{Problem, Report};
use crate::config::suggest;
use crate::triage::register::{Shared, contract_key};

/// Compares everything; `desks`: ids of the desks that there are.
pub fn all(entries: &Entries, report: &Report, desks: &[String], shared: Shared) {
    // What is wrong in a row may be why it seems to prove nothing.
    let as_written = !report.has_errors();
    let ids = || entries.partners.iter().map(|entry| (entry.value.id.as_str(), &entry.origin));
    unique(entries, report, "partner id", ids);
    if shared.ids {
        unique(entries, report, "customer id", || entries.customers.iter().map(|one| (one.id(), one.origin())));
    }
    known_partners(entries, report);
    known_desks(entries, report, desks);
    if shared.addresses {
        not_shared(entries, report, "address", Field::Addresses, |address| address.into());
    }
    if shared.contracts {
        not_shared(entries, report, "contract number", Field::Contracts, contract_key);
    }
    if shared.domains {
        shared_domains(entries, report);
    }
    for customer in entries.customers.iter().filter(|_| as_written) {
        let proofs = [Field::Contracts, Field::Addresses, Field::Domains];
        if proofs.into_iter().all(|field| customer.all(field).next().is_none()) {
            let message = format!("customer `{}` has neither contract number nor address nor domain", customer.id());
            let hint = "nothing in a mail can prove it".to_owned();
            entries.report(report, customer.origin(), Problem::warning(message).hint(hint));
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
        !self.is_empty() && self.0.contains(&hash(key))
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish()
}

/// Reports every id that was there before.
fn unique<'a, I>(entries: &Entries, report: &Report, what: &str, ids: impl Fn() -> I)
where
    I: Iterator<Item = (&'a str, &'a Origin)>,
{
    let repeated = Repeated::of(ids().map(|(id, _)| id));
    let mut sorted: Vec<(&str, &Origin)> = ids().filter(|(id, _)| repeated.may_have(id)).collect();
    sorted.sort_by_key(|(id, _)| *id);
    for same in sorted.chunk_by(|(one, _), (other, _)| one == other) {
        let [(id, first), others @ ..] = same else { continue };
        for (_, other) in others {
            let problem = Problem::error(format!("{what} `{id}` appears twice"));
            entries.report(report, other, problem.hint(format!("first at {}", entries.place(first))));
        }
    }
}

fn known_partners(entries: &Entries, report: &Report) {
    let ids: BTreeSet<&str> = entries.partners.iter().map(|entry| entry.value.id.as_str()).collect();
    for customer in entries.customers.iter() {
        let missing = customer.partner().filter(|id| !ids.contains(id));
        if let Some(id) = missing {
            let problem = Problem::error(format!("customer `{}`: there is no partner `{id}`", customer.id()));
            entries.report(report, customer.origin(), problem.hint(suggest::hint(id, ids.iter().copied())));
        }
    }
}

fn known_desks(entries: &Entries, report: &Report, desks: &[String]) {
    for customer in entries.customers.iter() {
        for desk in customer.all(Field::Desks).filter(|desk| !desks.iter().any(|known| known == desk)) {
            let problem = Problem::warning(format!("customer `{}`: there is no desk `{desk}`", customer.id()));
            let hint = suggest::hint(desk, desks.iter().map(String::as_str));
            entries.report(report, customer.origin(), problem.hint(hint));
        }
    }
}

/// Can both hold on one day at one desk?
fn meet(one: Listed<'_>, other: Listed<'_>) -> bool {
    let everywhere = |customer: Listed<'_>| customer.all(Field::Desks).next().is_none();
    let is_desk_of_other = |desk| other.all(Field::Desks).any(|known| known == desk);
    let desks = everywhere(one) || everywhere(other) || one.all(Field::Desks).any(is_desk_of_other);
    desks && one.valid().overlaps(&other.valid())
}

/// Reports what two customers have at one time. One after the other may: contracts are renewed.
fn not_shared(entries: &Entries, report: &Report, what: &str, field: Field, key: for<'k> fn(&'k str) -> Cow<'k, str>) {
    let keys = || entries.customers.iter().flat_map(|one| one.all(field).map(move |text| (key(text), one)));
    let repeated = Repeated::of(keys().map(|(key, _)| key));
    if repeated.is_empty() {
        return;
    }
    let mut claims: Vec<(Cow<str>, Listed)> = keys().filter(|(key, _)| repeated.may_have(key)).collect();
    in_order(&mut claims);
    for pair in claims.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        if one == other && !first.is(*second) && meet(*first, *second) {
            let message = format!("{what} `{one}` appears twice");
            let hint = format!("first with customer `{}` at {}", first.id(), entries.place(first.origin()));
            entries.report(report, second.origin(), Problem::error(message).hint(hint));
        }
    }
}

/// By key, then by time, then as they stand in the files.
fn in_order(claims: &mut [(Cow<str>, Listed<'_>)]) {
    let from = |customer: Listed<'_>| customer.valid().from.unwrap_or(Date::MIN);
    claims.sort_by(|one, other| one.0.cmp(&other.0).then(from(one.1).cmp(&from(other.1))));
}

/// Two customers of one domain are possible (a group of companies), but on two routes the domain proves nothing.
fn shared_domains(entries: &Entries, report: &Report) {
    let domains = entries.customers.iter().flat_map(|one| one.all(Field::Domains));
    let repeated = Repeated::of(domains);
    let mut owners: BTreeMap<&str, Listed> = BTreeMap::new();
    for customer in entries.customers.iter().filter(|_| !repeated.is_empty()) {
        for domain in customer.all(Field::Domains).filter(|domain| repeated.may_have(domain)) {
            let first = *owners.entry(domain).or_insert(customer);
            if first.partner() != customer.partner() && meet(first, customer) {
                let message = format!("customer `{}` has domain `{domain}` on another route", first.id());
                let other = entries.place(first.origin());
                let hint = format!("senders of this domain are left to staff; the other is at {other}");
                entries.report(report, customer.origin(), Problem::warning(message).hint(hint));
            }
        }
    }
}
