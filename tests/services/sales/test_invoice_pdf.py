"""The printed bill: what the law wants on it, one page, and text that can be read back."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from uuid import UUID

import pypdf
import pytest

from actors.common.seed_names import DEVANAGARI_NAMES
from actors.sales.invoice import Invoice, Recipient, Supplier
from actors.sales.invoice_pdf import render
from actors.sales.rules.billing import maintenance_bill
from tests.services.sales.examples import APRIL, CASE_B, CASE_C, TERMS, flat


def invoice_for(unit, name="Priya Kulkarni"):
    bill = maintenance_bill(unit, APRIL, TERMS)
    series = "GV" if bill.taxable_value else "BS"
    return Invoice(
        id=UUID(int=1),
        community_id=UUID(int=2),
        unit_id=UUID(int=3),
        number=f"{series}/2627/000123",
        series=series,
        period=APRIL,
        invoice_date=date(2026, 4, 1),
        due_date=date(2026, 4, 15),
        supplier=Supplier(
            legal_name="Green Valley Co-operative Housing Society Ltd.",
            registration_number="PNA/HSG/10482/2019",
            address="Baner, Pune 411045, Maharashtra",
            state_name="Maharashtra",
            state_code="27",
            gstin="27AABAG4821K1ZP",
            email="office@greenvalley.example.in",
            bank_details="Deccan Sahakari Bank · A/c 004210009182 · IFSC DSBX0000042",
        ),
        recipient=Recipient(
            name, "A-1203", "Flat A-1203, Tower A, Baner, Pune 411045", "a@example.com", "en"
        ),
        bill=bill,
        kind=bill.kind,
        paid_amount=D("0.00"),
        void=False,
        disputed=False,
    )


def read(content):
    (page,) = pypdf.PdfReader(io.BytesIO(content)).pages
    return page.extract_text()


def test_a_tax_invoice_has_what_rule_46_asks_for():
    text = read(render(invoice_for(flat(arrears="9811.00"))))

    for wanted in (
        "TAX INVOICE",
        "Green Valley Co-operative Housing Society Ltd.",
        "Baner, Pune 411045, Maharashtra",
        "GSTIN 27AABAG4821K1ZP",
        "GV/2627/000123",
        "01 Apr 2026",
        "Priya Kulkarni",
        "Flat A-1203, Tower A, Baner, Pune 411045",
        "999598",
        "1,085 sq ft 3.25 3,526.25",
        "Taxable value 7,626.25",
        "CGST @ 9 % 686.36",
        "SGST @ 9 % 686.36",
        "Round-off +0.03",
        "Total of this bill ₹ 9,811.00",
        "Rupees Nine Thousand Eight Hundred Eleven Only",
        "Place of supply Maharashtra (27)",
        "Reverse charge No",
        "Due date 15 Apr 2026",
        "Arrears before this bill",
        "To pay with arrears ₹ 19,622.00",
        "Authorised signatory",
    ):
        assert wanted in text, wanted


def test_a_bill_of_supply_says_that_no_gst_is_charged():
    text = read(render(invoice_for(CASE_B)))

    assert "BILL OF SUPPLY" in text
    assert "No GST is charged: the contribution is exempt under Notification" in text
    assert "CGST" not in text
    assert "Arrears" not in text


@pytest.mark.parametrize("name", DEVANAGARI_NAMES)
def test_a_name_in_devanagari_can_be_read_back(name):
    assert name in read(render(invoice_for(CASE_C, name)))


def test_the_same_bill_gives_the_same_bytes():
    assert render(invoice_for(CASE_C, "कृष्णा वर्मा")) == render(invoice_for(CASE_C, "कृष्णा वर्मा"))


def test_a_long_name_and_every_head_still_fit_one_page():
    bill = invoice_for(
        flat(let=True, arrears="1234567.89"), "Venkatanarasimharajuvaripeta Subrahmanyam & Sons (HUF) Trust"
    )
    society = replace(
        bill.supplier, legal_name="The Green Valley Phase II Residents' Co-operative Housing Society Limited"
    )

    text = read(render(replace(bill, supplier=society)))

    assert "Subrahmanyam & Sons (HUF) Trust" in text
    assert "₹ 12,34,567.89" in text
    assert "Page 1 of 1" in text
