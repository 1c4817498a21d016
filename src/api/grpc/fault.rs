//! `FaultService` over gRPC: adds, lists and ends the rules of a world's faults.

mod message;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::RightsBook;
use crate::api::{Edge, PageTokens, page};
use crate::base::{Call, Error, Reason, Result, Violations};
use crate::registry::Catalogue;
use crate::simulation::faults::{Known, NewRule, Rules, check};
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::fault_service_server::FaultService;

pub use message::action_message;

/// Most rules of one request.
const FAULTS_MAX: usize = 100;

/// The names that a rule may use, and the rules that a world accepts.
#[derive(Clone)]
pub struct FaultScope {
    /// The methods that are served.
    pub methods: Arc<[String]>,
    /// The agencies.
    pub rights: Arc<RightsBook>,
    /// The registries.
    pub catalogue: Arc<Catalogue>,
    /// Whether signatures may be false: in sessions, which end.
    pub may_sign_falsely: bool,
}

impl FaultScope {
    /// Reads rules as they are written in a request or a file, all or none. `at` is the field that holds them.
    pub fn read(&self, faults: Vec<proto::Fault>, at: &str) -> Result<Vec<NewRule>> {
        if faults.is_empty() || faults.len() > FAULTS_MAX {
            return Err(Error::invalid_field(at, "LENGTH", format!("has 1 to {FAULTS_MAX} rules")));
        }
        let methods: Vec<&str> = self.methods.iter().map(String::as_str).collect();
        let rights = self.rights.current();
        let agencies: Vec<String> = rights.agencies().map(|agency| agency.key.as_str().to_owned()).collect();
        let known = Known { methods: &methods, agencies: &agencies, catalogue: &self.catalogue };
        let (mut found, mut rules) = (Violations::default(), Vec::with_capacity(faults.len()));
        for (index, fault) in faults.into_iter().enumerate() {
            let at = format!("{at}[{index}]");
            if let Some(NewRule { id, rule }) = message::rule(fault, &at, &mut found) {
                rules.push(NewRule { id, rule: check(rule, &at, &known, &mut found) });
            }
        }
        if !found.is_empty() {
            return Err(Error::invalid(found));
        }
        if !self.may_sign_falsely
            && let Some(false_one) = rules.iter().find(|new| new.rule.action.signs_falsely())
        {
            let action = false_one.rule.action.as_str();
            let message =
                format!("{action} signs falsely, which only a session may do: create one, and add the rule there");
            return Err(Error::new(Reason::FaultNeedsSession, message).with_subject("fault", action));
        }
        Ok(rules)
    }
}

/// Serves `FaultService`.
#[derive(Clone)]
pub struct FaultGrpcService {
    edge: Edge,
    rules: Arc<Rules>,
    scope: FaultScope,
    pages: PageTokens,
}

impl FaultGrpcService {
    /// Serves the rules of one world.
    pub fn new(edge: Edge, rules: Arc<Rules>, scope: FaultScope, pages: PageTokens) -> Self {
        Self { edge, rules, scope, pages }
    }

    fn list(&self, call: &Call, request: &proto::ListFaultsRequest) -> Result<proto::ListFaultsResponse> {
        let (size, after) = (page::size(request.page_size)?, self.pages.read(call, &[], &request.page_token)?);
        let table = self.rules.current();
        // The last rule of the page before may have ended since: then the list begins anew, and says so.
        let begin = match after {
            None => 0,
            Some(name) => {
                let at = table.all().position(|standing| standing.id.as_bytes() == name);
                at.ok_or_else(|| Error::token_refused("page_token"))? + 1
            }
        };
        let some: Vec<_> = table.all().skip(begin).take(size + 1).collect();
        let next = (some.len() > size).then(|| some[size - 1].id.as_bytes());
        Ok(proto::ListFaultsResponse {
            faults: some.iter().take(size).map(|standing| message::of(standing)).collect(),
            next_page_token: next.map(|name| self.pages.issue(call, &[], name)).unwrap_or_default(),
        })
    }
}

#[tonic::async_trait]
impl FaultService for FaultGrpcService {
    async fn add_faults(
        &self,
        request: Request<proto::AddFaultsRequest>,
    ) -> Result<Response<proto::AddFaultsResponse>, Status> {
        let use_case = async |_, request: proto::AddFaultsRequest| {
            let added = self.rules.add(self.scope.read(request.faults, "faults")?)?;
            Ok(proto::AddFaultsResponse { faults: added.iter().map(|standing| message::of(standing)).collect() })
        };
        self.edge.answer(request, use_case).await
    }

    async fn list_faults(
        &self,
        request: Request<proto::ListFaultsRequest>,
    ) -> Result<Response<proto::ListFaultsResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.list(&call, &request);
        self.edge.answer(request, use_case).await
    }

    async fn remove_fault(
        &self,
        request: Request<proto::RemoveFaultRequest>,
    ) -> Result<Response<proto::RemoveFaultResponse>, Status> {
        let use_case = async |_, request: proto::RemoveFaultRequest| match self.rules.remove(&request.fault_id) {
            true => Ok(proto::RemoveFaultResponse {}),
            false => {
                let message = "there is no rule of this name: FaultService/ListFaults lists the rules";
                Err(Error::new(Reason::NotFound, message).with_subject("fault", ""))
            }
        };
        self.edge.answer(request, use_case).await
    }

    async fn heal(&self, request: Request<proto::HealRequest>) -> Result<Response<proto::HealResponse>, Status> {
        let use_case = async |_, request: proto::HealRequest| {
            let healed = self.rules.heal(request.personas);
            Ok(proto::HealResponse { healed: healed as u32 })
        };
        self.edge.answer(request, use_case).await
    }
}
