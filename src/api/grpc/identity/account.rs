//! `AccountService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::People;
use crate::access::acting::acting;
use crate::api::Edge;
use crate::base::{Caller, Error, Reason};
use crate::identity::account::Accounts;
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::account_service_server::AccountService;

use super::convert;

/// The face of accounts.
#[derive(Clone)]
pub struct AccountFace {
    edge: Edge,
    accounts: Accounts,
    people: Arc<dyn People>,
}

impl AccountFace {
    /// Serves the `accounts` of `people`.
    pub fn new(edge: Edge, accounts: Accounts, people: Arc<dyn People>) -> Self {
        Self { edge, accounts, people }
    }
}

#[tonic::async_trait]
impl AccountService for AccountFace {
    async fn get_account(
        &self,
        request: Request<v1::GetAccountRequest>,
    ) -> Result<Response<v1::GetAccountResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                // Who may ask comes before what was asked: a stranger learns nothing from a bad number.
                if let Caller::Agency(_) = call.caller {
                    call.named_or(false)?;
                }
                let number = convert::person(&message.personal_id)?;
                let person = match call.caller {
                    Caller::Agency(_) => self.people.numbers(number).await?,
                    Caller::Citizen(_) => acting(&call, number, &*self.people).await?.person,
                };
                let missing = || Error::new(Reason::NotFound, "no such account").with_subject("account", "");
                let account = self.accounts.of(&person).await?.ok_or_else(missing)?;
                Ok(v1::GetAccountResponse { account: Some(convert::account(&account)) })
            })
            .await
    }
}
