"""Policy of a commit, read from its blob, and the newest policy that was fetched.

A run of a commit is held to both: what a later commit forbids is forbidden at once on every machine that fetched it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chaos.errors import ManifestError
from chaos.gitops.repository.mirror import Mirror, TreeEntry
from chaos.manifests.policy import MISNAMED, NAME, Policy, read_policy
from chaos.manifests.yaml.problems import ManifestProblem


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """What limits every experiment of one commit."""

    policies: tuple[Policy, ...] = ()
    oid: str = ""
    """Of the policy's blob: what was accepted under another one is to be looked at again."""


def limits_of(mirror: Mirror, commit: str, entries: Iterable[TreeEntry]) -> CommitLimits:
    """The policy of that commit. Raises ManifestError when it cannot be read: then nothing is allowed; and GitError."""
    found = {entry.path: entry for entry in entries if entry.path in (MISNAMED, NAME)}
    entry = found.get(MISNAMED) or found.get(NAME)
    if entry is None:
        return CommitLimits()
    content = mirror.blobs(commit, [entry.oid])[entry.oid] if entry.is_file else None
    if content is None:
        what = "larger than 256KiB, or no plain file; a policy is neither"
        raise ManifestError(ManifestProblem(entry.path, 1, 1, "", what))
    return CommitLimits((read_policy(content, entry.path, mirror.source.name),), entry.oid)


def policies_for(mirror: Mirror, commit: str, entries: Iterable[TreeEntry]) -> tuple[Policy, ...]:
    """What a run of that commit is held to. Raises like limits_of."""
    own = limits_of(mirror, commit, entries)
    newest = _newest(mirror)
    return own.policies if newest.oid == own.oid else (*own.policies, *newest.policies)


def _newest(mirror: Mirror) -> CommitLimits:
    """Of the head that was fetched last. One that cannot be read stops the next sync, not what was allowed before."""
    head = mirror.fetched()
    if head is None:
        return CommitLimits()
    try:
        return limits_of(mirror, head, mirror.entries(head))
    except ManifestError:
        return CommitLimits()
