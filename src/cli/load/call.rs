//! A call, ready to be sent, whose answer comes in unread.

use bytes::Bytes;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::wire::codec::RawCodec;

/// One call, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) path: PathAndQuery,
    pub(super) body: Bytes,
    pub(super) authorization: Option<MetadataValue<Ascii>>,
}

impl Prepared {
    pub(super) async fn send(self, client: &mut Grpc<Channel>) -> Result<Bytes, Status> {
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let mut request = Request::new(self.body);
        if let Some(value) = self.authorization {
            request.metadata_mut().insert("authorization", value);
        }
        Ok(client.unary(request, self.path, RawCodec).await?.into_inner())
    }
}
