//! `TrustService`: every version of the trust anchor, for anyone.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::base::{Clock, Language, Result};
use crate::keys::anchors::{AnchorBoard, PublishedAnchor};
use crate::wire::proto::trust::v1::trust_service_server::TrustService;
use crate::wire::proto::trust::v1::{
    GetTrustAnchorRequest, GetTrustAnchorResponse, ListTrustAnchorsRequest, ListTrustAnchorsResponse,
};

fn message(anchor: &PublishedAnchor) -> GetTrustAnchorResponse {
    let PublishedAnchor { version, json, fingerprint } = anchor.clone();
    GetTrustAnchorResponse { anchor_json: json, fingerprint, version }
}

/// `TrustService`: no caller, no limits, so only the errors go through the edge.
pub struct TrustFace {
    board: AnchorBoard,
    edge: Edge,
    clock: Arc<dyn Clock>,
}

impl TrustFace {
    /// Hands out what the board holds.
    pub fn new(board: AnchorBoard, edge: Edge, clock: Arc<dyn Clock>) -> Self {
        Self { board, edge, clock }
    }
}

#[tonic::async_trait]
impl TrustService for TrustFace {
    async fn get_trust_anchor(
        &self,
        request: Request<GetTrustAnchorRequest>,
    ) -> Result<Response<GetTrustAnchorResponse>, Status> {
        let found: Result<Arc<PublishedAnchor>> = match request.into_inner().version {
            0 => Ok(self.board.newest()),
            version => self.board.version(version),
        };
        let refuse = |error| self.edge.refuse(&error, self.edge.new_id(self.clock.now()), Language::default());
        let found = found.map_err(refuse)?;
        Ok(Response::new(message(&found)))
    }

    async fn list_trust_anchors(
        &self,
        request: Request<ListTrustAnchorsRequest>,
    ) -> Result<Response<ListTrustAnchorsResponse>, Status> {
        let (found, has_more) = self.board.from(request.into_inner().from_version);
        let anchors = found.iter().map(|one| message(one)).collect();
        Ok(Response::new(ListTrustAnchorsResponse { anchors, has_more }))
    }
}
