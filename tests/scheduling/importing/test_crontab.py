"""Crontabs as cron reads them, line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.scheduling import cron
from infra.scheduling.importing import crontab, quartz_text
from infra.scheduling.importing.commands import Call, call_of
from infra.scheduling.importing.found import CannotBe, Found, Legacy
from infra.scheduling.importing.names import of_command, unique, valid
from infra.scheduling.importing.texts import text_of

SAMPLES = Path(__file__).with_name("samples")


def sample(name: str) -> Legacy:
    return crontab.read(text_of((SAMPLES / name).read_bytes()), "Asia/Kolkata")


def line(text: str) -> Found:
    [found] = crontab.read(text, "Asia/Kolkata").found
    return found


def spec(text: str) -> str:
    found = line(f"{text} /srv/job.sh")
    assert found.when is not None, found.why_not
    return found.when.spec


def test_each_line_of_a_crontab_is_a_schedule_or_says_why_not() -> None:
    legacy = sample("crontab")
    read = [(f.where, f.when.spec, f.when.zone) if f.when else (f.where, f.why_not) for f in legacy.found]
    assert read == [
        ("line 8", "30 6 1 * *", "Asia/Kolkata"),
        ("line 9", "0 * * * *", "Asia/Kolkata"),
        ("line 10", "0 10 * * mon-fri", "Asia/Kolkata"),
        ("line 11", "0 0-5,22,23 * * *", "Asia/Kolkata"),
        ("line 12", "0 0 * * *", "Asia/Kolkata"),
        ("line 13", "@reboot is no time: start it with the machine, or with the workers"),
        ("line 16", "15 9 * * 7", "Asia/Dubai"),
        ("line 18", "never comes: none of these months has such a day, in '5 4 30 2 *'"),
        ("line 19", "15 3 * * *", "Asia/Kolkata"),
    ]
    assert legacy.notes == (
        "line 5: DOTNET_ENVIRONMENT is not carried over: jobs have the workers' environment",
    )


def test_percent_ends_the_command_unless_it_is_escaped() -> None:
    found = {f.where: f for f in sample("crontab").found}
    assert found["line 12"].command == "/srv/legacy/export.sh --day $(date +%F)"
    assert found["line 19"].command == 'mail -s "gate list" guard@example.com'
    assert "standard input" in found["line 19"].remarks[0]
    assert found["line 12"].remarks == ()


def test_a_system_crontab_is_known_by_users_that_are_no_commands() -> None:
    legacy = sample("etc-crontab")
    assert [found.command.split()[0] for found in legacy.found] == ["cd", "test", "dhanman-jobs"]
    assert legacy.notes == ()


def test_where_only_some_lines_may_have_a_user_it_asks() -> None:
    text = "0 6 * * * root /srv/a.sh\n0 7 * * * python3 /srv/b.py\n"
    unsure = crontab.read(text, "Asia/Kolkata")
    assert [found.command for found in unsure.found] == ["root /srv/a.sh", "python3 /srv/b.py"]
    assert "--system" in unsure.notes[0]
    certain = crontab.read(text, "Asia/Kolkata", system=True)
    assert [found.command for found in certain.found] == ["/srv/a.sh", "/srv/b.py"]


def test_a_zone_counts_for_the_lines_after_it() -> None:
    six = "\n0 6 * * * a\n"
    text = f'{six}CRON_TZ="Asia/Dubai"{six}TZ=UTC{six}CRON_TZ={six}TZ=:Europe/Berlin{six}'
    zones = [found.when.zone for found in crontab.read(text, "Asia/Kolkata").found if found.when]
    assert zones == ["Asia/Kolkata", "Asia/Dubai", "Asia/Dubai", "Asia/Kolkata", "Europe/Berlin"]


def test_tz_is_read_as_the_zone_with_a_word_of_doubt() -> None:
    found = line("TZ=Asia/Dubai\n0 6 * * * /srv/a.sh")
    assert found.when is not None
    assert found.when.zone == "Asia/Dubai"
    assert "for the command only" in found.when.remarks[0]


def test_an_unknown_zone_is_the_lines_reason() -> None:
    assert "unknown zone 'IST-5:30'" in (line("CRON_TZ=IST-5:30\n0 6 * * * /srv/a.sh").why_not or "")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*/60 * * * *", "0 * * * *"),
        ("0 */24 * * *", "0 0 * * *"),
        ("0 0 1 */13 *", "0 0 1 1 *"),
        ("5-50/90 * * * *", "5 * * * *"),
        ("0 0 */40 * 1", "0 0 */31 * 1"),
        ("0 0 * * */8", "0 0 * * */7"),
        ("50-10 * * * *", "0-10,50-59 * * * *"),
        ("0 22-4/2 * * *", "0 0,2,4,22 * * *"),
        ("0 0 25-5 * *", "0 0 1-5,25-31 * *"),
        ("0 0 1 nov-feb *", "0 0 1 1,2,11,12 *"),
        ("0 0 * * fri-mon", "0 0 * * 0,1,5,6"),
        ("0 0 * * 7-2", "0 0 * * 0-2"),
        ("0 0 * * sat-sun", "0 0 * * sat-sun"),
        ("*/15 8-20/2 1,15 * mon-fri", "*/15 8-20/2 1,15 * mon-fri"),
        ("@weekly", "0 0 * * 0"),
        ("@Every_Minute", "* * * * *"),
        ("-5 6 * * *", "5 6 * * *"),
    ],
)
def test_what_ours_refuses_is_translated_where_it_means_one_thing(text: str, read: str) -> None:
    assert spec(text) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0~59 6 * * * a", "by chance"),
        ("0 0 25-5/2 * * a", "over the end of the month"),
        ("0 24 * * * a", "hour: 24 is not between 0 and 23"),
        ("0 6 * *", "no line of a crontab"),
        ("@fortnightly a", "unknown name"),
        ("0 6 * * *", "nothing stands behind"),
    ],
)
def test_a_line_that_cannot_be_says_why(text: str, why: str) -> None:
    assert why in (line(text).why_not or "")


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 23), st.integers(0, 23), st.integers(1, 30))
def test_hours_go_around_the_dial_as_counting_does(first: int, last: int, step: int) -> None:
    hour, expected = first, {first}
    for passed in range(1, 24):
        if hour == last:
            break
        hour = (hour + 1) % 24
        if passed % step == 0:
            expected.add(hour)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    when = cron(spec(f"0 {first}-{last}/{step} * * *"), "UTC")
    ticks = when.ticks_between(start - timedelta(minutes=1), start + timedelta(hours=23))
    assert {tick.hour for tick in ticks} == expected


@pytest.mark.parametrize(
    ("command", "call"),
    [
        (
            "dhanman-jobs send sales.create_invoice A-101 2026-12",
            Call("sales.create_invoice", ("A-101", "2026-12")),
        ),
        (
            """uv run dhanman-jobs send a.b --args '{"x": [1, 2]}' -k y=5""",
            Call("a.b", (), {"x": [1, 2], "y": 5}),
        ),
        ("dhanman-jobs send a.b --args '[1, \"x\"]' --json", Call("a.b", (1, "x"))),
        (r'"C:\Program Files\D\dhanman-jobs.exe" send a.b "{\"x\": 1}"', Call("a.b", ({"x": 1},))),
    ],
)
def test_a_send_is_mapped_by_itself(command: str, call: Call) -> None:
    assert call_of(command) == call


def test_what_stands_around_a_send_is_left_out_and_said() -> None:
    call = call_of(
        "cd /srv/app && LANG=C .venv/bin/dhanman-jobs send a.b 5 --priority 3 >> /var/log/x.log 2>&1"
    )
    assert call is not None
    assert (call.actor, call.args) == ("a.b", (5,))
    assert [remark.split(" ")[0] for remark in call.remarks] == ["its", "LANG=C", "--priority"]


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("dhanman-jobs send a.b # nightly", ()),
        ("dhanman-jobs send a.b x\t#nightly's run; $HOME", ("x",)),
        ("dhanman-jobs send a.b x >> /var/log/x.log 2>&1 # nightly", ("x",)),
        ("dhanman-jobs send a.b x#1 '#2' \\#3 \"#4\" ''#5 # not 6", ("x#1", "#2", "#3", "#4", "#5")),
    ],
)
def test_a_comment_of_the_shell_is_no_argument(command: str, args: tuple[str, ...]) -> None:
    call = call_of(command)
    assert call is not None
    assert call.args == args
    assert call.remarks[0].startswith("a comment to the shell, not carried over: #")


def test_a_send_that_is_a_comment_is_no_send() -> None:
    assert call_of("/srv/export.sh # was: dhanman-jobs send a.b") is None
    found = line("0 6 * * * dhanman-jobs send a.b # at 100\\%")
    assert call_of(found.command) == Call(
        "a.b", remarks=("a comment to the shell, not carried over: # at 100%",)
    )


def test_input_from_nowhere_is_no_output() -> None:
    assert call_of("dhanman-jobs send a.b < /dev/null") == Call("a.b")
    both = call_of("dhanman-jobs send a.b </dev/null >/var/log/x.log")
    assert both is not None
    assert both.remarks == ("its output went to a file; a job's stands in its log",)


@pytest.mark.parametrize("name", ["JOBS_DATABASE_URL", "DHANMAN_SALES_JOBS_URL"])
def test_a_send_to_another_store_cannot_be(name: str) -> None:
    with pytest.raises(CannotBe, match=f"the store that {name} names") as refused:
        call_of(f"cd /srv && LANG=C {name}=postgresql://jobs:sesame@db/old dhanman-jobs send a.b")
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("dhanman-jobs send a.b $(date +%F)", "the shell has a part"),
        ('dhanman-jobs send a.b "`hostname`"', "the shell has a part"),
        ("dhanman-jobs send a.b; echo done", "the shell has a part"),
        ("dhanman-jobs send a.b --delay 5m", "--delay"),
        ("dhanman-jobs send a.b --colour red", "unrecognized arguments"),
        ("dhanman-jobs send a.b 'x", "quotes"),
    ],
)
def test_a_send_that_a_recurring_job_cannot_do_says_why(command: str, why: str) -> None:
    with pytest.raises(CannotBe, match=why.replace("(", r"\(")):
        call_of(command)


def test_another_command_says_nothing_by_itself() -> None:
    assert call_of("/srv/legacy/dhanman-jobs-old.sh send x") is None
    assert call_of("echo about dhanman-jobs send it") is None


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/bin/python3 /srv/send_reminders.py --all", "send-reminders"),
        ("curl -fsS https://erp.example.com/api/jobs/late-fees?run=1", "late-fees"),
        ("cd / && run-parts --report /etc/cron.hourly", "run-parts"),
        (r"C:\jobs\NightlyBackup.bat /q", "nightly-backup"),
        ("dotnet Legacy.Jobs.dll late-fees", "legacy-jobs-late-fees"),
    ],
)
def test_a_command_gives_its_name(command: str, name: str) -> None:
    assert of_command(command) == name


LETTERS = st.text(alphabet="*/-,0123456789 lLwW#?~@=%\n\t\"'$abmonfri٣", max_size=60)


@settings(deadline=None, max_examples=200)
@given(LETTERS)
@example("0/" + "9" * 5000 + " * * * * a")
@example("0 6 1 1 ? * 9" + "9" * 5000)
def test_whatever_stands_in_a_file_it_is_read(text: str) -> None:
    for found in (*crontab.read(text, "Asia/Kolkata").found, *quartz_text.read(text, "Asia/Kolkata").found):
        assert (found.when is None) == bool(found.why_not)


def test_names_are_valid_and_each_is_there_once() -> None:
    assert valid("Backup: Datenbank (täglich) " + "x" * 200).startswith("backup-datenbank-taglich-xxx")
    assert len(valid("x" * 200)) == 100
    assert unique(["a", "b", "a", "a-2", "a"]) == ["a", "b", "a-2", "a-2-2", "a-3"]
    assert len(unique(["x" * 100] * 2)[1]) == 100
