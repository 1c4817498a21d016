//! Webhooks over a province in memory: targets are a receiver that keeps what it gets, and answers as a test says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::access::{RightsBook, rights};
use crate::base::entropy::SeededEntropy;
use crate::base::{AgencyId, Reason, Result, Seed, Timestamp, limits};
use crate::store::Space;
use crate::trust::Object;
use crate::world::until::until_answered;
use crate::world::{World, world};

const OWNER: &str = "social-insurance";
const REGISTRY: &str = "social_insurance";
const MEMBERSHIP: &str = "social_insurance.membership.v1";
const TARGET: &str = "https://hooks.example.vn/changes";
const SLOW: &str = "https://slow.example.vn/changes";

type Answer = std::result::Result<(), Failure>;

/// What a target got.
#[derive(Debug, Clone)]
struct Got {
    host: String,
    headers: SignedHeaders,
    ledger_index: Option<u64>,
}

/// All targets.
#[derive(Default)]
struct Receiver {
    got: Mutex<Vec<Got>>,
    /// The next answers; then every event is accepted.
    answers: Mutex<VecDeque<Answer>>,
    /// The answer after those, if events are not accepted.
    always: Mutex<Option<Failure>>,
}

impl Receiver {
    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().expect("whole").extend(answers);
    }

    fn always(&self, failure: Option<Failure>) {
        *self.always.lock().expect("whole") = failure;
    }

    fn next_answer(&self) -> Answer {
        let next = self.answers.lock().expect("whole").pop_front();
        next.unwrap_or_else(|| self.always.lock().expect("whole").map_or(Ok(()), Err))
    }
}

#[async_trait]
impl Post for Receiver {
    fn body(&self, event: &Event) -> Result<Bytes> {
        Ok(match &event.content {
            Content::Change(change) => change.ledger_index.to_string().into(),
            Content::Test(_) => Bytes::from_static(b"test"),
        })
    }

    async fn post(&self, target: &Target, headers: &SignedHeaders, body: Bytes, _: Duration) -> Answer {
        let (host, headers) = (target.host.to_string(), headers.clone());
        let ledger_index = std::str::from_utf8(&body).ok().and_then(|index| index.parse().ok());
        let is_slow = host.starts_with("slow");
        self.got.lock().expect("whole").push(Got { host, headers, ledger_index });
        if is_slow {
            std::future::pending::<()>().await;
        }
        self.next_answer()
    }
}

/// A world with webhooks.
struct Stage {
    world: World,
    receiver: Arc<Receiver>,
    sending: Arc<Sending>,
    rights: Arc<RightsBook>,
    webhooks: Webhooks,
    running: Option<JoinHandle<()>>,
    members: u64,
}

async fn stage() -> Stage {
    staged(RightsBook::of(rights::embedded()), limits::DEAD_LETTERS_MAX).await
}

async fn staged(rights: Arc<RightsBook>, letters_max: usize) -> Stage {
    let world = world().registries(&[REGISTRY]).start().await;
    let receiver = Arc::new(Receiver::default());
    let rules = ["hooks.example.vn", "slow.example.vn", "other.example.vn"].map(|rule| rule.parse().expect("a rule"));
    let sending = Arc::new(Sending {
        targets: TargetList::from_iter(rules),
        post: receiver.clone(),
        key: SecretKey::of(&Seed::root(7)),
        machine: world.clock.clone(),
        counts: Counts::default(),
    });
    let webhooks = webhooks(&world, &sending, &rights, letters_max, "a/records");
    let mut stage = Stage { world, receiver, sending, rights, webhooks, running: None, members: 0 };
    stage.run();
    stage
}

fn webhooks(
    world: &World,
    sending: &Arc<Sending>,
    rights: &Arc<RightsBook>,
    letters_max: usize,
    origin: &str,
) -> Webhooks {
    let parts = Parts {
        store: world.store.clone(),
        province: world.province.clone(),
        rights: rights.clone(),
        clock: world.clock.clone(),
        entropy: Arc::new(SeededEntropy::new(world.seed.child("webhooks", 0))),
        origin: origin.into(),
        sending: sending.clone(),
    };
    Webhooks::with_letters(parts, letters_max)
}

fn agency(key: &str) -> AgencyId {
    AgencyId::parse(key).expect("a key")
}

fn asked(request_id: &str, target: &str) -> NewWebhook {
    let selection = Selection { registry: Some(REGISTRY.into()), ..Selection::default() };
    let target = Target::parse(target).expect("a URL");
    NewWebhook { request_id: request_id.into(), target, selection, from: None }
}

fn membership(number: u64) -> Object {
    Object::new().with("personal_id", format!("0421{number:08}")).with("status", "active")
}

impl Stage {
    fn run(&mut self) {
        self.running = Some(tokio::spawn(self.webhooks.clone().run()));
    }

    /// As if the process died and began anew.
    async fn die(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            assert!(running.await.expect_err("aborted").is_cancelled());
        }
    }

    async fn create(&self, target: &str) -> Webhook {
        let created = self.webhooks.create(&agency(OWNER), asked("request-1", target), self.world.now()).await;
        created.expect("created").0.webhook
    }

    /// A change that is accepted.
    async fn enter(&mut self) {
        self.members += 1;
        self.world.enter(MEMBERSHIP, membership(self.members)).await;
    }

    async fn view(&self, id: Uuid) -> WebhookView {
        self.webhooks.get(&agency(OWNER), id).await.expect("its own")
    }

    /// Waits until so many events came, in all attempts.
    async fn came(&self, count: usize) -> Vec<Got> {
        let enough = async || Some(self.receiver.got()).filter(|got| got.len() >= count);
        until_answered("events come", enough).await
    }

    /// Waits until a webhook is as wanted.
    async fn becomes(&self, id: Uuid, what: &str, is_so: impl Fn(&WebhookView) -> bool) -> WebhookView {
        until_answered(what, async || Some(self.view(id).await).filter(|view| is_so(view))).await
    }

    /// Moves the clock to the next attempt of the event that fails.
    async fn next_attempt(&self, id: Uuid, attempts: u32) {
        let is_so = |view: &WebhookView| view.deliveries.failing.as_ref().is_some_and(|of| of.attempts == attempts);
        let view = self.becomes(id, "an attempt failed", is_so).await;
        self.world.clock.set(view.deliveries.failing.and_then(|failing| failing.next_at).expect("again"));
    }

    async fn letters(&self, id: Uuid) -> Vec<DeadLetter> {
        self.webhooks.letters(&agency(OWNER), id, None, 500).await.expect("its own").1
    }
}

fn indices(got: &[Got]) -> Vec<u64> {
    got.iter().filter_map(|got| got.ledger_index).collect()
}

fn ascending(indices: &[u64]) -> bool {
    indices.windows(2).all(|pair| pair[0] < pair[1])
}

#[tokio::test]
async fn changes_come_once_in_order_and_signed_and_the_position_is_kept() {
    let mut stage = stage().await;
    stage.enter().await; // before the webhook: not sent
    let id = stage.create(TARGET).await.id;
    for _ in 0..5 {
        stage.enter().await;
    }
    let got = stage.came(5).await;
    let view = stage.becomes(id, "all are noted", |view| view.deliveries.delivered == 5).await;
    assert!(ascending(&indices(&got)) && got.len() == 5, "{got:?}");
    assert_eq!(view.deliveries.next, got[4].ledger_index.expect("a change") + 1);
    assert_eq!(view.deliveries.failing, None);
    stage.becomes(id, "nothing waits", |view| view.lag_entries == 0).await;
    let (_, secret) =
        stage.webhooks.create(&agency(OWNER), asked("request-1", TARGET), stage.world.now()).await.expect("the same");
    for one in &got {
        let index = one.ledger_index.expect("a change");
        assert_eq!(one.headers.id, format!("{id}_{index}"));
        let body = index.to_string();
        let expected = SignedHeaders::new(&one.headers.id, stage.world.now(), body.as_bytes(), [&secret]);
        assert_eq!(one.headers, expected);
    }
    assert_eq!(stage.sending.counts.all()[0], ("delivered", 5));
}

#[tokio::test]
async fn an_event_that_fails_is_tried_again_by_the_worlds_clock_and_the_others_wait() {
    let mut stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.receiver.answer([Err(Failure::Timeout), Err(Failure::Status { status: 500, retry_after: None })]);
    stage.enter().await;
    stage.enter().await;
    stage.next_attempt(id, 1).await;
    stage.next_attempt(id, 2).await;
    let got = stage.came(4).await;
    stage.becomes(id, "both are accepted", |view| view.deliveries.delivered == 2).await;
    let indices = indices(&got);
    assert!(indices[0] == indices[1] && indices[1] == indices[2] && indices[2] < indices[3], "{indices:?}");
    let ids: Vec<&str> = got.iter().map(|got| &*got.headers.id).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "a receiver knows duplicates by the id");
    let seconds: Vec<i64> = got.iter().map(|got| got.headers.timestamp.parse().expect("seconds")).collect();
    assert!(
        (5..=6).contains(&(seconds[1] - seconds[0])) && (300..=360).contains(&(seconds[2] - seconds[1])),
        "{seconds:?}"
    );
}

#[tokio::test]
async fn a_process_that_dies_sends_the_unacknowledged_event_again_and_misses_none() {
    let mut stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.enter().await;
    stage.becomes(id, "the first is noted", |view| view.deliveries.delivered == 1).await;
    // The target got the second, and its answer is on the way when the process dies.
    let slow = Target::parse(SLOW).expect("a URL");
    stage.webhooks.update(&agency(OWNER), id, Some(slow), None).await.expect("updated");
    stage.enter().await;
    stage.came(2).await;
    stage.die().await;
    stage.enter().await; // while nobody delivers
    let back = Target::parse(TARGET).expect("a URL");
    stage.webhooks = webhooks(&stage.world, &stage.sending, &stage.rights, limits::DEAD_LETTERS_MAX, "a/records");
    stage.webhooks.update(&agency(OWNER), id, Some(back), None).await.expect("updated");
    stage.run();
    let view = stage.becomes(id, "all are accepted", |view| view.deliveries.delivered == 3).await;
    let got = stage.came(4).await;
    let indices = indices(&got);
    assert!(indices[0] < indices[1] && indices[1] == indices[2] && indices[2] < indices[3], "{indices:?}");
    assert_eq!(got[1].headers.id, got[2].headers.id);
    assert_eq!(view.deliveries.next, indices[3] + 1);
}

#[tokio::test]
async fn a_slow_target_costs_only_itself() {
    let mut stage = stage().await;
    stage.create(SLOW).await;
    let fast = stage.webhooks.create(&agency(OWNER), asked("request-2", TARGET), stage.world.now()).await;
    let fast = fast.expect("created").0.webhook.id;
    for _ in 0..4 {
        stage.enter().await;
    }
    stage.becomes(fast, "the fast one has all", |view| view.deliveries.delivered == 4).await;
    let slow = stage.receiver.got().iter().filter(|got| got.host.starts_with("slow")).count();
    assert_eq!(slow, 1, "its first event has not been answered");
}

#[tokio::test]
async fn both_secrets_sign_until_the_overlap_is_over() {
    let mut stage = stage().await;
    let (view, first) =
        stage.webhooks.create(&agency(OWNER), asked("request-1", TARGET), stage.world.now()).await.expect("created");
    let id = view.webhook.id;
    let rotate = async |request_id: &str| {
        let overlap = Duration::from_secs(3_600);
        stage.webhooks.rotate(&agency(OWNER), id, request_id, overlap, stage.world.now()).await.expect("rotated")
    };
    let (view, second) = rotate("rotation-1").await;
    assert_ne!(first.text(), second.text());
    assert_eq!(rotate("rotation-1").await.1, second, "a repetition rotates nothing");
    let again = stage.webhooks.create(&agency(OWNER), asked("request-1", TARGET), stage.world.now()).await;
    assert_eq!(again.expect_err("the first secret is not told again").reason, Reason::RequestIdReused);
    let until = view.webhook.rotation.previous_until.expect("an overlap");
    stage.enter().await;
    let with_both = stage.came(1).await[0].clone();
    stage.becomes(id, "it is noted", |view| view.deliveries.delivered == 1).await;
    stage.world.clock.set(until);
    stage.enter().await;
    let with_one = stage.came(2).await[1].clone();
    for (got, secrets) in [(with_both, vec![&second, &first]), (with_one, vec![&second])] {
        let body = got.ledger_index.expect("a change").to_string();
        let seconds: i64 = got.headers.timestamp.parse().expect("seconds");
        let expected = SignedHeaders::new(&got.headers.id, Timestamp(seconds * 1_000), body.as_bytes(), secrets);
        assert_eq!(got.headers, expected);
    }
}

#[tokio::test]
async fn a_target_that_is_gone_gets_nothing_more_until_its_agency_resumes_the_webhook() {
    let mut stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.receiver.answer([Err(Failure::Gone)]);
    stage.enter().await;
    stage.enter().await;
    let is_disabled = |view: &WebhookView| view.webhook.state == WebhookState::Disabled(Disabled::Gone);
    let view = stage.becomes(id, "it is disabled", is_disabled).await;
    assert_eq!((view.deliveries.delivered, stage.receiver.got().len()), (0, 1));
    stage.webhooks.update(&agency(OWNER), id, None, Some(true)).await.expect("resumed");
    stage.becomes(id, "both are accepted", |view| view.deliveries.delivered == 2).await;
    let got = stage.receiver.got();
    assert!(got.len() == 3 && got[0].headers.id == got[1].headers.id, "the event waited: {got:?}");
}

#[tokio::test]
async fn a_paused_webhook_waits_and_goes_on_where_it_was() {
    let mut stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.webhooks.update(&agency(OWNER), id, None, Some(false)).await.expect("paused");
    stage.enter().await;
    stage.enter().await;
    let view = stage.view(id).await;
    assert_eq!((view.webhook.state, view.deliveries.delivered), (WebhookState::Paused, 0));
    assert!(view.lag_entries >= 2, "changes wait in the ledger");
    stage.webhooks.update(&agency(OWNER), id, None, Some(true)).await.expect("resumed");
    stage.becomes(id, "both are accepted", |view| view.deliveries.delivered == 2).await;
    assert_eq!(stage.receiver.got().len(), 2);
}

#[tokio::test]
async fn what_is_given_up_is_a_dead_letter_that_can_be_sent_again() {
    let mut stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.receiver.answer([Err(Failure::NotConnected); 10]);
    stage.enter().await;
    stage.enter().await;
    for attempts in 1..=9 {
        stage.next_attempt(id, attempts).await;
    }
    stage.becomes(id, "the next one is accepted", |view| view.deliveries.delivered == 1).await;
    let letters = stage.letters(id).await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.attempts, &*letter.failure, letter.is_queued), (10, "NOT_CONNECTED", false));
    let got = stage.receiver.got();
    assert_eq!((got.len(), got[0].ledger_index), (11, Some(letter.ledger_index)));
    assert_eq!(stage.sending.counts.all(), [("delivered", 1), ("failed", 10), ("given_up", 1)]);

    // Once more without success: it stays on the list.
    stage.receiver.answer([Err(Failure::Timeout)]);
    let redeliver = async || stage.webhooks.redeliver(&agency(OWNER), id, &[]).await.expect("its own");
    assert_eq!(redeliver().await, 1);
    let failed_again = async || {
        let letters = stage.letters(id).await;
        letters.into_iter().find(|letter| letter.attempts == 11 && !letter.is_queued)
    };
    assert_eq!(until_answered("it failed again", failed_again).await.failure, "TIMEOUT");
    let none = stage.webhooks.redeliver(&agency(OWNER), id, &[u64::MAX]).await.expect("its own");
    assert_eq!(none, 0, "no such letter");

    assert_eq!(redeliver().await, 1);
    until_answered("the list is empty", async || stage.letters(id).await.is_empty().then_some(())).await;
    let last = stage.receiver.got().pop().expect("some");
    assert_eq!((last.ledger_index, &last.headers.id), (got[0].ledger_index, &got[0].headers.id));
}

#[tokio::test]
async fn a_full_list_of_dead_letters_ends_deliveries_and_loses_nothing() {
    let mut stage = staged(RightsBook::of(rights::embedded()), 1).await;
    let id = stage.create(TARGET).await.id;
    stage.receiver.always(Some(Failure::Timeout));
    stage.enter().await;
    stage.enter().await;
    for _ in 0..2 {
        for attempts in 1..=9 {
            stage.next_attempt(id, attempts).await;
        }
    }
    let is_disabled = |view: &WebhookView| view.webhook.state == WebhookState::Disabled(Disabled::DeadLettersFull);
    stage.becomes(id, "it is disabled", is_disabled).await;
    let letter = stage.letters(id).await[0].ledger_index;
    stage.receiver.always(None);
    stage.webhooks.redeliver(&agency(OWNER), id, &[letter]).await.expect("queued");
    stage.webhooks.update(&agency(OWNER), id, None, Some(true)).await.expect("resumed");
    stage.becomes(id, "the second is accepted", |view| view.deliveries.delivered == 1).await;
    until_answered("the list is empty", async || stage.letters(id).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn an_agency_that_may_no_longer_watch_is_sent_nothing_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rights.toml");
    std::fs::write(&file, rights::EMBEDDED).expect("written");
    let book = RightsBook::open(Some(&file), &crate::world::foundation::catalogue()).expect("rights");
    let mut stage = staged(book, limits::DEAD_LETTERS_MAX).await;
    let id = stage.create(TARGET).await.id;
    stage.enter().await;
    stage.becomes(id, "it is delivered", |view| view.deliveries.delivered == 1).await;

    let row = "# Accepted changes of a registry, or of all.\n[[method]]\ncallers = [\"owner\", \"operators\"]";
    assert!(rights::EMBEDDED.contains(row));
    let withdrawn = rights::EMBEDDED.replace(row, "[[method]]\ncallers = [\"operators\"]");
    std::fs::write(&file, withdrawn).expect("written");
    stage.rights.reload().expect("good");
    stage.enter().await;
    let is_disabled = |view: &WebhookView| view.webhook.state == WebhookState::Disabled(Disabled::RightsWithdrawn);
    stage.becomes(id, "it is disabled", is_disabled).await;
    assert_eq!(stage.receiver.got().len(), 1);
    let refused = stage.webhooks.update(&agency(OWNER), id, None, Some(true)).await.expect_err("not resumed either");
    assert_eq!(refused.reason, Reason::RoleNotAllowed);
    let refused = stage.webhooks.create(&agency(OWNER), asked("request-2", TARGET), stage.world.now()).await;
    assert_eq!(refused.expect_err("no new one").reason, Reason::RoleNotAllowed);
}

#[tokio::test]
async fn a_target_that_was_taken_off_the_list_gets_nothing_more() {
    let mut stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.die().await;
    stage.enter().await;
    let Sending { post, key, machine, .. } = &*stage.sending;
    let (post, key, machine) = (post.clone(), key.clone(), machine.clone());
    let targets = TargetList::default();
    stage.sending = Arc::new(Sending { targets, post, key, machine, counts: Counts::default() });
    stage.webhooks = webhooks(&stage.world, &stage.sending, &stage.rights, limits::DEAD_LETTERS_MAX, "a/records");
    stage.run();
    let is_disabled = |view: &WebhookView| view.webhook.state == WebhookState::Disabled(Disabled::TargetNotListed);
    stage.becomes(id, "it is disabled", is_disabled).await;
    assert!(stage.receiver.got().is_empty());
    let refused = stage.webhooks.test(&agency(OWNER), id, Uuid::nil(), Duration::from_secs(1)).await;
    assert_eq!(refused.expect_err("no test either").reason, Reason::TargetNotListed);
}

#[tokio::test]
async fn a_webhook_is_its_agencys_alone() {
    let stage = stage().await;
    let id = stage.create(TARGET).await.id;
    let (other, webhooks) = (agency("operator"), &stage.webhooks);
    assert!(webhooks.list(&other).await.expect("none").is_empty());
    let refusals = [
        webhooks.get(&other, id).await.map(drop),
        webhooks.update(&other, id, None, Some(false)).await.map(drop),
        webhooks.rotate(&other, id, "rotation-1", Duration::ZERO, stage.world.now()).await.map(drop),
        webhooks.letters(&other, id, None, 1).await.map(drop),
        webhooks.redeliver(&other, id, &[]).await.map(drop),
        webhooks.test(&other, id, Uuid::nil(), Duration::ZERO).await.map(drop),
        webhooks.delete(&other, id).await,
    ];
    for refused in refusals {
        assert_eq!(refused.expect_err("somebody else's").reason, Reason::NotFound);
    }
    assert_eq!(stage.view(id).await.webhook.state, WebhookState::Active);
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused() {
    let stage = stage().await;
    let (owner, now) = (agency(OWNER), stage.world.now());
    let create = async |agency: &AgencyId, new: NewWebhook| {
        stage.webhooks.create(agency, new, now).await.map(|(view, _)| view.webhook.id).map_err(|error| error.reason)
    };
    let one = create(&owner, asked("request-1", TARGET)).await.expect("created");
    assert_eq!(create(&owner, asked("request-1", TARGET)).await, Ok(one), "a repetition creates nothing");
    let other = asked("request-1", "https://other.example.vn/");
    assert_eq!(create(&owner, other).await, Err(Reason::RequestIdReused));
    let unlisted = asked("request-2", "https://unlisted.example.vn/");
    assert_eq!(create(&owner, unlisted).await, Err(Reason::TargetNotListed));
    let late = NewWebhook { from: Some(u64::MAX), ..asked("request-2", TARGET) };
    assert_eq!(create(&owner, late).await, Err(Reason::CursorGone));
    let of_all = NewWebhook { selection: Selection::default(), ..asked("request-2", TARGET) };
    assert_eq!(create(&owner, of_all).await, Err(Reason::RoleNotAllowed), "an owner watches its registry alone");
    assert_eq!(create(&agency("police"), asked("request-2", TARGET)).await, Err(Reason::RoleNotAllowed));
    for number in 2..=limits::WEBHOOKS_OF_AGENCY_MAX {
        create(&owner, asked(&format!("request-{number}"), TARGET)).await.expect("within the quota");
    }
    assert_eq!(create(&owner, asked("request-99", TARGET)).await, Err(Reason::TooManyWebhooks));
    stage.webhooks.delete(&owner, one).await.expect("deleted");
    create(&owner, asked("request-99", TARGET)).await.expect("there is room again");
    assert_eq!(stage.webhooks.get(&owner, one).await.expect_err("deleted").reason, Reason::NotFound);
}

#[tokio::test]
async fn a_deleted_webhook_leaves_nothing() {
    let mut stage = stage().await;
    let id = stage.create(SLOW).await.id;
    stage.enter().await;
    stage.came(1).await;
    stage.webhooks.delete(&agency(OWNER), id).await.expect("deleted");
    let rows =
        [Space::Webhook, Space::WebhookDelivery, Space::WebhookLetter].map(|space| stage.world.store.count(space));
    assert_eq!(rows, [0; 3]);
    until_answered("its task is gone", async || stage.webhooks.by_agency().is_empty().then_some(())).await;
}

#[tokio::test]
async fn another_world_over_the_same_rows_has_no_webhooks_of_this_one() {
    let stage = stage().await;
    stage.create(TARGET).await;
    let session =
        webhooks(&stage.world, &stage.sending, &stage.rights, limits::DEAD_LETTERS_MAX, "a/session/b/records");
    assert!(session.list(&agency(OWNER)).await.expect("none").is_empty());
}

#[tokio::test]
async fn a_webhook_from_the_beginning_sends_the_past_and_its_lag_is_told() {
    let mut stage = stage().await;
    for _ in 0..3 {
        stage.enter().await;
    }
    stage.die().await;
    let new = NewWebhook { from: Some(0), ..asked("request-1", TARGET) };
    let (view, _) = stage.webhooks.create(&agency(OWNER), new, stage.world.now()).await.expect("created");
    assert_eq!(view.lag_entries, stage.world.province.ledger_size());
    stage.run();
    let id = view.webhook.id;
    stage.becomes(id, "the past is sent", |view| view.deliveries.delivered == 3).await;
    stage.becomes(id, "nothing waits", |view| view.lag_entries == 0).await;
    let of_owner: BTreeMap<_, _> = stage.webhooks.by_agency();
    assert_eq!(of_owner[&agency(OWNER)].states, [("active", 1), ("paused", 0), ("disabled", 0)]);
    assert_eq!(of_owner[&agency(OWNER)].lag_entries, 0);
}

#[tokio::test]
async fn a_test_event_is_sent_once_whatever_the_state() {
    let stage = stage().await;
    let id = stage.create(TARGET).await.id;
    stage.webhooks.update(&agency(OWNER), id, None, Some(false)).await.expect("paused");
    stage.receiver.answer([Err(Failure::Status { status: 404, retry_after: None })]);
    let test = async || {
        let (event, outcome) =
            stage.webhooks.test(&agency(OWNER), id, Uuid::nil(), Duration::from_secs(1)).await.expect("sent");
        assert!(event.starts_with(&format!("{id}_test_")) && !event.contains('.'), "{event}");
        outcome.map_err(|failure| failure.to_string())
    };
    assert_eq!(test().await, Err("HTTP_404".to_owned()));
    assert_eq!(test().await, Ok(()));
    assert_eq!(stage.receiver.got().len(), 2);
    assert_eq!(stage.view(id).await.deliveries.delivered, 0, "it is no part of the order of events");
}
