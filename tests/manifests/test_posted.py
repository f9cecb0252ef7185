"""A manifest without a file: read like any other, and no path of whoever's machine is looked at."""

import pytest

from chaos.errors import ManifestError
from chaos.manifests.ad_hoc import SHOP, Wish, text_of, written
from chaos.manifests.posted import one, read

SHORT = text_of(written(Wish(scenario="network_delay", hold="5s")))


def test_what_the_short_form_writes_can_be_posted() -> None:
    loaded = one(SHORT)
    assert loaded.app == SHOP
    assert loaded.file == "manifest"


@pytest.mark.parametrize("app", ["..", "/etc", "./", "../shop", "shop", "~", "\\\\host\\share"])
def test_no_folder_of_a_machine_is_looked_at(app: str) -> None:
    _, wrong = read(SHORT.replace("app: .", f"app: {app!r}"))
    assert [each.path for each in wrong] == ["spec.target.app"]
    assert "folder of some machine" in str(wrong[0])


def test_a_template_beside_it_is_none() -> None:
    _, wrong = read(SHORT + "  dashboard: ../../../../etc/passwd.j2\n")
    assert [each.path for each in wrong] == ["spec.dashboard"]


@pytest.mark.parametrize(
    "text", ["", "---\n---\n", f"{SHORT}---\n{SHORT}", "[]", "\0", "a: &a [*a]", "{" * 2000]
)
def test_what_is_not_one_experiment_is_refused(text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        one(text)
    assert all(str(each).startswith("manifest:") for each in caught.value.problems)
