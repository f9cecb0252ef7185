"""Source: repository, branch and folder that are followed, as a person names them."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from chaos.errors import ChaosLabError
from chaos.gitops.repository.git import concealed

_BRANCH = re.compile(r"(?!.*(\.\.|//|@\{|\.lock(/|$)))[A-Za-z0-9_][A-Za-z0-9_./+@-]*(?<![./])")
"""Stricter than git check-ref-format, so that no branch can look like an option."""
_SCP = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^:].*")

_PASSWORD = re.compile(r"(?<=://)(?P<user>[^/@:\s]*):[^/@\s]*@")


class SourceError(ChaosLabError):
    """A repository, branch or path as nobody can mean it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Source:
    """One repository to follow. Raises SourceError for what cannot be meant."""

    url: str
    """https://…, ssh://…, user@host:path, file:///…, or a directory of this machine."""
    branch: str = "main"
    path: str = "experiments"
    """The folder of manifests, relative to the repository's root; `.` is all of it."""
    require_signed: bool = False
    """Whether the head must carry a good signature of a key in the allowed signers or the keyring."""

    def __post_init__(self) -> None:
        """Refuse what is wrong and say what is allowed."""
        if not _BRANCH.fullmatch(self.branch):
            raise SourceError(f"branch {self.branch!r}: expected a branch name such as main or release/1.2")
        parts = PurePosixPath(self.path)
        if parts.is_absolute() or ".." in parts.parts or any(ord(letter) < 32 for letter in self.path):
            raise SourceError(
                f"path {self.path!r}: expected a folder inside the repository, such as experiments"
            )
        self.address()

    @classmethod
    def parse(
        cls, text: str, branch: str = "main", path: str = "experiments", signed: bool = False
    ) -> "Source":
        """From `URL`, `URL#BRANCH` or `URL#BRANCH:PATH`, as builders name git contexts. Raises SourceError.

        A directory whose own name has a `#` is that directory.
        """
        url, mark, more = text.rpartition("#")
        if not mark or Path(text).is_dir():
            return cls(text, branch, path, signed)
        own_branch, _, own_path = more.partition(":")
        return cls(url, own_branch or branch, own_path or path, signed)

    def __str__(self) -> str:
        """As `parse` reads it, without credentials."""
        return f"{self.name}#{self.branch}:{self.path}"

    def address(self) -> str:
        """The URL for git. Raises SourceError."""
        scheme = urlsplit(self.url).scheme
        if not self.url:
            raise SourceError("repository '': expected a directory or URL before the '#'")
        if any(ord(letter) < 33 for letter in self.url) or self.url.startswith("-"):
            raise SourceError(f"repository {self.url!r}: a control character, a space or a leading '-'")
        if scheme in ("https", "ssh", "file") or (not scheme and _SCP.fullmatch(self.url)):
            return self.url
        if scheme:
            raise SourceError(f"repository {self.name}: {scheme} is not followed; https, ssh and file are")
        folder = Path(self.url).expanduser().absolute()
        if not folder.is_dir():
            raise SourceError(
                f"repository {self.url}: no such directory; a URL begins with https://, ssh:// or file://"
            )
        return folder.as_uri()

    @property
    def name(self) -> str:
        """How it is called in labels and messages: the URL without credentials, a directory's absolute path."""
        if self.url.startswith("ssh://"):  # whom to log in as is part of the address
            return _PASSWORD.sub(r"\g<user>@", self.url)
        if (
            self.url.startswith("file:") and "%" not in self.url
        ):  # as the same directory without file: is called
            return urlsplit(self.url).path
        if "://" in self.url or _SCP.fullmatch(self.url):
            return concealed(self.url)
        return str(Path(self.url).expanduser().absolute())

    @property
    def asked(self) -> str:
        """What is asked of it: another folder, or a signature, makes an unchanged commit worth another look."""
        return f"{self.path} signed" if self.require_signed else self.path

    @property
    def key(self) -> str:
        """A short name for files: the same for the same repository and branch, never for two."""
        return hashlib.sha256(f"{self.address()}\0{self.branch}".encode()).hexdigest()[:16]
