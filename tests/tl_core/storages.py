"""A storage of every kind, for tests that must hold on all of them: directory, fsspec's memory, and S3 over HTTP."""

import functools
import logging
import uuid
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tl_core.store import storage
from tl_core.store.storage import Storage

KINDS = ("directory", "memory", "s3")
BUCKET = "embeddings"


@functools.cache
def s3_endpoint() -> str:
    """Start an S3 server on this machine, once a session; it ends with the process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
    return endpoint


def address(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL or path of an empty storage of that kind."""
    if kind == "directory":
        return str(tmp_path / "root")
    if kind == "s3":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint())
    return f"{'s3' if kind == 's3' else 'memory'}://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(name="root", params=KINDS)
def root_of_each_kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """An empty storage, of each kind in turn."""
    return storage.at(address(request.param, tmp_path, monkeypatch), tmp_path / "cache")


@pytest.fixture(name="objects", params=KINDS[1:])
def objects_of_each_kind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> storage.ObjectStorage:
    """An empty object storage, of each kind in turn."""
    found = storage.at(address(request.param, tmp_path, monkeypatch), tmp_path / "cache")
    assert isinstance(found, storage.ObjectStorage)
    return found


def elsewhere(objects: storage.ObjectStorage, tmp_path: Path) -> storage.ObjectStorage:
    """The same objects as another machine sees them: with a cache of its own."""
    return storage.ObjectStorage(objects.url, tmp_path / "another machine")
