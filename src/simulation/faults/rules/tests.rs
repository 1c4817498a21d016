//! Which rules a call, a query and a payload meet, and how rules come and go.

use std::num::NonZeroU64;

use super::super::action::{ALWAYS, After, Refusal, Refused};
use super::super::rule::{Match, Turn};
use super::*;
use crate::base::time::FixedClock;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn person(id: &str) -> PersonalId {
    PersonalId::parse(id).expect("an id")
}

fn about(id: &str, action: ReadAction) -> Rule {
    Rule::about(person(id), ALWAYS, action)
}

fn rules() -> Rules {
    let of = [about("042090990101", ReadAction::Slow), about("042090990102", ReadAction::Reset)];
    Rules::new(of, Arc::new(FixedClock::at(NOW)), Seed::root(1))
}

fn of_calls(matching: Match, action: CallAction) -> NewRule {
    NewRule { id: None, rule: Rule { matching, turn: Turn::default(), action: Action::Call(action) } }
}

fn ids(strikes: &[Strike]) -> Vec<&str> {
    strikes.iter().map(|strike| strike.standing.id.as_str()).collect()
}

#[test]
fn a_query_for_a_person_or_their_key_meets_their_rule() {
    let (table, types) = (rules().current(), ["resident.person.v1"]);
    let of = |selector| {
        let query = Query::latest(types, selector, 1);
        table.of_query("resident", &query).map(|standing| standing.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(Selector::Person(person("042090990102"))), ["citizen-2"]);
    assert_eq!(of(Selector::Key("042090990101".into())), ["citizen-1"]);
    assert_eq!(of(Selector::Person(person("042090990001"))), [""; 0]);
    assert_eq!(of(Selector::All), [""; 0]);
}

#[test]
fn a_rule_about_nobody_meets_the_queries_of_its_registry_and_type() {
    let rules = rules();
    let matching = |registry: &str, record_type: Option<&str>| Match {
        registry: Some(registry.into()),
        record_type: record_type.map(Into::into),
        ..Match::default()
    };
    let rule = |matching| Rule { matching, turn: Turn::default(), action: Action::Read(ReadAction::Unavailable) };
    let new = |matching| NewRule { id: None, rule: rule(matching) };
    rules.add(vec![new(matching("land", None)), new(matching("land", Some("land.parcel.v1")))]).expect("added");
    let table = rules.current();
    let of = |registry: &str, types: &[&str]| {
        let query = Query::latest(types.iter().copied(), Selector::All, 1);
        table.of_query(registry, &query).map(|standing| standing.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("land", &["land.certificate.v1"]), ["fault-1"]);
    assert_eq!(of("land", &["land.certificate.v1", "land.parcel.v1"]), ["fault-1", "fault-2"]);
    assert_eq!(of("land", &[]), ["fault-1", "fault-2"], "all types");
    assert_eq!(of("vehicle", &[]), [""; 0]);
}

#[test]
fn a_payload_meets_the_rule_of_the_first_whom_it_names() {
    let table = rules().current();
    for (payload, expected) in [
        (r#"{"holder":"042090990001","owner":"042090990102"}"#, Some("citizen-2")),
        (r#"{"a":"042090990102","b":"042090990101"}"#, Some("citizen-2")),
        ("042090990101", Some("citizen-1")),
        (r#"{"number":"0420909901011"}"#, None),
        (r#"{"number":"04209099010"}"#, None),
        ("", None),
    ] {
        let found = table.of_payload(payload.as_bytes()).first().map(|standing| standing.id.as_str());
        assert_eq!(found, expected, "{payload}");
    }
}

#[test]
fn a_call_meets_the_rules_that_fit_it_in_their_order() {
    let rules = rules();
    let method = |name: &str| Match { methods: vec![name.into()], ..Match::default() };
    let refuse =
        || CallAction::Refuse(Refusal { status: Refused::With(14), message: String::new(), retry_after: None });
    let of_person = Match { person: Some(person("042090990001")), ..method("lienthong.a.v1.S/Get") };
    let of_type = Match { record_type: Some("land.parcel.v1".into()), ..Match::default() };
    let of_agency = Match { agency: Some("bank".into()), ..method("lienthong.a.v1.S/*") };
    let new = vec![
        of_calls(of_person, refuse()),
        of_calls(of_type, CallAction::GoAway),
        of_calls(of_agency, CallAction::Cut(After::Messages(0))),
        of_calls(method("lienthong.a.v1.Other/Get"), CallAction::TrailersOnly),
    ];
    rules.add(new).expect("added");
    let met = |method, caller, message: &str| {
        let call = FaultedCall { method, caller, message: message.as_bytes() };
        ids(&rules.of_call(&call)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        met("lienthong.a.v1.S/Get", Some("bank"), "\n\x0c042090990001\x12\x0eland.parcel.v1"),
        ["fault-1", "fault-2", "fault-3"]
    );
    assert_eq!(met("lienthong.a.v1.S/Get", Some("police"), "\n\x0c042090990002"), [""; 0]);
    assert_eq!(met("lienthong.a.v1.S/Put", Some("bank"), ""), ["fault-3"]);
    assert_eq!(met("lienthong.a.v1.Other/Get", None, ""), ["fault-4"]);
    rules.add(vec![of_calls(Match::default(), refuse())]).expect("added");
    assert_eq!(met("lienthong.a.v1.S/Put", Some("police"), ""), ["fault-5"], "every call");
    assert_eq!(
        met("lienthong.simulation.v1.FaultService/Heal", Some("operator"), ""),
        [""; 0],
        "but those that end it"
    );
    rules.remove("fault-5");
    let counts: Vec<_> = rules.current().all().filter(|of| of.counts().matched > 0).map(|of| of.id.clone()).collect();
    assert_eq!(counts, ["fault-1", "fault-2", "fault-3", "fault-4"]);
}

#[test]
fn rules_are_added_whole_and_end_by_name_or_all_at_once() {
    let rules = rules();
    let goaway =
        |id: Option<&str>| NewRule { id: id.map(Into::into), ..of_calls(Match::default(), CallAction::GoAway) };
    let names = |rules: &Rules| rules.current().all().map(|standing| standing.id.clone()).collect::<Vec<_>>();
    rules.add(vec![goaway(Some("fault-2")), goaway(None), goaway(None)]).expect("added");
    assert_eq!(names(&rules), ["citizen-1", "citizen-2", "fault-2", "fault-1", "fault-3"]);
    let refused = rules.add(vec![goaway(None), goaway(Some("fault-1"))]).expect_err("the name is taken");
    assert_eq!((refused.reason, names(&rules).len()), (Reason::AlreadyExists, 5));
    assert!(rules.remove("fault-1") && !rules.remove("fault-1"));
    assert_eq!((rules.heal(false), names(&rules)), (2, vec!["citizen-1".into(), "citizen-2".into()]));
    assert_eq!((rules.heal(true), names(&rules).len()), (2, 0));
    let many = (0..=ADDED_MAX).map(|_| goaway(None)).collect();
    assert_eq!(rules.add(many).expect_err("too many").reason, Reason::TooManyFaults);
}

#[test]
fn a_rule_of_a_citizen_takes_the_place_of_an_earlier_one_while_reads_go_on() {
    let rules = rules();
    let before = rules.current();
    rules.add_of_citizen(about("042090990101", ReadAction::Slow));
    assert_eq!(rules.current().all().count(), 2, "it is there already");
    rules.add_of_citizen(about("042090990101", ReadAction::Reset));
    let action = |table: &Table| table.of_citizen(&person("042090990101")).and_then(|standing| standing.read_action());
    assert_eq!((action(&before), action(&rules.current())), (Some(ReadAction::Slow), Some(ReadAction::Reset)));
    assert_eq!(rules.current().all().count(), 2);
}

#[test]
fn a_copy_goes_its_own_way_with_nothing_counted() {
    let rules = rules();
    let every = Turn { every: NonZeroU64::new(2).expect("2"), ..Turn::default() };
    let rule = Rule { matching: Match::default(), turn: every, action: Action::Call(CallAction::GoAway) };
    rules.add(vec![NewRule { id: Some("second".into()), rule }]).expect("added");
    let call = FaultedCall { method: "lienthong.a.v1.S/Get", caller: None, message: b"" };
    assert_eq!(rules.of_call(&call).len(), 0);
    let copy = rules.copy(Arc::new(FixedClock::at(NOW)), |standing| standing.id != "citizen-1");
    assert_eq!(copy.current().all().map(|standing| standing.id.clone()).collect::<Vec<_>>(), ["citizen-2", "second"]);
    assert_eq!((rules.of_call(&call).len(), copy.of_call(&call).len()), (1, 0), "the copy has counted one, not two");
    copy.heal(true);
    assert_eq!(rules.current().all().count(), 3);
}
