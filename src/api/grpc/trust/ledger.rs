//! `trust.v1.LedgerService`: public, so without a credential.

use bytes::Bytes;
use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::base::{Error, Reason, Result, Violation, name};
use crate::ledger::tile::{TILE_WIDTH, TileId};
use crate::transparency::logs::{Logs, PublicLog};
use crate::transparency::path::LEVEL_MAX;
use crate::wire::proto::trust::v1;
use crate::wire::proto::trust::v1::ledger_service_server::LedgerService;
use crate::wire::record::{note_text, proof_to_message};

/// Longest name of a log that is looked up.
const LOG_BYTES_MAX: usize = 128;

/// The service over the public logs.
#[derive(Clone)]
pub struct LedgerGrpcService {
    edge: Edge,
    logs: Logs,
}

impl LedgerGrpcService {
    /// Serves through `edge`.
    pub fn new(edge: Edge, logs: Logs) -> Self {
        Self { edge, logs }
    }

    /// The log that a request names; `others` are its further bad fields, all named at once.
    fn log(&self, given: &str, mut others: Vec<Violation>) -> Result<&PublicLog> {
        if given.is_empty() {
            others.push(Violation::new("log", "REQUIRED", "must be a log's short name or origin"));
        } else if given.len() > LOG_BYTES_MAX {
            others.push(Violation::new("log", "TOO_LONG", format!("at most {LOG_BYTES_MAX} bytes")));
        }
        let found = self.logs.find(given);
        if found.is_none() && !given.is_empty() && given.len() <= LOG_BYTES_MAX {
            let known = self.logs.iter().map(|log| log.name.as_str());
            others.push(name::unknown("log", "log", given, known, "TrustService/GetTrustAnchor"));
        }
        match found {
            Some(log) if others.is_empty() => Ok(log),
            _ => Err(Error::invalid(others)),
        }
    }

    async fn checkpoint(&self, request: &v1::GetCheckpointRequest) -> Result<v1::GetCheckpointResponse> {
        let (_, note) = self.log(&request.log, Vec::new())?.shown().await?;
        Ok(v1::GetCheckpointResponse { checkpoint: note_text(&note)? })
    }

    async fn inclusion(&self, request: v1::GetInclusionProofRequest) -> Result<v1::GetInclusionProofResponse> {
        let log = self.log(&request.log, Vec::new())?;
        let proof = match request.size {
            0 => log.ledger.prove(request.index).await?,
            size => log.ledger.prove_at(request.index, size).await?,
        };
        Ok(v1::GetInclusionProofResponse { proof: Some(proof_to_message(&proof)?) })
    }

    async fn consistency(&self, request: v1::GetConsistencyProofRequest) -> Result<v1::GetConsistencyProofResponse> {
        let v1::GetConsistencyProofRequest { log, old_size, new_size } = request;
        let mut bad = Vec::new();
        if old_size == 0 {
            bad.push(Violation::new("old_size", "REQUIRED", "must be the size of an older checkpoint, at least 1"));
        }
        if new_size > 0 && old_size > new_size {
            bad.push(Violation::new("old_size", "OUT_OF_RANGE", "must be at most new_size"));
        }
        let log = self.log(&log, bad)?;
        let new_size = if new_size == 0 { log.shown().await?.0 } else { new_size };
        let path = log.ledger.prove_consistency(old_size, new_size).await?;
        let path = path.iter().map(|hash| Bytes::copy_from_slice(hash)).collect();
        Ok(v1::GetConsistencyProofResponse { old_size, new_size, path })
    }

    async fn tile(&self, request: v1::GetTileRequest) -> Result<v1::GetTileResponse> {
        let v1::GetTileRequest { log, level, index, width } = request;
        let mut bad = Vec::new();
        if level > u32::from(LEVEL_MAX) {
            bad.push(Violation::new("level", "OUT_OF_RANGE", format!("must be 0 to {LEVEL_MAX}")));
        }
        if width as usize > TILE_WIDTH {
            bad.push(Violation::new(
                "width",
                "OUT_OF_RANGE",
                format!("must be 1 to {TILE_WIDTH}, or 0 for a full tile"),
            ));
        }
        let log = self.log(&log, bad)?;
        let width = if width == 0 { TILE_WIDTH } else { width as usize };
        let hashes = log.ledger.tile_row(TileId { level: level as u8, index }, width).await?;
        let absent = || Error::new(Reason::NotFound, "the log has no such tile").with_subject("tile", log.name.clone());
        Ok(v1::GetTileResponse { hashes: hashes.ok_or_else(absent)? })
    }

    async fn entry(&self, request: v1::GetEntryRequest) -> Result<v1::GetEntryResponse> {
        let log = self.log(&request.log, Vec::new())?;
        if !log.shows_entries {
            let message = "this log publishes its tree, not its entries, which state who read whose data";
            return Err(Error::new(Reason::EntriesNotPublic, message).with_subject("log", log.name.clone()));
        }
        let proof = log.ledger.prove(request.index).await?;
        let entry = log.ledger.entry(request.index).await?;
        Ok(v1::GetEntryResponse { entry, proof: Some(proof_to_message(&proof)?) })
    }
}

#[tonic::async_trait]
impl LedgerService for LedgerGrpcService {
    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        self.edge.answer_anyone(request, |message| async move { self.checkpoint(&message).await }).await
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        self.edge.answer_anyone(request, |message| self.inclusion(message)).await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        self.edge.answer_anyone(request, |message| self.consistency(message)).await
    }

    async fn get_tile(&self, request: Request<v1::GetTileRequest>) -> Result<Response<v1::GetTileResponse>, Status> {
        self.edge.answer_anyone(request, |message| self.tile(message)).await
    }

    async fn get_entry(&self, request: Request<v1::GetEntryRequest>) -> Result<Response<v1::GetEntryResponse>, Status> {
        self.edge.answer_anyone(request, |message| self.entry(message)).await
    }
}
