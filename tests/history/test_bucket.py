"""Files of runs in a bucket: a real S3 server, and a shared folder."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import PublishError
from chaos.history.received import NAMES
from chaos.history.uploads.bucket import Bucket, BucketError
from chaos.history.uploads.pushing import push
from chaos.runs.directory import Run
from chaos.settings import Settings
from tests.history.folders import run_folder


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Moto's server with one bucket; where it is."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    import httpx

    httpx.put(f"http://{host}:{port}/runs", trust_env=False).raise_for_status()
    yield "s3://runs/of/us"
    os.environ.clear()
    os.environ.update(before)
    server.stop()


@pytest.fixture(params=["s3", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("s3")) if request.param == "s3" else f"file://{tmp_path}/share"


def test_a_run_goes_in_whole_and_comes_out_the_same(url: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, int(url.startswith("s3")) + 7)
    before = json.loads((folder / "result.json").read_text())
    assert push(folder, Settings(_env_file=None, chaoslab_artifacts_url=url)) == ("artifacts",)
    bucket, into = Bucket(url), tmp_path / "into"
    into.mkdir()
    assert folder.name in set(bucket.runs())
    assert bucket.has(folder.name)
    bucket.get(folder.name, into, NAMES)
    assert (into / "journal.ndjson").read_bytes() == (folder / "journal.ndjson").read_bytes()
    assert (into / "report.html").read_bytes() == (folder / "report.html").read_bytes()
    sent = (into / "result.sent.json").read_bytes()
    assert sent == (folder / "result.json").read_bytes()
    said = json.loads(sent)
    assert said.pop("delivery") == {"artifacts": {"complete": True, "why": "", "later": None, "numbers": {}}}
    assert said == {key: value for key, value in before.items() if key != "delivery"}


def test_what_is_not_whole_or_not_ours_does_not_come_out(url: str, tmp_path: Path) -> None:
    folder, other = run_folder(tmp_path, 11), run_folder(tmp_path, 12)
    bucket = Bucket(url)
    store = bucket._store
    into = tmp_path / "into"
    into.mkdir()
    store.put(f"shop/{folder.name}/journal.ndjson.gz", gzip.compress(b"{}\n"))
    assert not bucket.has(folder.name)
    with pytest.raises(BucketError, match="has not all of"):
        bucket.get(folder.name, into, NAMES)
    bucket.put(Run(other.name, other), b"{}")
    for packed in (b"no gzip", gzip.compress(b"x" * 100)[:-4]):
        store.put(f"shop/{other.name}/journal.ndjson.gz", packed)
        with pytest.raises(BucketError, match=r"gzip|whole"):
            bucket.get(other.name, into, NAMES)
    for name in ("..", "shop/..", "20261130-100001-shop-00000Z"):
        with pytest.raises(BucketError, match="not the id of a run"):
            bucket.has(name)


@pytest.mark.parametrize(
    "url", ["", "memory:///", "http://host/x", "s3://", "s3://a:b@c/d", "file://", "s3://b?x=1"]
)
def test_other_addresses_are_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(BucketError, match="s3://"):
        Bucket(url)


def test_a_bucket_that_is_not_there_is_one_sentence(s3: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, 13)
    with pytest.raises(PublishError, match="s3://nobody/x cannot be used") as caught:
        push(folder, Settings(_env_file=None, chaoslab_artifacts_url="s3://nobody/x"))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
