"""`dhanman-jobs`: the operators' command. A command group a file; what is heavy is imported by the command that needs
it, so that --help comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from infra.cli import backup, batches, jobs, limits, queues, recurring, send, workers, workflows
from infra.cli import doctor as doctors
from infra.cli import migrate as migrations
from infra.cli import prune as pruning
from infra.cli.output import FAILED, OK, Mode, answer, complain

EPILOG = (
    "Exit codes: 0 done; 1 what was asked failed, or doctor found an error; 2 wrong usage or settings; "
    "3 no database. Each command explains itself: dhanman-jobs COMMAND --help"
)

app = typer.Typer(
    name="dhanman-jobs",
    help="Operate the background jobs of Dhanman.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("migrate")(migrations.migrate)
app.command("grant")(migrations.grant)
app.command("doctor")(doctors.doctor)
app.command("send")(send.send)
app.add_typer(jobs.app, name="jobs")
app.add_typer(batches.app, name="batches")
app.add_typer(workflows.app, name="workflows")
app.add_typer(recurring.app, name="recurring")
app.add_typer(queues.app, name="queues")
app.add_typer(limits.app, name="limits")
app.command("workers")(workers.workers)
app.add_typer(backup.app, name="backup")
app.command("prune")(pruning.prune)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    Mode.json = False
    try:
        app(args=None if arguments is None else list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED if end.code else OK
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # who read our output has seen enough
        return OK
    except Exception as error:
        from infra.cli.errors import explained

        known = explained(error)
        if known is None and os.environ.get("JOBS_LOG_LEVEL") == "debug":
            raise
        sentence, code = known or (
            f"{type(error).__name__}: {error} (unexpected; JOBS_LOG_LEVEL=debug shows where)",
            FAILED,
        )
        answer({"error": " ".join(sentence.split()), "exit_code": code})
        complain(sentence)
        return code
    return OK


def run() -> None:
    """The console script."""
    sys.exit(main())
