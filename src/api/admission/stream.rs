//! Bodies that hold a resource.

use http_body_util::BodyExt as _;
use tonic::body::Body;

/// A body that holds a resource as long as it exists.
pub(super) fn held(body: Body, what: impl Send + 'static) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &what;
        frame
    }))
}
