"""A Dovecot with every way to log in that it has: passwords, client certificates, and tokens that it checks itself."""

import base64
import hashlib
import hmac
import json
import time

from dovecot import Dovecot

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "EXTERNAL", "OAUTHBEARER", "XOAUTH2", "APOP")
TOKENS = ("OAUTHBEARER", "XOAUTH2")

KEY = b"a key that only Dovecot and its tokens know"

CONFIG = """\
auth_mechanisms = {mechanisms}
ssl_ca = <{authority.ca}
ssl_require_crl = no
ssl_verify_client_cert = yes
ssl_cert_username_field = commonName
auth_ssl_username_from_cert = yes
passdb {{
  driver = static
  mechanisms = external
  args = nopassword
}}
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {root}/oauth2
}}
{extra}
"""

OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = sub
"""


def start(root, authority, mechanisms=MECHANISMS, extra=""):
    """Starts one in the directory root; whoever called stops it."""
    keys = root / "keys/default/HS256"
    keys.mkdir(parents=True)
    (keys / "default").write_bytes(base64.b64encode(KEY))
    (root / "oauth2").write_text(OAUTH2.format(root=root))
    words = " ".join(mechanisms).lower()
    return Dovecot(root, authority, CONFIG.format(root=root, authority=authority, mechanisms=words, extra=extra)).start()


def token(user, seconds=3600, key=KEY):
    """A JSON web token (RFC 7519, HS256) for user, good for so long."""
    now = int(time.time())
    head = _part({"alg": "HS256", "typ": "JWT"})
    body = _part({"sub": user, "iat": now - 60, "nbf": now - 60, "exp": now + seconds})
    return f"{head}.{body}.{_text(hmac.digest(key, f'{head}.{body}'.encode(), hashlib.sha256))}"


def _part(value):
    return _text(json.dumps(value).encode())


def _text(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
