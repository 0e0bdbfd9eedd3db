//! `[[desk.forms]]`: the web forms whose mail a desk opens.

use std::collections::HashSet;

use super::check;
use super::problems::{File, Problem};
use super::reader::{At, Table};
use crate::triage::form::{AddressPlace, FormRule};

/// In place of a label: the customer's address stands in `Reply-To`.
const REPLY_TO: &str = "reply-to";

/// A form; its span is that of `from`.
pub fn read(table: &Table<'_>) -> Option<At<FormRule>> {
    let from = table.require("from").and_then(check::address);
    let address = table.string("address");
    let body = table.string("body");
    let [name, company, subject] = ["name", "company", "subject"].map(|key| table.optional_string(key));
    let others = table.strings("others");
    let of_reply_to = |address: &&At<String>| address.value.eq_ignore_ascii_case(REPLY_TO);
    let labels = address.iter().filter(|address| !of_reply_to(address)).chain(&body).chain(&name);
    distinct(table, labels.chain(&company).chain(&subject).chain(&others));
    let (from, address, body) = (from?, address?, body?);
    let place = if of_reply_to(&&address) { AddressPlace::ReplyTo } else { AddressPlace::Label(trimmed(address)) };
    let rule = FormRule {
        from: from.value,
        address: place,
        name: name.map(trimmed),
        company: company.map(trimmed),
        subject: subject.map(trimmed),
        body: trimmed(body),
        others: others.into_iter().map(trimmed).collect(),
    };
    Some(At { value: rule, span: from.span })
}

fn trimmed(label: At<String>) -> String {
    label.value.trim().to_owned()
}

fn distinct<'a>(table: &Table<'_>, labels: impl Iterator<Item = &'a At<String>>) {
    let mut known = HashSet::new();
    for label in labels.filter(|label| !known.insert(label.value.trim())) {
        table.file.add(Problem::error(format!("the label `{}` appears twice", label.value)).at(&label.span));
    }
}

/// Mail from our own addresses is never answered, and a form that uses one could not be told from a loop.
pub fn not_ourselves(file: File<'_>, form: &At<FormRule>, own_addresses: &[String]) {
    if own_addresses.contains(&form.value.from) {
        let message = format!("a form cannot send as `{}`, an address of this installation", form.value.from);
        let hint = "give the form a sender of its own, like form@…";
        file.add(Problem::error(message).at(&form.span).hint(hint.to_owned()));
    }
}
