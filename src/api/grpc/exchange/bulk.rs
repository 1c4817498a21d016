//! The bulk form: one message for each citizen, in the order of the request, a few citizens at a time.
//!
//! The next citizens are only fetched when the client has read the answers before them: the stream is pulled.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};

use crate::base::Call;
use crate::base::time::Instant;
use crate::base::{Error, Language, PersonalId, Result, Violations, limits};
use crate::wire::proto::exchange::v1;

use super::{ExchangeGrpcService, message};
use crate::exchange::{Context, Exchange, FetchRequest};

/// Citizens in progress at a time in one stream.
const CONCURRENT: usize = 16;
/// The least that a citizen gets of a client's deadline.
const SHARE_MIN: Duration = Duration::from_millis(50);

impl ExchangeGrpcService {
    pub(super) async fn bulk(
        &self,
        call: Arc<Call>,
        request: v1::BulkFetchRecordsRequest,
    ) -> Result<impl Stream<Item = Result<v1::BulkFetchRecordsResponse>> + Send + use<>> {
        let context = Context::of(&call)?;
        let v1::BulkFetchRecordsRequest { personal_ids, record_types, purpose, reference } = request;
        let common = FetchRequest {
            personal_id: String::new(),
            organisation_code: String::new(),
            record_types,
            purpose,
            reference,
        };
        let opened = check(&self.exchange, &personal_ids, &common).and_then(|()| self.streams.open(&context.agency));
        let open = match opened {
            Ok(open) => open,
            Err(error) => {
                self.exchange.log_unread(&context, &error).await?;
                return Err(error);
            }
        };
        let common = Arc::new(common);
        let service = self.clone();
        let (total, until, language) = (personal_ids.len(), call.client_deadline, call.language);
        let citizens = personal_ids.into_iter().zip(0u32..).map(move |(personal_id, index)| {
            let (service, common) = (service.clone(), common.clone());
            let mut context = context.clone();
            async move {
                context.now = service.clock.now();
                context.request_id = service.edge.ids().of_caller(context.now);
                let now = Instant::now();
                let left = until.map(|until| until.saturating_duration_since(now));
                context.deadline = now + share(left, total - index as usize);
                Ok(service.one(index, context, language, FetchRequest { personal_id, ..(*common).clone() }).await)
            }
        });
        let stream = futures::stream::iter(citizens).buffered(CONCURRENT);
        // The stream counts among the caller's open ones until it ends or is dropped.
        Ok(stream.map(move |answer| {
            let _ = &open;
            answer
        }))
    }

    async fn one(
        &self,
        index: u32,
        context: Context,
        language: Language,
        request: FetchRequest,
    ) -> v1::BulkFetchRecordsResponse {
        let request_id = context.request_id;
        let answered = match self.exchange.fetch(context, request).await {
            Ok(exchanged) => message::response(request_id, language, exchanged),
            Err(error) => Err(error),
        };
        let outcome = match answered {
            Ok(found) => v1::bulk_fetch_records_response::Outcome::Found(found),
            Err(error) => v1::bulk_fetch_records_response::Outcome::Refused(v1::Refusal {
                request_id: request_id.to_string(),
                code: error.reason.as_str().to_owned(),
                message: language.say(&error.message).into_owned(),
            }),
        };
        v1::BulkFetchRecordsResponse { index, outcome: Some(outcome) }
    }
}

/// How long one citizen may take while `left` of them, this one included, are still to be answered: an equal share of the time that the
/// client has left, so that a slow registry costs its citizen's outcome and not the rest of the stream.
fn share(left: Option<Duration>, citizens: usize) -> Duration {
    let most = Duration::from_millis(limits::DEADLINE_MS_DEFAULT);
    let Some(left) = left else { return most };
    let turns = citizens.div_ceil(CONCURRENT).max(1) as u32;
    // A fifth is kept for checks, evidence and the way to the client.
    (left * 4 / 5 / turns).clamp(SHARE_MIN, most)
}

/// Refuses a request that could be answered for no citizen, with all violations at once, before any citizen has an entry in the
/// access log.
fn check(exchange: &Exchange, personal_ids: &[String], common: &FetchRequest) -> Result<()> {
    let mut bad = Violations::default();
    if personal_ids.is_empty() || personal_ids.len() > limits::BULK_CITIZENS_MAX {
        bad.add("personal_ids", "COUNT", format_args!("1 to {} citizens", limits::BULK_CITIZENS_MAX));
    }
    for (at, id) in personal_ids.iter().enumerate().filter(|(_, id)| PersonalId::parse(id).is_none()) {
        if let Err(violation) = PersonalId::from_field(&format!("personal_ids[{at}]"), id) {
            bad.push(violation);
        }
    }
    common
        .common_violations(&exchange.rights(), exchange.catalogue())
        .into_iter()
        .for_each(|violation| bad.push(violation));
    if bad.is_empty() { Ok(()) } else { Err(Error::invalid(bad)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_citizen_has_a_share_of_what_the_client_leaves() {
        let ms = Duration::from_millis;
        assert_eq!(share(None, 10_000), ms(limits::DEADLINE_MS_DEFAULT), "a client that names no deadline waits");
        assert_eq!(share(Some(ms(5_000)), 3), ms(4_000));
        assert_eq!(share(Some(ms(5_000)), 32), ms(2_000));
        assert_eq!(share(Some(ms(60_000)), 1), ms(limits::DEADLINE_MS_DEFAULT));
        assert_eq!(share(Some(ms(1_000)), 10_000), SHARE_MIN);
        assert_eq!(share(Some(Duration::ZERO), 1), SHARE_MIN);
    }
}
