//! The cases of calls: what a server does to a client, as data in `calls.json`. Each is run in a session, with fault rules for it alone.

use serde::Deserialize;

use super::super::outcome::About;
use super::case::{Ask, Call, Case, Ending};

const CALLS: &str = include_str!("calls.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    title: String,
    effect: &'static str,
    see: &'static str,
    call: Call,
    endings: Vec<Ending>,
}

/// All cases. The error says what is wrong with the file, which no build has.
pub(super) fn cases() -> Result<Vec<Case>, String> {
    let rows: Vec<Row> = serde_json::from_str(CALLS).map_err(|error| error.to_string())?;
    let case = |Row { id, title, effect, see, call, endings }| Case {
        about: About { id, title, effect, see, kind: if call.stream.is_some() { "stream" } else { "call" } },
        endings,
        ask: Ask::Call(Box::new(call)),
    };
    Ok(rows.into_iter().map(case).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::api::status::code_names;
    use crate::wire::typed;

    #[test]
    fn every_case_is_unique_and_calls_a_method_that_there_is() {
        let (cases, mut ids) = (cases().expect("the file reads"), BTreeSet::new());
        assert!(cases.len() > 30, "{} cases", cases.len());
        for Case { about, endings, ask } in &cases {
            assert!(ids.insert(&about.id), "{} twice", about.id);
            let Ask::Call(call) = ask else { panic!("{} makes no call", about.id) };
            let (service, name) = call.method.split_once('/').expect("service and method");
            let service = typed::pool().get_service_by_name(service).expect(service);
            let method = service.methods().find(|method| method.name() == name).expect(name);
            prost_reflect::DynamicMessage::deserialize(method.input(), &call.request).expect(&about.id);
            assert_eq!(call.stream.is_some(), method.is_server_streaming(), "{}", about.id);
            for fault in &call.faults {
                let described = typed::pool().get_message_by_name("lienthong.simulation.v1.Fault").expect("a message");
                prost_reflect::DynamicMessage::deserialize(described, fault).expect(&about.id);
            }
            assert!(!endings.is_empty() && endings.iter().all(|ending| ending.calls.is_some()), "{}", about.id);
            let known = ["accepted", "refused", "failed"];
            assert!(endings.iter().all(|ending| known.contains(&ending.conclusion.as_str())), "{}", about.id);
            let page = about.see.split('#').next().expect("a page");
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(page).exists(), "{page}");
        }
    }

    /// A client that repeats every call that fails, or none at all, is wrong somewhere.
    #[test]
    fn what_may_not_be_repeated_is_seen() {
        let once = |case: &&Case| {
            case.endings.iter().all(|ending| ending.calls == Some((1, 1)) && ending.conclusion == "failed")
        };
        let cases = cases().expect("the file reads");
        let repeatable = |case: &&Case| matches!(&case.ask, Ask::Call(call) if call.may_repeat);
        assert!(cases.iter().filter(once).filter(repeatable).count() >= 3, "refusals that do not pass by waiting");
        assert!(cases.iter().filter(once).any(|case| !repeatable(&case)), "a method that is not repeated");
    }

    /// What a client does with a status that it does not expect is the same for all of them, or wrong for one.
    #[test]
    fn every_canonical_code_is_met() {
        let cases = cases().expect("the file reads");
        let met: BTreeSet<&str> =
            cases.iter().flat_map(|case| &case.endings).flat_map(|end| &end.statuses).map(String::as_str).collect();
        assert_eq!(code_names().filter(|code| !met.contains(code)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    /// Every way in which a fault rule breaks a call breaks one, whole or streamed; and a stream breaks off as well.
    #[test]
    fn every_transport_fault_is_met() {
        let cases = cases().expect("the file reads");
        let calls = cases.iter().map(|case| match &case.ask {
            Ask::Call(call) => call,
            Ask::Artefact(_) => panic!("{} makes no call", case.about.id),
        });
        let faults: Vec<(bool, &Value)> =
            calls.flat_map(|call| call.faults.iter().map(move |fault| (call.stream.is_some(), fault))).collect();
        let action = |name: &str| faults.iter().any(|(_, fault)| fault.get(name).is_some());
        let of_calls = ["delay", "status", "trailers_only", "cut", "reset", "go_away", "drip", "duplicate"];
        assert_eq!(of_calls.into_iter().filter(|name| !action(name)).collect::<Vec<_>>(), Vec::<&str>::new());
        for name in ["cut", "duplicate"] {
            assert!(
                faults.iter().any(|(is_stream, fault)| *is_stream && fault.get(name).is_some()),
                "{name} of a stream"
            );
        }
        let codes = typed::pool().get_enum_by_name("lienthong.simulation.v1.ResetCode").expect("the codes");
        let code_of = |reset: &Value| reset["code"].as_str().unwrap_or("RESET_CODE_INTERNAL_ERROR").to_owned();
        let resets: BTreeSet<String> = faults.iter().filter_map(|(_, fault)| fault.get("reset").map(code_of)).collect();
        let given = |value: &prost_reflect::EnumValueDescriptor| value.number() != 0 && !resets.contains(value.name());
        assert_eq!(
            codes.values().filter(given).map(|code| code.name().to_owned()).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn good_calls_stand_between_the_bad_ones() {
        let mut bad = 0;
        for case in cases().expect("the file reads") {
            bad = if case.endings.iter().any(|ending| ending.conclusion == "accepted") { 0 } else { bad + 1 };
            assert!(bad <= 6, "{}", case.about.id);
        }
    }
}
