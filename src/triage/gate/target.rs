//! Where an answer may go (mail-safety A4): `Reply-To` alone never aims it at a third party.

use super::address::{addresses, is_plausible, same_owner};
use crate::triage::context::RequiredAuth;
use crate::triage::decision::AuthLevel;
use crate::triage::inquiry::{Inquiry, Mailbox};

/// Who gets the answer. Staff may always answer as they see fit; this binds the desk when it acts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Any answer may go there.
    To(Mailbox),
    /// Only the fixed acknowledgement may: nothing that depends on who the sender is.
    AcknowledgeOnly(Mailbox),
    /// Nothing goes out without a person; `why` names no address.
    Human { why: String },
}

/// The one address an answer may go to, given how far the sender is proved and what the desk asks for.
///
/// Without enough proof the acknowledgement still goes to `From`, if the envelope names the same address or at least
/// the domain is proved. Mail of web forms (`From: no-reply@…`, `Reply-To:` the customer) goes to a person, unless the
/// desk lists the form: then the address that was typed gets the acknowledgement, and without the name that was typed,
/// as anybody may have typed both.
pub fn reply_target(inquiry: &Inquiry, authenticated: AuthLevel, required: RequiredAuth) -> Target {
    let Some(from) = inquiry.author() else { return human("not exactly one From mailbox") };
    if inquiry.form.is_some() && is_plausible(&from.address) {
        return Target::AcknowledgeOnly(Mailbox { name: String::new(), address: from.address.clone() });
    }
    let reply_to = match wanted(inquiry, from) {
        Ok(mailbox) => mailbox,
        Err(why) => return human(why),
    };
    if !is_plausible(&from.address) || !is_plausible(&reply_to.address) {
        return human("no plausible Internet address");
    }
    if required.met_by(authenticated) {
        return Target::To(reply_to.clone());
    }
    if authenticated >= AuthLevel::Weak || envelope_names(inquiry, from) {
        return Target::AcknowledgeOnly(from.clone());
    }
    human("sender not authenticated, and Return-Path is not From")
}

/// Where the sender wants answers: one mailbox of the same owner as `From`.
fn wanted<'a>(inquiry: &'a Inquiry, from: &'a Mailbox) -> Result<&'a Mailbox, &'static str> {
    match inquiry.reply_to.as_slice() {
        [] if inquiry.header("Reply-To").any(|raw| !raw.trim().is_empty()) => Err("Reply-To cannot be read"),
        [] => Ok(from),
        [one] if same_owner(from, one) => Ok(one),
        [_] => Err("Reply-To belongs to another domain"),
        _ => Err("more than one Reply-To mailbox"),
    }
}

/// The last delivery wrote the topmost `Return-Path`.
fn envelope_names(inquiry: &Inquiry, from: &Mailbox) -> bool {
    let top = inquiry.header("Return-Path").next().map(addresses).unwrap_or_default();
    matches!(top.as_slice(), [only] if *only == from.address.to_lowercase())
}

fn human(why: &str) -> Target {
    Target::Human { why: why.to_string() }
}
