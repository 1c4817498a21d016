//! A client that calls us: it asks for its cases and reports its conclusions over gRPC (`CheckService`), for programs whose stdin and stdout are not
//! their own. The lines are the same as over stdin and stdout.

#![allow(clippy::disallowed_methods, reason = "another program is waited for by the machine's time")]

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tonic::{Request, Response, Status};

use super::conclusion::LINE_BYTES_MAX;
use crate::api::admission::{TIMEOUT, parse_timeout};
use crate::api::status::status;
use crate::base::peer::is_loopback;
use crate::base::{Error, Reason, RequestId};
use crate::cli::output::Failure;
use crate::cli::{language, logging};
use crate::server::listen::bind;
use crate::server::net::serve_grpc;
use crate::wire::proto::check::v1::check_service_server::{CheckService, CheckServiceServer};
use crate::wire::proto::check::v1::{
    NextCaseRequest, NextCaseResponse, ReportConclusionRequest, ReportConclusionResponse,
};

/// How long a client has for its first question: it may be started by hand.
const JOINS_WITHIN: Duration = Duration::from_secs(60);
/// How long a question for the next case waits at most; less where its call's deadline comes earlier.
const WAITS: Duration = Duration::from_secs(30);
/// How long a client has to learn that there are no more cases.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Where a started client finds us.
const VARIABLE: &str = "LIENTHONG_CHECK_ADDRESS";

/// The open case.
#[derive(Debug, Clone, Default)]
struct Posted {
    id: String,
    question: String,
    is_open: bool,
    is_finished: bool,
}

/// The board from which the service answers: the present case, and the conclusion about it.
struct Board {
    posted: watch::Sender<Posted>,
    answers: mpsc::Sender<Vec<u8>>,
    /// The id of the case that the client asked for last; `END` when it knows that there are no more.
    fetched: watch::Sender<String>,
}

/// Stands for the end among the ids, none of which has a blank.
const END: &str = " ";

/// Our side of it.
pub(super) struct Callback {
    board: Arc<Board>,
    answers: mpsc::Receiver<Vec<u8>>,
    address: SocketAddr,
    command: Vec<String>,
    child: Option<Child>,
    end: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
    has_joined: bool,
    /// Whether its first question was waited for in vain.
    is_missing: bool,
}

impl Callback {
    /// Serves on a loopback address; starts the client, if there is a command.
    pub(super) async fn start(listen: SocketAddr, command: Vec<String>) -> Result<Self, Failure> {
        if !is_loopback(listen) {
            let message =
                format!("--callback {listen} is not loopback: anybody who calls it could answer for the client");
            return Err(Failure::with_code(message, 2));
        }
        let listener = bind(listen).await?;
        let address = listener.local_addr().map_err(|error| Failure::new(error.to_string()))?;
        let (reports, answers) = mpsc::channel(1);
        let board = Arc::new(Board {
            posted: watch::Sender::new(Posted::default()),
            answers: reports,
            fetched: watch::Sender::new(String::new()),
        });
        let (end, ending) = watch::channel(false);
        let service = CheckServiceServer::from_arc(board.clone());
        let serving = tokio::spawn(serve_grpc(listener, service, ending));
        logging::say(&language::say(&format!("the client's cases are at {address}: lienthong.check.v1.CheckService")));
        let mut callback =
            Self { board, answers, address, command, child: None, end, serving, has_joined: false, is_missing: false };
        callback.keep_started()?;
        Ok(callback)
    }

    /// Starts the client, if it is ours to start and is not running.
    fn keep_started(&mut self) -> Result<(), Failure> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(()) };
        let is_running = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !is_running {
            let child = Command::new(program)
                .args(arguments)
                .env(VARIABLE, self.address.to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn();
            let failed = |error| Failure::new(format!("the client cannot be started: {program}: {error}"));
            self.child = Some(child.map_err(failed)?);
        }
        Ok(())
    }

    /// Puts up one question and gives the line that is reported. The error says what the client did instead.
    pub(super) async fn ask(&mut self, id: &str, question: String, within: Duration) -> Result<Vec<u8>, String> {
        if self.is_missing {
            return Err("the client has not asked for any case".into());
        }
        self.keep_started().map_err(|failure| failure.message().to_owned())?;
        let posted = Posted { id: id.to_owned(), question, is_open: true, is_finished: false };
        self.board.posted.send_replace(posted);
        let mut fetched = self.board.fetched.subscribe();
        // A client that is there asks and answers within one time; that in which it is awaited for the first time is not its own.
        let joins = if self.has_joined { within } else { JOINS_WITHIN };
        let begun = Instant::now();
        let asked = tokio::time::timeout(joins, fetched.wait_for(|of| of == id)).await;
        let left = if self.has_joined { within.saturating_sub(begun.elapsed()) } else { within };
        let answer = match asked {
            Err(_) => {
                self.is_missing = !self.has_joined;
                Err(format!("the client did not ask for the case within {} s", joins.as_secs_f64()))
            }
            Ok(_) => {
                self.has_joined = true;
                let answer = tokio::time::timeout(left, self.answers.recv()).await;
                let silent = |_| format!("no answer within {} s", within.as_secs_f64());
                answer.map_err(silent).map(Option::unwrap_or_default)
            }
        };
        self.board.posted.send_modify(|posted| posted.is_open = false);
        // What came when its time was over.
        while self.answers.try_recv().is_ok() {}
        answer
    }

    /// Tells the client that there are no more cases, and ends.
    pub(super) async fn end(mut self) {
        self.board.posted.send_replace(Posted { is_finished: true, ..Posted::default() });
        let mut fetched = self.board.fetched.subscribe();
        if self.has_joined {
            // A client that does not ask any more need not be told.
            let _ = tokio::time::timeout(ENDS_WITHIN, fetched.wait_for(|of| of == END)).await;
        }
        if let Some(child) = &mut self.child
            && tokio::time::timeout(ENDS_WITHIN, child.wait()).await.is_err()
        {
            let _ = child.kill().await;
        }
        self.end.send_replace(true);
        let _ = tokio::time::timeout(ENDS_WITHIN, self.serving).await;
    }
}

/// How long a call waits for a case: a little less than its deadline, so that the caller learns that there is none yet.
fn waits<Q>(request: &Request<Q>) -> Duration {
    let named = request.metadata().get(TIMEOUT).and_then(|value| parse_timeout(value.to_str().ok()?));
    named.map_or(WAITS, |named| (named - named / 8).min(WAITS))
}

/// A refusal, as every other service makes them.
fn refusal(reason: Reason, message: &'static str) -> Status {
    status(&Error::new(reason, message), RequestId(uuid::Uuid::now_v7()), language::chosen())
}

#[tonic::async_trait]
impl CheckService for Board {
    async fn next_case(&self, request: Request<NextCaseRequest>) -> Result<Response<NextCaseResponse>, Status> {
        let mut posted = self.posted.subscribe();
        let next =
            tokio::time::timeout(waits(&request), posted.wait_for(|posted| posted.is_open || posted.is_finished)).await;
        let next = match next {
            Ok(Ok(next)) => next.clone(),
            _ => return Err(refusal(Reason::DeadlineExceeded, "there is no case yet: ask again")),
        };
        let Posted { id, question, is_finished, .. } = next;
        self.fetched.send_replace(if is_finished { END.to_owned() } else { id.clone() });
        Ok(Response::new(NextCaseResponse { case_id: id, question_json: question, finished: is_finished }))
    }

    async fn report_conclusion(
        &self,
        request: Request<ReportConclusionRequest>,
    ) -> Result<Response<ReportConclusionResponse>, Status> {
        let ReportConclusionRequest { case_id, answer_json } = request.into_inner();
        if answer_json.len() > LINE_BYTES_MAX {
            return Err(refusal(Reason::MessageTooLarge, "the answer is too long"));
        }
        let closed = || refusal(Reason::NotFound, "no case of this id is open");
        let mut is_taken = false;
        // In one step: an answer that arrives after the time of its case belongs to no other case.
        self.posted.send_modify(|posted| {
            if posted.is_open && posted.id == case_id {
                is_taken = self.answers.try_send(answer_json.into_bytes()).is_ok();
                posted.is_open = false;
            }
        });
        if is_taken { Ok(Response::new(ReportConclusionResponse {})) } else { Err(closed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::check::v1::check_service_client::CheckServiceClient;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_client_asks_for_its_cases_and_each_report_counts_once() {
        let mut callback = Callback::start(([127, 0, 0, 1], 0).into(), Vec::new()).await.expect("serves");
        let address = format!("http://{}", callback.address);
        let client = tokio::spawn(async move {
            let mut client = CheckServiceClient::connect(address).await.expect("it accepts");
            let mut seen = Vec::new();
            loop {
                let next = client.next_case(NextCaseRequest {}).await.expect("a case").into_inner();
                if next.finished {
                    return seen;
                }
                let report = |case_id: &str| ReportConclusionRequest {
                    case_id: case_id.into(),
                    answer_json: next.question_json.clone(),
                };
                let other = client.report_conclusion(report("other")).await.expect_err("another case");
                assert_eq!(other.code(), tonic::Code::NotFound);
                client.report_conclusion(report(&next.case_id)).await.expect("counts");
                let twice = client.report_conclusion(report(&next.case_id)).await.expect_err("it was answered");
                assert_eq!(twice.code(), tonic::Code::NotFound);
                seen.push(next.case_id);
            }
        });
        let within = Duration::from_secs(10);
        for id in ["a", "b"] {
            assert_eq!(
                callback.ask(id, format!("{{\"{id}\":1}}"), within).await,
                Ok(format!("{{\"{id}\":1}}").into_bytes())
            );
        }
        callback.end().await;
        assert_eq!(client.await.expect("ends"), ["a", "b"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_client_with_a_deadline_is_told_in_time_that_there_is_no_case_yet() {
        let callback = Callback::start(([127, 0, 0, 1], 0).into(), Vec::new()).await.expect("serves");
        let address = format!("http://{}", callback.address);
        let mut client = CheckServiceClient::connect(address).await.expect("it accepts");
        let mut request = Request::new(NextCaseRequest {});
        request.set_timeout(Duration::from_secs(2));
        let begun = Instant::now();
        let refused = client.next_case(request).await.expect_err("nothing was asked");
        assert_eq!(refused.code(), tonic::Code::DeadlineExceeded);
        assert_eq!(refused.message(), "there is no case yet: ask again", "the answer is the checker's own");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        callback.end().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_client_that_asks_late_has_less_time_to_answer() {
        let mut callback = Callback::start(([127, 0, 0, 1], 0).into(), Vec::new()).await.expect("serves");
        let address = format!("http://{}", callback.address);
        let client = tokio::spawn(async move {
            let mut client = CheckServiceClient::connect(address).await.expect("it accepts");
            let first = client.next_case(NextCaseRequest {}).await.expect("a case").into_inner();
            let report = ReportConclusionRequest { case_id: first.case_id, answer_json: "{}".into() };
            client.report_conclusion(report).await.expect("counts");
            tokio::time::sleep(Duration::from_millis(600)).await;
            client.next_case(NextCaseRequest {}).await.expect("the second")
        });
        callback.ask("a", "{}".into(), Duration::from_secs(10)).await.expect("an answer");
        let begun = Instant::now();
        let silent = callback.ask("b", "{}".into(), Duration::from_secs(1)).await.expect_err("none");
        assert!(silent.contains("no answer within 1 s"), "{silent}");
        assert!(begun.elapsed() < Duration::from_millis(1_500), "asked and answered within one second, not two");
        client.await.expect("it asked");
        callback.end().await;
    }

    #[tokio::test]
    async fn it_listens_on_loopback_alone() {
        let refused = Callback::start(([0, 0, 0, 0], 0).into(), Vec::new()).await.err().expect("refused");
        assert!(refused.message().contains("loopback"), "{}", refused.message());
    }
}
