"""A payroll database with everything applied, and staff to pay from it."""

from __future__ import annotations

import json
import uuid
from calendar import monthrange
from datetime import date

import psycopg2
import pytest
from psycopg2.extras import execute_values

from actors.common.reference.seed import id_of, seed_society
from actors.payroll import pay_society
from actors.payroll.store import statements
from tests.support.service import asker, emptied, execute, migrated_database

APRIL, MAY, JUNE = "2026-04", "2026-05", "2026-06"


@pytest.fixture(scope="session")
def migrated_payroll(postgres_server):
    with migrated_database(postgres_server, "payroll") as url:
        yield url


@pytest.fixture
def payroll_database(migrated_payroll, tmp_path, monkeypatch):
    """The same database, empty but for the rates of the law, the chart of accounts and the parts of salaries."""
    with emptied(migrated_payroll, "payroll", tmp_path, monkeypatch, "stat_rate", "pay_component") as url:
        execute(url, "delete from payroll.stat_rate where code = 'MIN_WAGE'")  # the seed's own
        yield url


@pytest.fixture
def payroll(payroll_database):
    connection = psycopg2.connect(payroll_database)
    yield connection
    connection.close()


@pytest.fixture
def ask(payroll_database):
    return asker(payroll_database)


class Staff:
    """A society, and people employed, paid and present there in words of the trade. Everything is committed."""

    def __init__(self, connection, ask):
        self.connection = connection
        self.ask = ask
        self.community_id = seed_society(connection, "payroll")
        self.ids = {}
        with connection.cursor() as cursor:
            rows = [{"community_id": str(self.community_id), "basis": "CALENDAR",
                     "epf_code": "PUPUN0104821000", "esi_code": "33001048210001001"}]  # fmt: skip
            cursor.execute(statements.seed_establishment, {"rows": json.dumps(rows)})
        connection.commit()

    def employ(self, name, *, joined_on="2024-04-01", salary=None, since=None, **columns):
        """Someone with all their numbers; `salary` is full-month rates by component."""
        number = len(self.ids)
        row = {
            "id": str(id_of(1, "employee", name)),
            "community_id": str(self.community_id),
            "staff_number": f"{number:03d}",
            "name": name,
            "designation": "Guard",
            "email": f"{name.lower().replace(' ', '.')}@example.in",
            "sex": "M",
            "birth_date": "1990-07-05",
            "disabled": False,
            "work_scope": "MH",
            "joined_on": joined_on,
            "uan": f"1001234567{number:02d}",
            "ip_number": f"31123456{number:02d}",
            "pan": f"ABCPK10{number:02d}Z",
            "bank_account": f"0042100944{number:02d}",
            "bank_ifsc": "DSBX0000042",
            "epf_option": "CEILING",
            "shift_starts": "09:00",
            "shift_ends": "18:00",
            **columns,
        }
        with self.connection.cursor() as cursor:
            cursor.execute(statements.seed_employee, {"rows": json.dumps([row])})
        self.connection.commit()
        self.ids[name] = uuid.UUID(row["id"])
        if salary:
            self.pays(name, since or f"{joined_on[:7]}-01", **salary)
        return self.ids[name]

    def pays(self, name, since, **rates):
        """A structure from a month on."""
        rows = [
            {"employee_id": str(self.ids[name]), "component": part, "effective_from": since, "rate": rate}
            for part, rate in rates.items()
        ]
        with self.connection.cursor() as cursor:
            cursor.execute(statements.seed_salary_rate, {"rows": json.dumps(rows)})
        self.connection.commit()

    def attends(self, name, month, *, status="PRESENT", days=None, overtime=0):
        """Records days of a month, all by default; overtime falls on the first of them, four hours a day."""
        year, number = map(int, month.split("-"))
        days = days or range(1, monthrange(year, number)[1] + 1)
        rows = [(str(self.ids[name]), date(year, number, day), status, max(0, min(4, overtime - 4 * place)))
                for place, day in enumerate(days)]  # fmt: skip
        with self.connection, self.connection.cursor() as cursor:
            execute_values(
                cursor,
                """insert into payroll.attendance (employee_id, day, status, overtime_hours) values %s
                on conflict (employee_id, day) do update
                    set status = excluded.status, overtime_hours = excluded.overtime_hours""",
                rows,
            )

    def run(self, month):
        return pay_society.fn(str(self.community_id), month)

    def items(self, name, month, *columns, kind="REGULAR"):
        """Columns of someone's lines of a month."""
        text = (
            "select source_period::text, " + ", ".join(columns) if columns else "select source_period::text"
        )
        return self.ask(
            text + " from payroll.pay_item where employee_id = %s and period = %s and kind = %s order by source_period",
            str(self.ids[name]), f"{month}-01", kind,
        )  # fmt: skip

    def figures(self, name, month, *columns):
        """The columns of someone's regular line."""
        ((_, *found),) = self.items(name, month, *columns)
        return tuple(found)


GUARD_SALARY = {"BASIC": 9600, "DA": 2880, "HRA": 3000, "CONVEYANCE": 1200}
MANAGER_SALARY = {"BASIC": 75000, "HRA": 45000, "SPECIAL": 30000}


@pytest.fixture
def staff(payroll, ask):
    return Staff(payroll, ask)


@pytest.fixture
def guard(staff):
    """Ramesh, a guard in Pune, present from April to June."""
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY)
    for month in (APRIL, MAY, JUNE):
        staff.attends("Ramesh Kumar", month)
    return "Ramesh Kumar"
