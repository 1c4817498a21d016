//! Calls as `grpcurl` makes them: by the descriptors, JSON in and out. A persona's command can be tried unchanged.

use bytes::Bytes;
use lienthong::wire::codec::RawCodec;
use lienthong::wire::typed;
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// A unary call, ready to be made.
#[derive(Debug, Clone)]
pub struct Call {
    /// Metadata, the credential among them.
    pub headers: Vec<(String, String)>,
    /// The request as JSON.
    pub body: String,
    /// `lienthong.identity.v1.LinkService/LinkDocument`.
    pub method: String,
}

impl Call {
    /// Reads a `grpcurl` command: its headers, its data, and its last word.
    pub fn of_command(command: &str) -> Self {
        let quoted = |flag: &str| -> Vec<String> {
            let opening = format!("{flag} '");
            let parts = command.split(&opening).skip(1);
            parts.map(|rest| rest.split('\'').next().expect("a closing quote").to_owned()).collect()
        };
        let header = |text: &String| {
            let (name, value) = text.split_once(": ").expect("a header");
            (name.to_owned(), value.to_owned())
        };
        Self {
            headers: quoted("-H").iter().map(header).collect(),
            body: quoted("-d").first().cloned().unwrap_or_else(|| "{}".to_owned()),
            method: command.split(' ').next_back().expect("a method").to_owned(),
        }
    }

    /// The same without one header.
    pub fn without(mut self, header: &str) -> Self {
        self.headers.retain(|(name, _)| name != header);
        self
    }

    /// The same with another header.
    pub fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.push((header.to_owned(), value.to_owned()));
        self
    }

    /// Makes the call; the answer as protobuf JSON.
    pub async fn make(&self, channel: &Channel) -> Result<Value, Status> {
        let (service, method) = self.method.split_once('/').expect("service/method");
        let service = typed::pool().get_service_by_name(service).expect("a service of ours");
        let method = service.methods().find(|found| found.name() == method).expect("a method of it");
        let mut json = serde_json::Deserializer::from_str(&self.body);
        let request = DynamicMessage::deserialize(method.input(), &mut json).expect("a request of it");
        let mut request = Request::new(Bytes::from(request.encode_to_vec()));
        for (name, value) in &self.headers {
            let name: AsciiMetadataKey = name.parse().expect("a name");
            let value: AsciiMetadataValue = value.parse().expect("ASCII");
            request.metadata_mut().append(name, value);
        }
        let mut client = Grpc::new(channel.clone());
        client.ready().await.expect("connected");
        let path = PathAndQuery::try_from(format!("/{}", self.method)).expect("a path");
        let answer = client.unary(request, path, RawCodec).await?.into_inner();
        let answer = DynamicMessage::decode(method.output(), answer).expect("an answer of it");
        let options = SerializeOptions::new();
        Ok(answer.serialize_with_options(serde_json::value::Serializer, &options).expect("JSON"))
    }
}
