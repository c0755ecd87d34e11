"""An S3 server of the tests' own (moto's, over HTTP), which can be told to fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

SECRET = "wJalrXUtnFEMI/s3cr3t"


class ObjectStore:
    """Parameters:
    fails: asked for each request's method and query, as in `("PUT", "partNumber=2&uploadId=…")`, whether it gets a 500.
    """

    def __init__(self, server: ThreadedMotoServer) -> None:
        host, port = server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.fails: Callable[[str, str], bool] = lambda _method, _query: False
        self.refused = 0
        self._app = server._server.app
        server._server.app = self
        keys = {"aws_access_key_id": "backups", "aws_secret_access_key": SECRET, "region_name": "ap-south-1"}
        self.client = boto3.client("s3", endpoint_url=self.url, **keys)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.fails(environ["REQUEST_METHOD"], environ["QUERY_STRING"]):
            self.refused += 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("500 Internal Server Error", [("Content-Type", "application/xml")])
            return [b"<Error><Code>InternalError</Code><Message>We lost a disk</Message></Error>"]
        return self._app(environ, start_response)

    def settings(self, bucket: str) -> dict[str, str]:
        """The environment of who keeps backups here."""
        return {
            "S3_BUCKET": bucket,
            "S3_ENDPOINT_URL": self.url,
            "S3_REGION": "ap-south-1",
            "S3_ACCESS_KEY": "backups",
            "S3_SECRET_KEY": SECRET,
        }

    def make_bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})

    def keys(self, bucket: str) -> list[str]:
        return sorted(item["Key"] for item in self.client.list_objects_v2(Bucket=bucket).get("Contents", ()))

    def half_written(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield ObjectStore(server)
    finally:
        server.stop()
