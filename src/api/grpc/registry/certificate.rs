//! Issuing a certificate of a judicial record: the registry writes it, so that nobody copies a record by hand.

use super::typed::{TypedRegistry, Version};
use crate::base::Call;
use crate::base::{Date, Error, PersonalId, Result, Violation, Violations};
use crate::registry::judicial::{Asked, CERTIFICATE, Form, RECORD, certificate};
use crate::registry::port::{Change, Selector, Submission};
use crate::trust::{Object, Operation};
use crate::wire::proto::registry::judicial::v1 as proto;

impl TypedRegistry {
    /// The certificate of what the newest record says today.
    pub(super) async fn issue_certificate(
        &self,
        call: &Call,
        request: proto::IssueRecordCertificateRequest,
    ) -> Result<Version<proto::RecordCertificate>> {
        self.authorise(call)?;
        let (person, form, requested_by) = read(&request)?;
        let record = self.read_one(&RECORD, Selector::Person(person), 0).await?;
        let asked = Asked { number: &request.certificate_number, form, requested_by, on: call.now.date() };
        let payload = certificate(&record.record.disclosure.fields().map_err(Error::bug)?, &asked);
        check(&payload, asked.on)?;
        let change = Change {
            record_type: CERTIFICATE.name.to_owned(),
            operation: Operation::Create,
            expected_version: 0,
            payload,
            valid_from: None,
            valid_until: None,
        };
        let submission = Submission { request_id: request.request_id, changes: vec![change] };
        self.submit_one(&CERTIFICATE, submission).await
    }
}

/// The record type's rules, told by the fields of the request; what the caller did not give cannot be their mistake.
fn check(payload: &Object, on: Date) -> Result<()> {
    let mut found = Violations::default();
    CERTIFICATE.validate(payload, on, &"payload", &mut found);
    let given = ["personal_id", "form", "requested_by", "certificate_number"];
    let own = found.kept().iter().filter_map(|bad| {
        let name = bad.field.strip_prefix("payload.").filter(|name| given.contains(name))?;
        Some(Violation::new(name, bad.rule, &bad.message))
    });
    let own: Violations = own.collect();
    match (found.is_empty(), own.is_empty()) {
        (true, _) => Ok(()),
        (false, false) => Err(Error::invalid(own)),
        (false, true) => Err(Error::bug("a certificate of a judicial record breaks the rules of its type")),
    }
}

/// Every bad field at once; the rest of the rules are the record type's.
fn read(request: &proto::IssueRecordCertificateRequest) -> Result<(PersonalId, Form, &'static str)> {
    let mut violations = Vec::new();
    let person = PersonalId::from_field("personal_id", &request.personal_id).map_err(|one| violations.push(one));
    let form = match request.form() {
        proto::Form::Unspecified => None,
        proto::Form::Form1 => Some(Form::One),
        proto::Form::Form2 => Some(Form::Two),
    };
    let requested_by = match request.requested_by() {
        proto::Requester::Unspecified => None,
        proto::Requester::Holder => Some("holder"),
        proto::Requester::Proxy => Some("proxy"),
        proto::Requester::Agency => Some("agency"),
    };
    if form.is_none() {
        violations.push(Violation::new("form", "REQUIRED", "FORM_1 or FORM_2"));
    }
    if requested_by.is_none() {
        violations.push(Violation::new("requested_by", "REQUIRED", "who asked for it"));
    }
    if request.certificate_number.is_empty() {
        violations.push(Violation::new("certificate_number", "REQUIRED", "the number in your book"));
    }
    match (person, form, requested_by) {
        (Ok(person), Some(form), Some(requested_by)) if violations.is_empty() => Ok((person, form, requested_by)),
        _ => Err(Error::invalid(violations)),
    }
}
