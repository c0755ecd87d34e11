"""The benchmark: our broker beside its peers and its ceilings, in one run. `python -m bench --help`.

__main__.py   the command line
figures.py    what is measured, in which order
run.py        one measurement: a fresh process, its answer as JSON
child.py      the other side of that process
server.py     the Postgres all contenders share
report.py     ratios, targets, the table
One file a contender: ours, stub_broker, raw_psycopg2, pgqueuer, procrastinate.
"""
