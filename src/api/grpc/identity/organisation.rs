//! `OrganisationService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::acting::represented;
use crate::access::{People, Representation};
use crate::api::Edge;
use crate::base::{Call, Error, OrganisationCode, PersonalId, Reason, Result, Timestamp};
use crate::identity::organisation::{OrganisationAccount, Organisations};
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::organisation_service_server::OrganisationService;
use crate::wire::record::timestamp;

/// `OrganisationService`.
#[derive(Clone)]
pub struct OrganisationGrpcService {
    edge: Edge,
    organisations: Organisations,
    people: Arc<dyn People>,
}

impl OrganisationGrpcService {
    /// Serves the accounts of `organisations` to `people`.
    pub fn new(edge: Edge, organisations: Organisations, people: Arc<dyn People>) -> Self {
        Self { edge, organisations, people }
    }

    /// The organisation, if the caller is its legal representative: nobody passes a mandate on.
    async fn represented(&self, call: &Call, code: &str) -> Result<OrganisationCode> {
        match represented(call, code, &*self.people).await? {
            (code, Some(Representation::Legal)) => Ok(code),
            _ => Err(call.refuse()),
        }
    }
}

#[tonic::async_trait]
impl OrganisationService for OrganisationGrpcService {
    async fn get_organisation_account(
        &self,
        request: Request<v1::GetOrganisationAccountRequest>,
    ) -> Result<Response<v1::GetOrganisationAccountResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let (code, _) = represented(&call, &message.organisation_code, &*self.people).await?;
                let missing = || Error::new(Reason::NotFound, "no such account").with_subject("account", "");
                let account = self.organisations.account(code, call.now).await?.ok_or_else(missing)?;
                Ok(v1::GetOrganisationAccountResponse { account: Some(account_message(&account)) })
            })
            .await
    }

    async fn open_organisation_account(
        &self,
        request: Request<v1::OpenOrganisationAccountRequest>,
    ) -> Result<Response<v1::OpenOrganisationAccountResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let code = self.represented(&call, &message.organisation_code).await?;
                let account = self.organisations.open(code, call.now).await?;
                Ok(v1::OpenOrganisationAccountResponse { account: Some(account_message(&account)) })
            })
            .await
    }

    async fn grant_mandate(
        &self,
        request: Request<v1::GrantMandateRequest>,
    ) -> Result<Response<v1::GrantMandateResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let code = self.represented(&call, &message.organisation_code).await?;
                let person = self.people.numbers(person(&message.personal_id)?).await?;
                let until = message.until.map(|at| Timestamp(at.seconds.saturating_mul(1_000)));
                let until = until
                    .ok_or_else(|| Error::invalid_field("until", "REQUIRED", "the end of the mandate is required"))?;
                let account = self.organisations.grant(code, &person, until, call.now).await?;
                Ok(v1::GrantMandateResponse { account: Some(account_message(&account)) })
            })
            .await
    }

    async fn end_mandate(
        &self,
        request: Request<v1::EndMandateRequest>,
    ) -> Result<Response<v1::EndMandateResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let code = self.represented(&call, &message.organisation_code).await?;
                let person = self.people.numbers(person(&message.personal_id)?).await?;
                let account = self.organisations.end(code, &person, call.now).await?;
                Ok(v1::EndMandateResponse { account: Some(account_message(&account)) })
            })
            .await
    }
}

fn person(text: &str) -> Result<PersonalId> {
    PersonalId::from_field("personal_id", text).map_err(|bad| Error::invalid(vec![bad]))
}

fn account_message(account: &OrganisationAccount) -> v1::OrganisationAccount {
    let mandates = account.mandates.iter().map(|mandate| v1::Mandate {
        personal_id: mandate.person.as_str().to_owned(),
        from: timestamp(mandate.from),
        until: timestamp(mandate.until),
    });
    v1::OrganisationAccount {
        organisation_code: account.code.to_string(),
        opened_at: timestamp(account.opened_at),
        mandates: mandates.collect(),
    }
}
