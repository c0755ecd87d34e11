"""`dhanman-jobs recurring import`: what stood in another scheduler becomes recurring jobs, or says why not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from infra.app import broker
from tests.cli.conftest import Answer, Desk
from tests.support.job_store import JobStore
from tests.support.queue import rows

SAMPLES = Path(__file__).resolve().parents[1] / "scheduling" / "importing" / "samples"
MAP = str(SAMPLES / "map.toml")
FORMS = {
    "crontab": "crontab",
    "quartz_jobs.xml": "quartz",
    "quartz.txt": "quartz",
    "tasks.xml": "windows-xml",
}
INVOICE = "30 6 1 * * dhanman-jobs send sales.create_invoice A-101 2026-12\n"


@pytest.fixture
def migrated(desk: Desk) -> Desk:
    """A desk whose job store knows the code's recurring jobs."""
    desk.run("migrate")
    return desk


def imported(desk: Desk, sample: str, *options: str) -> Answer:
    return desk.run("recurring", "import", "--from", FORMS[sample], *options, str(SAMPLES / sample))


def from_crontab(desk: Desk, folder: Path, text: str, *options: str) -> Answer:
    file = folder / "old"
    file.write_text(text)
    return desk.run("recurring", "import", "--from", "crontab", *options, str(file))


def stored(store: JobStore, service: str = "sales") -> dict[str, dict[str, Any]]:
    """The jobs that were added, by name."""
    names = "name actor_name args kwargs spec zone missed overlap pause_reason"
    found = rows(
        store.broker,
        f"select {', '.join(names.split())} from {{schema}}.recurring "
        "where added_by is not null and next_at is not null",
        service=service,
    )
    return {row[0]: dict(zip(names.split(), row, strict=True)) for row in found}


def everything(store: JobStore) -> list[Any]:
    """Each row's version, of all tables in which something could be written."""
    return [
        rows(
            store.broker, f"select ctid::text, xmin::text from {{schema}}.{table} order by 1", service=service
        )
        for service in ("common", "sales")
        for table in ("recurring", "tick", "queue", "finished", "history", "actor")
    ]


@pytest.mark.parametrize("sample", FORMS)
def test_a_dry_run_says_what_would_become_and_writes_nothing(
    migrated: Desk, job_store: JobStore, sample: str
) -> None:
    before = everything(job_store)
    said = imported(migrated, sample, "--map", MAP, "--dry-run")
    assert everything(job_store) == before
    assert " added" in said.out
    assert said.out.rstrip().endswith("(a dry run: nothing is written)")


def test_a_crontab_becomes_recurring_jobs(migrated: Desk, job_store: JobStore) -> None:
    answer = imported(migrated, "crontab", "--map", MAP, "--json").json
    assert answer["counts"] == {"added": 3, "cannot": 6}
    assert stored(job_store) == {
        "create-invoice": {
            "name": "create-invoice",
            "actor_name": "sales.create_invoice",
            "args": ["A-101", "2026-12"],
            "kwargs": {},
            "spec": "30 6 1 * *",
            "zone": "Asia/Kolkata",
            "missed": "skip",
            "overlap": "allow",
            "pause_reason": None,
        },
        "remind-green-acres": {
            "name": "remind-green-acres",
            "actor_name": "sales.send_payment_reminders",
            "args": [],
            "kwargs": {},
            "spec": "0 10 * * mon-fri",
            "zone": "Asia/Kolkata",
            "missed": "once",
            "overlap": "skip",
            "pause_reason": None,
        },
    }
    [welcome] = stored(job_store, "common").values()
    assert (welcome["name"], welcome["args"]) == ("send-welcome-email", ["asha@example.com", "Asha"])


def test_the_report_has_each_line_its_schedule_and_what_it_becomes(migrated: Desk) -> None:
    said = imported(migrated, "crontab", "--map", MAP)
    lines = said.out.splitlines()
    [invoice] = [line for line in lines if line.startswith("line 8 ")]
    assert "at 06:30 on day 1 of every month" in invoice
    assert "create-invoice: sales.create_invoice" in invoice
    assert "line 5: DOTNET_ENVIRONMENT is not carried over" in said.out
    assert lines[-1] == "3 added, 6 cannot"


def test_a_second_import_changes_nothing(migrated: Desk, job_store: JobStore) -> None:
    for sample in FORMS:
        imported(migrated, sample, "--map", MAP)
    before = everything(job_store)
    for sample in FORMS:
        counts = imported(migrated, sample, "--map", MAP, "--json").json["counts"]
        assert counts.keys() <= {"unchanged", "cannot"}
        assert counts["unchanged"]
    assert everything(job_store) == before


def test_quartz_triggers_take_their_jobs_data_along(migrated: Desk, job_store: JobStore) -> None:
    answer = imported(migrated, "quartz_jobs.xml", "--map", MAP, "--json").json
    assert answer["counts"] == {"added": 4, "cannot": 2}
    jobs = stored(job_store)
    assert jobs["monthly-invoices-1"]["kwargs"] == {"unit_id": "A-101", "period": "2026-12"}
    assert jobs["monthly-invoices-2"]["kwargs"] == {"unit_id": "A-101", "period": "2027-01"}
    assert [jobs[f"monthly-invoices-{n}"]["missed"] for n in (1, 2)] == ["skip", "all"]
    assert jobs["gate-sync-1"]["overlap"] == "queue"


def test_a_job_with_an_actors_name_needs_no_map(migrated: Desk, job_store: JobStore) -> None:
    imported(migrated, "quartz.txt")
    assert stored(job_store)["sales-send-payment-reminders"]["spec"] == "0 10 * * 1-5"


def test_windows_tasks_come_numbered_and_what_was_disabled_paused(
    migrated: Desk, job_store: JobStore
) -> None:
    answer = imported(migrated, "tasks.xml", "--map", MAP, "--json").json
    assert answer["counts"] == {"added": 3, "cannot": 2}
    jobs = stored(job_store)
    assert [(name, job["pause_reason"]) for name, job in sorted(jobs.items())] == [
        ("gate-sync", "the task was disabled in the Task Scheduler"),
        ("send-reminders-1", None),
        ("send-reminders-2", "the trigger was disabled in the Task Scheduler"),
    ]
    assert jobs["send-reminders-1"]["overlap"] == "queue"


def test_what_stopped_the_run_before_it_needs_a_word_on_overlap(migrated: Desk, tmp_path: Path) -> None:
    map_file = tmp_path / "map.toml"
    map_file.write_text('[[job]]\njob = "GateSync"\nactor = "sales.create_invoice"\n')
    found = imported(migrated, "tasks.xml", "--map", str(map_file), "--json").json["found"]
    [gate] = [one for one in found if one["where"] == "task GateSync"]
    assert "say overlap in the map" in gate["why_not"]


def test_other_values_under_the_same_name_are_refused_unless_replace_is_said(
    migrated: Desk, job_store: JobStore, tmp_path: Path
) -> None:
    assert from_crontab(migrated, tmp_path, INVOICE).code == 0
    later = INVOICE.replace("30 6", "45 6")
    refused = from_crontab(migrated, tmp_path, later, "--json")
    assert refused.code == 1
    assert "with other values (schedule" in refused.json["found"][0]["why_not"]
    assert stored(job_store)["create-invoice"]["spec"] == "30 6 1 * *"

    assert from_crontab(migrated, tmp_path, later, "--replace", "--dry-run", "--json").json["counts"] == {
        "replaced": 1
    }
    assert stored(job_store)["create-invoice"]["spec"] == "30 6 1 * *"
    assert from_crontab(migrated, tmp_path, later, "--replace").code == 0
    assert stored(job_store)["create-invoice"]["spec"] == "45 6 1 * *"


def test_a_name_that_the_code_declares_stays_the_codes(
    migrated: Desk, job_store: JobStore, tmp_path: Path
) -> None:
    text = "0 * * * * dhanman-jobs send sales.check_overdue_invoices\n"
    said = from_crontab(migrated, tmp_path, text, "--replace", "--json")
    assert said.code == 1
    [found] = said.json["found"]
    assert "check-overdue-invoices is in use: the code of sales declares it" in found["why_not"]
    assert stored(job_store) == {}


def test_all_or_nothing_writes_nothing_when_one_cannot_be(
    migrated: Desk, job_store: JobStore, tmp_path: Path
) -> None:
    welcome = "0 9 * * * dhanman-jobs send common.send_welcome_email a@example.com A\n"
    text = INVOICE + welcome + "0 3 * * * /usr/bin/certbot renew\n"
    said = from_crontab(migrated, tmp_path, text, "--all-or-nothing", "--json")
    assert said.code == 1
    assert said.json["counts"] == {"held back": 2, "cannot": 1}
    assert stored(job_store) == stored(job_store, "common") == {}

    map_file = tmp_path / "map.toml"
    map_file.write_text('[[job]]\ncommand = "*/certbot*"\nleave_out = true\n')
    said = from_crontab(migrated, tmp_path, text, "--all-or-nothing", "--map", str(map_file), "--json")
    assert said.code == 0
    assert said.json["counts"] == {"added": 2, "left out": 1}
    assert [*stored(job_store), *stored(job_store, "common")] == ["create-invoice", "send-welcome-email"]


def test_a_command_without_an_actor_says_what_the_map_needs(
    migrated: Desk, job_store: JobStore, tmp_path: Path
) -> None:
    text = '0 10 * * 1 /srv/remind.sh "green acres" C:\\x\n'
    [found] = from_crontab(migrated, tmp_path, text, "--json").json["found"]
    assert found["why_not"] == "no actor is mapped to this command"
    map_file = tmp_path / "map.toml"
    map_file.write_text(found["map"].replace('actor = ""', 'actor = "sales.send_payment_reminders"'))
    assert from_crontab(migrated, tmp_path, text, "--map", str(map_file)).code == 0
    assert stored(job_store)["remind"]["actor_name"] == "sales.send_payment_reminders"


def test_a_template_that_is_filled_in_maps_what_needs_a_map(
    migrated: Desk, job_store: JobStore, tmp_path: Path
) -> None:
    template = imported(migrated, "quartz_jobs.xml", "--map-template").out
    assert template.count("[[job]]") == 2  # a table a job, whatever its triggers
    assert template.startswith(
        "# trigger OnTheFirst: 30 0 6 1 * ?\n# trigger OnTheLastWorkday: 0 0 18 LW * ?\n"
    )

    map_file = tmp_path / "map.toml"
    map_file.write_text(template.replace('actor = ""', 'actor = "sales.create_invoice"', 1))
    found = imported(migrated, "quartz_jobs.xml", "--map", str(map_file), "--json").json["found"]
    assert list(stored(job_store)) == ["monthly-invoices-1", "monthly-invoices-2"]
    assert found[2]["why_not"] == "no actor is mapped to this job"


def test_what_needs_no_map_is_not_in_the_template(migrated: Desk) -> None:
    template = imported(migrated, "tasks.xml", "--map-template").out
    assert [line for line in template.splitlines() if line.startswith("job")] == [
        r'job = "\\Dhanman\\GateSync"'
    ]


def test_a_crontab_may_come_from_standard_input(migrated: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(INVOICE.encode())))
    done = migrated.run("recurring", "import", "--from", "crontab", "--json", "-")
    assert (done.code, done.json["counts"]) == (0, {"added": 1})


@pytest.mark.parametrize(
    ("form", "content", "why"),
    [
        ("quartz", b"<beans/>", "the file's root is <beans>"),
        ("windows-xml", b"<Task>", "no well-formed XML"),
        ("windows-xml", b'<!DOCTYPE x [<!ENTITY a "b">]><Task/>', "refused"),
        ("crontab", b"\x80\x81\x82", "save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_2(
    bare_desk: Desk, tmp_path: Path, form: str, content: bytes, why: str
) -> None:
    file = tmp_path / "old"
    file.write_bytes(content)
    said = bare_desk.run("recurring", "import", "--from", form, str(file))
    assert said.code == 2
    assert why in said.err


def test_a_file_that_is_not_there_ends_with_2(bare_desk: Desk, tmp_path: Path) -> None:
    said = bare_desk.run("recurring", "import", "--from", "crontab", str(tmp_path / "nothing"))
    assert said.code == 2
    assert "No such file" in said.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[job]", "no TOML"),
        ("[job]\n", "with two brackets"),
        ("[[job]]\nactor = 'a.b'\n", "neither command nor job"),
        ("[[job]]\njob = 'x'\n", "names no actor"),
        ("[[job]]\njob = 'x'\nactr = 'a.b'\n", "did you mean 'actor'"),
        ("[[job]]\njob = 'x'\nactor = 'a.b'\nargs = 5\n", "args must be of type list"),
        ("[[jobs]]\n", "'jobs'"),
    ],
)
def test_a_wrong_map_ends_with_2(bare_desk: Desk, tmp_path: Path, text: str, why: str) -> None:
    map_file = tmp_path / "map.toml"
    map_file.write_text(text)
    said = imported(bare_desk, "crontab", "--map", str(map_file))
    assert said.code == 2
    assert why in said.err


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('actor = "sales.creat_invoice"', "did you mean 'sales.create_invoice'"),
        ('actor = "sales.create_invoice"\nservice = "common"', "is an actor of sales, not of common"),
        ('actor = "sales.create_invoice"', "unit_id"),
        ('actor = "sales.send_payment_reminders"\nmissed = "never"', "missed must be one of"),
        ('actor = "sales.send_payment_reminders"\nname = "Remind!"', "small letters"),
    ],
)
def test_an_entry_that_cannot_run_is_the_lines_reason(
    migrated: Desk, tmp_path: Path, entry: str, why: str
) -> None:
    map_file = tmp_path / "map.toml"
    map_file.write_text(f'[[job]]\ncommand = "/srv/a.sh"\n{entry}\n')
    said = from_crontab(
        migrated, tmp_path, "0 6 * * * /srv/a.sh\n", "--map", str(map_file), "--dry-run", "--json"
    )
    assert said.code == 1
    assert why in said.json["found"][0]["why_not"]


def test_an_actor_of_a_service_without_a_store_here_is_refused(
    migrated: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = broker.config.model_copy(update={"jobs_services": ("common",)})
    monkeypatch.setattr(broker, "config", here)
    [found] = from_crontab(migrated, tmp_path, INVOICE, "--json").json["found"]
    assert (
        found["why_not"]
        == "sales.create_invoice is an actor of sales, which JOBS_SERVICES does not name here"
    )
