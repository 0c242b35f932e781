"""Certificates for the tests: a CA and leaves signed by it, made by the openssl command."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

LOCAL = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")


@dataclass
class Leaf:
    cert: Path
    key: Path


class Authority:
    """A certificate authority in a directory; `ca` is the file that clients are given."""

    def __init__(self, directory, name="pop3fs test authority"):
        self.directory = directory
        directory.mkdir(parents=True)
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        self._made = 0
        _openssl("req", "-x509", *_new_key(self._key), "-out", self.ca, "-subj", f"/CN={name}",
                 "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def leaf(self, names=LOCAL):
        """A server certificate for these names."""
        self._made += 1
        base = self.directory / f"leaf{self._made}"
        key, request, cert = (base.with_suffix(s) for s in (".key", ".csr", ".pem"))
        extensions = base.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={','.join(names)}\nbasicConstraints=critical,CA:FALSE\n")
        _openssl("req", *_new_key(key), "-out", request, "-subj", "/CN=pop3fs test server")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial",
                 "-days", "30", "-extfile", extensions, "-out", cert)
        return Leaf(cert, key)


def _new_key(path):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"openssl {words[0]}: {done.stderr}"
