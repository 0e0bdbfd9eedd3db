//! A register of a million addresses: how long it takes to load and to look up, and what it needs of memory. Alone in
//! its program, as what is measured is the program's.
//!
//! `scripts/bench-register` runs it as released and shows the figures; built for debugging it takes a tenth.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::civil::date;
use madoguchi::store::Store;
use madoguchi::triage::register::Register;
use madoguchi::triage::sender::{Setting, findings};

const CUSTOMERS: usize = if cfg!(debug_assertions) { 50_000 } else { 500_000 };
/// Addresses of each customer.
const ADDRESSES: usize = 2;
const LOOKUPS: usize = 100_000;

/// Bytes for each address with its share of the customer (id, name, contract number, domain, dates).
const MOST_BYTES: usize = 200;
const LONGEST_LOAD: Duration = Duration::from_secs(20);
const LONGEST_LOOKUP: Duration = Duration::from_micros(if cfg!(debug_assertions) { 200 } else { 50 });

fn csv() -> String {
    let mut text = "id,name,contracts,addresses,domains,partner,valid_from,monthly_fee\n".to_owned();
    for n in 0..CUSTOMERS {
        let partner = if n % 3 == 0 { "tokyo-it" } else { "" };
        let addresses = format!("tantou@kaisha{n}.example.jp;kanri{n}@kyaku.example.com");
        writeln!(text, "c-{n},株式会社お客様{n},OB-{n:07},{addresses},kaisha{n}.example.jp,{partner},2026-04-01,12000")
            .unwrap();
    }
    text
}

/// Memory of this program, in bytes.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Time for each of `LOOKUPS` look-ups, in no order that a cache would like.
fn lookups(register: &Register) -> Duration {
    let setting = Setting { desk: "test", day: date(2026, 11, 20) };
    let address = |n: usize| format!("Tantou+x@kaisha{}.example.jp", n * 7919 % CUSTOMERS);
    let asked: Vec<String> = (0..LOOKUPS).map(address).collect();
    let start = Instant::now();
    let found = asked.iter().filter(|address| findings(register, address, setting).len() == 2).count();
    let each = start.elapsed() / u32::try_from(LOOKUPS).unwrap();
    assert_eq!(found, LOOKUPS, "by address and by domain");
    each
}

#[tokio::test]
async fn a_million_addresses_load_in_seconds_and_are_looked_up_in_microseconds() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let config = file("madoguchi.toml", CONFIG);
    let partners = file("partners.csv", "id,name,contact\ntokyo-it,東京アイティー販売,support@tokyo-it.example\n");
    let customers = file("customers.csv", &csv());
    let mut import = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    let import = import.args(["register", "import", "-c"]).args([&config, &partners, &customers]);
    let start = Instant::now();
    let output = import.env("LC_ALL", "C").output().unwrap();
    let imported = start.elapsed();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        format!("added {}, changed 0, removed 0\n", CUSTOMERS + 1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let store = Store::open_reading(&folder.path().join("store.db")).unwrap();
    let before = memory();
    let start = Instant::now();
    let register = store.register().await.unwrap();
    let (loaded, grown) = (start.elapsed(), memory().saturating_sub(before));
    let each = lookups(&register);
    let addresses = CUSTOMERS * ADDRESSES;
    println!(
        "{addresses} addresses of {CUSTOMERS} customers: imported in {imported:.1?}, loaded in {loaded:.1?}, {} MB ({} bytes \
         an address; the program grew by {} MB), looked up in {each:.1?}",
        register.bytes() / 1_000_000,
        register.bytes() / addresses,
        grown / 1_000_000,
    );
    assert_eq!(register.len(), CUSTOMERS);
    assert!(register.bytes() / addresses < MOST_BYTES, "{} bytes an address", register.bytes() / addresses);
    assert!(loaded < LONGEST_LOAD && each < LONGEST_LOOKUP, "loaded in {loaded:?}, looked up in {each:?}");
}

const CONFIG: &str = r#"
[store]
path = "store.db"
[[desk]]
id = "test"
name = "試験窓口"
address = "support@desk.example"
pack = "optim-biz"
authentication = "strong"
trusted_authserv = "mx.desk.example"
register = "store"
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
kind = "folder"
path = "sent"
[desk.departments]
sales = { name = "営業窓口", contact = "sales@desk.example" }
license = { name = "契約窓口", contact = "license@desk.example" }
onsite = { name = "導入支援", contact = "onsite@desk.example" }
"#;
