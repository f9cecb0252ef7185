"""What the environment says, and a `.env` file of yours beside you; an absent variable means the embedded default.

Read where it is needed (a provider, an analyzer, a delivery), never in the agent. `.env.example` lists them all; a test
keeps the two in step. What of a `.env` counts is for `chaos.host.env_file` to say.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from chaos.host import env_file
from chaos.host.env_file import EnvFile, EnvFileError, Rules

__all__ = ["EnvFileError", "Settings", "file_in_force", "heed"]

_HARMLESS = frozenset(
    (
        "e2b_lease_s",
        "e2b_create_rate",
        "e2b_concurrency",
        "groq_model",
        "groq_timeout_s",
        "groq_concurrency",
        "groq_redact_ips",
        "llm_model",
        "llm_timeout_s",
        "grafana_embed",
        "chaoslab_registry_user",
        "chaoslab_notice_smtp_user",
        "chaoslab_alert_after",
    )
)
"""Neither a key nor a place: numbers, switches, names. A new variable is a place until it is written here."""
_SECRET_PLACES = frozenset(
    (
        "postgres_url",
        "chaoslab_notice_url",
        "chaoslab_notice_slack_url",
        "chaoslab_notice_teams_url",
        "chaoslab_notice_discord_url",
    )
)
_FOLDERS = frozenset({"chaoslab_runtime_dir", "chaoslab_state_dir"})
_BY_DEFAULT = Path(os.devnull)
"""Stands for the file in force; who makes settings with `_env_file=None` wants none at all."""


class Settings(BaseSettings):
    """Names are the variables' names in lower case."""

    model_config = SettingsConfigDict(env_file=_BY_DEFAULT, env_ignore_empty=True, extra="ignore")

    prefect_api_url: str | None = None
    """The Prefect API to report to; without it one local server is started and kept."""
    prefect_api_key: SecretStr | None = None
    """What that API asks for, of Prefect Cloud."""
    prefect_api_auth_string: SecretStr | None = None
    """The same of a server of your own: `user:password`."""
    e2b_api_key: SecretStr | None = None
    e2b_lease_s: float = 60.0
    """After so long without a word from any controller a microVM ends by itself."""
    e2b_create_rate: float = 1.0
    """How many microVMs this machine creates a second at most; a Hobby plan allows 1, a Pro plan 5."""
    e2b_concurrency: int = 20
    """How many microVMs this machine has at once at most; a Hobby plan allows 20, a Pro plan 100."""
    groq_api_key: SecretStr | None = None
    groq_model: str = "openai/gpt-oss-120b"
    groq_base_url: str | None = None
    """Where its API is, without a path; Groq's own by default."""
    groq_timeout_s: float = Field(15.0, gt=0)
    """An analysis by Groq takes no longer, waiting and repairs included; then the rules' words stay."""
    groq_concurrency: int = Field(2, ge=1, le=64)
    """How many runs of this machine talk to Groq at once."""
    groq_redact_ips: bool = True
    """Whether IP addresses are taken out of what is sent; keys, tokens, passwords and e-mail addresses always are."""
    llm_base_url: str | None = None
    """An OpenAI-compatible address to ask instead of Groq, with its path: https://models.example/v1."""
    llm_model: str | None = None
    llm_api_key: SecretStr | None = None
    """What that address asks for; none is sent without it."""
    llm_timeout_s: float = Field(30.0, gt=0)
    """As GROQ_TIMEOUT_S: a model of your own may be slower."""
    grafana_url: str | None = None
    grafana_service_account_token: SecretStr | None = None
    grafana_mcp_url: str | None = None
    grafana_mcp_token: SecretStr | None = None
    grafana_embed: bool = False
    """Frame the dashboard in report.html: for a Grafana that allows embedding and anonymous viewers."""
    prometheus_url: str | None = Field(default=None, repr=False)
    prometheus_remote_write_url: str | None = Field(default=None, repr=False)
    """Where metrics go; PROMETHEUS_URL's own /api/v1/write when only that is set. Both may carry `user:password@`."""
    prometheus_token: SecretStr | None = None
    """Sent to it as a bearer token."""
    postgres_url: SecretStr | None = None
    """Where our local Prefect server, and the history of runs, are kept; SQLite otherwise."""
    chaoslab_history_keep: str | None = None
    """How long files of runs are kept, such as `journals 90d 5GiB, results forever`; for ever by default."""
    chaoslab_container_engine: str | None = None
    """The program of the container engine; docker or podman, whichever answers first, by default."""
    chaoslab_container_image: str = "docker.io/library/python:3.11-slim"
    """What a container of an app's directory is made from; needs Python 3.11 or later."""
    chaoslab_git_token: SecretStr | None = None
    """For repositories that are followed over https, and for the statuses of their commits."""
    chaoslab_forge: Literal["github", "gitlab", "gitea"] | None = None
    """What hosts the repositories; known for github.com, gitlab.com and gitea.com."""
    chaoslab_forge_url: str | None = None
    """The address of the forge's API, where it is not the usual one of its host."""
    chaoslab_webhook_secret: SecretStr | None = None
    """What forges sign their webhooks with, for `chaoslab gitops webhook` and the console."""
    chaoslab_notice_url: SecretStr | None = None
    """Told of every run that did not hold, and of game days, as JSON."""
    chaoslab_notice_secret: SecretStr | None = None
    """What that JSON is signed with: the header X-ChaosLab-Signature-256."""
    chaoslab_notice_slack_url: SecretStr | None = None
    """The same for people: an incoming webhook of Slack, Mattermost or the like."""
    chaoslab_notice_teams_url: SecretStr | None = None
    """The webhook of a workflow of Microsoft Teams."""
    chaoslab_notice_discord_url: SecretStr | None = None
    """A webhook of a channel of Discord."""
    chaoslab_notice_smtp_url: str | None = Field(default=None, repr=False)
    """A mail server: `smtps://host`, `smtp://host` (STARTTLS), or `smtp+plain://host` for one of this machine."""
    chaoslab_notice_smtp_user: str | None = None
    chaoslab_notice_smtp_password: SecretStr | None = None
    chaoslab_notice_email_from: str | None = None
    chaoslab_notice_email_to: str | None = None
    """Who gets mail; commas between them."""
    chaoslab_pagerduty_key: SecretStr | None = None
    """The integration key of a service, for the Events API v2: alerted of experiments that deviate again and again."""
    chaoslab_pagerduty_url: str = "https://events.pagerduty.com"
    chaoslab_opsgenie_key: SecretStr | None = None
    """Of an API integration; the same."""
    chaoslab_opsgenie_url: str = "https://api.opsgenie.com"
    chaoslab_alert_after: int = Field(2, ge=1)
    """So many deviations in a row are an alert; holding again ends it."""
    chaoslab_console_url: str | None = None
    """A console on another machine that gets the runs of this one, live: `https://chaos.example.com`."""
    chaoslab_console_token: SecretStr | None = None
    """What it asks for: a token with the role worker."""
    chaoslab_artifacts_url: str | None = None
    """A bucket or folder that gets the files of runs, and from which a console reads them: `s3://bucket/prefix`,
    `gs://…`, `az://…`, `file:///mnt/share`."""
    chaoslab_console_hosts: str | None = None
    """Host names, with their ports, by which `chaoslab console` may be reached beside its own address: by comma."""
    chaoslab_console_origins: str | None = None
    """Origins of other pages that may use it, exactly: `https://chaos.example.com`, by comma."""
    chaoslab_console_adhoc: Literal["all", "images", "shop", "off"] | None = None
    """What it starts that no repository holds; all on the loopback by default, the demo shop elsewhere."""
    chaoslab_registry: str | None = None
    """Host of a private registry, as image names begin with it; E2B logs in there to make templates of its images."""
    chaoslab_registry_user: str | None = None
    chaoslab_registry_password: SecretStr | None = None
    chaoslab_allow_degraded: bool = False
    """Run where no user namespaces can be had, so that app and agent are one identity: no verdict is `held` there."""
    chaoslab_runtime_dir: Path | None = None
    """Where local sandboxes keep their sockets; a private directory under /tmp by default."""
    chaoslab_state_dir: Path | None = None
    """Where the local Prefect server keeps its database; ~/.local/state/chaoslab by default."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then what counts of a file. Source: pydantic-settings, "Customise settings sources"."""
        wanted = getattr(dotenv_settings, "env_file", None) == _BY_DEFAULT
        return init_settings, env_settings, *([_FileInForce(settings_cls)] if wanted else [])

    @property
    def state_folder(self) -> Path:
        """Where this machine keeps what outlives a run: the local Prefect server, repositories, the switch."""
        if self.chaoslab_state_dir is not None:
            return self.chaoslab_state_dir.absolute()
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "chaoslab"

    @property
    def metrics_store(self) -> str | None:
        """The address that takes remote write; it may carry a password."""
        if self.prometheus_remote_write_url or not self.prometheus_url:
            return self.prometheus_remote_write_url
        return self.prometheus_url.rstrip("/") + "/api/v1/write"


class _FileInForce(DotEnvSettingsSource):
    """What counts of the `.env` of the current directory, or of the file that CHAOSLAB_ENV_FILE names."""

    def _read_env_files(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in file_in_force().values.items()}


_FOR_OTHERS = ("CHAOSLAB_RUNTIME_DIR", "PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING")
_decided: dict[str, EnvFile] = {}
"""Directory -> what was decided about its `.env` when the command began."""


def file_in_force() -> EnvFile:
    """The file of settings that counts here and now. Raises EnvFileError when one was named that cannot be read."""
    return _decided.get(os.path.realpath(".")) or env_file.in_force(_rules(), os.environ)


def heed() -> str:
    """Decide about the file as a command begins, for as long as its process stands here; what there is to say of it.

    A file that was named becomes part of the environment; of another, what parts read from the environment itself.
    Raises EnvFileError, and pydantic's ValidationError for a value that cannot be.
    """
    found = env_file.in_force(_rules(), os.environ)
    for name in found.values if found.whole else (each for each in _FOR_OTHERS if each in found.values):
        if not os.environ.get(name):
            os.environ[name] = found.values[name]
    if found.whole:
        os.environ[env_file.NAMED_BY] = os.devnull  # it has been heeded, for every process from here on
    else:
        _decided[os.path.realpath(".")] = found  # a key that we are given later comes from nowhere else
    Settings()
    return found.remark


@cache
def _rules() -> Rules:
    known = set(Settings.model_fields)
    secrets = {name for name, info in Settings.model_fields.items() if "SecretStr" in str(info.annotation)}
    keys = secrets - _SECRET_PLACES
    return Rules(
        keys={name.upper() for name in keys},
        places={name.upper() for name in known - keys - _HARMLESS},
        folders={name.upper() for name in _FOLDERS},
        engine="CHAOSLAB_CONTAINER_ENGINE",
        known={name.upper() for name in known},
    )
