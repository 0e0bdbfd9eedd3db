use super::*;

fn customer(id: &str, addresses: &[&str], domains: &[&str]) -> Customer {
    let texts = |list: &[&str]| list.iter().map(|text| text.to_string()).collect();
    Customer {
        id: id.into(),
        name: id.into(),
        addresses: texts(addresses),
        domains: texts(domains),
        ..Customer::default()
    }
}

fn ids<'a>(found: Vec<Known<'a>>) -> Vec<&'a str> {
    found.iter().map(Known::id).collect()
}

#[test]
fn addresses_are_found_however_they_are_written() {
    let customers = [customer("b", &["Taro@例え.jp"], &[]), customer("a", &["hanako+desk@example.jp"], &[])];
    let register = Register::new(vec![], customers).unwrap();
    for (address, owners) in [
        ("taro@xn--r8jz45g.jp", &["b"][..]),
        ("TARO+x@例え.jp", &["b"]),
        ("hanako+desk@example.jp", &["a"]),
        ("hanako@example.jp", &[]),
        ("jiro@example.jp", &[]),
        ("taro", &[]),
        ("", &[]),
    ] {
        assert_eq!(ids(register.by_address(address)), owners, "{address}");
    }
}

#[test]
fn a_domain_holds_for_those_below_it_and_the_nearest_listed_one_wins() {
    let customers = [
        customer("parent", &[], &["example.co.jp"]),
        customer("branch", &[], &["osaka.example.co.jp"]),
        customer("other", &[], &["sub.firm.co.jp"]),
    ];
    let register = Register::new(vec![], customers).unwrap();
    for (domain, owners) in [
        ("example.co.jp", &["parent"][..]),
        ("mail.example.co.jp", &["parent"]),
        ("a.osaka.example.co.jp", &["branch"]),
        ("notexample.co.jp", &[]),
        ("co.jp", &[]),
        ("firm.co.jp", &[]),
        ("x.sub.firm.co.jp", &["other"]),
    ] {
        let found: Vec<&str> = register.by_domain(domain).iter().map(|(known, _)| known.id()).collect();
        assert_eq!(found, owners, "{domain}");
    }
}

#[test]
fn contract_numbers_are_compared_without_their_marks() {
    let numbered = Customer { contracts: vec!["c-1001-2".into()], ..customer("a", &[], &[]) };
    let register = Register::new(vec![], [numbered]).unwrap();
    for number in ["C-1001-2", "Ｃー１００１－２", "c10012"] {
        assert_eq!(ids(register.by_contract(number)), ["a"], "{number}");
    }
    assert!(register.by_contract("C-1001").is_empty());
}

#[test]
fn what_is_known_of_a_customer_comes_back() {
    let partner = Partner { id: "p".into(), domains: vec!["p.example".into()], ..Partner::default() };
    let day = Date::constant(2026, 4, 1);
    let full = Customer {
        other_names: vec!["旧名".into()],
        partner: Some("p".into()),
        desks: vec!["biz-phone".into()],
        valid: Period { from: Some(day), until: None },
        monthly_fee: Some(12_000),
        ..customer("z", &[], &["z.example"])
    };
    let register = Register::new(vec![partner], [full, customer("a", &[], &[])]).unwrap();
    let known = register.customer("z").unwrap();
    assert_eq!(known.names().collect::<Vec<_>>(), ["z", "旧名"]);
    assert_eq!((known.partner().map(|p| p.id.as_str()), known.monthly_fee()), (Some("p"), Some(12_000)));
    assert!(known.is_served_at("biz-phone") && !known.is_served_at("optim-biz"));
    assert!(known.valid().holds(day) && !known.valid().holds(day.yesterday().unwrap()));
    assert_eq!(register.staff("x@mail.p.example")[0].id, "p");
    assert!(register.staff("x@z.example").is_empty() && register.customer("nobody").is_none());
}

#[test]
fn periods_overlap_on_a_common_day() {
    let period = |from: &str, until: &str| Period { from: from.parse().ok(), until: until.parse().ok() };
    for (one, other, overlap) in [
        (("", ""), ("2026-01-01", "2026-01-01"), true),
        (("2026-01-01", "2026-03-31"), ("2026-04-01", ""), false),
        (("2026-01-01", "2026-04-01"), ("2026-04-01", ""), true),
        (("", "2025-12-31"), ("2026-01-01", ""), false),
    ] {
        let (one, other) = (period(one.0, one.1), period(other.0, other.1));
        assert_eq!((one.overlaps(&other), other.overlaps(&one)), (overlap, overlap), "{one:?} {other:?}");
    }
}

#[test]
fn a_look_alike_is_named_and_the_domain_itself_is_none() {
    let register = Register::new(vec![], [customer("a", &[], &["hinode-foods.example"])]).unwrap();
    assert_eq!(register.looks_like("mail.hin0de-foods.example"), Some("hinode-foods.example"));
    assert_eq!(register.looks_like("hinode-foods.example"), None);
}

proptest::proptest! {
    /// Whatever the order in which they come, and however many share a key.
    #[test]
    fn every_customer_is_found_by_all_that_is_its_own(
        rows in proptest::collection::vec(("[ab]{1,12}", "[a-c]{1,2}", "[0-9a-c-]{0,3}"), 0..40)
    ) {
        let mut customers: Vec<Customer> = rows.iter().map(|(id, key, number)| Customer {
            contracts: vec![number.clone()],
            ..customer(id, &[&format!("{key}@{key}.example")], &[&format!("{key}.example")])
        }).collect();
        customers.sort_by(|one, other| one.contracts.cmp(&other.contracts).then(one.id.cmp(&other.id)));
        let mut seen = std::collections::BTreeSet::new();
        customers.retain(|one| seen.insert(one.id.clone()));
        let register = Register::new(vec![], customers.clone()).unwrap();
        let owners = |owns: &dyn Fn(&Customer) -> bool| {
            let mut ids: Vec<&str> = customers.iter().filter(|one| owns(one)).map(|one| one.id.as_str()).collect();
            ids.sort_unstable();
            ids
        };
        for one in &customers {
            proptest::prop_assert_eq!(register.customer(&one.id).unwrap().id(), &one.id);
            let (address, domain) = (&one.addresses[0], &one.domains[0]);
            proptest::prop_assert_eq!(ids(register.by_address(address)), owners(&|other| other.addresses[0] == *address));
            let found: Vec<&str> = register.by_domain(domain).iter().map(|(known, _)| known.id()).collect();
            proptest::prop_assert_eq!(found, owners(&|other| other.domains[0] == *domain));
            let key = contract_key(&one.contracts[0]);
            let same = owners(&|other| !key.is_empty() && contract_key(&other.contracts[0]) == key);
            proptest::prop_assert_eq!(ids(register.by_contract(&key)), same);
        }
        let shared = register.shared();
        let twice = |same: &dyn Fn(&Customer, &Customer) -> bool| {
            let other = |one: &Customer| customers.iter().filter(|other| same(one, other)).count() > 1;
            customers.iter().any(other)
        };
        let number = |one: &Customer| contract_key(&one.contracts[0]).into_owned();
        proptest::prop_assert!(!shared.ids);
        proptest::prop_assert_eq!(shared.addresses, twice(&|one, other| one.addresses == other.addresses));
        proptest::prop_assert_eq!(shared.domains, twice(&|one, other| one.domains == other.domains));
        let both = |one: &Customer, other: &Customer| !number(one).is_empty() && number(one) == number(other);
        proptest::prop_assert_eq!(shared.contracts, twice(&both));
    }
}
