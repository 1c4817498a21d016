//! Who may create sessions and who may enter them is a right of the province, with quotas; inside, the rights are those of the session's beginning.

use std::path::Path;

use lienthong::server::Config;
use lienthong::server::config::SessionsMax;
use serde_json::json;
use tonic::Code;

use super::common::sessions::base;
use super::common::{Started, gateway};

const EMBEDDED: &str = include_str!("../../src/access/rights/default.toml");
const CREATE: &str = "lienthong.simulation.v1.SessionService/CreateSession";
const ENTER: &str = "lienthong.simulation.v1.SessionService/GetSession";
const WORLD: &str = "lienthong.simulation.v1.SimulationService/GetWorld";

/// The embedded file of rights, in which these methods have rows of their own, for these agencies.
fn rights(own: &[(&str, &[&str])]) -> String {
    let mut text = EMBEDDED.to_owned();
    for (number, (method, agencies)) in own.iter().enumerate() {
        let line = format!("  \"{method}\",\n");
        assert_eq!(text.matches(&line).count(), 1, "{method}");
        let agencies: Vec<String> = agencies.iter().map(|agency| format!("\"{agency}\"")).collect();
        let role = format!("[roles]\nsuites_{number} = [{}]\n", agencies.join(", "));
        text = text.replace(&line, "").replacen("[roles]\n", &role, 1);
        text.push_str(&format!("\n[[method]]\ncallers = [\"suites_{number}\"]\nnames = [\"{method}\"]\n"));
    }
    text
}

/// A gateway with these rights, in a file of this folder, and these quotas.
async fn with_rights(folder: &Path, own: &[(&str, &[&str])], sessions: SessionsMax) -> Started {
    let file = folder.join("rights.toml");
    std::fs::write(&file, rights(own)).expect("written");
    gateway().with(|config| Config { rights: Some(file), sessions, ..config }).start().await
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned())
}

/// A method's name as the helpers want it.
fn short(method: &str) -> &str {
    method.strip_prefix("lienthong.").unwrap_or(method)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_agency_may_create_and_one_may_be_kept_from_entering() {
    let folder = tempfile::tempdir().expect("a folder");
    let own: [(&str, &[&str]); 2] = [(CREATE, &["one-stop"]), (ENTER, &["one-stop", "operator"])];
    let started = with_rights(folder.path(), &own, SessionsMax::default()).await;
    let base = base(&started.channel);
    let created = base.ask("demo-one-stop", short(CREATE), json!({})).await;
    assert_eq!(created["session"]["createdBy"], "one-stop", "{created}");
    let session = base.at(created["session"]["sessionId"].as_str().expect("an id"));
    for who in ["demo-operator", "demo-bank", "demo-citizen-042090990001"] {
        assert_eq!(base.refused(who, short(CREATE), json!({})).await, denied(), "{who}");
    }
    for who in ["demo-one-stop", "demo-operator"] {
        session.ask(who, short(WORLD), json!({})).await;
    }
    // Whoever may not enter is refused there whatever they call, and served outside.
    for who in ["demo-bank", "demo-citizen-042090990001"] {
        assert_eq!(session.refused(who, short(WORLD), json!({})).await, denied(), "{who}");
        base.ask(who, short(WORLD), json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_has_a_quota_and_so_has_the_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let quotas = SessionsMax { total: 3, of_caller: 2, ..SessionsMax::default() };
    let started = with_rights(folder.path(), &[(CREATE, &["one-stop", "operator"])], quotas).await;
    let base = base(&started.channel);
    let full = (Code::ResourceExhausted, "TOO_MANY_SESSIONS".to_owned());
    let create = async |who: &str| {
        let created = base.call(who, short(CREATE), json!({})).await;
        let created = created.map_err(|status| super::common::reason(&status))?;
        Ok::<_, (Code, String)>(created["session"]["sessionId"].as_str().expect("an id").to_owned())
    };
    let first = create("demo-one-stop").await.expect("the first");
    create("demo-one-stop").await.expect("the second");
    assert_eq!(create("demo-one-stop").await, Err(full.clone()), "its own quota");
    create("demo-operator").await.expect("another's quota is free");
    assert_eq!(create("demo-operator").await, Err(full.clone()), "the gateway's");
    base.sessions("DeleteSession", json!({ "session_id": first })).await;
    create("demo-operator").await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_in_a_session_are_those_of_its_beginning_but_not_those_of_entering_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let started =
        with_rights(folder.path(), &[(ENTER, &["one-stop", "bank", "operator"])], SessionsMax::default()).await;
    let base = base(&started.channel);
    let before = base.create(json!({})).await;
    before.ask("demo-bank", short(WORLD), json!({})).await;
    // From now on only operators may ask for the world, and the bank may not enter.
    let own: [(&str, &[&str]); 2] = [(ENTER, &["one-stop", "operator"]), (WORLD, &["operator"])];
    std::fs::write(folder.path().join("rights.toml"), rights(&own)).expect("written");
    started.gateway.reload_rights();
    assert_eq!(base.refused("demo-one-stop", short(WORLD), json!({})).await, denied());
    before.ask("demo-one-stop", short(WORLD), json!({})).await;
    assert_eq!(before.refused("demo-bank", short(WORLD), json!({})).await, denied(), "who enters is decided outside");
    let after = base.create(json!({})).await;
    assert_eq!(after.refused("demo-one-stop", short(WORLD), json!({})).await, denied());
    // A reset begins as the session began.
    base.sessions("ResetSession", json!({ "session_id": before.id() })).await;
    before.ask("demo-one-stop", short(WORLD), json!({})).await;
}
