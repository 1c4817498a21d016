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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300
BODY_BYTES_MAX = 1 << 20
SECRETS = [base64.b64decode(text.removeprefix("whsec_")) for text in os.environ["LIENTHONG_WEBHOOK_SECRET"].split()]
seen = set()  # a real receiver keeps these where it keeps what it does with an event, in one transaction


def is_number(text):
    return text.isascii() and text.isdigit() and len(text) <= 12


def is_signed(headers, body):
    """Whether one of the signatures is of one of our secrets, and the message is not an old one that somebody sends again."""
    identity, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not is_number(sent_at) or abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    signed = f"{identity}.{sent_at}.".encode() + body
    ours = [b"v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)) for secret in SECRETS]
    theirs = headers.get("webhook-signature", "").encode(errors="replace").split()
    return any(hmac.compare_digest(one, other) for one in ours for other in theirs)


class Receiver(BaseHTTPRequestHandler):
    timeout = 15  # of a client that says nothing

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not is_number(length) or int(length) > BODY_BYTES_MAX:
            self.send_error(400)
            return
        body = self.rfile.read(int(length))
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
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
