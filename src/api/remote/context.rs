//! For whom a call to a registry's host is made: the call of the gateway that is being answered, if there is one.
//!
//! The port of a registry speaks of records, not of calls. So the edge leaves the call it answers with the task, and the client of a remote registry
//! finds it there: its deadline, its id and its trace travel along, and so does its caller, whom the host's log names.

use std::future::Future;
use std::sync::Arc;

use tonic::metadata::{MetadataMap, MetadataValue};

use crate::api::request_id::{ON_BEHALF_OF, REQUEST_ID, TRACE_PARENT};
use crate::base::Call;

tokio::task_local! {
    static ANSWERED: Arc<Call>;
}

/// Runs `work`, which answers `call`.
pub async fn answering<F: Future>(call: Arc<Call>, work: F) -> F::Output {
    ANSWERED.scope(call, work).await
}

/// The call that this task answers; `None` for work of the gateway's own, such as following a registry.
pub(super) fn answered() -> Option<Arc<Call>> {
    ANSWERED.try_with(Clone::clone).ok()
}

/// Marks a request to a host with the call's id, its trace and its caller.
pub(super) fn mark(call: &Call, metadata: &mut MetadataMap) {
    let mut add = |name: &'static str, value: &str| {
        if let Ok(value) = MetadataValue::try_from(value) {
            metadata.insert(name, value);
        }
    };
    add(REQUEST_ID, &call.request_id.to_string());
    add(ON_BEHALF_OF, call.caller.label());
    if let Some(trace) = call.client_ids.trace {
        add(TRACE_PARENT, &trace.continued(call.request_id).to_string());
    }
}
