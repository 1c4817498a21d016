//! Fate: what happens to the machine, one thing after another. Each thing that it breaks it mends again.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use lienthong::base::Reason;
use lienthong::server::Gateway;
use lienthong::store::{Space, StoreRow};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::client::Client;
use super::dice::Dice;
use super::disk::lock;
use super::machine::Machine;
use super::platter::Damage;
use super::run::Run;
use super::weather::DiskWeather;

const DAY_MS: i64 = 86_400_000;
/// Spaces whose loss nothing else can make up for.
const LOSSES: [Space; 6] =
    [Space::Record, Space::LogHead, Space::LogEntry, Space::Consent, Space::Submission, Space::RecordHistory];
/// Spaces whose loss the province itself notices at a start, where the engine does not.
const UNNOTICED: [Space; 7] = [
    Space::EvidenceSubject,
    Space::ProvinceBatch,
    Space::Record,
    Space::LogEntry,
    Space::LogHead,
    Space::LogTile,
    Space::LogCheckpoint,
];
/// Spaces of which a block becomes unreadable.
const SPOILT: [Space; 4] = [Space::Record, Space::LogTile, Space::Consent, Space::ProvinceRecord];
/// Spaces of which a block reads as zeros.
const ZEROED: [Space; 3] = [Space::Record, Space::Consent, Space::ProvinceRecord];
/// Blocks that become unreadable at once, and the rows of each.
const BLOCKS: usize = 8;
const BLOCK_ROWS: usize = 24;
/// By how much the world's time is moved at most.
const MOVES_MAX: u64 = 4;

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Crash,
    Restart,
    SlowDisk,
    FullDisk,
    FailedWrite,
    SpoiltRow,
    ZeroedRow,
    GoneEntries,
    LostSpace,
    UnnoticedLoss,
    LostStore,
    SecondStart,
    ForgottenSeeding,
    MovedClock,
    StepBack,
    DaysBack,
}

/// How often each happens, against the others.
const EVENTS: &[(u64, Event)] = &[
    (24, Event::Crash),
    (8, Event::Restart),
    (10, Event::SlowDisk),
    (8, Event::FullDisk),
    (7, Event::FailedWrite),
    (8, Event::SpoiltRow),
    (8, Event::ZeroedRow),
    (7, Event::GoneEntries),
    (10, Event::LostSpace),
    (8, Event::UnnoticedLoss),
    (5, Event::LostStore),
    (7, Event::SecondStart),
    (4, Event::ForgottenSeeding),
    (6, Event::MovedClock),
    (5, Event::StepBack),
    (5, Event::DaysBack),
];

struct Fate {
    run: Arc<Run>,
    machine: Arc<Mutex<Machine>>,
    operator: Client,
    dice: Dice,
    moves: u64,
}

/// Lets things happen to the machine until the run ends.
pub async fn strikes(run: Arc<Run>, machine: Arc<Mutex<Machine>>) {
    let (operator, dice) = (Client::new("operator", &run), Dice::new(run.seed, "fate", 0));
    let mut fate = Fate { run: run.clone(), machine, operator, dice, moves: 0 };
    while !run.is_ending() {
        fate.wait(300, 4_000).await;
        let event = fate.dice.weighed(EVENTS);
        run.log.note("fate", format!("{event:?}"));
        fate.strike(event).await;
        // An engine that has stopped ends the process, whatever stopped it.
        let mut machine = fate.machine.lock().await;
        if machine.is_stopped() {
            machine.crash().await;
            machine.must_start().await;
        }
    }
}

/// Nothing is broken from now on, and the machine serves.
pub async fn end(run: &Arc<Run>, machine: &Arc<Mutex<Machine>>) {
    *lock(&run.disk.weather) = DiskWeather::default();
    let mut machine = machine.lock().await;
    if machine.is_stopped() {
        machine.crash().await;
    }
    machine.must_start().await;
    run.set_damaged(false);
}

impl Fate {
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
    async fn wait(&mut self, low_ms: u64, high_ms: u64) {
        tokio::time::sleep(self.dice.ms(low_ms, high_ms)).await;
    }

    async fn strike(&mut self, event: Event) {
        match event {
            Event::Crash => self.crash().await,
            Event::Restart => {
                self.run.sometimes.met("an orderly restart");
                self.machine.clone().lock().await.stop().await;
                self.wait(0, 2_000).await;
                self.start().await;
            }
            Event::SlowDisk => {
                lock(&self.run.disk.weather).is_slow = true;
                self.wait(2_000, 9_000).await;
                lock(&self.run.disk.weather).is_slow = false;
            }
            Event::FullDisk => {
                lock(&self.run.disk.weather).is_full = true;
                self.wait(1_000, 6_000).await;
                lock(&self.run.disk.weather).is_full = false;
            }
            Event::FailedWrite => {
                lock(&self.run.disk.weather).next_write_fails = true;
                self.wait(1_000, 5_000).await;
                lock(&self.run.disk.weather).next_write_fails = false;
            }
            Event::SpoiltRow => self.spoil(&SPOILT, Damage::Unreadable).await,
            Event::ZeroedRow => self.spoil(&ZEROED, Damage::Zeros).await,
            Event::GoneEntries => self.lose_entries().await,
            Event::LostSpace => self.lose_space(&LOSSES, true).await,
            Event::UnnoticedLoss => self.lose_space(&UNNOTICED, false).await,
            Event::LostStore => self.lose_store().await,
            Event::SecondStart => self.start_second().await,
            Event::ForgottenSeeding => self.forget_seeding().await,
            Event::MovedClock => self.move_clock().await,
            Event::StepBack => {
                self.run.sometimes.met("the clock steps back a little");
                self.run.note_jump();
                let ahead = self.run.clock.ahead_ms();
                let back = self.dice.below(200_000) as i64;
                self.run.clock.set(ahead - back);
                self.wait(1_000, 5_000).await;
                self.run.clock.set(ahead);
                self.run.note_jump();
            }
            Event::DaysBack => self.days_back().await,
        }
    }

    /// Starts what stopped; sometimes it dies on the way.
    async fn start(&mut self) {
        let machine = self.machine.clone();
        let mut machine = machine.lock().await;
        while self.dice.happens(300) {
            let patience = self.dice.ms(0, 40);
            match machine.start_within(patience).await {
                Ok(true) => return,
                Ok(false) => self.run.log.note("machine", "dies while it starts"),
                Err(error) => {
                    return self.run.log.violated(format!("the gateway does not start after a crash: {error}"));
                }
            }
        }
        machine.must_start().await;
    }

    /// The machine dies, half of the time while something is on its way to the disk.
    async fn crash(&mut self) {
        if self.dice.happens(500) {
            lock(&self.run.disk.weather).is_slow = true;
            self.run.disk.busy().await;
        }
        self.machine.clone().lock().await.crash().await;
        lock(&self.run.disk.weather).is_slow = false;
        self.wait(0, 4_000).await;
        self.start().await;
    }

    /// Some rows cannot be read as they were written for a while.
    async fn spoil(&mut self, spaces: &[Space], damage: Damage) {
        let (run, store) = (self.run.clone(), self.run.store());
        run.set_damaged(true);
        for _ in 0..BLOCKS {
            let space = *self.dice.pick(spaces);
            let block = (self.dice.below(1 << 32), BLOCK_ROWS);
            let count = run.disk.spoil(&store, space, block, damage).await;
            run.log.note("disk", format!("{count} rows of {} are damaged: {damage:?}", space.name()));
        }
        self.mend().await;
    }

    /// For a while the disk says of some entries of citizens' access logs that there are none. The first and the last of each are there: whoever writes
    /// the next one sees nothing.
    async fn lose_entries(&mut self) {
        let (run, store) = (self.run.clone(), self.run.store());
        run.set_damaged(true);
        let rows = run.disk.rows_of(&store, Space::EvidenceSubject).await;
        let subject = |row: &StoreRow| row.0.slice(..32);
        let within = rows.windows(3).filter(|of| of.iter().all(|row| subject(row) == subject(&of[1])));
        let gone: Vec<Bytes> = within.map(|of| of[1].0.clone()).filter(|_| self.dice.happens(700)).collect();
        run.log.note("disk", format!("{} entries of access logs are gone", gone.len()));
        run.disk.damage(&store, Space::EvidenceSubject, gone, Damage::Gone);
        self.mend().await;
    }

    /// Waits while rows are damaged, and mends them.
    async fn mend(&mut self) {
        let (run, store) = (self.run.clone(), self.run.store());
        self.wait(2_000, 8_000).await;
        // Damage is remembered until the next start.
        self.machine.clone().lock().await.crash().await;
        run.disk.mend(&store);
        self.start().await;
        self.wait(13_000, 13_000).await; // until no call from before is answered any more
        run.set_damaged(false);
    }

    /// While nobody serves, all rows of a space are lost: the start must refuse. With the rows put back, it must not. Where the engine does not notice
    /// (another table of contents, an older copy of its files), the province must.
    async fn lose_space(&mut self, of: &[Space], is_noticed: bool) {
        let (run, store) = (self.run.clone(), self.run.store());
        let machine = self.machine.clone();
        let mut machine = machine.lock().await;
        machine.stop().await;
        let space = *self.dice.pick(of);
        let rows = run.disk.lose(&store, space).await;
        if !is_noticed {
            run.disk.recount(&store);
        }
        if !rows.is_empty() {
            run.sometimes.met(match is_noticed {
                true => "a space is lost while nobody serves",
                false => "a space is lost, and the engine does not notice",
            });
        }
        match machine.start().await {
            Err(error) => {
                run.log.note("machine", format!("refuses to start without {}: {:?}", space.name(), error.reason))
            }
            // What comes of that, the clients find.
            Ok(()) => {
                return run.log.note("machine", format!("starts without {} rows of {}", rows.len(), space.name()));
            }
        }
        run.disk.put_back(&store, space, rows).await;
        machine.must_start().await;
    }

    /// While nobody serves, the whole store is gone, and world.json says that there was one: the start must refuse.
    async fn lose_store(&mut self) {
        let (run, store) = (self.run.clone(), self.run.store());
        let machine = self.machine.clone();
        let mut machine = machine.lock().await;
        machine.stop().await;
        let away = run.folder().join("store.away");
        fs::rename(&store, &away).expect("the store is there");
        run.sometimes.met("the store is gone, and world.json says that there was one");
        match machine.start().await {
            Err(error) => run.log.note("machine", format!("refuses to start without its store: {:?}", error.reason)),
            // What comes of that, the clients find.
            Ok(()) => return run.log.note("machine", "starts without its store"),
        }
        fs::rename(&away, &store).expect("there is none in its place");
        machine.must_start().await;
    }

    /// Somebody starts a second gateway on the folder that one serves from.
    async fn start_second(&mut self) {
        let machine = self.machine.clone();
        let mut machine = machine.lock().await;
        self.run.sometimes.met("a second start on a folder in use");
        let config = machine.config();
        match Gateway::open(config).await {
            Err(error) => self.run.log.note("machine", format!("a second start is refused: {:?}", error.reason)),
            Ok(second) => {
                self.run.log.violated("two gateways serve one folder");
                drop(second);
            }
        }
    }

    /// `world.json` says that the world was not seeded to its end, as after a death between the rename of the store and the update of the file.
    async fn forget_seeding(&mut self) {
        let machine = self.machine.clone();
        let mut machine = machine.lock().await;
        machine.stop().await;
        let path = self.run.folder().join("world.json");
        let mut world: Value = serde_json::from_slice(&fs::read(&path).expect("world.json")).expect("JSON");
        world["seeded"] = json!(false);
        fs::write(&path, world.to_string()).expect("written");
        self.run.sometimes.met("world.json forgets that the world was seeded");
        if let Err(error) = machine.start().await {
            self.run.log.violated(format!("a world that was served from is refused: {error}"));
        }
    }

    async fn move_clock(&mut self) {
        self.moves += 1;
        if self.moves > MOVES_MAX {
            return;
        }
        let by = 1 + self.dice.below(2 * 86_400);
        let body = json!({ "requestId": format!("clock-{:06}", self.moves), "by": format!("{by}s") });
        self.run.note_jump();
        let moved = self.operator.call("demo-operator", "simulation.v1.SimulationService/AdvanceClock", body).await;
        self.run.note_jump();
        match moved {
            Ok(_) => self.run.sometimes.met("the clock is moved forward"),
            Err(reason) => self.run.log.violated(format!("the clock cannot be moved: {reason}")),
        }
    }

    /// The machine comes up with a clock of days ago: it does not start, or takes no changes.
    async fn days_back(&mut self) {
        let (run, ahead) = (self.run.clone(), self.run.clock.ahead_ms());
        let machine = self.machine.clone();
        machine.lock().await.stop().await;
        run.sometimes.met("the clock is days back at a start");
        run.note_jump();
        run.clock.set(ahead - (3 + self.dice.below(20) as i64) * DAY_MS);
        let started = machine.lock().await.start().await;
        match &started {
            Ok(()) => {
                run.set_clock_behind(true);
                self.wait(4_000, 9_000).await;
                run.set_clock_behind(false);
            }
            Err(error) => {
                run.log.check(error.reason == Reason::ClockBehind, || {
                    format!("a clock of days ago is refused as {error}")
                });
                run.log.note("machine", "refuses to start with a clock of days ago");
                tokio::task::yield_now().await;
            }
        }
        machine.lock().await.stop().await;
        run.clock.set(ahead);
        run.note_jump();
        self.start().await;
    }
}
