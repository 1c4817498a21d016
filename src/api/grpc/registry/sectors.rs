//! The nine typed services. Each type's three RPCs are the same but for names, so one macro writes them; the work is in
//! [`typed`](super::typed).

use tonic::{Request, Response, Status};

use crate::wire::proto::registry as proto;

use super::typed::{Key, PageQuery, TypedRegistry, Version, of_people, of_person};

/// Implements a typed service: for each record type its message, the names of its RPCs and fields, and how a list request
/// chooses records (an expression for the selector, and the filters that bind page tokens). What one service has in addition
/// follows its name.
macro_rules! typed_service {
    ($sector:ident, $server:ident :: $service:ident $(+ { $($more:tt)* })?, $(
        $record_type:expr => $message:ident $version:ident,
        get $get:ident($get_request:ident, $get_response:ident, $get_key:ident),
        list $list:ident($list_request:ident, $list_response:ident),
        versions $versions:ident($versions_request:ident, $versions_response:ident, $versions_key:ident),
        key $natural:ident, one $one:ident, many $many:ident,
        choose $select:expr, $filters:expr;
    )*) => {
        $(impl From<Version<proto::$sector::v1::$message>> for proto::$sector::v1::$version {
            fn from(found: Version<proto::$sector::v1::$message>) -> Self {
                Self {
                    $one: found.typed,
                    record: Some(found.record),
                    record_id: found.record_id,
                    version: found.version,
                    issued_at: found.issued_at,
                    log_index: found.log_index,
                }
            }
        })*

        #[tonic::async_trait]
        impl proto::$sector::v1::$server::$service for TypedRegistry {
            $(async fn $get(
                &self,
                request: Request<proto::$sector::v1::$get_request>,
            ) -> Result<Response<proto::$sector::v1::$get_response>, Status> {
                use proto::$sector::v1::$get_key::Key as Choice;
                self.edge.answer(request, |call, message| async move {
                    let key = message.key.map(|key| match key {
                        Choice::$natural(key) => Key::Natural(key),
                        Choice::RecordId(id) => Key::RecordId(id),
                    });
                    let found = self.get(&call, $record_type, key, message.version).await?;
                    Ok(proto::$sector::v1::$get_response { $one: Some(found.into()) })
                }).await
            }

            async fn $list(
                &self,
                request: Request<proto::$sector::v1::$list_request>,
            ) -> Result<Response<proto::$sector::v1::$list_response>, Status> {
                self.edge.answer(request, |call, message| async move {
                    let page = PageQuery { size: message.page_size, token: message.page_token.clone() };
                    let select: fn(&proto::$sector::v1::$list_request) -> _ = $select;
                    let filters: fn(&proto::$sector::v1::$list_request) -> Vec<&str> = $filters;
                    let selector = select(&message);
                    let (found, next_page_token) =
                        self.list(&call, $record_type, selector, page, &filters(&message)).await?;
                    let $many = found.into_iter().map(Into::into).collect();
                    Ok(proto::$sector::v1::$list_response { $many, next_page_token })
                }).await
            }

            async fn $versions(
                &self,
                request: Request<proto::$sector::v1::$versions_request>,
            ) -> Result<Response<proto::$sector::v1::$versions_response>, Status> {
                use proto::$sector::v1::$versions_key::Key as Choice;
                self.edge.answer(request, |call, message| async move {
                    let page = PageQuery { size: message.page_size, token: message.page_token };
                    let key = message.key.map(|key| match key {
                        Choice::$natural(key) => Key::Natural(key),
                        Choice::RecordId(id) => Key::RecordId(id),
                    });
                    let (found, next_page_token) = self.versions(&call, $record_type, key, page).await?;
                    let versions = found.into_iter().map(Into::into).collect();
                    Ok(proto::$sector::v1::$versions_response { versions, next_page_token })
                }).await
            })*

            $($($more)*)?
        }
    };
}

typed_service! {
    resident, resident_service_server::ResidentService,
    crate::registry::resident::PERSON => Person PersonVersion,
    get get_person(GetPersonRequest, GetPersonResponse, get_person_request),
    list search_persons(SearchPersonsRequest, SearchPersonsResponse),
    versions list_person_versions(ListPersonVersionsRequest, ListPersonVersionsResponse, list_person_versions_request),
    key PersonalId, one person, many persons,
    choose |m| of_people(&m.personal_id, &m.old_id_number, &m.full_name, &m.birth_date), |m| vec![m.personal_id.as_str(), m.old_id_number.as_str(), m.full_name.as_str(), m.birth_date.as_str()];
    crate::registry::resident::HOUSEHOLD => Household HouseholdVersion,
    get get_household(GetHouseholdRequest, GetHouseholdResponse, get_household_request),
    list list_households(ListHouseholdsRequest, ListHouseholdsResponse),
    versions list_household_versions(ListHouseholdVersionsRequest, ListHouseholdVersionsResponse, list_household_versions_request),
    key HouseholdId, one household, many households,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    land, land_service_server::LandService,
    crate::registry::land::PARCEL => Parcel ParcelVersion,
    get get_parcel(GetParcelRequest, GetParcelResponse, get_parcel_request),
    list list_parcels(ListParcelsRequest, ListParcelsResponse),
    versions list_parcel_versions(ListParcelVersionsRequest, ListParcelVersionsResponse, list_parcel_versions_request),
    key ParcelId, one parcel, many parcels,
    choose |_| of_person(""), |_| vec![];
    crate::registry::land::CERTIFICATE => Certificate CertificateVersion,
    get get_certificate(GetCertificateRequest, GetCertificateResponse, get_certificate_request),
    list list_certificates(ListCertificatesRequest, ListCertificatesResponse),
    versions list_certificate_versions(ListCertificateVersionsRequest, ListCertificateVersionsResponse, list_certificate_versions_request),
    key Serial, one certificate, many certificates,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    social_insurance, social_insurance_service_server::SocialInsuranceService,
    crate::registry::social_insurance::MEMBERSHIP => Membership MembershipVersion,
    get get_membership(GetMembershipRequest, GetMembershipResponse, get_membership_request),
    list list_memberships(ListMembershipsRequest, ListMembershipsResponse),
    versions list_membership_versions(ListMembershipVersionsRequest, ListMembershipVersionsResponse, list_membership_versions_request),
    key PersonalId, one membership, many memberships,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    judicial, judicial_service_server::JudicialService
    + {
        async fn issue_record_certificate(
            &self,
            request: Request<proto::judicial::v1::IssueRecordCertificateRequest>,
        ) -> Result<Response<proto::judicial::v1::IssueRecordCertificateResponse>, Status> {
            self.edge.answer(request, |call, message| async move {
                let issued = self.issue_certificate(&call, message).await?;
                Ok(proto::judicial::v1::IssueRecordCertificateResponse { record_certificate: Some(issued.into()) })
            }).await
        }
    },
    crate::registry::judicial::RECORD => JudicialRecord JudicialRecordVersion,
    get get_judicial_record(GetJudicialRecordRequest, GetJudicialRecordResponse, get_judicial_record_request),
    list list_judicial_records(ListJudicialRecordsRequest, ListJudicialRecordsResponse),
    versions list_judicial_record_versions(ListJudicialRecordVersionsRequest, ListJudicialRecordVersionsResponse, list_judicial_record_versions_request),
    key PersonalId, one judicial_record, many judicial_records,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::judicial::CERTIFICATE => RecordCertificate RecordCertificateVersion,
    get get_record_certificate(GetRecordCertificateRequest, GetRecordCertificateResponse, get_record_certificate_request),
    list list_record_certificates(ListRecordCertificatesRequest, ListRecordCertificatesResponse),
    versions list_record_certificate_versions(ListRecordCertificateVersionsRequest, ListRecordCertificateVersionsResponse, list_record_certificate_versions_request),
    key CertificateNumber, one record_certificate, many record_certificates,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    business, business_service_server::BusinessService,
    crate::registry::business::ENTERPRISE => Enterprise EnterpriseVersion,
    get get_enterprise(GetEnterpriseRequest, GetEnterpriseResponse, get_enterprise_request),
    list list_enterprises(ListEnterprisesRequest, ListEnterprisesResponse),
    versions list_enterprise_versions(ListEnterpriseVersionsRequest, ListEnterpriseVersionsResponse, list_enterprise_versions_request),
    key EnterpriseCode, one enterprise, many enterprises,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::business::HOUSEHOLD => HouseholdBusiness HouseholdBusinessVersion,
    get get_household_business(GetHouseholdBusinessRequest, GetHouseholdBusinessResponse, get_household_business_request),
    list list_household_businesses(ListHouseholdBusinessesRequest, ListHouseholdBusinessesResponse),
    versions list_household_business_versions(ListHouseholdBusinessVersionsRequest, ListHouseholdBusinessVersionsResponse, list_household_business_versions_request),
    key Code, one household_business, many household_businesses,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    health_insurance, health_insurance_service_server::HealthInsuranceService,
    crate::registry::health_insurance::CARD => Card CardVersion,
    get get_card(GetCardRequest, GetCardResponse, get_card_request),
    list list_cards(ListCardsRequest, ListCardsResponse),
    versions list_card_versions(ListCardVersionsRequest, ListCardVersionsResponse, list_card_versions_request),
    key CardNumber, one card, many cards,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    driver_licence, driver_licence_service_server::DriverLicenceService,
    crate::registry::driver_licence::LICENCE => Licence LicenceVersion,
    get get_licence(GetLicenceRequest, GetLicenceResponse, get_licence_request),
    list list_licences(ListLicencesRequest, ListLicencesResponse),
    versions list_licence_versions(ListLicenceVersionsRequest, ListLicenceVersionsResponse, list_licence_versions_request),
    key LicenceNumber, one licence, many licences,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    vehicle, vehicle_service_server::VehicleService,
    crate::registry::vehicle::REGISTRATION => Registration RegistrationVersion,
    get get_registration(GetRegistrationRequest, GetRegistrationResponse, get_registration_request),
    list list_registrations(ListRegistrationsRequest, ListRegistrationsResponse),
    versions list_registration_versions(ListRegistrationVersionsRequest, ListRegistrationVersionsResponse, list_registration_versions_request),
    key Plate, one registration, many registrations,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}

typed_service! {
    civil_status, civil_status_service_server::CivilStatusService,
    crate::registry::civil_status::BIRTH => BirthEntry BirthEntryVersion,
    get get_birth_entry(GetBirthEntryRequest, GetBirthEntryResponse, get_birth_entry_request),
    list list_birth_entries(ListBirthEntriesRequest, ListBirthEntriesResponse),
    versions list_birth_entry_versions(ListBirthEntryVersionsRequest, ListBirthEntryVersionsResponse, list_birth_entry_versions_request),
    key EntryNumber, one birth_entry, many birth_entries,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::civil_status::MARRIAGE => MarriageEntry MarriageEntryVersion,
    get get_marriage_entry(GetMarriageEntryRequest, GetMarriageEntryResponse, get_marriage_entry_request),
    list list_marriage_entries(ListMarriageEntriesRequest, ListMarriageEntriesResponse),
    versions list_marriage_entry_versions(ListMarriageEntryVersionsRequest, ListMarriageEntryVersionsResponse, list_marriage_entry_versions_request),
    key EntryNumber, one marriage_entry, many marriage_entries,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::civil_status::DEATH => DeathEntry DeathEntryVersion,
    get get_death_entry(GetDeathEntryRequest, GetDeathEntryResponse, get_death_entry_request),
    list list_death_entries(ListDeathEntriesRequest, ListDeathEntriesResponse),
    versions list_death_entry_versions(ListDeathEntryVersionsRequest, ListDeathEntryVersionsResponse, list_death_entry_versions_request),
    key EntryNumber, one death_entry, many death_entries,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::civil_status::DIVORCE => DivorceNote DivorceNoteVersion,
    get get_divorce_note(GetDivorceNoteRequest, GetDivorceNoteResponse, get_divorce_note_request),
    list list_divorce_notes(ListDivorceNotesRequest, ListDivorceNotesResponse),
    versions list_divorce_note_versions(ListDivorceNoteVersionsRequest, ListDivorceNoteVersionsResponse, list_divorce_note_versions_request),
    key EntryNumber, one divorce_note, many divorce_notes,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::civil_status::ADOPTION => AdoptionEntry AdoptionEntryVersion,
    get get_adoption_entry(GetAdoptionEntryRequest, GetAdoptionEntryResponse, get_adoption_entry_request),
    list list_adoption_entries(ListAdoptionEntriesRequest, ListAdoptionEntriesResponse),
    versions list_adoption_entry_versions(ListAdoptionEntryVersionsRequest, ListAdoptionEntryVersionsResponse, list_adoption_entry_versions_request),
    key EntryNumber, one adoption_entry, many adoption_entries,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
    crate::registry::civil_status::CHANGE => ChangeEntry ChangeEntryVersion,
    get get_change_entry(GetChangeEntryRequest, GetChangeEntryResponse, get_change_entry_request),
    list list_change_entries(ListChangeEntriesRequest, ListChangeEntriesResponse),
    versions list_change_entry_versions(ListChangeEntryVersionsRequest, ListChangeEntryVersionsResponse, list_change_entry_versions_request),
    key EntryNumber, one change_entry, many change_entries,
    choose |m| of_person(&m.personal_id), |m| vec![m.personal_id.as_str()];
}
