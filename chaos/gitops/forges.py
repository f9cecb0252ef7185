"""Commit statuses on a forge: a run's verdict on GitHub, GitLab or Gitea.

Sources: GitHub REST "Create a commit status"; GitLab API "Set commit pipeline status"; Gitea API "repoCreateStatus".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx

from chaos.errors import PublishError
from chaos.text.inert import one_line

ForgeKind = Literal["github", "gitlab", "gitea"]
Verdictlike = Literal["held", "deviated", "inconclusive"]
_WITHIN_S = 10.0
_MOST_WORDS = 140
"""GitHub's limit of a description."""
_STATES: Mapping[ForgeKind, Mapping[str, str]] = {
    "github": {"held": "success", "deviated": "failure", "inconclusive": "error"},
    "gitlab": {"held": "success", "deviated": "failed", "inconclusive": "failed"},
    "gitea": {"held": "success", "deviated": "failure", "inconclusive": "warning"},
}
_SCP = re.compile(r"[^@/]+@(?P<host>[^:/]+):(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Forge:
    """Where one repository is hosted, and how its API is reached."""

    kind: ForgeKind
    api: str
    """Its API's address, without a slash at the end."""
    repository: str
    """`owner/name`, or deeper on GitLab."""

    @classmethod
    def of(cls, url: str, kind: ForgeKind | None = None, api: str | None = None) -> "Forge | None":
        """The forge of a repository's URL; None for one that is no forge's, or that nobody named the kind of."""
        host, path = host_and_path(url)
        kind = kind or _known(host)
        if kind is None or not host or "/" not in path:
            return None
        usual = {
            "github": "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3",
            "gitlab": f"https://{host}/api/v4",
            "gitea": f"https://{host}/api/v1",
        }
        return cls(kind, (api or usual[kind]).rstrip("/"), path)

    def say(
        self, token: str, commit: str, experiment: str, verdict: Verdictlike, why: str, link: str | None
    ) -> None:
        """Set the commit's status for that experiment. Raises PublishError."""
        path, body = self._request(commit, experiment, verdict, why, link)
        try:
            answer = httpx.post(
                f"{self.api}{path}",
                json=body,
                headers=self._headers(token),
                timeout=_WITHIN_S,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise PublishError(
                f"{self.kind}: the commit's status was not set: {type(error).__name__}"
            ) from error
        if not answer.is_success:
            raise PublishError(f"{self.kind}: the commit's status was not set: HTTP {answer.status_code}")

    def _headers(self, token: str) -> dict[str, str]:
        match self.kind:
            case "github":
                return {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
            case "gitlab":
                return {"PRIVATE-TOKEN": token}
            case "gitea":
                return {"Authorization": f"token {token}"}

    def _request(
        self, commit: str, experiment: str, verdict: Verdictlike, why: str, link: str | None
    ) -> tuple[str, dict[str, Any]]:
        state, context = _STATES[self.kind][verdict], f"chaoslab/{experiment}"
        why = one_line(why)
        words = why if len(why) <= _MOST_WORDS else why[: _MOST_WORDS - 1] + "…"
        web = {"target_url": link} if link and link.startswith(("http://", "https://")) else {}
        if self.kind == "gitlab":
            project = quote(self.repository, safe="")
            return f"/projects/{project}/statuses/{commit}", {
                "state": state,
                "name": context,
                "description": words,
                **web,
            }
        body = {"state": state, "context": context, "description": words, **web}
        return f"/repos/{quote(self.repository)}/statuses/{commit}", body


def host_and_path(url: str) -> tuple[str, str]:
    """Where a repository is, whichever of its URLs this is; no host for a directory of this machine."""
    scp = _SCP.fullmatch(url) if "://" not in url else None
    host, path = (scp["host"], scp["path"]) if scp else (urlsplit(url).hostname or "", urlsplit(url).path)
    return host, path.strip("/").removesuffix(".git")


def _known(host: str) -> ForgeKind | None:
    hosts: Mapping[str, ForgeKind] = {"github.com": "github", "gitlab.com": "gitlab", "gitea.com": "gitea"}
    return hosts.get(host)
