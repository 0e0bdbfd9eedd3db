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
