//! Fills a register: keys are written one after the other, and sorted once at the end.

use std::collections::BTreeMap;

use super::{
    Claim, Given, Partner, Register, Row, Span, TooLarge, address_key, at, canonical, compared, contract_key, hash_of,
    look_alike,
};

/// See [`Register::new`].
pub(super) fn all<C: Given>(
    mut partners: Vec<Partner>,
    customers: impl IntoIterator<Item = C>,
) -> Result<Register, TooLarge> {
    partners.sort_by(|one, other| one.id.cmp(&other.id));
    let customers = customers.into_iter();
    let count = customers.size_hint().0;
    let register = Register {
        partners,
        customers: Vec::with_capacity(count),
        contracts: Vec::with_capacity(count),
        addresses: Vec::with_capacity(count),
        domains: Vec::with_capacity(count),
        shapes: Vec::with_capacity(count),
        ..Register::default()
    };
    let mut packer = Packer { register, desks: BTreeMap::new(), drawn: String::new() };
    for customer in customers {
        packer.customer(&customer)?;
    }
    packer.staff()?;
    Ok(sorted(packer.register))
}

/// Fills a register.
struct Packer {
    register: Register,
    /// Numbers of lists of desks, by their lines.
    desks: BTreeMap<String, u16>,
    /// For [`look_alike::shape`].
    drawn: String,
}

impl Packer {
    fn customer(&mut self, customer: &impl Given) -> Result<(), TooLarge> {
        let owner = u32::try_from(self.register.customers.len()).map_err(|_| TooLarge)?;
        let desks = self.desks(customer.desks())?;
        let partner = customer.partner().map(|id| self.partner(id)).transpose()?;
        let id = self.keep(customer.id())?;
        let mut listed = customer.names();
        let mut names = self.keep(listed.next().unwrap_or_default())?;
        for name in listed {
            names.len += self.keep("\n")?.len + self.keep(name)?.len;
        }
        let (valid, monthly_fee) = (customer.valid(), customer.monthly_fee());
        self.register.customers.push(Row { id, names, partner, desks, monthly_fee, valid });
        for number in customer.contracts().map(contract_key).filter(|key| !key.is_empty()) {
            let claim = self.claim(&number, owner)?;
            self.register.contracts.push(claim);
        }
        for key in customer.addresses().filter_map(address_key) {
            let claim = self.claim(&key, owner)?;
            self.register.addresses.push(claim);
        }
        for domain in customer.domains().filter_map(compared) {
            let claim = self.claim(&domain, owner)?;
            self.register.domains.push(claim);
            self.register.shapes.push((look_alike::shape(&domain, &mut self.drawn), claim.key));
        }
        Ok(())
    }

    fn staff(&mut self) -> Result<(), TooLarge> {
        let partners = self.register.partners.clone();
        for (owner, partner) in (0..).zip(&partners) {
            for key in partner.addresses.iter().filter_map(|address| address_key(address)) {
                let claim = self.claim(&key, owner)?;
                self.register.staff_addresses.push(claim);
            }
            for domain in partner.domains.iter().filter_map(|domain| canonical(domain)) {
                let claim = self.claim(&domain, owner)?;
                self.register.staff_domains.push(claim);
                self.register.shapes.push((look_alike::shape(&domain, &mut self.drawn), claim.key));
            }
        }
        Ok(())
    }

    fn claim(&mut self, key: &str, owner: u32) -> Result<Claim, TooLarge> {
        Ok(Claim { hash: hash_of(key), key: self.keep(key)?, owner })
    }

    fn keep(&mut self, text: &str) -> Result<Span, TooLarge> {
        let start = u32::try_from(self.register.text.len()).map_err(|_| TooLarge)?;
        self.register.text.push_str(text);
        let end = u32::try_from(self.register.text.len()).map_err(|_| TooLarge)?;
        Ok(Span { start, len: end - start })
    }

    fn partner(&self, id: &str) -> Result<u16, TooLarge> {
        let known = &self.register.partners;
        let at = known.binary_search_by(|partner| partner.id.as_str().cmp(id)).unwrap_or(known.len());
        u16::try_from(at).map_err(|_| TooLarge)
    }

    fn desks<'d>(&mut self, desks: impl Iterator<Item = &'d str>) -> Result<u16, TooLarge> {
        let desks: Vec<&str> = desks.collect();
        // With their lengths: a line feed in a name makes no two of it.
        let key: String = desks.iter().map(|desk| format!("{}:{desk}", desk.len())).collect();
        if let Some(number) = self.desks.get(&key) {
            return Ok(*number);
        }
        let number = u16::try_from(self.register.desk_lists.len()).map_err(|_| TooLarge)?;
        self.register.desk_lists.push(desks.into_iter().map(str::to_owned).collect());
        self.desks.insert(key, number);
        Ok(number)
    }
}

fn sorted(mut register: Register) -> Register {
    let customers = &mut register.customers;
    let text = register.text.as_str();
    // The first bytes of an id mostly decide, without a look into the text.
    let mut order: Vec<(u64, u32)> =
        (0..u32::MAX).zip(&*customers).map(|(n, row)| (first_bytes(at(text, row.id)), n)).collect();
    let id = |n: u32| customers.get(n as usize).map(|row| at(text, row.id));
    order.sort_unstable();
    for same in order.chunk_by_mut(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
        same.sort_unstable_by(|(_, one), (_, other)| id(*one).cmp(&id(*other)).then(one.cmp(other)));
    }
    let mut place = vec![0; order.len()];
    for (new, (_, old)) in (0..).zip(&order) {
        place[*old as usize] = new;
    }
    drop(order);
    for index in [&mut register.contracts, &mut register.addresses, &mut register.domains] {
        index.iter_mut().for_each(|claim| claim.owner = place[claim.owner as usize]);
        by_key(index, text);
    }
    by_key(&mut register.staff_addresses, text);
    by_key(&mut register.staff_domains, text);
    // Each is swapped to where it belongs until what came in return belongs there.
    for here in 0..place.len() {
        while place[here] as usize != here {
            let there = place[here] as usize;
            customers.swap(here, there);
            place.swap(here, there);
        }
    }
    register.text.shrink_to_fit();
    register.shapes.sort_unstable_by_key(|(shape, span)| (*shape, span.start));
    register.shapes.shrink_to_fit();
    register
}

/// Sorts by hash, key and owner. Hashes alone nearly always decide, and numbers are sorted faster than texts.
fn by_key(index: &mut Vec<Claim>, text: &str) {
    let order =
        |one: &Claim, other: &Claim| at(text, one.key).cmp(at(text, other.key)).then(one.owner.cmp(&other.owner));
    index.sort_unstable_by_key(|claim| claim.hash);
    for same in index.chunk_by_mut(|one, other| one.hash == other.hash).filter(|same| same.len() > 1) {
        same.sort_unstable_by(order);
    }
    index.dedup_by(|one, other| one.hash == other.hash && order(one, other).is_eq());
    index.shrink_to_fit();
}

/// Numbers in the order of what texts begin with.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    u64::from_be_bytes(bytes)
}
