"""Schedules of other schedulers, read and translated: crontabs, Quartz.NET, the Windows Task Scheduler.

A reader makes each line or trigger a `Found`: what it ran, and when in our terms, or why that cannot be said exactly.
The map names the actor, and `bring` adds what can be added. docs/importing.md has the tables.
"""
