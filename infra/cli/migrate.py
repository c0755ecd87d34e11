"""`dhanman-jobs migrate` and `grant`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Any

import typer

from infra.cli.options import Json
from infra.cli.output import USAGE, Stop, answer, say, table


def migrate(
    forget: Annotated[
        bool,
        typer.Option("--forget-absent-actors", help="Also forget actors that this code no longer declares."),
    ] = False,
    json: Json = False,
) -> None:
    """Bring job stores, reference tables and the actor registry to the current version.

    Each service's job schema is made or updated where DHANMAN_<SERVICE>_JOBS_URL or JOBS_DATABASE_URL says; then the
    reference tables that come with the actors. Safe to repeat, and from two machines at once.

    \b
    Examples:
      dhanman-jobs migrate
      JOBS_DATABASE_URL=postgresql://localhost/jobs dhanman-jobs migrate --json
    """  # noqa: D301  (\b tells the help to keep the lines)
    from infra.cli.actors import loaded_broker, migration_folders
    from infra.queue import registry
    from infra.scheduling.declare import declare
    from infra.scheduling.find import ELSEWHERE, list_recurring
    from infra.settings import SERVICES, settings
    from infra.store.connections import default_url, shown, store_of
    from infra.store.migrate import apply

    stores = [store_of(service) for service in SERVICES]
    done = [(apply(store.url, store.schema), store.url) for store in stores]
    for service, folder in migration_folders().items():
        url = settings().database_url(service) or default_url()
        done.append((apply(url, service, folder), url))
    broker = loaded_broker()
    actors = registry.declare(broker)
    whole_code = find_spec("periodic") is not None
    recurring = {store.service: declare(broker, store, complete=whole_code) for store in stores}
    given_up = [job for store in stores for job in list_recurring(store) if job.orphan_reason == ELSEWHERE]
    absent = _absent(broker, stores)
    known = sum(map(len, registry.actors_by_service(broker).values()))
    if forget:
        for store in stores:
            registry.forget(store, absent.get(store.service, []))
    declared = any(actors.values()) or any(recurring.values())
    changed = any(applied.applied for applied, _ in done) or declared or bool(forget and absent)
    machine = {
        "changed": changed,
        "schemas": [
            {"schema": a.schema, "database": shown(url), "applied": list(a.applied), "version": a.total}
            for a, url in done
        ],
        "actors": actors,
        "recurring": recurring,
        "given_up": [
            {"name": job.name, "service": job.service, "added_by": job.added_by} for job in given_up
        ],
        "absent_actors": absent,
        "forgotten": bool(forget and absent),
    }
    if answer(machine):
        return
    if not changed:
        say(f"nothing to do: {len(done)} schemas and {known} actors are up to date")
    else:
        table(
            ("schema", "done", "database"),
            [(a.schema, ", ".join(a.applied) or "up to date", shown(url)) for a, url in done],
        )
        say(f"{sum(recurring.values())} recurring jobs were new or changed")
        say(f"{sum(actors.values())} of {known} actors were new or changed")
    for job in given_up:
        say(
            f"{job.service}: {job.name}, which {job.added_by} added, does not run any more: {job.orphan_reason}. "
            f"`dhanman-jobs recurring remove {job.name} --service {job.service}` takes it away"
        )
    for service, names in absent.items():
        words = "forgotten" if forget else "declared by no code here; --forget-absent-actors forgets them"
        say(f"{service}: {', '.join(names)} {words}")


def grant(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose jobs.")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role of the database, which exists.")],
    json: Json = False,
) -> None:
    """Let a database role enqueue, work and operate one service's jobs, and no others.

    \b
    Examples:
      dhanman-jobs grant sales sales_app
      dhanman-jobs grant payroll payroll_worker
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.store import grants

    store = stores(service)[0]
    try:
        grants.grant(store, role)
    except grants.UnknownRole as error:
        raise Stop(str(error), USAGE) from None
    if not answer({"granted": True, "schema": store.schema, "role": role}):
        say(f"{role} may now enqueue, work and operate the jobs in {store.schema}")


def _absent(broker: Any, stores: list[Any]) -> dict[str, list[str]]:
    """Actors that the stores know and this code does not, by service."""
    from infra.queue import registry

    declared = registry.actors_by_service(broker)
    absent = {}
    for store in stores:
        here = {actor.actor_name for actor in declared.get(store.service, [])}
        if names := [name for name in registry.known(store) if name not in here]:
            absent[store.service] = names
    return absent
