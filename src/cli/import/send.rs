//! Batches to the server, a few at once, and what it says of them in the order of the rows.

#![allow(clippy::disallowed_methods, reason = "back-off between calls is on the machine's time")]

use std::time::Duration;

use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::cell::{Flaw, Row};
use super::checkpoint::{Checkpoint, Kept};
use super::feed::{Batch, feed};
use super::limits::CALLS;
use super::plan::Planned;
use super::record::Builder;
use super::refused::Report;
use crate::cli::output::Failure;
use crate::cli::server::ServerArgs;
use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use crate::wire::proto::registry::v1::{PutEffect, PutOutcome, PutRecordsRequest, RecordContent};

/// How long one call may take: a thousand records beside others.
const PUTS_WITHIN: Duration = Duration::from_secs(60);
/// How often a call is made again that the server could not take.
const TRIES: u32 = 6;
/// The first pause before that; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(500);

/// The common parts of all calls.
struct Calls<'a> {
    server: &'a ServerArgs,
    channel: Channel,
    registry: String,
    record_type: String,
    is_trial: bool,
}

/// Sends every row, and gives the report. Rows up to the checkpoint are done.
pub(super) async fn run(
    server: &ServerArgs,
    planned: Planned,
    mut checkpoint: Checkpoint,
    kept: Option<Kept>,
    mut report: Report,
    is_trial: bool,
) -> Result<Report, Failure> {
    let Planned { source, header, builder, target, .. } = planned;
    let channel = server.connect().await?;
    let calls = Calls { server, channel, registry: target.registry, record_type: target.record_type, is_trial };
    let bar = bar(source.extent);
    let (batches, mut fed) = mpsc::channel::<Batch>(CALLS);
    let builder = std::sync::Arc::new(builder);
    let (reading, done) = (builder.clone(), checkpoint.row);
    let of = calls.record_type.clone();
    let reader = tokio::task::spawn_blocking(move || feed(&source, &reading, header.number, done, &of, &batches));
    let answered = async {
        let taken = futures::stream::poll_fn(|context| fed.poll_recv(context));
        let mut answers = taken.map(|batch| calls.put(batch)).buffered(CALLS);
        while let Some(answer) = answers.next().await {
            let (batch, outcomes) = answer?;
            let (last_row, position) = (batch.last_row, batch.position);
            checkpoint.log_size = checkpoint.log_size.max(settle(batch, outcomes, &builder, &mut report)?);
            if let Some(kept) = &kept {
                (checkpoint.row, checkpoint.counts) = (last_row, report.counts.clone());
                checkpoint.quarantine_bytes = report.flush()?;
                kept.write(&checkpoint)?;
            }
            bar.set_position(position);
        }
        Ok(())
    };
    let answered: Result<(), Failure> = answered.await;
    drop(fed);
    bar.finish_and_clear();
    // The server's refusal comes before the reader's error about the channel that was closed because of it.
    answered?;
    reader.await.map_err(|error| Failure::new(error.to_string()))??;
    if let Some(kept) = &kept {
        kept.remove()?;
    }
    Ok(report)
}

fn bar(extent: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent}%, {eta} left");
    ProgressBar::new(extent).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Calls<'_> {
    async fn put(&self, batch: Batch) -> Result<(Batch, Vec<PutOutcome>), Failure> {
        if batch.rows.is_empty() {
            return Ok((batch, Vec::new()));
        }
        let record = |(_, payload): &(Row, prost_types::Struct)| RecordContent {
            record_type: self.record_type.clone(),
            payload: Some(payload.clone()),
        };
        let request = PutRecordsRequest {
            registry: self.registry.clone(),
            records: batch.rows.iter().map(record).collect(),
            validate_only: self.is_trial,
        };
        let (mut tries, mut pause) = (1, PAUSE);
        loop {
            let mut client = RegistryServiceClient::new(self.channel.clone());
            let call = client.put_records(self.server.request(request.clone(), PUTS_WITHIN)?);
            let answer = match tokio::time::timeout(PUTS_WITHIN, call).await {
                Ok(answer) => answer,
                Err(_) => return Err(Failure::new(format!("{} did not answer within 60 s", self.server.address))),
            };
            match answer {
                Ok(answer) => return Ok((batch, answer.into_inner().outcomes)),
                // Putting a record twice changes nothing.
                Err(status) if is_passing(&status) && tries < TRIES => {
                    tokio::time::sleep(pause).await;
                    (tries, pause) = (tries + 1, pause * 2);
                }
                Err(status) => return Err(self.server.refusal(&status).await),
            }
        }
    }
}

/// Whether the same call may succeed a little later.
fn is_passing(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded)
}

/// Counts and reports the rows of a batch, in their order; gives how long the registry's log is with them.
fn settle(batch: Batch, outcomes: Vec<PutOutcome>, builder: &Builder, report: &mut Report) -> Result<u64, Failure> {
    if outcomes.len() != batch.rows.len() {
        return Err(Failure::new("the server's answer has another number of records than were sent"));
    }
    let mut log_size = 0;
    report.counts.repeated += batch.repeated;
    let mut refused = batch.refused;
    for ((row, _), outcome) in batch.rows.into_iter().zip(outcomes) {
        let receipt = outcome.receipt.clone().unwrap_or_default();
        let count = match outcome.effect() {
            PutEffect::Created => &mut report.counts.created,
            PutEffect::Updated => &mut report.counts.updated,
            PutEffect::Unchanged => &mut report.counts.unchanged,
            PutEffect::Refused | PutEffect::Unspecified => {
                refused.push((row, flaws(outcome, builder)));
                continue;
            }
        };
        *count += 1;
        log_size = log_size.max(receipt.log_index + 1);
        receipt.warnings.iter().for_each(|warning| report.warn(&warning.rule, &warning.field, builder));
        report.warnings_untold += u64::from(receipt.warnings_total).saturating_sub(receipt.warnings.len() as u64);
    }
    refused.sort_by_key(|(row, _)| row.number);
    refused.iter().try_for_each(|(row, flaws)| report.refuse(row, flaws, builder))?;
    Ok(log_size)
}

/// The server's violations of a refused record, by columns.
fn flaws(outcome: PutOutcome, builder: &Builder) -> Vec<Flaw> {
    let flaw = |broken: crate::wire::proto::registry::v1::Violation| Flaw {
        column: builder.column_of(&broken.field),
        field: broken.field,
        rule: broken.rule,
        message: broken.message,
    };
    outcome.violations.into_iter().map(flaw).collect()
}
