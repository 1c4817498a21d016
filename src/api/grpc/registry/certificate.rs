//! Issuing a certificate of a judicial record: the registry writes it, so that nobody copies a record by hand.

use super::typed::{TypedRegistry, Version};
use crate::base::Call;
use crate::base::{Date, Error, PersonalId, Result, Violation, Violations};
use crate::registry::RecordType;
use crate::registry::judicial::{Asked, CERTIFICATE, Form, RECORD, certificate};
use crate::registry::port::{Change, Selector, Submission};
use crate::trust::{Object, Operation};
use crate::wire::proto::registry::judicial::v1 as proto;

impl TypedRegistry {
    /// A certificate of the newest record's content today.
    pub(super) async fn issue_certificate(
        &self,
        call: &Call,
        request: proto::IssueRecordCertificateRequest,
    ) -> Result<Version<proto::RecordCertificate>> {
        self.authorise(call)?;
        let (person, form, requested_by) = read(&request)?;
        let record = self.read_one(self.record_type(RECORD)?, Selector::Person(person), 0).await?;
        let asked = Asked { number: &request.certificate_number, form, requested_by, on: call.now.date() };
        let payload = certificate(&record.record.disclosure.fields().map_err(Error::bug)?, &asked);
        check(self.record_type(CERTIFICATE)?, &payload, asked.on)?;
        let change = Change {
            record_type: CERTIFICATE.to_owned(),
            operation: Operation::Create,
            expected_version: 0,
            payload,
            valid_from: None,
            valid_until: None,
        };
        let submission = Submission { request_id: request.request_id, changes: vec![change] };
        self.submit_one(CERTIFICATE, submission).await
    }
}

/// The record type's violations, as violations of the request's fields; fields that the registry fills in are not the caller's
/// mistake.
fn check(record_type: &RecordType, payload: &Object, on: Date) -> Result<()> {
    let mut found = Violations::default();
    record_type.validate(payload, on, &"payload", &mut found);
    let given = ["personal_id", "form", "requested_by", "certificate_number"];
    let own = found.kept().iter().filter_map(|bad| {
        let name = bad.field.strip_prefix("payload.").filter(|name| given.contains(name))?;
        Some(Violation::new(name, bad.rule.clone(), &bad.message))
    });
    let own: Violations = own.collect();
    match (found.is_empty(), own.is_empty()) {
        (true, _) => Ok(()),
        (false, false) => Err(Error::invalid(own)),
        (false, true) => Err(Error::bug("a certificate of a judicial record breaks the rules of its type")),
    }
}

/// The violation of an enum field with an unknown value.
fn missing_rule<T, E>(value: &Result<T, E>) -> &'static str {
    if value.is_ok() { "REQUIRED" } else { "UNKNOWN_VALUE" }
}

/// Every bad field at once; the rest of the rules are the record type's.
fn read(request: &proto::IssueRecordCertificateRequest) -> Result<(PersonalId, Form, &'static str)> {
    let mut violations = Vec::new();
    let person = PersonalId::from_field("personal_id", &request.personal_id).map_err(|one| violations.push(one));
    let form = match proto::Form::try_from(request.form) {
        Ok(proto::Form::Form1) => Ok(Form::One),
        Ok(proto::Form::Form2) => Ok(Form::Two),
        unset_or_unknown => Err(Violation::new("form", missing_rule(&unset_or_unknown), "must be FORM_1 or FORM_2")),
    };
    let form = form.map_err(|one| violations.push(one));
    let requested_by = match proto::Requester::try_from(request.requested_by) {
        Ok(proto::Requester::Holder) => Ok("holder"),
        Ok(proto::Requester::Proxy) => Ok("proxy"),
        Ok(proto::Requester::Agency) => Ok("agency"),
        unset_or_unknown => Err(Violation::new(
            "requested_by",
            missing_rule(&unset_or_unknown),
            "must state who requested it: holder, proxy or agency",
        )),
    };
    let requested_by = requested_by.map_err(|one| violations.push(one));
    if request.certificate_number.is_empty() {
        violations.push(Violation::new(
            "certificate_number",
            "REQUIRED",
            "the certificate's number in your register is required",
        ));
    }
    match (person, form, requested_by) {
        (Ok(person), Ok(form), Ok(requested_by)) if violations.is_empty() => Ok((person, form, requested_by)),
        _ => Err(Error::invalid(violations)),
    }
}
