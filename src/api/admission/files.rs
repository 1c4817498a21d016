//! The memory of pages and files: counted and held until they are sent, as that of calls is.

use axum::body::Body;
use http_body::Body as _;
use tonic::codegen::http::{Request, Response};

use super::capacity::Capacity;
use super::held::Share;
use super::holder::Holder;
use super::message::{Take as _, no_room};
use super::sending::Holding;
use crate::api::connection::CallConnection;
use crate::base::peer::{Network, Peer};
use crate::base::{Result, limits};

/// Where a request for a page or file comes from.
pub struct FileReader {
    network: Option<Network>,
    connection: Option<CallConnection>,
}

impl FileReader {
    /// The peer and the connection of a request.
    pub fn of<B>(request: &Request<B>) -> Self {
        let extensions = request.extensions();
        Self {
            network: extensions.get::<Peer>().and_then(Peer::network),
            connection: extensions.get::<CallConnection>().cloned(),
        }
    }
}

impl Capacity {
    /// An answer that holds its memory until it is sent. Fails with [`Overloaded`](crate::base::Reason::Overloaded) if there is no room for it.
    pub fn hold_file(&self, reader: &FileReader, answer: Response<Body>) -> Result<Response<Body>> {
        let FileReader { network, connection } = reader;
        let mut memory = Self::memory_of(&self.files, Holder::Stranger(*network), connection.as_ref());
        let bytes = usize::try_from(answer.body().size_hint().lower()).unwrap_or(limits::STRANGERS_BYTES_MAX);
        if !memory.take(limits::STRANGER_CALL_BYTES.saturating_add(bytes)) {
            return Err(no_room());
        }
        let share = Share::new(None, None, memory);
        Ok(answer.map(|body| Body::new(Holding::new(body, share))))
    }
}
