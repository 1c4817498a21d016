//! Two sessions at the same time: both change the same records of several types, each in its way. Neither shows what the other says, and the province shows
//! nothing of both.

use serde_json::{Value, json};

use super::citizen::HAPPY;
use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::registrar::{basis, member, membership, payload, version};

const SUBMIT: &str = "registry.v1.RegistryService/SubmitChanges";
const READ: &str = "registry.v1.RegistryService/GetRecords";
/// No registrar has this number: its members are of two sessions.
const OWN: u64 = 7_200;

/// A record that both sessions change.
struct Shared {
    agency: &'static str,
    registry: &'static str,
    record_type: &'static str,
    person: String,
    /// The place in its payload.
    field: &'static str,
    /// What each session makes of it.
    says: [&'static str; 2],
}

fn shared(work: u64) -> [Shared; 3] {
    [
        Shared {
            agency: "demo-social-insurance",
            registry: "social_insurance",
            record_type: "social_insurance.membership.v1",
            person: member(OWN, work),
            field: "/status",
            says: ["active", "preserved"],
        },
        Shared {
            agency: "demo-social-insurance",
            registry: "health_insurance",
            record_type: "health_insurance.card.v1",
            person: HAPPY.into(),
            field: "/holder/full_name",
            says: ["Phiên Một", "Phiên Hai"],
        },
        Shared {
            agency: "demo-police",
            registry: "resident",
            record_type: "resident.person.v1",
            person: HAPPY.into(),
            field: "/religion",
            says: ["Phật giáo", "Công giáo"],
        },
    ]
}

impl Shared {
    /// The record in the world of a client: its version and payload, `None` inside if there is none; `None` if that is not to be known.
    async fn read(&self, client: &Client) -> Option<Option<(u64, Value)>> {
        let body = json!({ "registry": self.registry, "recordTypes": [self.record_type], "personalId": self.person });
        match client.try_call(self.agency, READ, body).await {
            Outcome::Answered(answer) => {
                let record = &answer["records"][0];
                Some(payload(record).map(|payload| (version(record), payload)))
            }
            Outcome::Refused(reason) if reason == "RECORD_NOT_FOUND" => Some(None),
            Outcome::Refused(_) | Outcome::Unknown(_) => None,
        }
    }

    /// What the record says in the world of a client.
    async fn says(&self, client: &Client) -> Option<String> {
        let found = self.read(client).await?;
        let says = found.and_then(|(_, payload)| Some(payload.pointer(self.field)?.as_str()?.to_owned()));
        Some(says.unwrap_or_default())
    }

    /// Changes the record in a session; says whether that was acknowledged.
    async fn change(&self, session: &Client, says: &str) -> bool {
        let Some(found) = self.read(session).await else { return false };
        let change = match found {
            None => membership(&self.person, 0, says),
            Some((version, mut payload)) => {
                if self.registry == "health_insurance" {
                    payload["basis"] = basis(1);
                }
                match payload.pointer_mut(self.field) {
                    Some(field) => *field = json!(says),
                    None => payload[self.field.trim_start_matches('/')] = json!(says),
                }
                json!({
                    "recordType": self.record_type, "operation": "OPERATION_UPDATE", "expectedVersion": version.to_string(),
                    "payload": payload,
                })
            }
        };
        let body = json!({
            "registry": self.registry, "requestId": format!("shared-{}-{}", self.registry, self.person), "changes": [change],
        });
        match session.call(self.agency, SUBMIT, body).await {
            Ok(_) => true,
            Err(reason) => {
                session.run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
                    format!("a session refuses a change: {reason}")
                });
                false
            }
        }
    }
}

/// Changes records in both sessions, one after another, and holds each to what it was told.
pub async fn compared(client: &Client, ids: [&str; 2], work: u64) {
    let (run, sessions) = (&client.run, ids.map(|id| client.within(id)));
    let shared = shared(work);
    lock(&run.facts).of_sessions.insert(shared[0].person.clone());
    for record in &shared {
        for (session, says) in sessions.iter().zip(record.says) {
            if !record.change(session, says).await {
                return;
            }
        }
    }
    let mut seen = 0;
    for record in &shared {
        for (session, says) in sessions.iter().zip(record.says) {
            let Some(shown) = record.says(session).await else { continue };
            seen += 1;
            run.log.check(shown == says, || {
                format!("a session has {says:?} in {}, and shows {shown:?}", record.record_type)
            });
        }
        let outside = record.says(client).await;
        run.log.check(outside.is_none_or(|shown| !record.says.contains(&&*shown)), || {
            format!("the province shows what a session says in {}", record.record_type)
        });
    }
    if seen == 2 * shared.len() {
        run.sometimes.met("two sessions change the same records, each in its way");
    }
}
