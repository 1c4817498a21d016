//! What speaks against a service, told to the board: a feed that is halted.

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::parts::Parts;
use crate::api::health::HealthBoard;
use crate::base::Result;
use crate::province::{FeedState, Progress};
use crate::registry;

const FEED: &str = "feed";

/// Begins to watch the parts of a gateway; ends with the set.
pub(super) fn watch(parts: &Parts, board: &HealthBoard) -> Result<JoinSet<()>> {
    let mut watchers = JoinSet::new();
    for sector in registry::ALL {
        let progress = parts.province.watch_progress(sector.name)?;
        watchers.spawn(watch_feed(format!("feed/{}", sector.name), progress, board.clone()));
    }
    Ok(watchers)
}

/// Each registry's feed is a name of its own: it does not serve once it is halted.
async fn watch_feed(name: String, mut progress: watch::Receiver<Progress>, board: HealthBoard) {
    board.add(&name);
    let is_halted = |now: &Progress| matches!(now.state, FeedState::Halted { .. });
    if progress.wait_for(is_halted).await.is_ok() {
        board.note_for(&name, FEED, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Reason;

    #[tokio::test]
    async fn the_feed_that_is_halted_is_the_one_that_does_not_serve() {
        let board = HealthBoard::default();
        let following = || Progress { log_size: 1, state: FeedState::Following };
        let (gone, progress) = watch::channel(following());
        drop(gone); // nobody follows it any more
        watch_feed("feed/land".into(), progress, board.clone()).await;
        let (sender, progress) = watch::channel(following());
        let watching = tokio::spawn(watch_feed("feed/vehicle".into(), progress, board.clone()));
        sender.send_modify(|now| now.state = FeedState::Waiting("it does not answer".into()));
        sender.send_modify(|now| now.state = FeedState::Halted { reason: Reason::Equivocation, why: String::new() });
        watching.await.expect("ends");
        assert_eq!(board.causes("feed/land").map(|causes| causes.len()), Some(0));
        assert_eq!(board.causes("feed/vehicle").map(|causes| causes.len()), Some(1));
    }
}
