//! `grpc.health.v1.Health` over the board of causes, for anyone (gRPC Health Checking Protocol). To watch a service that does not exist is no
//! error: it is SERVICE_UNKNOWN until it exists.

use std::pin::Pin;

use futures::stream::{Stream, unfold};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::api::Edge;
use crate::api::health::{ENDING, HealthBoard, OVERALL};
use crate::base::call::PublicCall;
use crate::base::name::with_nearest;
use crate::base::{Error, Reason, limits};

/// The service.
#[derive(Clone)]
pub struct HealthGrpcService {
    edge: Edge,
    board: HealthBoard,
}

impl HealthGrpcService {
    /// Serves the status on the board.
    pub fn new(edge: Edge, board: HealthBoard) -> Self {
        Self { edge, board }
    }

    fn status(&self, service: &str) -> Option<ServingStatus> {
        let causes = self.board.causes(service)?;
        Some(if causes.is_empty() { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    /// The status now and whenever it changes. At the end of the run the last one is NOT_SERVING, and then the stream is over; at the end of a
    /// session it ends with the error that says so.
    fn changes(
        self,
        service: String,
        call: Option<PublicCall>,
    ) -> impl Stream<Item = Result<HealthCheckResponse, Status>> {
        let watched = self.board.watch();
        unfold(Some((self, service, call, watched, None)), |state| async {
            let (own, service, call, mut watched, last) = state?;
            loop {
                watched.mark_unchanged();
                let status = own.status(&service).unwrap_or(ServingStatus::ServiceUnknown);
                // A service that does not exist has no causes; the end is everybody's.
                let is_ending = own.board.causes(OVERALL).is_some_and(|causes| causes.contains(ENDING));
                if last != Some(status) {
                    return Some((Ok(message(status)), Some((own, service, call, watched, Some(status)))));
                }
                if is_ending || watched.changed().await.is_err() {
                    return Some((Err(own.edge.end_of_session(call.as_ref())?), None));
                }
            }
        })
    }
}

fn message(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status as i32 }
}

#[tonic::async_trait]
impl Health for HealthGrpcService {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let check = async |asked: HealthCheckRequest| {
            let unknown = || {
                let known = self.board.services();
                let unknown =
                    "there is no such service: reflection lists the services; feeds are named `feed/<registry>`";
                let message = with_nearest(unknown.to_owned(), &asked.service, known.iter().map(String::as_str));
                Error::new(Reason::NotFound, message).with_subject("service", "")
            };
            self.status(&asked.service).map(message).ok_or_else(unknown)
        };
        self.edge.answer_anyone(request, check).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (service, call) = (self.clone(), request.extensions().get::<PublicCall>().cloned());
        let watch = async |asked: HealthCheckRequest| {
            if asked.service.len() > limits::TEXT_BYTES_MAX {
                return Err(Error::invalid_field("service", "TOO_LONG", "a service's name has at most 512 bytes"));
            }
            Ok(Box::pin(service.changes(asked.service, call)) as Self::WatchStream)
        };
        self.edge.answer_anyone(request, watch).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::StreamExt as _;

    use super::*;
    use crate::base::Seed;
    use crate::base::entropy::SeededEntropy;
    use crate::base::time::FixedClock;
    use crate::exchange::RecentCalls;

    fn service_of(board: &HealthBoard) -> HealthGrpcService {
        let clock = Arc::new(FixedClock::at(crate::base::Timestamp(0)));
        let entropy = Arc::new(SeededEntropy::new(Seed::root(1)));
        let edge = Edge::new(clock, entropy, Arc::new(RecentCalls::default()), tokio::sync::watch::channel(false).1);
        HealthGrpcService::new(edge, board.clone())
    }

    #[tokio::test]
    async fn watchers_see_each_change_once_and_the_end() {
        let board = HealthBoard::default();
        let mut known = Box::pin(service_of(&board).changes(OVERALL.into(), None));
        let mut unknown = Box::pin(service_of(&board).changes("later.v1.Later".into(), None));
        async fn next(
            stream: &mut (impl Stream<Item = Result<HealthCheckResponse, Status>> + Unpin),
        ) -> Option<ServingStatus> {
            stream.next().await.map(|answer| answer.expect("no error").status())
        }
        assert_eq!(next(&mut known).await, Some(ServingStatus::Serving));
        assert_eq!(next(&mut unknown).await, Some(ServingStatus::ServiceUnknown));
        board.add("later.v1.Later");
        assert_eq!(next(&mut unknown).await, Some(ServingStatus::Serving));
        board.note("store", |service| service == OVERALL);
        assert_eq!(next(&mut known).await, Some(ServingStatus::NotServing));
        board.note("store", |_| false);
        assert_eq!(next(&mut known).await, Some(ServingStatus::Serving));
        board.note(ENDING, |_| true);
        assert_eq!(next(&mut known).await, Some(ServingStatus::NotServing));
        assert_eq!(next(&mut known).await, None);
    }
}
