"""An application behind Sallyport that knows who is asking, in Python. Needs `pip install -r requirements.txt`.

SALLYPORT_ISSUER  the public address of Sallyport (`server.url`, or `assertion.issuer` where that is set)
SALLYPORT_KEYS    address of its keys; by default the issuer and /.well-known/jwks.json
APP_ORIGIN        this application as browsers see it, such as https://wiki.example.com
PORT              by default 8000
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ["SALLYPORT_ISSUER"]
AUDIENCE = os.environ["APP_ORIGIN"]
KEYS_URL = os.environ.get("SALLYPORT_KEYS", f"{ISSUER}/.well-known/jwks.json")

# Keys are kept for five minutes. A `kid` that is not among them is looked up at most once in thirty seconds, so that
# nobody can use this application to flood Sallyport.
KEYS = jwt.PyJWKClient(KEYS_URL, lifespan=300, cooldown_duration=30, timeout=2)

# Never what the token asks for: `none` and HMAC with a published key would be among it.
ALGORITHMS = ("ES256", "EdDSA")


def verify(assertion: str) -> dict:
    """The claims of an assertion.

    Raises PyJWKClientConnectionError where there are no keys, and another PyJWTError for one that is not good here, now.
    """
    header = jwt.get_unverified_header(assertion)
    if header.get("alg") not in ALGORITHMS or header.get("typ") != "JWT":
        raise jwt.InvalidAlgorithmError("not an assertion of Sallyport")
    key = KEYS.get_signing_key(header.get("kid"))
    return jwt.decode(
        assertion,
        key,
        # The key says how it signs.
        algorithms=[key.algorithm_name],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=5,
        options={"require": ["iss", "aud", "sub", "iat", "exp"], "strict_aud": True},
    )


class Application(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assertions = self.headers.get_all("X-Sallyport-Assertion", [])
        # With two of them it would be a guess which one counts.
        if len(assertions) != 1:
            return self.answer(401, {})
        try:
            person = verify(assertions[0])
        except jwt.PyJWKClientConnectionError:
            # Nobody is let in, and nobody is told that it was their fault.
            return self.answer(503, {})
        except jwt.PyJWTError:
            return self.answer(401, {})
        self.answer(200, {"sub": person["sub"], "name": person.get("name"), "groups": person.get("groups")})

    def answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """An access log is the proxy's."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Application)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
