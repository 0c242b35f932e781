"""Certificates for the tests, good ones and bad ones: a CA and leaves signed by it, made by the openssl command."""

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

LOCAL = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")

CONFIG = """\
[ca]
default_ca = here
[here]
database = {directory}/issued
new_certs_dir = {directory}
certificate = {ca}
private_key = {key}
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
"""


@dataclass
class Leaf:
    cert: Path
    key: Path

    def pin(self, of="key"):
        """As pin= has it: of the certificate's public key, or of the whole "cert"."""
        if of == "key":
            octets = _openssl("x509", "-in", self.cert, "-noout", "-pubkey")
            octets = _openssl("pkey", "-pubin", "-outform", "DER", stdin=octets)
        else:
            octets = _openssl("x509", "-in", self.cert, "-outform", "DER")
        return "sha256:" + _openssl("dgst", "-sha256", "-r", stdin=octets).split()[0].decode()


class Authority:
    """A certificate authority in a directory; `ca` is the file that clients are given."""

    def __init__(self, directory, name="pop3fs test authority"):
        self.directory = directory
        directory.mkdir(parents=True)
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        self._made = 0
        self._config = directory / "ca.cnf"
        self._config.write_text(CONFIG.format(directory=directory, ca=self.ca, key=self._key))
        (directory / "issued").touch()
        _openssl("req", "-x509", *_new_key(self._key), "-out", self.ca, "-subj", f"/CN={name}",
                 "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def leaf(self, names=LOCAL, common_name="pop3fs test server", days=(-1, 30), signed=True):
        """A certificate for these names (a tuple of "DNS:..." and "IP:...", or octets, the extension in DER; None:
        without any), good from the first to the second of `days` from now. signed=False: by itself."""
        self._made += 1
        base = self.directory / f"leaf{self._made}"
        key, request, cert = (base.with_suffix(s) for s in (".key", ".csr", ".pem"))
        extensions = base.with_suffix(".ext")
        extensions.write_text("basicConstraints=critical,CA:FALSE\n" + _alternatives(names))
        _openssl("req", *_new_key(key), "-out", request, "-subj", f"/CN={common_name}")
        start, end = (f"{datetime.now(timezone.utc) + timedelta(d):%Y%m%d%H%M%SZ}" for d in days)
        signer = () if signed else ("-selfsign", "-keyfile", key)
        _openssl("ca", "-batch", "-notext", "-config", self._config, "-startdate", start,
                 "-enddate", end, "-extfile", extensions, "-in", request, "-out", cert, *signer)
        return Leaf(cert, key)


def hidden(name, behind):
    """Octets for leaf(): one DNS name with a NUL in it, `name` before it and `behind` after it."""
    octets = name.encode() + b"\0" + behind.encode()
    text = bytes([0x82, len(octets)]) + octets   # [2] IA5String: RFC 5280, 4.2.1.6
    return bytes([0x30, len(text)]) + text


def _alternatives(names):
    if names is None:
        return ""
    return "subjectAltName=" + ("DER:" + names.hex() if isinstance(names, bytes) else ",".join(names)) + "\n"


def _new_key(path):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)


def _openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *map(str, words)], input=stdin or b"", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, f"openssl {words[0]}: {done.stderr.decode()}"
    return done.stdout
