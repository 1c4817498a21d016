#!/usr/bin/env python3
"""Drives Chromium against a serving gateway: the console's page "Try a call", and pages of other origins.

  python3 .ci/web.py CONSOLE        CONSOLE is the console's address: 127.0.0.1:50052

Speaks the DevTools protocol over a pipe (--remote-debugging-pipe), so that nothing but Python's own library is needed. What is looked for is
what Rust tests cannot see: that the page's policy lets its script run and nothing else, that a browser's preflights and exposed headers work, and
that a browser keeps pages of other sites out.
"""

import functools
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

CONSOLE = sys.argv[1]
PERSON = "042090990001"
PATIENCE = 30


class Browser:
    """Chromium with one page at a time."""

    def __init__(self, profile):
        to_read, write = os.pipe()
        read, to_write = os.pipe()

        def plumb():
            # The pipe's ends are descriptors 3 and 4 of the browser; moved away first, in case they are where these go.
            high = [os.dup2(fd, at, inheritable=True) for fd, at in ((to_read, 100), (to_write, 101))]
            os.dup2(high[0], 3, inheritable=True)
            os.dup2(high[1], 4, inheritable=True)

        flags = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
                 # Names of other sites that lead here, as a page's own name may.
                 "--host-resolver-rules=MAP *.example 127.0.0.1", "about:blank"]
        if os.geteuid() == 0:
            flags.insert(0, "--no-sandbox")
        self.process = subprocess.Popen(["chromium", *flags], preexec_fn=plumb, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.write, self.read = os.fdopen(write, "wb", buffering=0), os.fdopen(read, "rb", buffering=0)
        self.rest, self.last, self.session, self.said = b"", 0, None, []

    def message(self):
        while b"\0" not in self.rest:
            more = self.read.read(65536)
            if not more:
                raise SystemExit("chromium ended")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def send(self, method, **parameters):
        self.last += 1
        asked = {"id": self.last, "method": method, "params": parameters}
        if self.session and not method.startswith("Target."):
            asked["sessionId"] = self.session
        self.write.write(json.dumps(asked).encode() + b"\0")
        while True:
            got = self.message()
            if got.get("id") == self.last:
                if "error" in got:
                    raise SystemExit(f"{method}: {got['error']}")
                return got["result"]
            if got.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                self.said.append(json.dumps(got["params"]))

    def open(self, url):
        """A page of its own; what went wrong on the one before is forgotten."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.said = []
        self.send("Page.navigate", url=url)

    def run(self, script):
        """The value of an expression, awaited."""
        done = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise SystemExit(f"{script}: {json.dumps(done['exceptionDetails'])[:2000]}")
        return done["result"].get("value")

    def until(self, what, script, holds=bool):
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self.run(script)
            if holds(seen):
                return seen
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: {seen!r} on the page; {self.said}")
            time.sleep(0.05)

    def end(self):
        self.process.terminate()
        self.process.wait(10)


def check(what, seen, holds):
    if not holds:
        raise SystemExit(f"{what}: {seen!r}")
    print(f"  {what}")


SHOWN = "[document.getElementById('outcome').textContent, document.getElementById('reason').textContent, document.getElementById('answer').textContent]"


def fill(browser, method, credential, request, session=""):
    values = {"method": method, "credential": credential, "request": json.dumps(request), "session": session}
    browser.run(f"for (const [id, value] of Object.entries({json.dumps(values)})) document.getElementById(id).value = value;"
                "document.getElementById('outcome').textContent = ''; document.getElementById('send').click()")
    return browser.until(method, SHOWN, lambda shown: shown[0] not in ("", "…"))


def the_console_page(browser):
    print("the console's page:")
    browser.open(f"http://{CONSOLE}/try")
    browser.until("the page is ready", "document.body?.dataset.ready === 'true'")
    browser.run("document.querySelectorAll('button.example')[0].click()")
    outcome, identity, answer = browser.until("the first example", SHOWN, lambda shown: shown[0] not in ("", "…"))
    record = json.loads(answer)["records"][0]
    check("an agency fetches a record, and sees its verdict and the call's id", answer[:300],
          outcome == "OK" and record["verdict"] == "VALID" and len(identity) == 36)
    person = {"personal_id": PERSON}
    outcome, _, answer = fill(browser, "lienthong.province.v1.ProvinceService/GetPerson", "demo-operator", person)
    check("the operator sees a person", answer[:300], outcome == "OK" and "Nguyễn" in answer or "fullName" in answer)
    outcome, reason, answer = fill(browser, "lienthong.identity.v1.LinkService/ListLinks", "demo-citizen-042185990002", person)
    check("another citizen is refused with the reason", [outcome, reason], (outcome, reason) == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED"))
    check("and with its details", answer, "google.rpc.ErrorInfo" in answer and "this citizen may not make this call" in answer)
    browser.run("document.getElementById('language').value = 'vi'")
    _, _, answer = fill(browser, "lienthong.identity.v1.LinkService/ListLinks", "demo-citizen-042185990002", person)
    check("in Vietnamese too", answer, '"locale": "vi"' in answer)
    outcome, reason, _ = fill(browser, "lienthong.identity.v1.LinkService/ListLinks", f"demo-citizen-{PERSON}", person, "0" * 32)
    check("a session that is not there is refused", [outcome, reason], (outcome, reason) == ("NOT_FOUND", "SESSION_UNKNOWN"))
    browser.run("document.getElementById('session').value = ''; document.querySelectorAll('button.example')[4].click()")
    browser.until("a stream", SHOWN, lambda shown: shown[0] == "…" and shown[2].count("resumeToken") > 2)
    browser.run("document.getElementById('stop').click()")
    browser.until("its end", SHOWN, lambda shown: shown[0] == "CANCELLED")
    print("  a stream shows its messages as they come, and can be stopped")
    errors = [said for said in browser.said if '"error"' in said or "exceptionThrown" in said]
    check("nothing was reported against the page's policy", errors, not errors)
    blocked = browser.run("new Promise((done) => { addEventListener('securitypolicyviolation', (e) => done(e.violatedDirective));"
                          "try { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s) } catch {}"
                          "setTimeout(() => done(String(window.ran)), 2000) })")
    check("the policy lets no other script run", blocked, blocked.startswith(("script-src", "require-trusted-types")))
    away = browser.run("fetch('http://other.example/').then(() => 'went', () => 'kept')")
    check("and no call leave for another host", away, away == "kept")


CALL = """
(async () => {
  const { call, Codec } = await import(location.origin + '/grpc-web.js');
  const codec = new Codec(await (await fetch(location.origin + '/schema.json')).json());
  const seen = {};
  try {
    const onHead = (head) => Object.assign(seen, { id: head.get('x-request-id'), status: head.get('grpc-status') });
    const options = { headers: { authorization: 'Bearer demo-%s' }, onHead };
    for await (const answer of call(codec, 'http://%s', 'lienthong.exchange.v1.ExchangeService/FetchRecords', %s, options)) {
      seen.records = answer.records.length;
    }
  } catch (error) {
    Object.assign(seen, { error: error.name, message: String(error.message), reason: error.reason });
  }
  return seen;
})()
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        pass


def pages_of_other_origins(browser, folder):
    print("pages of other origins:")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    request = {"personal_id": PERSON, "record_types": ["resident.person.v1"], "purpose": "one_stop.verify_documents"}
    denied = dict(request, purpose="bank.know_your_customer")

    def ask(host, what, who="one-stop"):
        browser.open(f"http://{host}:{port}/index.html")
        browser.until("the page", "document.readyState === 'complete' && location.host !== ''")
        return browser.run(CALL % (who, CONSOLE, json.dumps(what)))

    seen = ask("localhost", request)
    check("a page of this machine calls across origins, and reads the exposed id", seen, seen.get("records") == 1 and seen["id"])
    seen = ask("localhost", denied, "bank")
    check("and reads the reason of a refusal", seen, seen.get("reason") == "CONSENT_MISSING" and seen["status"] == "7")
    seen = ask("evil.example", request)
    check("a page of another site reads nothing", seen, "records" not in seen and "id" not in seen and seen["error"] == "TypeError")
    browser.open(f"http://evil.example:{CONSOLE.rsplit(':', 1)[1]}/try")
    text = browser.until("the refusal", "document.readyState === 'complete' && document.body?.textContent")
    check("a name that leads here for a moment is shown no page", text[:200], PERSON not in text and "--public-url" in text)
    server.shutdown()


def main():
    with tempfile.TemporaryDirectory() as profile, tempfile.TemporaryDirectory() as folder:
        for name in ("grpc-web.js", "schema.json"):
            with urllib.request.urlopen(f"http://{CONSOLE}/{name}") as found, open(os.path.join(folder, name), "wb") as kept:
                kept.write(found.read())
        with open(os.path.join(folder, "index.html"), "w", encoding="utf-8") as page:
            page.write("<!doctype html><title>elsewhere</title>")
        browser = Browser(profile)
        try:
            the_console_page(browser)
            pages_of_other_origins(browser, folder)
        finally:
            browser.end()
    print("a browser calls the gateway by gRPC-Web, and pages of other sites do not")


main()
