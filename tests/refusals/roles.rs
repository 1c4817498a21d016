//! Every RPC by every kind of caller, held against the rows of the rights; and the rows against the protos' comments.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use lienthong::access::rights;
use lienthong::base::{Caller, PersonalId};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::common::{self, gateway};
use super::form::{comments, name_of};
use super::{CITIZEN, methods, refusal_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_is_open_to_whom_its_row_names_and_to_nobody_else() {
    let started = gateway().start().await;
    let (rights, channel) = (rights::embedded(), &started.channel);
    let citizen = Caller::Citizen(PersonalId::parse(CITIZEN).expect("12 digits"));
    let agencies = rights.agencies().map(|agency| Caller::Agency(agency.key.clone()));
    let callers: Vec<Option<Caller>> = agencies.chain([citizen]).map(Some).chain([None]).collect();
    let calls = methods().into_iter().flat_map(|method| callers.iter().map(move |caller| (method.clone(), caller)));
    let made = futures::stream::iter(calls).map(async |(method, caller)| {
        let credential = match caller {
            Some(Caller::Agency(key)) => format!("demo-{key}"),
            Some(Caller::Citizen(_)) => format!("demo-citizen-{CITIZEN}"),
            None => String::new(),
        };
        let status = refusal_of(channel, &method, &credential, Vec::new()).await;
        (method, caller, status)
    });
    let made: Vec<_> = made.buffer_unordered(16).collect().await;
    let mut open: BTreeSet<String> = BTreeSet::new();
    for (method, caller, status) in made {
        let name = name_of(&method);
        let row = rights.method(&name).unwrap_or_else(|| panic!("{name} has no row"));
        let reason = status.as_ref().map(|status| common::reason(status).1).unwrap_or_default();
        let told = format!("{name} by {caller:?}: {reason}");
        let Some(caller) = caller else {
            assert_eq!(reason == "CREDENTIAL_MISSING", !rights.is_public(row), "{told}");
            continue;
        };
        if rights.is_public(row) {
            assert!(!status.is_some_and(|status| status.code() == Code::PermissionDenied), "{told}");
            continue;
        }
        match rights.permit(row, caller) {
            Ok(permit) => {
                assert!(!permit.is_named || reason != "ROLE_NOT_ALLOWED", "{told}");
                open.insert(name);
            }
            Err(_) => {
                assert_eq!(reason, "ROLE_NOT_ALLOWED", "{told}");
                let info = status.and_then(|status| status.get_details_error_info()).expect("details");
                let allowed = rights.methods().find(|(of, _)| *of == name).expect("a row").1.join(",");
                assert_eq!(info.metadata.get("caller").map(String::as_str), Some(caller.label()), "{told}");
                assert_eq!(info.metadata.get("allowed"), Some(&allowed), "{told}");
            }
        }
    }
    assert_eq!(open.len(), 147 - 8, "every method but the public ones is somebody's");
    started.end().await;
}

/// The API's manual names every agency that a row names.
#[test]
fn the_comments_name_the_callers_of_the_rows() {
    let (rights, comments) = (rights::embedded(), comments());
    let mut unnamed = Vec::new();
    for (name, callers) in rights.methods() {
        let comment = comments.get(name).unwrap_or_else(|| panic!("{name} is no RPC"));
        for caller in callers.iter().filter(|caller| rights.agency(caller).is_some()) {
            if !comment.contains(&format!("`{caller}`")) {
                unnamed.push(format!("{name}: {caller}"));
            }
        }
    }
    assert!(unnamed.is_empty(), "callers that no comment names:\n{}", unnamed.join("\n"));
    assert_eq!(comments.len(), rights.methods().count());
}
