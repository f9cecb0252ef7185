"""Files of an app that look like secrets of whoever runs it: by their names, unless git tracks them.

What git tracks is the repository's, and everybody who has it has that, too; what lies beside it is this machine's. The
list follows the defaults of gitleaks (its rules for paths) and GitHub's gitignore templates.
"""

import re
from collections.abc import Collection
from fnmatch import translate
from pathlib import Path

from chaos.host.tracked import UntoldError, tracked

_WRITTEN = (".yaml", ".yml", ".json", ".toml", ".ini", ".xml", ".csv", ".txt", ".properties")
NAMES = (
    *(".env", ".env.*", "*.env", ".envrc"),
    *("*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.gpg", "*.age"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
    *(".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".git-credentials", ".htpasswd"),
    *(".dockercfg", "kubeconfig", "*.kubeconfig", ".vault-token", ".terraformrc"),
    *(f"{name}{end}" for name in ("credentials", "secrets") for end in ("", *_WRITTEN)),
    *("client_secret*.json", "service-account*.json", "service_account*.json"),
    "application_default_credentials.json",
    *("*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json"),
)
"""In small letters."""
FOLDERS = frozenset({".aws", ".azure", ".docker", ".gcloud", ".gnupg", ".kube", ".ssh"})
EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults", "*.pub")
"""Made to be shown."""
_NAMED, _SHOWN = (re.compile("|".join(map(translate, those))) for those in (NAMES, EXAMPLES))
_MOST_PEM_BYTES = 1024 * 1024


def look_like_secrets(folder: Path, names: Collection[str]) -> list[str]:
    """Those of `names`, relative to `folder`, that look like secrets; sorted."""
    return sorted(name for name in names if _by_name(name) or _is_private_pem(folder, name))


def untracked_secrets(folder: Path, names: Collection[str]) -> list[str]:
    """Those that git does not track, of every repository around; all, where nobody can say."""
    if not (found := look_like_secrets(folder, names)):
        return []
    try:
        kept = tracked(folder.resolve(), found)
    except UntoldError:
        return found
    return [name for name in found if name not in kept]


def _by_name(name: str) -> bool:
    *folders, own = name.lower().split("/")
    if not FOLDERS.isdisjoint(folders):
        return True
    return bool(_NAMED.match(own)) and not _SHOWN.match(own)


def _is_private_pem(folder: Path, name: str) -> bool:
    """Of PEM files, certificates are for everybody. Source of the words: RFC 7468, sections 10 to 13."""
    path = folder / name
    if not name.lower().endswith((".pem", ".pkcs8")) or path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return b"PRIVATE KEY-----" in file.read(_MOST_PEM_BYTES)
    except OSError:
        return True
