// The page "Try a call": a form over `grpc-web.js`.

import { call, Codec } from "/grpc-web.js";

const CODES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
  "UNAUTHENTICATED",
];
/** Messages of a stream that the page keeps. */
const SHOWN_MAX = 100;

const at = (id) => document.getElementById(id);
const show = (outcome, reason, body) => {
  at("outcome").textContent = outcome;
  at("reason").textContent = reason;
  at("answer").textContent = body;
};

let running;

const send = async (codec) => {
  running?.abort();
  const own = (running = new AbortController());
  at("send").disabled = true;
  at("stop").disabled = false;
  show("…", "", "");
  const headers = {};
  for (const [id, name] of [["language", "accept-language"], ["session", "x-lienthong-session"]]) {
    if (at(id).value.trim()) headers[name] = at(id).value.trim();
  }
  if (at("credential").value.trim()) headers.authorization = `Bearer ${at("credential").value.trim()}`;
  const answers = [];
  let id = "";
  try {
    const request = JSON.parse(at("request").value.trim() || "{}");
    const onHead = (head) => (id = head.get("x-request-id") ?? "");
    for await (const answer of call(codec, "", at("method").value, request, { headers, signal: own.signal, onHead })) {
      answers.push(answer);
      if (answers.length > SHOWN_MAX) answers.shift();
      show("…", id, answers.map((one) => JSON.stringify(one, null, 2)).join("\n\n"));
    }
    show("OK", id, answers.map((one) => JSON.stringify(one, null, 2)).join("\n\n"));
  } catch (error) {
    const got = answers.map((one) => JSON.stringify(one, null, 2)).join("\n\n");
    if (own.signal.aborted) {
      show("CANCELLED", id, got);
    } else if (error.details) {
      const told = [error.message, ...error.details.map((detail) => JSON.stringify(detail, null, 2))];
      show(CODES[error.code] ?? String(error.code), error.reason ?? id, [got, ...told].filter(Boolean).join("\n\n"));
    } else {
      show("—", "", String(error.message ?? error));
    }
  } finally {
    if (running === own) {
      at("send").disabled = false;
      at("stop").disabled = true;
    }
  }
};

const schema = await (await fetch("/schema.json")).json();
const codec = new Codec(schema);
for (const name of Object.keys(schema.methods)) at("methods").append(new Option(name));
for (const example of document.querySelectorAll("button.example")) {
  example.addEventListener("click", () => {
    for (const name of ["method", "credential", "request"]) at(name).value = example.dataset[name];
    send(codec);
  });
}
at("call").addEventListener("submit", (event) => {
  event.preventDefault();
  if (schema.methods[at("method").value]) send(codec);
  else show("—", "", at("method").dataset.unknown);
});
at("stop").addEventListener("click", () => running?.abort());
at("method").addEventListener("change", () => {
  const method = schema.methods[at("method").value];
  if (!method || at("request").value.trim()) return;
  const fields = codec.fields(method.input).map((field) => `"${field.name}": ${field.repeated && !field.map ? "[]" : "null"}`);
  at("request").value = `{${fields.join(", ")}}`;
});
document.body.dataset.ready = "true";
