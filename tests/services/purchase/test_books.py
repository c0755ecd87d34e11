"""Whatever is billed, paid, returned and taken back: the books agree with the tables."""

from contextlib import suppress
from datetime import date
from decimal import Decimal as D
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.common import books
from actors.purchase import deposit_tds, match_vendor_bills, payments, record_vendor_payment, store
from tests.services.purchase.trading import APRIL, INDIVIDUAL
from tests.support.service import EMPTY_AGAIN, execute

MAY = date(2026, 5, 9)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["bill", "bill", "match", "pay", "pay", "return", "void", "receive", "deposit"]),
        st.integers(0, 2),
        st.integers(1, 90_000),
    ),
    min_size=6,
    max_size=14,
)
KEPT = "tax_rate,ledger_account,community,officer,input_credit_share"


class Year:
    """Three vendors, and what may happen to them."""

    def __init__(self, trading, ask):
        self.trading = trading
        self.ask = ask
        self.vendors = [
            (trading.vendor(name="Company"), "CONTRACTOR"),
            (trading.vendor(name="Individual", pan=INDIVIDUAL), "PROFESSIONAL"),
            (trading.vendor(name="Without PAN", pan=None), "CONTRACTOR"),
        ]
        self.bills, self.to_come, self.references = [], [], []

    def bill(self, which, amount):
        """Billed whole, of which a half was received."""
        vendor, nature = self.vendors[which]
        order = self.trading.order(vendor, (amount, "1.00"), nature=nature)
        half = max(1, amount // 2)
        self.trading.receive(order, half)
        self.to_come.append((order, amount - half))
        self.bills.append(self.trading.bill(vendor, order, (amount, "1.00"), gst=18))

    def receive(self, which, amount):
        """The other half."""
        if self.to_come:
            order, rest = self.to_come.pop()
            self.trading.receive(order, rest)

    def match(self, which, amount):
        match_vendor_bills.fn(self.trading.society, APRIL.isoformat())

    def pay(self, which, amount):
        vendor, _ = self.vendors[which]
        reference = f"UTR{len(self.references)}"
        ((owed,),) = self.ask(
            "select coalesce(sum(to_pay - paid), 0) from purchase.payable where vendor_id = %s and voided_on is null",
            vendor,
        )
        if owed:
            record_vendor_payment.fn(vendor, str(min(owed, D(amount))), reference, "2026-05-05")
            self.references.append(reference)

    def give_back(self, which, amount):
        if self.references:
            with store.transaction() as purchase:
                payments.return_payment(
                    purchase, self.trading.society, self.references[amount % len(self.references)], MAY
                )

    def void(self, which, amount):
        if self.bills:
            with suppress(payments.PaymentRefused), store.transaction() as purchase:
                payments.void_bill(purchase, self.bills[amount % len(self.bills)], MAY)

    def deposit(self, which, amount):
        deposit_tds.fn(self.trading.society, "2026-04", "2026-05-07")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_vendors_are_owed_what_the_books_say_and_all_sums_to_nought(
    database, purchase, trading, ask, actions
):
    execute(database, EMPTY_AGAIN.format(service="purchase", kept=KEPT))
    year = Year(trading, ask)
    for action, which, amount in actions:
        getattr(year, "give_back" if action == "return" else action)(which, amount)

    society, until = UUID(trading.society), date(2026, 12, 31)
    owed = {
        UUID(vendor): -amount
        for vendor, amount in ask(
            """select vendor_id::text, sum(to_pay - paid) from purchase.payable
            where voided_on is null group by vendor_id having sum(to_pay - paid) <> 0"""
        )
    }
    balances = books.balances_of_parties(purchase, "purchase", "21010", society, until)
    trial = {
        line.account: line.debit - line.credit
        for line in books.trial_balance(purchase, "purchase", society, until)
    }
    purchase.rollback()
    ((kept_back, deposited),) = ask(
        """select (select coalesce(sum(tds), 0) from purchase.payable where voided_on is null),
            (select coalesce(sum(amount), 0) from purchase.tds_deposit)"""
    )
    assert {party: balance for party, balance in balances.items() if balance} == owed
    assert sum(trial.values()) == 0
    assert trial.get("21010", 0) == sum(owed.values())
    assert trial.get("23050", 0) == deposited - kept_back
    assert (
        ask(
            """select year.* from purchase.tds_year as year left join (
                select vendor_id, sum(net) as net, sum(tds_base) as base, sum(tds) as tds, sum(tds_short) as short
                from purchase.payable where voided_on is null group by vendor_id) as owed using (vendor_id)
            where (credited, taxed, deducted, year.short) <>
                (coalesce(net, 0), coalesce(base, 0), coalesce(tds, 0), coalesce(owed.short, 0))"""
        )
        == []
    )


def test_the_figures_of_a_day(trading, ask):
    vendor, _ = trading.bought("500.00")
    held = trading.order(vendor)
    trading.bill(vendor, held, (1, "42.00"))
    trading.order(vendor, (1, "5"), status="WAITING")
    match_vendor_bills.fn(trading.society, APRIL.isoformat())
    record_vendor_payment.fn(vendor, "200.00", "UTR1", APRIL.isoformat())
    record_vendor_payment.fn(vendor, "100.00", "UTR2", APRIL.isoformat())
    with store.transaction() as purchase:
        payments.return_payment(purchase, trading.society, "UTR2", APRIL)

    def figures(day):
        return dict(ask("select * from purchase.daily_figures(%s, %s)", trading.society, day))

    assert figures(APRIL) == {
        "expenses_booked": D(500),
        "paid_to_vendors": D(200),
        "bills_on_hold": D(1),
        "approvals_waiting": D(1),
    }
    assert figures(date(2026, 4, 11))["paid_to_vendors"] == 0


@pytest.mark.parametrize(
    "change",
    [
        "update purchase.ledger_line set debit = debit + 1 where debit > 0",
        "update purchase.payable set to_pay = to_pay + 1",
        "update purchase.payable set paid = to_pay + 1",
        "update purchase.vendor_bill_line set payable_quantity = quantity + 1",
    ],
)
def test_the_tables_stand(trading, ask, change):
    trading.bought("500.00")
    match_vendor_bills.fn(trading.society, APRIL.isoformat())

    with pytest.raises(Exception, match=r"what is posted stands|violates check constraint"):
        ask(change)
