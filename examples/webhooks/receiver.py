"""Receives webhooks of Lienthong: verifies each signature, drops duplicates, prints what changed. Nothing but the standard library.

    LIENTHONG_WEBHOOK_SECRET=whsec_… python3 receiver.py 9000

After a rotation, give both secrets, separated by a blank, until the overlap is over.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE_SECONDS = 300
SECRETS = [base64.b64decode(text.removeprefix("whsec_")) for text in os.environ["LIENTHONG_WEBHOOK_SECRET"].split()]
seen = set()  # a real receiver keeps these where it keeps what it does with an event, in one transaction


def is_signed(headers, body):
    """Whether one of the signatures is of one of our secrets, and the message is not an old one that somebody sends again."""
    identity, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    signed = f"{identity}.{sent_at}.".encode() + body
    ours = ["v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in SECRETS]
    theirs = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(one, other) for one in ours for other in theirs)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), 1 << 20))
        if not is_signed(self.headers, body):
            self.send_error(401)
            return
        event = json.loads(body)
        if event["id"] not in seen:  # the same in every attempt
            change = event["data"]
            print(event["type"], change.get("recordType", ""), change.get("operation", ""), flush=True)
            seen.add(event["id"])
        self.send_response(204)  # only now: an event without a 2xx comes again
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
