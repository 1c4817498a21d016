//! The console's pages, in the language that the browser prefers.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use maud::{DOCTYPE, Markup, html};

use super::examples::examples;
use super::facts::Facts;
use crate::api::language::language_of;
use crate::base::{Language, Reason, RequestId};

const NAME: &str = "Liên thông";

/// The layout of all pages, in one language.
pub(super) struct Page(Language);

impl Page {
    /// Pages for a request with these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(language_of(headers))
    }

    fn say(&self, english: &str) -> String {
        self.0.say(english).into_owned()
    }

    fn layout(&self, title: &str, body: Markup) -> Markup {
        let title = self.say(title);
        let tag = if self.0 == Language::Vietnamese { "vi" } else { "en" };
        html! {
            (DOCTYPE)
            html lang=(tag) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · Lienthong" }
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    nav {
                        strong { (NAME) }
                        a href="/" { (self.say("Overview")) }
                        a href="/personas" { (self.say("Personas")) }
                        a href="/registries" { (self.say("Registries")) }
                        a href="/try" { (self.say("Try a call")) }
                        a href="/anchor.json" { (self.say("Trust anchor")) }
                    }
                    main { h1 { (title) } (body) }
                }
            }
        }
    }

    /// The world's addresses, clock and logs, with commands to try.
    pub(super) fn overview(&self, facts: &Facts) -> Markup {
        let plaintext = if facts.has_tls { "-cacert CA.pem " } else { "-plaintext " };
        let citizens = format!("{} generated, {} personas", facts.population, facts.personas.len());
        let heads = ["Origin", "Entries", "Root"];
        self.layout(
            "Overview",
            html! {
                dl {
                    dt { "gRPC" } dd { code { (facts.grpc) } @if facts.has_tls { " " (self.say("with TLS")) } }
                    dt { (self.say("Citizens")) } dd { (self.say(&citizens)) }
                    dt { (self.say("Clock")) } dd { (facts.now) @if facts.is_frozen { " (" (self.say("stopped")) ")" } }
                    dt { (self.say("Trust anchor")) }
                    dd { a href="/anchor.json" { "anchor.json" } " · SHA-256 " code { (facts.fingerprint) } }
                }
                h2 { (self.say("Ledgers")) }
                table {
                    thead { tr { @for head in heads { th { (self.say(head)) } } } }
                    tbody {
                        @for log in &facts.logs {
                            tr { td { code { (log.origin) } } td.number { (log.size) } td { code { (log.root) } } }
                        }
                    }
                }
                h2 { (self.say("Commands")) }
                (self.placeholders(facts))
                pre { "grpcurl " (plaintext) (facts.grpc) " list" }
                @if let Some(persona) = facts.personas.first() {
                    pre { (persona.command) }
                }
                h2 { (self.say("Services")) }
                ul { @for service in &facts.services { li { code { (service) } } } }
            },
        )
    }

    /// Placeholders in the commands for files that the console does not know or disclose.
    fn placeholders(&self, facts: &Facts) -> Markup {
        let authority = "stands for the authority that certified this server; call it by a name in its certificate.";
        let folder = "stands for the server's data folder, whose key mints tokens.";
        html! {
            @if facts.has_tls { p { code { "CA.pem" } " " (self.say(authority)) } }
            @if !facts.accepts_demo { p { code { "DIR" } " " (self.say(folder)) } }
        }
    }

    /// The personas.
    pub(super) fn personas(&self, facts: &Facts) -> Markup {
        let intro = "Synthetic citizens whose personal IDs trigger documented situations; the same for every seed.";
        self.layout(
            "Personas",
            html! {
                p { (self.say(intro)) }
                (self.placeholders(facts))
                @for persona in &facts.personas {
                    section {
                        h2 { code { (persona.personal_id) } " " (persona.full_name) }
                        p { (self.say(&persona.situation)) }
                        p.expectation { (self.say(&persona.expectation)) }
                        pre { (persona.command) }
                    }
                }
            },
        )
    }

    /// The registries, their agencies and their record types.
    pub(super) fn registries(&self, facts: &Facts) -> Markup {
        let heads = ["Registry", "Agency", "Record types"];
        self.layout(
            "Registries",
            html! {
                table {
                    thead { tr { @for head in heads { th { (self.say(head)) } } } }
                    tbody {
                        @for registry in &facts.registries {
                            tr {
                                td { code { (registry.name) } }
                                td { code { (registry.agency) } }
                                td { @for kind in &registry.record_types { code { (kind) } " " } }
                            }
                        }
                    }
                }
            },
        )
    }

    /// A form that calls the API from the browser, with calls to try.
    pub(super) fn try_a_call(&self, facts: &Facts) -> Markup {
        let intro = "This page calls the gateway from your browser by gRPC-Web, as any page of this machine may. A request is written as JSON.";
        let agencies: BTreeSet<&str> = facts.registries.iter().map(|registry| registry.agency.as_str()).collect();
        let agencies = agencies.into_iter().chain(["one-stop", "operator"]).map(|agency| format!("demo-{agency}"));
        let citizens =
            facts.personas.iter().map(|persona| (format!("demo-citizen-{}", persona.personal_id), &persona.full_name));
        self.layout(
            "Try a call",
            html! {
                p { (self.say(intro)) }
                @if !facts.accepts_demo {
                    p { (self.say("This server accepts tokens only: `lienthong token issue` issues one.")) }
                }
                p {
                    @for example in examples(facts) {
                        button.example type="button" data-method=(example.method) data-credential=(example.credential)
                            data-request=(example.request) { (self.say(example.title)) } " "
                    }
                }
                form #call {
                    label for="method" { (self.say("Method")) }
                    input #method list="methods" required autocomplete="off" spellcheck="false"
                        data-unknown=(self.say("There is no such method in the list."));
                    datalist #methods {}
                    label for="credential" { (self.say("Credential")) }
                    input #credential list="credentials" autocomplete="off" spellcheck="false";
                    datalist #credentials {
                        @if facts.accepts_demo {
                            @for agency in agencies { option value=(agency) {} }
                            @for (credential, name) in citizens { option value=(credential) { (name) } }
                        }
                    }
                    label for="session" { (self.say("Session")) }
                    input #session autocomplete="off" spellcheck="false";
                    label for="language" { (self.say("Language of refusals")) }
                    select #language {
                        option value="en" { "English" }
                        option value="vi" selected[self.0 == Language::Vietnamese] { "Tiếng Việt" }
                    }
                    label for="request" { (self.say("Request")) }
                    textarea #request rows="6" spellcheck="false" {}
                    span {}
                    span {
                        button #send { (self.say("Call")) } " "
                        button #stop type="button" disabled { (self.say("Stop")) }
                    }
                }
                h2 { output #outcome {} " " code #reason {} }
                pre #answer {}
                script type="module" src="/try.js" {}
            },
        )
    }

    /// For requests to another host.
    pub(super) fn misdirected(&self, reason: Reason, id: Option<RequestId>) -> Markup {
        let text =
            "The console answers under loopback names, the address that it listens on, and the host of --public-url.";
        self.layout("Misdirected request", html! { p { (self.say(text)) } (refused(reason, id)) })
    }

    /// For unknown paths.
    pub(super) fn missing(&self, path: &str, reason: Reason, id: Option<RequestId>) -> Markup {
        let text = html! { p { (self.say("There is no page")) " " code { (path) } "." } (refused(reason, id)) };
        self.layout("Not found", text)
    }
}

/// The reason and the id of a refusal, as they are in its other forms.
fn refused(reason: Reason, id: Option<RequestId>) -> Markup {
    html! { p { code { (reason.as_str()) } @if let Some(id) = id { br; "request: " code { (id) } } } }
}
