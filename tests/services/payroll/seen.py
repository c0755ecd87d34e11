"""What a payroll test looks at afterwards: books, tables, letters."""

from html.parser import HTMLParser

BOOKS = """select source_kind, account_code, party_id::text, debit, credit, entry_date, narration
    from payroll.ledger_entry join payroll.ledger_line on entry_id = id order by 1, 2, 3, 4, 5"""
ALL = """select (select md5(string_agg(t::text, '|' order by id)) from (
        select id, run_id, kind, source_period, gross, net, inputs_hash, rate_ids, recovered, overpaid
        from payroll.pay_item) t),
    (select md5(string_agg(t::text, '|' order by t)) from payroll.pay_item_line t),
    (select md5(string_agg(t::text, '|' order by t)) from payroll.payroll_finding t),
    (select md5(string_agg(t::text, '|' order by t)) from payroll.advance_recovery t),
    (select string_agg(kind || status, '|' order by kind, period) from payroll.payroll_run),
    (select string_agg(key, '|' order by key) from payroll.letter)"""


def by_account(ask, kind):
    return dict(
        ask(
            """select account_code, sum(debit - credit) from payroll.ledger_entry
            join payroll.ledger_line on entry_id = id where source_kind = %s group by account_code""",
            kind,
        )
    )


def tags_left_open(html):
    """Every tag that is opened is closed, in order."""
    opened = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Tags().feed(html)
    return opened


def letter_text(letter):
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")
