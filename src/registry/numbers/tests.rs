//! The person whom a number leads to, as a table: the register in short notation, the number asked, the numbers found; and properties of any
//! register.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;

fn pid(letter: char) -> PersonalId {
    PersonalId::parse(&format!("0420000000{:02}", u32::from(letter) - u32::from('A'))).expect("12 digits")
}

/// Records written as `B:A,C` (B claims A and C) and `B!:A` (and is cancelled).
struct Written(Vec<Entry>);

impl Written {
    fn new(records: &str) -> Self {
        let entry = |text: &str| {
            let (own, claims) = text.split_once(':').expect("a colon");
            Entry {
                number: pid(own.chars().next().expect("a letter")),
                claims: claims.split(',').filter_map(|claim| claim.chars().next()).map(pid).collect(),
                standing: if own.ends_with('!') { Standing::GivenUp } else { Standing::Living },
                born: None,
            }
        };
        Self(records.split_whitespace().map(entry).collect())
    }
}

#[async_trait]
impl Residents for Written {
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>> {
        Ok(self.0.iter().find(|entry| entry.number == number).cloned())
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>> {
        let claims = self.0.iter().filter(|entry| entry.claims.contains(&number));
        Ok(claims.take(CLAIMANTS_MAX + 1).cloned().collect())
    }
}

async fn leads(records: &str, number: char) -> String {
    let found = resolve(pid(number), &Written::new(records)).await.expect("reads");
    let letter = |number: PersonalId| ('A'..='Z').find(|letter| pid(*letter) == number).expect("a letter");
    let mark = match found.standing {
        Standing::Living | Standing::Deceased => "",
        Standing::GivenUp => "!",
        Standing::Unknown => "?",
    };
    found.all().map(letter).chain(mark.chars()).collect()
}

#[tokio::test]
async fn a_claim_counts_only_on_a_number_that_nobody_holds_and_nobody_else_claims() {
    let cases = [
        // `!`: given up, and nobody's; `?`: not known
        // absent, and one claims it
        ("B:A", "A → BA", "B → BA"),
        // its holder lives (or has died: that is not cancelled)
        ("A: B:A", "A → A", "B → B"),
        // cancelled, and one claims it
        ("A!: B:A", "A → BA", "B → BA"),
        // two claim it, whether it is absent or cancelled
        ("B:A C:A", "A → A!", "B → B"),
        ("A!: B:A C:A", "A → A!", "C → C"),
        // a claim of a record that was cancelled itself proves nothing, and blocks no other claim
        ("B!:A", "A → A!", "B → B!"),
        ("B!:A C:A", "A → CA", "B → B!"),
        // a chain, listed step by step or whole
        ("B!:A C:B", "A → CBA", "C → CBA"),
        ("B!:A C:B,A", "B → CBA", "A → CBA"),
        ("A!: B!:A C!:B D:C", "A → DCBA", "B → DCBA"),
        // one of two claims is good
        ("A: D:A,B", "D → DB", "B → DB"),
        // re-established: the number is its holder's again, and so are its claims
        ("A: B!:A C:B", "A → A", "C → CB"),
        ("B:A C:B", "A → BA", "C → C"),
        // loops
        ("A!:B B!:A", "A → A!", "B → B!"),
        ("A:B B:A", "A → A", "B → B"),
        ("A:B B!:A", "A → AB", "B → AB"),
        ("A!:B B!:A C:A", "A → A!", "C → C"),
        ("A!:C B!:A C!:B", "A → A!", "C → C!"),
        ("A!:", "A → A!", "B → B?"),
    ];
    for (records, one, other) in cases {
        for case in [one, other] {
            let (number, expected) = case.split_once(" → ").expect("an arrow");
            let number = number.chars().next().expect("a letter");
            assert_eq!(leads(records, number).await, expected, "{number} in {records}");
        }
    }
}

#[tokio::test]
async fn every_number_of_a_person_leads_to_the_same_numbers() {
    for records in ["A!: B!:A C:B,D", "B!:A C:B,A D:C E:A", "A:B B!:A,C", "A!:B B!:C C!:A D:A,B,C", "C:A,B D:B E!:A"] {
        for letter in 'A'..='E' {
            let found = leads(records, letter).await;
            for other in found.chars().filter(char::is_ascii_uppercase) {
                assert_eq!(leads(records, other).await, found, "{other}, found by {letter} in {records}");
            }
        }
    }
}

#[tokio::test]
async fn a_chain_that_is_too_long_and_a_crowd_of_claims_prove_nothing() {
    let chain = |length: u8| {
        let link = |at: u8| format!("{}!:{}", char::from(b'B' + at), char::from(b'A' + at));
        let last = format!("{}:{}", char::from(b'B' + length), char::from(b'A' + length));
        (0..length).map(link).chain([last]).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(leads(&chain(7), 'A').await, "IHGFEDCBA");
    assert_eq!(leads(&chain(8), 'A').await, "A!");
    assert_eq!(leads(&chain(8), 'B').await, "JIHGFEDCB");
    assert_eq!(leads(&chain(8), 'J').await, "JIHGFEDCB", "the same from its other end");
    // each of two layers claims all of the one before: no more steps than a chain may have
    let layers = "B!:A C!:A D!:A E!:B,C,D F!:B,C,D G!:B,C,D H!:E,F,G I!:E,F,G J!:E,F,G K:H,I,J";
    assert_eq!(leads(layers, 'A').await, "KHIJEFGBCDA");
    let crowd: String = ('B'..='K').map(|letter| format!("{letter}!:A ")).collect();
    assert_eq!(leads(&format!("{crowd} L:B,C,D,E,F"), 'A').await, "A!");
}

const LETTERS: [char; 7] = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];

/// For each letter no record, a good one or a cancelled one, and its claims.
fn any_register() -> impl Strategy<Value = Vec<Entry>> {
    let record = |number: char| {
        let claims = prop::collection::vec(prop::sample::select(LETTERS.as_slice()), 0..3);
        (0..4usize, claims).prop_map(move |(kind, claims)| {
            let claims = claims.into_iter().filter(|claim| *claim != number).map(pid).collect();
            let standing = [Standing::Living, Standing::Deceased, Standing::GivenUp];
            standing.get(kind).map(|standing| Entry { number: pid(number), claims, standing: *standing, born: None })
        })
    };
    LETTERS.map(record).prop_map(|records| records.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn nobody_is_led_to_a_number_that_is_held_and_no_number_is_two_peoples(records in any_register()) {
        let held: Vec<_> = records.iter().filter(|entry| entry.standing != Standing::GivenUp).map(|entry| entry.number).collect();
        let written = Written(records);
        let mut owners = BTreeMap::new();
        for number in LETTERS.map(pid) {
            let found = resolve(number, &written).now_or_never().expect("reads at once").expect("reads");
            prop_assert_eq!(held.contains(&found.current), matches!(found.standing, Standing::Living | Standing::Deceased));
            let all: Vec<_> = found.all().collect();
            prop_assert!(all.contains(&number));
            prop_assert!(!held.contains(&number) || found.current == number);
            prop_assert!(found.superseded.iter().all(|number| !held.contains(number)));
            for number in all {
                prop_assert_eq!(owners.entry(number).or_insert(found.clone()), &found);
            }
        }
    }
}
