//! The end of a log's sequencer: in order, and by a defect.

use super::*;

#[tokio::test]
async fn a_log_whose_sequencer_panics_takes_no_more_entries_and_says_so() {
    let store = memory();
    let ledger = open(&store).await;
    grow(&ledger, 3, 3).await;
    let mut stopped = ledger.stopped();
    let appended = ledger.append(entries(3, 4), |_| panic!("a defect, made by this test")).await;
    let again = ledger.append(entries(3, 4), |_| Batch::new()).await;
    let paused = ledger.pause().await.map(drop);
    for refused in [appended.map(drop), again.map(drop), paused] {
        let error = refused.expect_err("nobody writes");
        assert_eq!(error.reason, Reason::StorageUnavailable, "{error}");
        assert!(error.retry_after.is_some(), "after a restart");
    }
    stopped.wait_for(|stopped| *stopped).await.expect("the log is there");
    assert_eq!(ledger.head().size, 3, "it is still read");
    verify(&ledger.prove(0).await.expect("proves"), &entry(0).leaf, 3);
    drop(ledger);
    let ledger = open(&store).await; // opened again, it goes on
    grow(&ledger, 5, 1).await;
}

#[tokio::test]
async fn a_log_that_is_closed_in_order_has_not_stopped() {
    let ledger = open(&memory()).await;
    grow(&ledger, 1, 1).await;
    let mut stopped = ledger.stopped();
    drop(ledger);
    assert!(stopped.wait_for(|stopped| *stopped).await.is_err(), "it is gone");
    assert!(!*stopped.borrow());
}
