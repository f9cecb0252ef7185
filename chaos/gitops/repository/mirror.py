"""Mirror: a bare copy of a followed repository's head; fetched, listed and read, never checked out."""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chaos.gitops.repository.git import Git, GitError, Kind, NotThere
from chaos.gitops.repository.source import Source
from chaos.host.private import state_folder

MOST_BLOB_BYTES = 256 * 1024
"""A manifest is not larger; what is larger is not even fetched until a run needs it."""
MOST_ENTRIES = 200_000
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = "refs/chaoslab/head"
_DEEP = "refs/chaoslab/deep"
"""Where the branch is when it is read for an older commit: what was fetched last is another matter."""
_HEADS = "+refs/heads/*:refs/chaoslab/heads/*"
_TAGS = "+refs/tags/*:refs/chaoslab/tags/*"
_DEPTHS = (50, 1000, None)
"""How far back a branch is read, step by step, for a commit that its server does not give by itself."""
_WHOLE_DEPTH = 2**31 - 1
"""Git's own number for all (git-fetch(1), --unshallow)."""
_MOST_NAMED = 8
"""Branches of a repository that are named when the one that is followed is not there."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a commit."""

    mode: str
    """`100644`, `100755`; `040000` is a folder, `120000` a link, `160000` another repository."""
    oid: str
    path: str
    """What is not UTF-8 in it is kept as `os.fsdecode` keeps it."""

    @property
    def raw(self) -> bytes:
        """The path as git has it."""
        return self.path.encode(errors="surrogateescape")

    @property
    def is_utf8(self) -> bool:
        """Whether its name can be written in text."""
        return not any("\udc80" <= letter <= "\udcff" for letter in self.path)

    @property
    def shown(self) -> str:
        """The path for people: `caf\\xe9.yaml` where it is not UTF-8, `a\\nb.yaml` where it is not text."""
        text = self.raw.decode(errors="backslashreplace")
        return text if text.isprintable() else ascii(text)

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return self.mode in ("100644", "100755")

    @property
    def is_tree(self) -> bool:
        """Whether it is a folder; equal ids, equal content."""
        return self.mode == "040000"

    @property
    def is_link(self) -> bool:
        """Whether it is a link; its content is where it leads."""
        return self.mode == "120000"

    @property
    def is_repository(self) -> bool:
        """Whether it is a commit of another repository: a submodule."""
        return self.mode == "160000"


class Mirror:
    """The copy of one source. Every method raises GitError."""

    def __init__(self, source: Source, folder: Path, token: str | None = None) -> None:
        self.source = source
        self.git = Git(folder / f"{source.key}.git", token)

    def head(self) -> str:
        """The commit that the branch is at now, from the repository itself; nothing is fetched."""
        ref = f"refs/heads/{self.source.branch}"
        self._exists()
        # a pattern alone matches the end of a name too: heads/main would find heads/old/refs/heads/main
        answer = self.git.run("ls-remote", "--", self.source.address(), ref).decode(errors="replace")
        heads = dict(line.split("\t", 1)[::-1] for line in answer.splitlines() if "\t" in line)
        if ref not in heads:
            raise self._no_branch()
        return str(heads[ref])

    def fetch(self) -> str:
        """Bring the branch's head here; the commit."""
        with self.alone():
            try:
                self.bring(f"+refs/heads/{self.source.branch}:{_REF}")
            except GitError:
                self.head()  # says so when the branch is what is missing
                raise
            commit = self.git.run("rev-parse", "--verify", "--end-of-options", _REF).decode().strip()
        if self.source.require_signed:
            self._verify(commit)
        return commit

    def _no_branch(self) -> GitError:
        """What to say when the branch is not there: what is. Raises GitError when the repository does not say."""
        begin = "refs/heads/"
        answer = self.git.run("ls-remote", "--heads", "--", self.source.address()).decode(errors="replace")
        heads = [line.partition("\t")[2].removeprefix(begin) for line in answer.splitlines()]
        name, missing = self.source.name, f"no branch {self.source.branch}"
        if not heads:
            return NotThere(f"{name}: {missing}; it has none yet: push one")
        meant = heads[0] if len(heads) == 1 else "BRANCH"
        folder = "" if self.source.path == "experiments" else f":{self.source.path}"
        more = f" and {len(heads) - _MOST_NAMED} more" if len(heads) > _MOST_NAMED else ""
        return NotThere(
            f"{name}: {missing}; it has {', '.join(heads[:_MOST_NAMED])}{more}: say {name}#{meant}{folder}"
        )

    def fetched(self) -> str | None:
        """The head that was fetched last; None before the first time."""
        with suppress(GitError):
            return self.git.run("rev-parse", "--verify", "--end-of-options", _REF).decode().strip()
        return None

    def fetch_commit(self, commit: str) -> None:
        """Bring one commit here that a deployment was pinned to."""
        if not _COMMIT.fullmatch(commit):
            raise GitError(f"{commit!r} is no commit; expected 40 or 64 hexadecimal digits")
        with self.alone():
            try:
                self.bring(commit)
            except GitError as error:
                if error.kind is not Kind.UNADVERTISED:
                    raise
                self._bring_by_its_branch(commit)

    def _bring_by_its_branch(self, commit: str) -> None:
        """From a server that gives only what a branch or tag is at: what led there, as far back as needed."""
        own, every = (f"+refs/heads/{self.source.branch}:{_DEEP}",), (_HEADS, _TAGS)
        for refs, depth in (*((own, depth) for depth in _DEPTHS), (every, None)):
            self.bring(*refs, depth=depth)
            if self.has(commit):
                return
        raise GitError(
            f"{self.source.name}: commit {commit[:12]} is in no branch and no tag any more, and its server gives "
            "nothing else: push a tag of it, or let the server allow it (uploadpack.allowAnySHA1InWant)"
        )

    def has(self, commit: str) -> bool:
        """Whether that commit is here."""
        try:
            self.git.run("cat-file", "-e", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    def entries(self, commit: str, path: str = ".") -> list[TreeEntry]:
        """Everything below a folder of a commit, folders too, by path."""
        pathspec = [] if path == "." else ["--", f"{path}/"]
        listed = self.git.run("ls-tree", "-r", "-t", "-z", "--full-tree", commit, *pathspec)
        found = [entry for line in listed.split(b"\0") if (entry := _entry(line)) is not None]
        if len(found) > MOST_ENTRIES:
            raise GitError(f"{self.source.name}: {len(found):,} files; at most {MOST_ENTRIES:,} are read")
        return found

    def blobs(self, commit: str, oids: Iterable[str]) -> dict[str, bytes | None]:
        """The content of these blobs of a commit; None for one that was too large to be fetched."""
        wanted = dict.fromkeys(oids)
        if not wanted:
            return {}
        try:
            return dict(self._read(wanted))
        except GitError:
            absent = self._absent(commit)
            if not wanted.keys() & absent:
                raise
            return dict.fromkeys(absent & wanted.keys()) | dict(self._read(wanted.keys() - absent))

    def whole_blobs(self, oids: Iterable[str], most_bytes: int) -> dict[str, bytes]:
        """The content of these blobs; what was left out as too large is fetched now, up to `most_bytes` of all."""
        wanted = dict.fromkeys(oids)
        asked = "".join(f"{oid}\n" for oid in wanted).encode()
        found = dict(_contents(self.git.run("cat-file", "--batch", data=asked, lazy=True, timeout_s=300)))
        size = sum(map(len, found.values()))
        if size > most_bytes:
            raise GitError(f"{size:,} bytes; a run takes at most {most_bytes:,}")
        return found

    def bring(self, *what: str, depth: int | None = 1) -> None:
        """Fetch refspecs or a commit, so many commits deep (None: all), without large blobs."""
        limit = f"--filter=blob:limit={MOST_BLOB_BYTES}"
        deep = f"--depth={_WHOLE_DEPTH if depth is None else depth}"
        options = (deep, "--no-tags", "--no-write-fetch-head", "--quiet", "--force", limit)
        self.git.run("fetch", *options, *self._upload_pack(), "--", "origin", *what, timeout_s=300)

    def _read(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        asked = "".join(f"{oid}\n" for oid in oids).encode()
        return _contents(self.git.run("cat-file", "--batch", data=asked))

    def _absent(self, commit: str) -> set[str]:
        """The blobs of a commit that were left out."""
        listed = self.git.run("rev-list", "--objects", "--missing=print", commit).decode(errors="replace")
        return {line[1:] for line in listed.splitlines() if line.startswith("?")}

    def _upload_pack(self) -> tuple[str, ...]:
        """A repository on this machine leaves out large blobs and gives old commits, however it is configured."""
        if not self.source.address().startswith("file:"):
            return ()
        allowed = "-c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true"
        return (f"--upload-pack=git {allowed} upload-pack",)

    def receive_pack(self) -> tuple[str, ...]:
        """A push to a repository on this machine runs none of its hooks."""
        if not self.source.address().startswith("file:"):
            return ()
        return (f"--receive-pack=git -c core.hooksPath={os.devnull} receive-pack",)

    def _verify(self, commit: str) -> None:
        try:
            self.git.run("verify-commit", "--end-of-options", commit)
        except GitError as error:
            why = f"{self.source.name}: commit {commit[:12]} carries no good signature, and one is required: {error}"
            raise GitError(why) from error

    def _exists(self) -> None:
        if not (self.git.folder / "config").exists():
            with self.alone():
                pass

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time changes the copy; it is made first when there is none."""
        state_folder(self.git.folder.parent)
        with self.git.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.git.folder / "config").exists():
                self.git.run("init", "--bare", "--quiet", "--template=", str(self.git.folder))
                self.git.run("remote", "add", "--", "origin", self.source.address())
            yield


def _entry(line: bytes) -> TreeEntry | None:
    head, _, path = line.partition(b"\t")
    fields = head.decode().split(" ")
    return (
        TreeEntry(fields[0], fields[2], path.decode(errors="surrogateescape")) if len(fields) == 3 else None
    )


def _contents(batch: bytes) -> Iterator[tuple[str, bytes]]:
    """Source: git-cat-file(1), BATCH OUTPUT."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        oid, _, size = batch[at:end].decode().split(" ")
        yield oid, batch[end + 1 : end + 1 + int(size)]
        at = end + 1 + int(size) + 1
