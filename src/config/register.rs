//! `register.toml`: partners and customers.

use std::collections::BTreeMap;
use std::ops::Range;

use super::problems::{File, Problem};
use super::reader::{self, At, Table};
use super::{check, freemail, suggest};
use crate::triage::sender::{Customer, Partner, Register};

/// A customer with the places of what other lines may contradict.
struct Entry {
    customer: Customer,
    partner: Option<At<String>>,
    addresses: Vec<At<String>>,
    domains: Vec<At<String>>,
    id: At<String>,
}

/// Reads a register; what is wrong with it is reported.
pub fn read(file: File<'_>) -> Option<Register> {
    let (partners, customers) = reader::read(file, |root| {
        let partners = root.tables("partner", "[[partner]]", partner);
        Some((partners, root.tables("customer", "[[customer]]", customer)))
    })?;
    unique(file, "partner id", partners.iter().map(|(id, _)| id));
    unique(file, "customer id", customers.iter().map(|entry| &entry.id));
    unique(file, "address", customers.iter().flat_map(|entry| &entry.addresses));
    known_partners(file, &partners, &customers);
    shared_domains(file, &customers);
    let partners = partners.into_iter().map(|(_, partner)| partner).collect();
    Some(Register::new(partners, customers.into_iter().map(|entry| entry.customer).collect()))
}

fn partner(table: &Table<'_>) -> Option<(At<String>, Partner)> {
    let id = table.string("id");
    let name = table.string("name");
    let contact = table.string("contact");
    let phone_support = table.flag("phone_support", false);
    let id = id?;
    // What is missing is reported; the id alone keeps its customers from being reported, too.
    let partner = Partner { id: id.value.clone(), name: or_empty(name), contact: or_empty(contact), phone_support };
    Some((id, partner))
}

fn customer(table: &Table<'_>) -> Option<Entry> {
    let id = table.string("id");
    let name = table.string("name");
    let addresses: Vec<_> = table.list("addresses").into_iter().filter_map(check::address).collect();
    let domains: Vec<_> = table.list("domains").into_iter().filter_map(check::domain).collect();
    let partner = table.optional_string("partner");
    for domain in &domains {
        if let Some(why) = freemail::objection(&domain.value) {
            let message = format!("`{}` cannot be a customer's domain: {why}", domain.value);
            let hint = "list the people's addresses under `addresses` instead".to_owned();
            table.file.add(Problem::error(message).at(&domain.span).hint(hint));
        }
    }
    let texts = |list: &[At<String>]| list.iter().map(|item| item.value.clone()).collect();
    let id = id?;
    let customer = Customer {
        id: id.value.clone(),
        name: or_empty(name),
        addresses: texts(&addresses),
        domains: texts(&domains),
        partner: partner.as_ref().map(|partner| partner.value.clone()),
    };
    Some(Entry { customer, partner, addresses, domains, id })
}

fn or_empty(text: Option<At<String>>) -> String {
    text.map(|text| text.value).unwrap_or_default()
}

/// Reports every value that was there before.
fn unique<'a>(file: File<'_>, what: &str, values: impl Iterator<Item = &'a At<String>>) {
    let mut seen: BTreeMap<&str, &Range<usize>> = BTreeMap::new();
    for At { value, span } in values {
        if let Some(first) = seen.get(value.as_str()) {
            let hint = format!("first at {}", file.line(first));
            file.add(Problem::error(format!("{what} `{value}` appears twice")).at(span).hint(hint));
        } else {
            seen.insert(value, span);
        }
    }
}

fn known_partners(file: File<'_>, partners: &[(At<String>, Partner)], customers: &[Entry]) {
    let ids = || partners.iter().map(|(id, _)| id.value.as_str());
    for partner in customers.iter().filter_map(|entry| entry.partner.as_ref()) {
        if !ids().any(|id| id == partner.value) {
            let problem = Problem::error(format!("there is no partner `{}`", partner.value)).at(&partner.span);
            file.add(problem.hint(suggest::hint(&partner.value, ids())));
        }
    }
}

/// Two customers of one domain are possible (a group of companies), but on two routes the domain proves nothing.
fn shared_domains(file: File<'_>, customers: &[Entry]) {
    let mut owners: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in customers {
        for domain in &entry.domains {
            let first = *owners.entry(&domain.value).or_insert(entry);
            if first.customer.partner != entry.customer.partner {
                let message = format!("customer `{}` has domain `{}` on another route", first.id.value, domain.value);
                let hint =
                    format!("senders of this domain count as unknown; the other is at {}", file.line(&first.id.span));
                file.add(Problem::warning(message).at(&domain.span).hint(hint));
            }
        }
    }
}
