"""A bucket of an S3-compatible store. Files stream up in parts: none is held whole in memory or on the disk.

An object is there only once all of its parts are; what a writer that failed left behind costs money, and is aborted.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from infra.settings import Settings

PART = 16 * 2**20
"""Bytes of a part; twice as many after each PARTS, so that 10,000 parts, S3's most, hold its largest object."""
PARTS = 2_000
ATTEMPTS = 4
"""How often a request is sent that the store answers with 5xx, or not at all."""


class BucketError(Exception):
    """The store refused or did not answer. The message names the bucket and what was asked, never a secret."""


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int = -1, /) -> bytes: ...


class Upload:
    """An object on its way up, part by part. The store checks each part by its MD5."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._address = {"Bucket": bucket.name, "Key": key}
        self._address["UploadId"] = bucket.ask("create_multipart_upload", **self._address)["UploadId"]
        self._parts: list[dict[str, Any]] = []
        self._waiting = bytearray()
        self._size = 0

    def write(self, content: bytes, /) -> int:
        """As a file does; a whole part goes up at once."""
        self._waiting += content
        self._size += len(content)
        while len(self._waiting) >= self._part_size:
            part_size = self._part_size
            self._send(bytes(self._waiting[:part_size]))
            del self._waiting[:part_size]
        return len(content)

    def complete(self) -> None:
        if self._waiting or not self._parts:
            self._send(bytes(self._waiting))
        self._bucket.ask("complete_multipart_upload", **self._address, MultipartUpload={"Parts": self._parts})
        key = self._address["Key"]
        there = self._bucket.ask("head_object", Bucket=self._bucket.name, Key=key)["ContentLength"]
        if there != self._size:
            raise BucketError(f"{key} in bucket {self._bucket.name} has {there:,} bytes of {self._size:,}")

    def abort(self) -> None:
        with suppress(BucketError):  # who cannot be told now is swept up later
            self._bucket.ask("abort_multipart_upload", **self._address)

    @property
    def _part_size(self) -> int:
        return PART << (len(self._parts) // PARTS)

    def _send(self, part: bytes) -> None:
        number = len(self._parts) + 1
        checksum = base64.b64encode(hashlib.md5(part, usedforsecurity=False).digest()).decode()
        done = self._bucket.ask(
            "upload_part", **self._address, PartNumber=number, Body=part, ContentMD5=checksum
        )
        self._parts.append({"PartNumber": number, "ETag": done["ETag"]})


class Bucket:
    """Objects under a prefix. Raises BucketError.

    Parameters:
      client: boto3's, for S3.
    """

    def __init__(self, name: str, prefix: str, client: Any) -> None:
        self.name = name
        self.prefix = prefix.strip("/")
        self._client = client

    @classmethod
    def by_settings(cls, config: Settings, name: str, prefix: str) -> Bucket:
        """As S3_* say. Raises BucketError when the extra `s3` is not installed."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise BucketError(
                "S3_BUCKET needs the extra s3: uv sync --extra s3, or pip install boto3"
            ) from error
        options = Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=10,
            read_timeout=60,
            s3={"addressing_style": "path" if config.s3_endpoint_url else "auto"},
            # not every store knows Amazon's newer checksums; Content-MD5 they all do
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        secret = config.s3_secret_key
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=config.s3_endpoint_url,
            region_name=config.s3_region,
            aws_access_key_id=config.s3_access_key,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            config=options,
        )
        return cls(name, prefix, client)

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.name}/{self.prefix}"

    @contextmanager
    def writing(self, name: str) -> Iterator[Upload]:
        """A new object, in its place when the block ends well, else gone."""
        upload = Upload(self, self._key(name))
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[Readable]:
        body = self.ask("get_object", Bucket=self.name, Key=self._key(name))["Body"]
        try:
            yield _Body(body, f"{self.url}/{name}")
        finally:
            body.close()

    def names(self) -> set[str]:
        """What is here, whole."""
        found = self._pages("list_objects_v2", "Contents")
        return {item["Key"].removeprefix(self._key("")) for item in found}

    def size(self, name: str) -> int:
        return int(self.ask("head_object", Bucket=self.name, Key=self._key(name))["ContentLength"])

    def delete(self, name: str) -> None:
        self.ask("delete_object", Bucket=self.name, Key=self._key(name))

    def sweep(self, older: timedelta) -> None:
        """Abort the uploads of writers that died so long ago."""
        before = datetime.now(UTC) - older
        for item in self._pages("list_multipart_uploads", "Uploads"):
            if item["Initiated"] < before:
                self.ask(
                    "abort_multipart_upload", Bucket=self.name, Key=item["Key"], UploadId=item["UploadId"]
                )

    def ask(self, operation: str, **parameters: Any) -> Any:
        """One request. Raises BucketError."""
        with self._explained(operation):
            return getattr(self._client, operation)(**parameters)

    def _pages(self, operation: str, field: str) -> list[Any]:
        with self._explained(operation):
            pages = self._client.get_paginator(operation).paginate(Bucket=self.name, Prefix=self._key(""))
            return [item for page in pages for item in page.get(field, ())]

    @contextmanager
    def _explained(self, operation: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise BucketError(f"bucket {self.name}, {operation.replace('_', ' ')}: {error}") from error

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


class _Body:
    """An object on its way down."""

    def __init__(self, body: Any, url: str) -> None:
        self._body = body
        self._url = url

    def read(self, size: int = -1, /) -> bytes:
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        try:
            content: bytes = self._body.read(None if size < 0 else size)
        except (BotoCoreError, HTTPError, OSError) as error:
            raise BucketError(f"{self._url}, while it was read: {error}") from error
        return content
