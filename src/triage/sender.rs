//! Direct or through a partner? The route of a mail, and what proves it (terms, article 3).
//!
//! The order of proofs: a contract number in the mail; the exact address; a partner's own staff; the domain; a partner
//! who got a copy. The first that holds on the day of the mail, for this desk, decides. Where proofs contradict each
//! other nobody is guessed: the route is unknown, its proof names both sides, and staff decide ([`Doubt`]).

use jiff::civil::Date;

use super::auth::domain::is_shared;
use super::context::Context;
use super::contract;
use super::decision::{AuthLevel, Doubt, Route, RouteKind};
use super::inquiry::{Inquiry, Mailbox};
use super::register::{Known, Partner, Register};

/// Whom an entry of the register stands for.
#[derive(Debug, Clone, Copy)]
enum Owner<'a> {
    Customer(Known<'a>),
    Staff(&'a Partner),
    /// A partner in To or Cc.
    Copied(&'a Partner),
}

/// One entry that the mail points to.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// `contract number`, `address`, `domain example.jp` …
    pub proof: String,
    owner: Owner<'a>,
    /// Why it proves nothing today.
    pub flaw: Option<Doubt>,
}

/// Where and when an entry must hold.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub desk: &'a str,
    pub day: Date,
}

impl Setting<'_> {
    fn flaw_of(&self, known: &Known) -> Option<Doubt> {
        match () {
            () if !known.is_served_at(self.desk) => Some(Doubt::OtherDesk),
            () if !known.valid().holds(self.day) => Some(Doubt::Expired),
            () => None,
        }
    }
}

impl<'a> Finding<'a> {
    fn of_customer(proof: &str, known: Known<'a>, setting: Setting) -> Finding<'a> {
        Finding { proof: proof.into(), owner: Owner::Customer(known), flaw: setting.flaw_of(&known) }
    }

    fn of_partner(proof: &str, owner: Owner<'a>) -> Finding<'a> {
        Finding { proof: proof.into(), owner, flaw: None }
    }

    pub fn customer(&self) -> Option<Known<'a>> {
        match self.owner {
            Owner::Customer(known) => Some(known),
            _ => None,
        }
    }

    pub fn partner(&self) -> Option<&'a Partner> {
        match self.owner {
            Owner::Customer(known) => known.partner(),
            Owner::Staff(partner) | Owner::Copied(partner) => Some(partner),
        }
    }

    fn side(&self) -> (RouteKind, Option<&'a str>) {
        let partner = self.partner().map(|partner| partner.id.as_str());
        match (self.owner, partner) {
            (Owner::Staff(_), partner) => (RouteKind::PartnerStaff, partner),
            (_, Some(id)) => (RouteKind::Partner, Some(id)),
            (_, None) => (RouteKind::Direct, None),
        }
    }

    /// Does it send the mail elsewhere than the other? A partner's staff and its customers stand on one side.
    fn contradicts(&self, other: &Finding) -> bool {
        self.side().1 != other.side().1
    }

    /// For staff: `domain example.jp: c-1 (direct, until 2026-03-31)`.
    pub fn told(&self) -> String {
        let side = match self.side() {
            (RouteKind::Direct, _) => "direct".to_owned(),
            (RouteKind::PartnerStaff, id) => format!("staff of partner {}", id.unwrap_or_default()),
            (_, id) => format!("partner {}", id.unwrap_or_default()),
        };
        let Some(known) = self.customer() else { return format!("{}: {side}", self.proof) };
        let period = match (known.valid().from, known.valid().until) {
            (None, None) => String::new(),
            (from, until) => format!(", {} to {}", day(from), day(until)),
        };
        let desks = if known.desks().is_empty() { String::new() } else { format!(", for {}", known.desks().join(" ")) };
        format!("{}: {} ({side}{period}{desks})", self.proof, known.id())
    }
}

fn day(day: Option<Date>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// Everything in the register that an address points to, the strongest first: exact address, partner's staff, domain.
pub fn findings<'a>(register: &'a Register, address: &str, setting: Setting) -> Vec<Finding<'a>> {
    let domain = super::auth::domain::canonical(address.rsplit_once('@').map_or("", |(_, domain)| domain));
    let domain = domain.unwrap_or_default();
    let by_address = register.by_address(address).into_iter();
    let by_address = by_address.map(|known| Finding::of_customer("address", known, setting));
    let staff = register.staff(address).into_iter();
    let staff = staff.map(|partner| Finding::of_partner("address of partner staff", Owner::Staff(partner)));
    let by_domain = register.by_domain(&domain).into_iter();
    let by_domain = by_domain.map(|(known, listed)| Finding::of_customer(&format!("domain {listed}"), known, setting));
    by_address.chain(staff).chain(by_domain).collect()
}

/// Whose customer writes?
pub fn route(inquiry: &Inquiry, ctx: &Context, authenticated: AuthLevel) -> Route {
    let setting = Setting { desk: &ctx.desk.id, day: arrived_on(ctx) };
    let Some(from) = inquiry.author() else { return unknown(authenticated, "not exactly one sender") };
    let named = named(inquiry, ctx.register, setting);
    let mut known = findings(ctx.register, &from.address, setting);
    known.extend(copied(inquiry, ctx.register));
    match settle(&named, &known) {
        Ok(Some(deciding)) => of(&deciding, authenticated),
        Ok(None) => stranger(from, ctx.register, authenticated),
        Err((doubt, proofs)) => {
            let told: Vec<String> = proofs.iter().map(|finding| finding.told()).collect();
            Route { doubt: Some(doubt), ..unknown(authenticated, &told.join("; ")) }
        }
    }
}

/// The day on which the mail came, where the desk is. What the mail itself says of its date proves nothing.
fn arrived_on(ctx: &Context) -> Date {
    let at = ctx.seen.internal_date.unwrap_or(ctx.now);
    at.to_zoned(ctx.rules.calendar.zone.clone()).date()
}

/// Contract numbers that stand in the mail.
fn named<'a>(inquiry: &Inquiry, register: &'a Register, setting: Setting) -> Vec<Finding<'a>> {
    let numbers = contract::candidates(inquiry);
    numbers.iter().flat_map(|number| holders(number, register, setting)).collect()
}

/// Who has this contract number? Of contracts that follow each other under one number, the one that runs.
pub fn holders<'a>(number: &str, register: &'a Register, setting: Setting) -> Vec<Finding<'a>> {
    let known = register.by_contract(number).into_iter();
    let mut holders: Vec<Finding> =
        known.map(|known| Finding::of_customer("contract number", known, setting)).collect();
    if holders.iter().any(|finding| finding.flaw.is_none()) {
        holders.retain(|finding| finding.flaw.is_none());
    }
    holders
}

/// Partners who got the mail, too.
fn copied<'a>(inquiry: &Inquiry, register: &'a Register) -> Vec<Finding<'a>> {
    let partners = inquiry.to.iter().chain(&inquiry.cc).flat_map(|mailbox| register.staff(&mailbox.address));
    partners.map(|partner| Finding::of_partner("partner in To or Cc", Owner::Copied(partner))).collect()
}

type Contradiction<'f, 'a> = (Doubt, Vec<&'f Finding<'a>>);

/// The findings that decide (several customers may share a route); none if the register knows nothing.
fn settle<'f, 'a>(
    named: &'f [Finding<'a>],
    known: &'f [Finding<'a>],
) -> Result<Option<Vec<&'f Finding<'a>>>, Contradiction<'f, 'a>> {
    let sender = strongest(known);
    let Some((first, others)) = named.split_first() else { return sender };
    let beside: Vec<&Finding> = sender.iter().flatten().flatten().copied().collect();
    let both = |one: &'f [Finding<'a>]| one.iter().chain(beside.iter().copied()).collect();
    if let Some(flaw) = named.iter().find_map(|finding| finding.flaw) {
        return Err((flaw, both(named)));
    }
    let many = others.iter().any(|other| other.customer().map(|k| k.id()) != first.customer().map(|k| k.id()));
    if many || beside.iter().any(|other| other.contradicts(first)) {
        return Err((Doubt::Conflict, both(named)));
    }
    // Staff of a partner who write about a contract of theirs are no customers.
    let staff = beside.iter().any(|finding| finding.side().0 == RouteKind::PartnerStaff);
    Ok(Some(if staff { beside } else { vec![first] }))
}

/// What the sender's own address says: the first kind of proof of which an entry holds.
fn strongest<'f, 'a>(known: &'f [Finding<'a>]) -> Result<Option<Vec<&'f Finding<'a>>>, Contradiction<'f, 'a>> {
    let Some(best) = known.iter().find(|finding| finding.flaw.is_none()) else {
        let flawed = known.first().and_then(|finding| finding.flaw);
        return flawed.map_or(Ok(None), |flaw| Err((flaw, known.iter().collect())));
    };
    let same: Vec<&Finding> =
        known.iter().filter(|finding| finding.flaw.is_none() && finding.proof == best.proof).collect();
    if same.iter().any(|other| other.contradicts(best)) {
        return Err((Doubt::Conflict, same));
    }
    Ok(Some(same))
}

fn of(deciding: &[&Finding], authenticated: AuthLevel) -> Route {
    let Some(first) = deciding.first() else { return unknown(authenticated, "not in the register") };
    let (kind, partner) = first.side();
    let customer = first.customer().map(|known| known.id());
    let one = deciding.iter().all(|finding| finding.customer().map(|known| known.id()) == customer);
    Route {
        kind,
        partner: partner.map(str::to_owned),
        customer: customer.filter(|_| one).map(str::to_owned),
        authenticated,
        proof: first.proof.clone(),
        doubt: None,
    }
}

/// Nobody the register knows; perhaps somebody who wants to pass for one whom it knows.
fn stranger(from: &Mailbox, register: &Register, authenticated: AuthLevel) -> Route {
    let domain = from.domain();
    match register.looks_like(&domain).filter(|_| !is_shared(&domain)) {
        Some(known) => Route {
            doubt: Some(Doubt::LookAlike),
            ..unknown(authenticated, &format!("not in the register; {domain} looks like {known}"))
        },
        None => unknown(authenticated, "not in the register"),
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
    Route { kind: RouteKind::Unknown, partner: None, customer: None, authenticated, proof: proof.into(), doubt: None }
}
