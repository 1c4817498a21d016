//! The trust anchor as it is handed out: the file beside the gateway, and `TrustService`, which anyone may call.

use std::path::Path;

use tonic::{Request, Response, Status};

use super::world::{Readers, write_whole};
use crate::base::id::to_hex;
use crate::base::{Error, Result};
use crate::trust::TrustAnchor;
use crate::wire::proto::trust::v1::trust_service_server::TrustService;
use crate::wire::proto::trust::v1::{GetTrustAnchorRequest, GetTrustAnchorResponse};

/// The anchor in the forms in which it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedAnchor {
    /// The file's text.
    pub json: String,
    /// SHA-256 of the anchor's canonical form, lower-case hexadecimal.
    pub fingerprint: String,
}

impl PublishedAnchor {
    /// Writes the anchor down.
    pub fn new(anchor: &TrustAnchor) -> Result<Self> {
        let json = String::from_utf8(anchor.to_json()?).map_err(Error::bug)?;
        Ok(Self { json, fingerprint: to_hex(&anchor.fingerprint()?) })
    }

    /// Writes the file, whole, for everybody to read.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, self.json.as_bytes(), Readers::All)
    }
}

#[tonic::async_trait]
impl TrustService for PublishedAnchor {
    async fn get_trust_anchor(
        &self,
        _: Request<GetTrustAnchorRequest>,
    ) -> Result<Response<GetTrustAnchorResponse>, Status> {
        let (anchor_json, fingerprint) = (self.json.clone(), self.fingerprint.clone());
        Ok(Response::new(GetTrustAnchorResponse { anchor_json, fingerprint }))
    }
}
