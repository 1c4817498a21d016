//! The gateway: everything wired, without sockets. The caller owns those, and says when to end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::data::Data;
use super::parts::Parts;
use super::running::{Listening, Running};
use super::view::WorldView;
use super::{seeding, services};
use crate::base::Result;
use crate::console::{Facts, View as _};

/// A gateway, opened and seeded.
pub struct Gateway {
    config: Config,
    data: Data,
    parts: Arc<Parts>,
    anchor: Option<PathBuf>,
}

impl Gateway {
    /// Opens the store, wires every part, seeds the world if it is new, and writes the trust anchor.
    ///
    /// Fails with [`ConfigurationInvalid`](crate::base::Reason::ConfigurationInvalid) when the folder cannot be used or
    /// holds another world than the one asked for, and with [`LedgerCorrupt`](crate::base::Reason::LedgerCorrupt) when a
    /// stored ledger does not rebuild to its signed root.
    pub async fn open(config: Config) -> Result<Self> {
        let mut data = Data::open(&config)?;
        let parts = Parts::open(&config, &data).await?;
        if !data.world.seeded {
            seeding::seed(&config, &data, &parts).await?;
            data.seeded()?;
        }
        let anchor = match &config.anchor {
            None => None,
            Some(path) => {
                parts.anchor.write(path)?;
                Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
        };
        Ok(Self { config, data, parts: Arc::new(parts), anchor })
    }

    /// Serves on sockets that the caller bound.
    pub async fn start(&self, listening: Listening) -> Result<Running> {
        let address = listening.grpc.local_addr().map_err(crate::base::Error::bug)?;
        let has_tls = listening.tls.is_some();
        let served = services::routes(&self.config, &self.data.world, &self.parts, &address.to_string()).await?;
        let view = Arc::new(self.view(address, has_tls));
        Running::begin(listening, served, view, self.anchor.clone())
    }

    /// What the console and the banner show.
    pub fn facts(&self, grpc: SocketAddr, has_tls: bool) -> Facts {
        self.view(grpc, has_tls).facts()
    }

    /// The folder that keeps everything; `None` when nothing is kept.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.folder()
    }

    /// Entries of the record ledger.
    pub fn record_ledger_size(&self) -> u64 {
        self.parts.records.head().size
    }

    /// Closes the gateway. What was acknowledged is durable already, so there is nothing to write.
    pub async fn close(self) {
        drop(self);
    }

    fn view(&self, grpc: SocketAddr, has_tls: bool) -> WorldView {
        WorldView {
            world: self.data.world.clone(),
            parts: self.parts.clone(),
            clock: self.config.clock.clone(),
            grpc: grpc.to_string(),
            has_tls,
            simulation: self.config.simulation,
        }
    }
}
