//! A log that continues another: its first checkpoint is the other's tree under its own name and key, and nothing smaller is under that name.

use super::*;

const CONTINUED: &str = "lienthong/H27/session/00112233445566778899aabbccddeeff/test";

fn own() -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(CONTINUED, &Seed::root(2)))
}

async fn continue_in(store: &Arc<dyn Store>, before: &str) -> Result<crate::trust::anchor::Continued> {
    let clock = LogClock::new(Arc::new(FixedClock::at(Timestamp(2_000))));
    continue_log(&**store, LOG, before, CONTINUED, &*own(), &clock).await
}

#[tokio::test]
async fn the_first_checkpoint_of_a_log_that_continues_another_has_its_size_and_root() {
    for size in [0, 1, 255, 256, 600] {
        let store = memory();
        grow(&*open(&store).await, size, 100).await;
        let continued = continue_in(&store, ORIGIN).await.expect("it continues");
        assert_eq!((continued.origin.as_str(), continued.size, continued.root), (ORIGIN, size, root_of(size)));

        let clock = Arc::new(FixedClock::at(Timestamp(2_000)));
        let ledger = Sequencer::open(store.clone(), LOG, CONTINUED, own(), clock).await.expect("opens");
        let head = ledger.head();
        assert_eq!((head.size, head.root), (size, root_of(size)));
        let signed = checkpoint::sign(CONTINUED, size, &root_of(size), &*own()).expect("signs");
        assert_eq!(head.note, signed, "under its own name and key");
        // What was signed under the other name is never handed out under this one.
        assert_eq!(ledger.checkpoint_at_or_after(0).await.expect("reads"), Some((size, signed.clone())));
        assert_eq!(ledger.checkpoint_before(size).await.expect("reads"), None);

        grow(&ledger, size + 10, 10).await;
        assert_eq!(ledger.head().root, root_of(size + 10), "the same tree grows on");
        assert_eq!(ledger.checkpoint_before(size + 10).await.expect("reads"), Some(signed));
        let proof = ledger.prove(0).await.expect("proves");
        let checkpoint = Checkpoint::of_note(&proof.checkpoint).expect("a checkpoint");
        assert_eq!(checkpoint.origin, CONTINUED);
        verify_inclusion(&entry(0).leaf, 0, checkpoint.size, &proof.path, &checkpoint.root)
            .expect("an old entry is in it");
    }
}

#[tokio::test]
async fn a_log_continues_only_the_one_that_is_there() {
    let store = memory();
    grow(&*open(&store).await, 10, 10).await;
    let refused = continue_in(&store, "lienthong/H27/another").await.expect_err("another's name");
    assert_eq!(refused.reason, Reason::LedgerCorrupt);
    let none = continue_in(&memory(), ORIGIN).await.expect_err("no log");
    assert_eq!(none.reason, Reason::LedgerCorrupt);
    assert_eq!(open(&store).await.head().size, 10, "what was refused changed nothing");
}
