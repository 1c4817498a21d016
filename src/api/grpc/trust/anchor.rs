//! `TrustService`: every version of the trust anchor, for anyone.

use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::base::Result;
use crate::keys::anchors::{AnchorBoard, PublishedAnchor};
use crate::wire::proto::trust::v1::trust_service_server::TrustService;
use crate::wire::proto::trust::v1::{
    GetTrustAnchorRequest, GetTrustAnchorResponse, ListTrustAnchorsRequest, ListTrustAnchorsResponse,
};

fn message(anchor: &PublishedAnchor) -> GetTrustAnchorResponse {
    let PublishedAnchor { version, json, fingerprint } = anchor.clone();
    GetTrustAnchorResponse { anchor_json: json, fingerprint, version }
}

/// `TrustService`.
pub struct TrustGrpcService {
    board: AnchorBoard,
    edge: Edge,
}

impl TrustGrpcService {
    /// Serves the anchors of the board through `edge`.
    pub fn new(board: AnchorBoard, edge: Edge) -> Self {
        Self { board, edge }
    }
}

#[tonic::async_trait]
impl TrustService for TrustGrpcService {
    async fn get_trust_anchor(
        &self,
        request: Request<GetTrustAnchorRequest>,
    ) -> Result<Response<GetTrustAnchorResponse>, Status> {
        let get = async |request: GetTrustAnchorRequest| match request.version {
            0 => Ok(message(&self.board.newest())),
            version => self.board.version(version).map(|found| message(&found)),
        };
        self.edge.answer_anyone(request, get).await
    }

    async fn list_trust_anchors(
        &self,
        request: Request<ListTrustAnchorsRequest>,
    ) -> Result<Response<ListTrustAnchorsResponse>, Status> {
        let list = async |request: ListTrustAnchorsRequest| {
            let (found, has_more) = self.board.from(request.from_version);
            let anchors = found.iter().map(|one| message(one)).collect();
            Ok(ListTrustAnchorsResponse { anchors, has_more })
        };
        self.edge.answer_anyone(request, list).await
    }
}
