//! A tester whom a session's registries and logs mislead: each action of the list that says what is not so, or says it too late, and what may be seen
//! under it. What does not verify is delivered to nobody; what verifies and is old is shown as what it is; and whatever the rule was, it ends with it.

use lienthong::simulation::faults::{Action, ReadAction, StateAction};
use lienthong::trust::note::Checkpoint;
use serde_json::json;

use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::faults;
use super::reader::FETCH;
use super::registrar::{membership, version};

const ADD: &str = "simulation.v1.FaultService/AddFaults";
const HEAL: &str = "simulation.v1.FaultService/Heal";
const FEEDS: &str = "province.v1.ProvinceService/ListFeeds";
const NEXT: &str = "simulation.v1.SimulationService/AdvanceToNext";
const SUBMIT: &str = "registry.v1.RegistryService/SubmitChanges";
const OWNER: &str = "demo-social-insurance";
const OPERATOR: &str = "demo-operator";
const REGISTRY: &str = "social_insurance";
/// Actions that one session meets.
const ACTIONS: usize = 3;
/// How often it is looked whether a feed has halted.
const LOOKS_MAX: usize = 40;

/// What may be seen of a registry that answers wrongly.
enum Seen {
    /// The record is refused, by one of these codes.
    Refused(&'static [&'static str]),
    /// The record is missing, whatever is said of it.
    Missing,
    /// The version before the newest.
    Older,
    /// The record, after so many milliseconds.
    Late(u128),
}

fn seen_of(action: ReadAction) -> Seen {
    match action {
        // What is changed may be whose record it is.
        ReadAction::PayloadChanged => Seen::Refused(&["PAYLOAD_MISMATCH", "RECORD_NOT_VERIFIED"]),
        ReadAction::OtherIssuer => Seen::Refused(&["ISSUER_MISMATCH"]),
        ReadAction::CompromisedKey => Seen::Refused(&["REVOKED_NO_POE"]),
        ReadAction::OtherProof => Seen::Refused(&["INCLUSION"]),
        ReadAction::IssuedInFuture => Seen::Refused(&["ISSUED_IN_FUTURE"]),
        ReadAction::NotCanonical => Seen::Refused(&["NON_CANONICAL"]),
        ReadAction::OtherRecord => Seen::Refused(&["RECORD_NOT_VERIFIED"]),
        ReadAction::Unavailable | ReadAction::Reset => Seen::Refused(&["REGISTRY_UNAVAILABLE"]),
        ReadAction::Exhausted => Seen::Refused(&["RATE_LIMITED"]),
        ReadAction::Internal => Seen::Refused(&["INTERNAL"]),
        ReadAction::Slow => Seen::Missing,
        ReadAction::StaleVersion => Seen::Older,
        ReadAction::Delay(delay) => Seen::Late(delay.drawn(&lienthong::base::Seed::root(0)).as_millis()),
    }
}

/// The tester in a session, where a member has a record of one version.
pub struct Misled<'a> {
    /// The tester, there.
    pub session: &'a Client,
    /// The member.
    pub member: &'a str,
}

impl Misled<'_> {
    /// Throws some actions that are drawn, one after another; each ends before the next. Those that leave something behind come last, and there is one.
    pub async fn meets_some(&self) {
        // Reads of an older version need one.
        if !self.is_changed().await {
            return;
        }
        let mut actions = {
            let mut dice = lock(&self.session.dice);
            let all: Vec<Action> = faults::all(&mut dice)
                .into_iter()
                .filter(|action| !faults::is_for_all(action) || matches!(action, Action::Read(_)))
                .collect();
            (0..ACTIONS).map(|_| dice.pick(&all).clone()).collect::<Vec<_>>()
        };
        actions.sort_by_key(leaves_something);
        for action in actions {
            self.meets(&action).await;
            if self.session.run.is_over() || leaves_something(&action) {
                return;
            }
        }
    }

    async fn is_changed(&self) -> bool {
        let changes = json!({
            "registry": REGISTRY, "requestId": format!("again-{}", self.member), "changes": [membership(self.member, 1, "preserved")],
        });
        match self.session.call(OWNER, SUBMIT, changes).await {
            Ok(_) => true,
            Err(reason) => {
                self.session.run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
                    format!("a session refuses a change: {reason}")
                });
                false
            }
        }
    }

    async fn meets(&self, action: &Action) {
        let (run, log) = (&self.session.run, &self.session.run.log);
        log.note("tester", format!("is misled: {}", action.as_str()));
        let before = self.head().await;
        let rule = faults::rule(action, REGISTRY, REGISTRY);
        match self.session.try_call(OPERATOR, ADD, json!({ "faults": [rule] })).await {
            Outcome::Answered(_) => {}
            Outcome::Refused(reason) => {
                return log.check(reason == "SESSION_UNKNOWN", || format!("a rule of a session is refused: {reason}"));
            }
            // It may stand, or not.
            Outcome::Unknown(_) => return self.heal().await,
        }
        let is_met = match action {
            Action::Read(action) => self.reads(*action).await,
            Action::State(StateAction::ClockSkew(_)) => self.halts().await,
            Action::State(StateAction::EquivocatingLog) => self.shows_another(before).await,
            Action::State(StateAction::HaltedRenewal) => self.is_not_renewed().await,
            Action::State(_) | Action::Call(_) => false,
        };
        if is_met {
            run.sometimes.met(faults::met(action));
        }
        self.heal().await;
    }

    async fn heal(&self) {
        if let Err(reason) = self.session.call(OPERATOR, HEAL, json!({})).await {
            self.session.run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
                format!("the rules of a session cannot be ended: {reason}")
            });
        }
    }

    /// Fetches the member's record under a rule; says whether what was seen is what the rule causes.
    async fn reads(&self, action: ReadAction) -> bool {
        let log = &self.session.run.log;
        let body = json!({
            "personalId": self.member, "recordTypes": ["social_insurance.membership.v1"], "purpose": "one_stop.process_dossier",
        });
        let began = log.elapsed_ms();
        let (delivered, said) = match self.session.try_call("demo-one-stop", FETCH, body).await {
            Outcome::Answered(answer) => {
                let missing = &answer["missing"][0];
                let said = missing["code"].as_str().or_else(|| missing["reason"].as_str()).unwrap_or_default();
                (answer["records"].get(0).map(version), said.to_owned())
            }
            Outcome::Refused(reason) | Outcome::Unknown(reason) => (None, reason),
        };
        let took_ms = u128::try_from(log.elapsed_ms() - began).expect("time goes on");
        match (seen_of(action), delivered) {
            (Seen::Refused(codes), None) => codes.contains(&&*said),
            (Seen::Missing, None) => said != "SESSION_UNKNOWN",
            (Seen::Refused(_) | Seen::Missing, Some(_)) => {
                log.violated(format!("a record is delivered under {}", action.as_str()));
                false
            }
            (Seen::Older, Some(version)) => {
                log.check(version == 1, || format!("version {version} is shown instead of an older one"));
                true
            }
            (Seen::Late(ms), Some(version)) => {
                log.check(version == 2 && took_ms >= ms, || {
                    format!("version {version} came after {took_ms} ms of {ms}")
                });
                true
            }
            (Seen::Older | Seen::Late(_), None) => false,
        }
    }

    /// A registry whose clock is a day ahead issues what nobody accepts: its feed halts.
    async fn halts(&self) -> bool {
        let changes = json!({
            "registry": REGISTRY, "requestId": format!("ahead-{}", self.member), "changes": [membership(self.member, 2, "active")],
        });
        if let Outcome::Answered(_) = self.session.try_call(OWNER, SUBMIT, changes).await {
            self.session.run.log.violated("a change of tomorrow is accepted");
        }
        for _ in 0..LOOKS_MAX {
            let Outcome::Answered(answer) = self.session.try_call(OPERATOR, FEEDS, json!({})).await else {
                return false;
            };
            let mut feeds = answer["feeds"].as_array().into_iter().flatten();
            if feeds.any(|feed| feed["registry"] == REGISTRY && feed["reason"] == "ISSUED_IN_FUTURE") {
                return true;
            }
            self.session.pause(100, 300).await;
        }
        false
    }

    /// The head of the registry's log, as it is shown: of a session that is misled, nobody else takes it for the log's.
    async fn head(&self) -> Option<Checkpoint> {
        let asked = self
            .session
            .try_call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": REGISTRY }))
            .await;
        let Outcome::Answered(answer) = asked else { return None };
        Checkpoint::of_note(answer["checkpoint"].as_str()?.as_bytes()).ok()
    }

    async fn shows_another(&self, honest: Option<Checkpoint>) -> bool {
        let (Some(honest), Some(other)) = (honest, self.head().await) else { return false };
        self.session.run.log.check(honest.size == other.size && honest.root != other.root, || {
            format!("a log that shows another tree shows {} entries for {}", other.size, honest.size)
        });
        true
    }

    /// The next renewal of the trust anchor is none while a rule halts it.
    async fn is_not_renewed(&self) -> bool {
        let next = json!({ "requestId": format!("renewal-{}", self.member), "kind": "trust_anchor.renewal" });
        match self.session.try_call(OPERATOR, NEXT, next).await {
            Outcome::Answered(_) => {
                self.session.run.log.violated("the trust anchor is renewed, and a rule halts that");
                false
            }
            Outcome::Refused(reason) => reason == "NOT_FOUND",
            Outcome::Unknown(_) => false,
        }
    }
}

/// Whether an action leaves something behind: a feed that halted for good reason does not go on by itself.
fn leaves_something(action: &Action) -> bool {
    matches!(action, Action::State(StateAction::ClockSkew(_)))
}
