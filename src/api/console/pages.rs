//! The console's pages.

use maud::{DOCTYPE, Markup, html};

use super::facts::Facts;

fn page(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Lienthong" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                nav {
                    strong { "Liên thông" }
                    a href="/" { "Overview" }
                    a href="/personas" { "Personas" }
                    a href="/registries" { "Registries" }
                    a href="/anchor.json" { "Trust anchor" }
                }
                main { h1 { (title) } (body) }
            }
        }
    }
}

/// What world this is.
pub(super) fn overview(facts: &Facts) -> Markup {
    let plaintext = if facts.has_tls { "-cacert CA.pem " } else { "-plaintext " };
    page(
        "Overview",
        html! {
            dl {
                dt { "gRPC" } dd { code { (facts.grpc) } @if facts.has_tls { " with TLS" } }
                dt { "Citizens" } dd { (facts.population) " generated, " (facts.personas.len()) " personas" }
                dt { "Clock" } dd { (facts.now) }
                dt { "Trust anchor" } dd { a href="/anchor.json" { "anchor.json" } ", fingerprint " code { (facts.fingerprint) } }
            }
            h2 { "Ledgers" }
            table {
                thead { tr { th { "Origin" } th { "Entries" } th { "Root" } } }
                tbody {
                    @for log in &facts.logs {
                        tr { td { code { (log.origin) } } td.number { (log.size) } td { code { (log.root) } } }
                    }
                }
            }
            h2 { "Try" }
            (placeholders(facts))
            pre { "grpcurl " (plaintext) (facts.grpc) " list" }
            @if let Some(persona) = facts.personas.first() {
                pre { (persona.command) }
            }
            h2 { "Services" }
            ul { @for service in &facts.services { li { code { (service) } } } }
        },
    )
}

/// Placeholders in the commands for files that the console does not know or disclose.
fn placeholders(facts: &Facts) -> Markup {
    html! {
        @if facts.has_tls {
            p { code { "CA.pem" } " stands for the authority that certified this server; call it by a name in its certificate." }
        }
        @if !facts.accepts_demo {
            p { code { "DIR" } " stands for the server's data folder, whose key mints tokens." }
        }
    }
}

/// Who lives in it.
pub(super) fn personas(facts: &Facts) -> Markup {
    page(
        "Personas",
        html! {
            p { "Synthetic citizens whose personal IDs trigger documented situations; the same for every seed." }
            (placeholders(facts))
            @for persona in &facts.personas {
                section {
                    h2 { code { (persona.personal_id) } " " (persona.full_name) }
                    p { (persona.situation) }
                    p.expectation { (persona.expectation) }
                    pre { (persona.command) }
                }
            }
        },
    )
}

/// Who issues what.
pub(super) fn registries(facts: &Facts) -> Markup {
    page(
        "Registries",
        html! {
            table {
                thead { tr { th { "Registry" } th { "Run by" } th { "Record types" } } }
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

/// Another host's name.
pub(super) fn misdirected() -> Markup {
    let text =
        "The console answers under loopback names, the address that it listens on, and the host of --public-url.";
    page("Misdirected request", html! { p { (text) } })
}

/// No such page.
pub(super) fn missing(path: &str) -> Markup {
    page("Not found", html! { p { "There is no page " code { (path) } "." } })
}
