//! `AccountService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::People;
use crate::access::acting::own_or_named;
use crate::api::Edge;
use crate::base::{Error, Reason};
use crate::identity::account::Accounts;
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::account_service_server::AccountService;

use super::convert;

/// `AccountService`.
#[derive(Clone)]
pub struct AccountGrpcService {
    edge: Edge,
    accounts: Accounts,
    people: Arc<dyn People>,
}

impl AccountGrpcService {
    /// Serves the `accounts` of `people`.
    pub fn new(edge: Edge, accounts: Accounts, people: Arc<dyn People>) -> Self {
        Self { edge, accounts, people }
    }
}

#[tonic::async_trait]
impl AccountService for AccountGrpcService {
    async fn get_account(
        &self,
        request: Request<v1::GetAccountRequest>,
    ) -> Result<Response<v1::GetAccountResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let (_, person) = own_or_named(&call, &message.personal_id, &*self.people).await?;
                let missing = || Error::new(Reason::NotFound, "no such account").with_subject("account", "");
                let account = self.accounts.of(&person).await?.ok_or_else(missing)?;
                Ok(v1::GetAccountResponse { account: Some(convert::account(&account)) })
            })
            .await
    }
}
