"""A certificate authority of the sandbox's own, that the app is started to trust, and a certificate of it for a proxy.

Made by the `openssl` program of the sandbox (openssl-req(1), openssl-x509(1)). Its key never leaves the agent's folder,
which the app cannot see; the authority lives as long as the sandbox.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

from chaos.errors import InjectionError
from chaos.faults.clock.page import FOLDER as SHOWN

ADDS = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""Variables that name authorities beside those that are built in."""
REPLACES = (
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT",
    "CARGO_HTTP_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)  # fmt: skip
"""Variables that name a file of all authorities: OpenSSL (Python, Ruby, PHP) and Go read the first."""
_HERE = ("localhost", "127.0.0.1", "::1")
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where Debian, Fedora and Alpine keep theirs."""
_DAYS = "3650"
"""Long enough for a clock that is ahead."""
_WITHIN_S = 30.0
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Read TLS with a certificate of the sandbox's own authority, which the app is started to trust."""

    trust: Literal["env"] = "env"
    """env: by the usual variables, such as SSL_CERT_FILE and NODE_EXTRA_CA_CERTS, for each process of the app."""
    names: tuple[str, ...] = ()
    """Names and addresses that clients use for the server, beside localhost, its processes and `host`."""

    @classmethod
    def of(cls, given: "Tls | Mapping[str, Any] | None") -> "Tls | None":
        """As it is, or from what `asdict` made of it."""
        if given is None or isinstance(given, cls):
            return given
        fields = dict(given) if isinstance(given, Mapping) else {}
        return cls(**{**fields, "names": tuple(fields.get("names", ()))})


@dataclass(frozen=True)
class Authority:
    """Where its files are: the key in `work`, what the app reads below it in a folder that the app sees."""

    work: Path

    @property
    def certificate(self) -> Path:
        """Its own certificate."""
        return self.work / SHOWN / "chaoslab-authority.pem"

    @property
    def _key(self) -> Path:
        return self.work / "authority.key"

    def make(self) -> None:
        """Once. Raises InjectionError, OSError."""
        if self.certificate.exists():
            return
        self.certificate.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        part = self.certificate.with_suffix(".part")
        _openssl(
            "req", "-x509", *_CURVE, "-days", _DAYS, "-subj", "/CN=ChaosLab sandbox authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", str(self._key), "-out", str(part),
        )  # fmt: skip
        part.chmod(0o644)
        part.replace(self.certificate)

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """The variables that have a process trust it beside all that it trusts under `env`."""
        system = next((path for path in (_default(), *_BUNDLES) if path and Path(path).is_file()), None)
        found = {name: self._beside(env.get(name)) for name in ADDS}
        for name in REPLACES:
            before = env.get(name) or system
            if before is not None or name == "SSL_CERT_FILE":  # its directory of authorities stays
                found[name] = self._beside(before)
        return found

    def _beside(self, before: str | None) -> str:
        """A file with what `before` holds, and this authority."""
        if before is None:
            return str(self.certificate)
        place = self.certificate.with_name(f"chaoslab-trust-{crc32(before.encode()):08x}.pem")
        text = Path(before).read_bytes() if Path(before).is_file() else b""
        place.write_bytes(text.rstrip() + b"\n" + self.certificate.read_bytes())
        place.chmod(0o644)
        return str(place)

    def issue(self, names: Iterable[str]) -> dict[str, str]:
        """A certificate for these names and addresses: {"certificate", "key", "authority"}, files of the agent's.

        Raises InjectionError.
        """
        request, key, made = (self.work / f"proxy.{kind}" for kind in ("csr", "key", "pem"))
        listed = ",".join(_alternative(name) for name in dict.fromkeys([*_HERE, *names]))
        extensions = self.work / "proxy.ext"
        extensions.write_text(f"subjectAltName={listed}\nextendedKeyUsage=serverAuth\n")
        _openssl("req", "-new", *_CURVE, "-subj", "/CN=ChaosLab", "-keyout", str(key), "-out", str(request))
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._key),
            "-set_serial", f"0x{os.urandom(8).hex()}", "-days", _DAYS, "-extfile", str(extensions),
            "-out", str(made),
        )  # fmt: skip
        return {"certificate": str(made), "key": str(key), "authority": str(self.certificate)}


def _alternative(name: str) -> str:
    try:
        return f"IP:{ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _default() -> str | None:
    import ssl  # slow to read, and needed here only

    return ssl.get_default_verify_paths().cafile


def _openssl(*argv: str) -> None:
    try:
        subprocess.run(
            ["openssl", *argv], capture_output=True, text=True, timeout=_WITHIN_S, check=True, umask=0o077
        )
    except FileNotFoundError as error:
        raise InjectionError(
            "tls needs the program openssl in the sandbox, which makes its certificate"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InjectionError(f"openssl {argv[0]}: no end within {_WITHIN_S:g} s") from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip().rpartition("\n")[2] or f"exit code {error.returncode}"
        raise InjectionError(f"openssl {argv[0]}: {why}") from error
