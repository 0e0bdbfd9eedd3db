//! See [`crate::mailbox::survey`].

use imap_proto::rfc2087::{QuotaResource, QuotaResourceName};
use imap_proto::{AttributeValue, Response};

use super::Imap;
use super::fetch::{internal_date, uid_of};
use super::wire::Command;
use crate::mailbox::survey::{Listed, Offers, Quota, message_id};
use crate::mailbox::{MailboxError, Place};
use crate::triage::arrival::Item;

impl Imap {
    pub fn offers(&self) -> Offers {
        let capabilities = self.capabilities.iter().cloned().collect();
        let keeps_labels = self.home.flags.as_ref().is_none_or(|flags| flags.iter().any(|flag| flag == "\\*"));
        Offers { capabilities, keeps_labels }
    }

    pub async fn folder_of(&mut self, place: &Place) -> Result<Option<String>, MailboxError> {
        Ok(self.find(place).await?.map(utf7_imap::decode_utf7_imap))
    }

    /// RFC 9208 §4.1.2.
    pub async fn quota(&mut self) -> Result<Vec<Quota>, MailboxError> {
        let mut found = Vec::new();
        if !self.can("QUOTA") {
            return Ok(found);
        }
        let mut watch = |response: &Response<'_>| {
            if let Response::Quota(quota) = response {
                found.extend(quota.resources.iter().map(resource));
            }
        };
        self.wire.watch(Command::new("GETQUOTAROOT").string(&self.home.name), &mut watch).await?;
        Ok(found)
    }

    /// One answer a mail, so that a long list is no long line.
    pub async fn list_home(&mut self) -> Result<Vec<Listed>, MailboxError> {
        self.go_home().await?;
        self.wire.run(Command::new("NOOP")).await?;
        let mut found = Vec::new();
        let command = Command::new("UID FETCH").raw("1:*").raw("(UID FLAGS INTERNALDATE)");
        self.wire.watch(command, &mut |response| found.extend(listed(response))).await?;
        Ok(found)
    }

    pub async fn message_ids(&mut self, place: &Place) -> Result<Option<Vec<String>>, MailboxError> {
        let Some(target) = self.find(place).await? else { return Ok(None) };
        self.look_into(&target).await?;
        let mut found = Vec::new();
        let mut watch = |response: &Response<'_>| {
            let Response::Fetch(_, attributes) = response else { return };
            for attribute in attributes {
                if let AttributeValue::BodySection { section: Some(_), data: Some(data), .. } = attribute {
                    found.extend(message_id(data));
                }
            }
        };
        let items = "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])";
        self.wire.watch(Command::new("UID FETCH").raw("1:*").raw(items), &mut watch).await?;
        Ok(Some(found))
    }
}

fn resource(resource: &QuotaResource<'_>) -> Quota {
    let name = match &resource.name {
        QuotaResourceName::Storage => "STORAGE",
        QuotaResourceName::Message => "MESSAGE",
        QuotaResourceName::Atom(name) => name,
    };
    Quota { resource: name.to_ascii_uppercase(), used: resource.usage, limit: resource.limit }
}

fn listed(response: &Response<'_>) -> Option<Listed> {
    let Response::Fetch(_, attributes) = response else { return None };
    let mut listed = Listed { item: Item::Uid(uid_of(attributes)?), internal_date: None, flags: Vec::new() };
    for attribute in attributes {
        match attribute {
            AttributeValue::Flags(flags) => listed.flags = flags.iter().map(|flag| flag.to_string()).collect(),
            AttributeValue::InternalDate(date) => listed.internal_date = internal_date(date),
            _ => {}
        }
    }
    Some(listed)
}
