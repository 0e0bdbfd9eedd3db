//! A TOML file of the register: `[[partner]]` and `[[customer]]`.

use std::borrow::Cow;

use super::cells;
use super::{Entries, Entry, Origin, Place};
use crate::config::freemail::FreeMail;
use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table, Value};
use crate::triage::register::{Customer, Partner, Period, PhoneSupport, contract_key};

/// Reads a file into `entries`; what is wrong is reported.
pub fn read(source: File<'_>, free_mail: &FreeMail, file: usize, entries: &mut Entries) {
    let read = reader::read(source, |root| {
        entries.has_partners |= root.get("partner").is_some();
        entries.has_customers |= root.get("customer").is_some();
        let partners = root.tables("partner", "[[partner]]", |table| partner(table, free_mail));
        Some((partners, root.tables("customer", "[[customer]]", |table| customer(table, free_mail))))
    });
    let (partners, customers) = read.unwrap_or_default();
    let origin = |id: At<String>| Origin { file, place: Place::Span(Box::new(id.span)) };
    entries.partners.extend(partners.into_iter().map(|(id, value)| Entry { value, origin: origin(id) }));
    customers.into_iter().for_each(|(id, customer)| entries.customers.push(&customer, origin(id)));
}

/// What the customer is told: as it is written, or made of its parts.
pub fn contact(
    contact: Option<String>,
    mail: Option<String>,
    phone: Option<String>,
    url: Option<String>,
) -> Option<String> {
    let parts = [mail, phone.map(|phone| format!("電話 {phone}")), url];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    contact.or_else(|| (!parts.is_empty()).then(|| parts.join("、")))
}

fn partner(table: &Table<'_>, free_mail: &FreeMail) -> Option<(At<String>, Partner)> {
    let id = table.string("id");
    let name = table.string("name");
    let text = |key| table.optional_string(key).map(|text| text.value);
    let contact = contact(text("contact"), text("mail"), text("phone"), text("url"));
    if contact.is_none() {
        table.error("[[partner]] needs `contact`, or `mail`, `phone` or `url`");
    }
    let hours = text("hours");
    let phone_support = table.get("phone_support").and_then(phone_support);
    let forward_to = table.get("forward_to").and_then(address);
    let (addresses, domains) = (addresses(table), domains(table, free_mail));
    let id = id?;
    // What is missing is reported; the id alone keeps its customers from being reported, too.
    let (name, contact) = (or_empty(name), contact.unwrap_or_default());
    let partner = Partner { id: id.value.clone(), name, contact, hours, phone_support, forward_to, addresses, domains };
    Some((id, partner))
}

/// `true`, or a table that says since when, until when and for what.
fn phone_support(value: Value<'_>) -> Option<PhoneSupport> {
    if value.is_table() {
        return value.table("phone_support", |table| {
            let covers = table.optional_string("covers").map(|text| text.value);
            Some(PhoneSupport { valid: period(table), covers })
        });
    }
    value.flag()?.then(PhoneSupport::default)
}

fn customer(table: &Table<'_>, free_mail: &FreeMail) -> Option<(At<String>, Customer)> {
    const MOST: i64 = 1_000_000_000;
    let id = table.string("id");
    let name = table.string("name");
    let texts = |key| table.strings(key).into_iter().map(|text| text.value).collect();
    let fee = table.get("monthly_fee").and_then(|value| value.integer(0..=MOST));
    let (other_names, contracts, desks) = (texts("other_names"), contracts(table), texts("desks"));
    let partner = table.optional_string("partner").map(|partner| partner.value);
    let (addresses, domains, valid) = (addresses(table), domains(table, free_mail), period(table));
    let id = id?;
    let customer = Customer {
        id: id.value.clone(),
        name: or_empty(name),
        other_names,
        contracts,
        addresses,
        domains,
        partner,
        desks,
        valid,
        monthly_fee: fee.and_then(|fee| u32::try_from(fee).ok()),
    };
    Some((id, customer))
}

fn contracts(table: &Table<'_>) -> Vec<String> {
    let numbers = table.strings("contracts").into_iter();
    let useful = |number: &At<String>| {
        let useful = !contract_key(&number.value).is_empty();
        if !useful {
            let message = format!("`{}` is no contract number", number.value);
            let hint = "letters and digits of ASCII count".to_owned();
            table.file.add(Problem::error(message).at(&number.span).hint(hint));
        }
        useful
    };
    numbers.filter(useful).map(|number| number.value).collect()
}

fn period(table: &Table<'_>) -> Period {
    let date = |key| table.get(key).and_then(Value::date);
    let valid = Period { from: date("valid_from"), until: date("valid_until") };
    if let (Some(from), Some(until)) = (valid.from, valid.until)
        && until < from
    {
        table.error(format!("ends on {until}, before it begins on {from}"));
    }
    valid
}

fn addresses(table: &Table<'_>) -> Vec<String> {
    table.list("addresses").into_iter().filter_map(address).collect()
}

fn address(value: Value<'_>) -> Option<String> {
    let text = value.string()?.value;
    let address = cells::address(&text).map(Cow::into_owned);
    if address.is_none() {
        value.error(format!("`{text}` is not a mail address"));
    }
    address
}

fn domains(table: &Table<'_>, free_mail: &FreeMail) -> Vec<String> {
    let domains = table.list("domains").into_iter().filter_map(crate::config::check::domain);
    let owned = |domain: &At<String>| match free_mail.objection(&domain.value) {
        Some(why) => {
            let message = format!("`{}` cannot be a customer's domain: {why}", domain.value);
            let hint = "list the people's addresses under `addresses` instead".to_owned();
            table.file.add(Problem::error(message).at(&domain.span).hint(hint));
            false
        }
        None => true,
    };
    domains.filter(owned).map(|domain| domain.value).collect()
}

fn or_empty(text: Option<At<String>>) -> String {
    text.map(|text| text.value).unwrap_or_default()
}
