//! Direct or through a partner? The register of customers and partners, and the proof of a route (terms, article 3).

use std::collections::{BTreeMap, HashMap};

use super::decision::{AuthLevel, Route, RouteKind};
use super::inquiry::{Inquiry, Mailbox};

/// Customers and partners, indexed for look-up.
#[derive(Debug, Clone, Default)]
pub struct Register {
    partners: BTreeMap<String, Partner>,
    /// Lower-case address → owner.
    addresses: HashMap<String, Owner>,
    /// Lower-case domain → owner.
    domains: HashMap<String, Owner>,
}

/// A company that sells the service (terms 1-6) and serves its own customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partner {
    pub id: String,
    pub name: String,
    /// Public contact, as the customer should see it.
    pub contact: String,
    /// Has a contract for inquiries by telephone (terms 3-2).
    pub phone_support: bool,
}

/// A customer as the register's files give it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    pub name: String,
    pub addresses: Vec<String>,
    pub domains: Vec<String>,
    /// Partner id; none for a direct customer.
    pub partner: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    customer: String,
    partner: Option<String>,
    /// Two customers claim it with different routes: nobody is guessed.
    disputed: bool,
}

impl Register {
    pub fn new(partners: Vec<Partner>, customers: Vec<Customer>) -> Register {
        let partners = partners.into_iter().map(|p| (p.id.clone(), p)).collect();
        let mut register = Register { partners, ..Register::default() };
        for customer in &customers {
            for address in &customer.addresses {
                claim(&mut register.addresses, address, customer);
            }
            for domain in &customer.domains {
                claim(&mut register.domains, domain, customer);
            }
        }
        register
    }

    pub fn partner(&self, id: &str) -> Option<&Partner> {
        self.partners.get(id)
    }

    /// Whose customer writes? Exact address before domain; a disputed entry proves nothing.
    pub fn route(&self, inquiry: &Inquiry, authenticated: AuthLevel) -> Route {
        let found = inquiry.author().and_then(|from| self.owner_of(from));
        match found {
            Some((owner, proof)) if !owner.disputed => Route {
                kind: if owner.partner.is_some() { RouteKind::Partner } else { RouteKind::Direct },
                partner: owner.partner.clone(),
                customer: Some(owner.customer.clone()),
                authenticated,
                proof,
            },
            Some(_) => unknown(authenticated, "register: two routes claim this sender"),
            None => unknown(authenticated, "not in the register"),
        }
    }

    fn owner_of(&self, from: &Mailbox) -> Option<(&Owner, String)> {
        let address = from.address.to_lowercase();
        let domain = from.domain();
        let by_address = self.addresses.get(&address).map(|owner| (owner, "address".to_string()));
        by_address.or_else(|| self.domains.get(&domain).map(|owner| (owner, format!("domain {domain}"))))
    }
}

impl Route {
    /// Adds how far the sender is proved.
    pub(super) fn with_proof(mut self, authentication: &str) -> Route {
        if !authentication.is_empty() {
            self.proof = format!("{}; {authentication}", self.proof);
        }
        self
    }
}

fn unknown(authenticated: AuthLevel, proof: &str) -> Route {
    Route { kind: RouteKind::Unknown, partner: None, customer: None, authenticated, proof: proof.into() }
}

fn claim(index: &mut HashMap<String, Owner>, key: &str, customer: &Customer) {
    let owner = Owner { customer: customer.id.clone(), partner: customer.partner.clone(), disputed: false };
    let entry = index.entry(key.to_lowercase()).or_insert_with(|| owner.clone());
    entry.disputed |= entry.partner != owner.partner;
}
