"""Backups in an S3-compatible store: streamed up in parts, and nothing half-written."""

import io
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from psycopg2.extensions import parse_dsn

from actors.common.backup import manifest, records, take
from actors.common.backup.place import place_now
from actors.common.backup.verify import verify
from infra.gateways import bucket as gateway
from infra.gateways.bucket import BucketError
from tests.support.object_store import SECRET

MEGABYTE = 2**20


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(gateway, "PART", 5 * MEGABYTE)  # S3 takes no smaller ones
    monkeypatch.setattr(gateway, "ATTEMPTS", 2)


def pour(content, upload, spoon=700_000):
    stream = io.BytesIO(content)
    while piece := stream.read(spoon):
        upload.write(piece)


def test_a_backup_streams_up_and_is_restored_from_there(only_payroll, bucket, s3, ask):
    [record] = take().taken

    assert s3.keys(bucket) == [f"dhanman-backups/{record.id}.dump", f"dhanman-backups/{record.id}.json"]
    assert s3.half_written(bucket) == []
    assert ask("select place, size from common.backup") == [(f"s3://{bucket}/dhanman-backups", record.size)]
    assert manifest.complete(place_now()).keys() == {record.id}
    assert verify(record.id, place_now()).differences == ()
    assert records.named(record.id).verified_at
    manifest.delete(record.id, place_now())
    assert s3.keys(bucket) == []


def test_what_is_larger_than_a_part_arrives_whole(common, bucket, s3, small_parts):
    content = os.urandom(12 * MEGABYTE)
    place = place_now()
    with place.writing("large.dump") as upload:
        pour(content, upload)
    assert s3.client.head_object(Bucket=bucket, Key="dhanman-backups/large.dump")["ETag"].endswith('-3"')
    with place.reading("large.dump") as file:
        assert file.read() == content
    assert place.size("large.dump") == len(content)


def test_a_writer_that_fails_leaves_nothing(common, bucket, s3, small_parts):
    with suppress(ZeroDivisionError), place_now().writing("half.dump") as upload:
        pour(os.urandom(6 * MEGABYTE), upload)
        assert s3.half_written(bucket)
        raise ZeroDivisionError
    assert (s3.keys(bucket), s3.half_written(bucket)) == ([], [])


def test_what_a_dead_writer_left_is_swept_up_after_a_day(common, bucket, s3, monkeypatch):
    for key in ("dhanman-backups/half.dump", "somebody-else/half"):
        s3.client.create_multipart_upload(Bucket=bucket, Key=key)
    place = place_now()
    [upload] = place._pages("list_multipart_uploads", "Uploads")  # moto's all date from 2010
    with monkeypatch.context() as patched:
        young = upload | {"Initiated": datetime.now(UTC) - timedelta(hours=23)}
        patched.setattr(place, "_pages", lambda *_: [young])
        place.sweep(timedelta(hours=24))
    assert len(s3.half_written(bucket)) == 2
    place.sweep(timedelta(hours=24))
    assert s3.half_written(bucket) == ["somebody-else/half"]


def test_a_store_that_answers_500_in_mid_upload_is_asked_again_and_then_given_up(
    common, bucket, s3, small_parts
):
    s3.refused, s3.fails = 0, lambda _method, query: "partNumber=2" in query
    said = rf"bucket {bucket}, upload part: .*InternalError.*We lost a disk"
    with pytest.raises(BucketError, match=said) as raised, place_now().writing("half.dump") as upload:
        pour(os.urandom(11 * MEGABYTE), upload)
    assert s3.refused == gateway.ATTEMPTS
    assert (s3.keys(bucket), s3.half_written(bucket)) == ([], [])
    assert SECRET not in str(raised.value)


def test_a_store_that_fails_is_named_to_the_admins(
    only_payroll, bucket, s3, small_parts, ask, tmp_path, monkeypatch
):
    monkeypatch.setenv("JOBS_ADMINS", "ops@dhanman.example")
    s3.fails = lambda method, _query: method == "PUT"
    [(name, error)] = take().failures
    assert (name, error.kind) == (parse_dsn(only_payroll)["dbname"], "object store")
    assert ask("select state, failure from common.backup") == [("FAILED", str(error))]
    assert s3.keys(bucket) == []
    [letter] = (tmp_path / "var" / "mail").glob("*.eml")
    assert "the object store failed" in letter.read_text()
    assert SECRET not in letter.read_text()


def test_a_bucket_that_is_not_there_stops_the_run_before_any_dump(only_payroll, bucket, s3, ask):
    s3.client.delete_bucket(Bucket=bucket)
    [(name, error)] = take().failures
    assert (name, error.kind) == ("every database", "object store")
    assert "NoSuchBucket" in str(error)
    assert ask("select 1 from common.backup") == []


def test_each_part_carries_its_checksum_for_the_store_to_compare(common, bucket):
    place, sent = place_now(), []
    note = lambda params, **_: sent.append(params["headers"]["Content-MD5"])  # noqa: E731
    place._client.meta.events.register("before-call.s3.UploadPart", note)
    with place.writing("small.dump") as upload:
        upload.write(b"content")
    assert sent == ["mgNkuembtIDdJeHwKEyFVQ=="]
