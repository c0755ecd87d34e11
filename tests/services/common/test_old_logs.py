"""What is past its retention goes: job history, log files, kept mails, reports, the memory of letters."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from actors.common.housekeeping import clean_up_old_logs, old_logs
from infra.settings import settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def var(common, tmp_path):
    """Puts a file below var/, last written so many days before."""

    def var(name, *, days):
        path = tmp_path / "var" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("said")
        at = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (at, at))
        return path

    return var


def test_files_go_by_their_age_each_kind_by_its_own(var):
    old = [
        var("log/worker.log.1", days=31),
        var("log/2026/worker-2026-10-01.log.gz", days=40),
        var("mail/0a1b.eml", days=91),
        var("mail/0a1c.eml", days=200),
        var("reports/2025/stock.xlsx", days=401),
    ]
    kept = [
        var("log/worker.log", days=0),
        var("log/2026/worker-2026-10-02.log.gz", days=39),  # the newest of its series
        var("log/periodiq.log", days=90),  # which may be open
        var("mail/0a1d.eml", days=89),
        var("reports/2026/stock.xlsx", days=399),
        var("invoices/2024-04/GV-2425-000001.pdf", days=800),  # to be kept for eight years
    ]
    assert clean_up_old_logs(NOW)["files"] == {"log": 2, "mail": 2, "reports": 1}
    assert not [path for path in old if path.exists()]
    assert all(path.exists() for path in kept)


def test_a_file_that_a_process_has_open_stays(var):
    var("log/worker.log", days=0)
    path = var("log/worker.log.1", days=60)
    with path.open("a"):
        assert clean_up_old_logs(NOW)["files"]["log"] == 0
    assert clean_up_old_logs(NOW)["files"]["log"] == 1


def test_a_link_is_neither_followed_nor_deleted(var, tmp_path):
    outside = tmp_path / "accounts.log"
    outside.write_text("not ours")
    os.utime(outside, (0, 0))
    folder = var("log/worker.log", days=0).parent
    (folder / "accounts.log.1").symlink_to(outside)
    assert clean_up_old_logs(NOW)["files"]["log"] == 0
    assert (folder / "accounts.log.1").is_symlink()
    assert outside.exists()


def test_a_file_that_cannot_be_deleted_is_named_and_the_others_go(var, monkeypatch):
    bad, good = var("mail/bad.eml", days=100), var("mail/good.eml", days=100)
    unlink = type(bad).unlink

    def refuse(path, **options):
        if path == bad:
            raise PermissionError(13, "Permission denied")
        unlink(path, **options)

    monkeypatch.setattr(type(bad), "unlink", refuse)
    result = clean_up_old_logs(NOW)
    assert result["files"]["mail"] == 1
    assert result["refused"][str(bad)] == "Permission denied"
    assert not good.exists()


def test_letters_are_forgotten_after_their_time_chunk_by_chunk(common, ask, monkeypatch):
    monkeypatch.setattr(old_logs, "CHUNK", 2)
    ask(
        "insert into common.letter select n::text, 'a@b', 'bill', n::text, %s - n * interval '100 days'"
        " from generate_series(1, 9) as n",
        NOW,
    )
    assert clean_up_old_logs(NOW)["letters"] == {
        "common": 5,
        **dict.fromkeys(("sales", "purchase", "payroll", "community", "inventory"), 0),
    }
    assert ask("select key from common.letter order by 1") == [("1",), ("2",), ("3",), ("4",)]


def test_job_history_past_its_retention_is_dropped_and_stores_that_are_away_are_named(common, ask):
    ask(
        "create table common_jobs.history_old partition of common_jobs.history"
        " for values from ('2020-01-01Z') to ('2020-01-02Z')"
    )
    result = clean_up_old_logs(NOW)
    assert result["job_stores"]["common"]["partitions"] == 1
    assert ask("select to_regclass('common_jobs.history_old')") == [(None,)]
    assert result["refused"]["job_stores sales"].startswith('schema "sales_jobs" does not exist')
    assert len(result["refused"]) == 5


def test_it_tells_how_far_it_is_and_stops_between_steps_when_asked(common, var, monkeypatch):
    path = var("mail/0a1b.eml", days=91)

    steps = []

    class Job:
        def progress(self, done, total):
            steps.append((done, total))

        def cancellation_requested(self):
            return len(steps) == 3

        def log(self, line):
            pass

    monkeypatch.setattr(old_logs, "current_job", Job)
    result = clean_up_old_logs(NOW)
    assert steps == [(1, 15), (2, 15), (3, 15)]
    assert result["files"] == {}
    assert path.exists()


def test_the_retentions_are_settings(var, monkeypatch):
    var("mail/0a1b.eml", days=10)
    monkeypatch.setenv("JOBS_RETENTION_MAIL_FILES", "7d")
    settings.cache_clear()
    assert clean_up_old_logs(NOW)["files"]["mail"] == 1
