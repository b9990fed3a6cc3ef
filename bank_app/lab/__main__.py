"""One load against one server of its own, for whoever tunes the bank: `python -m bank_app.lab --clients 64`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.lab import auditor, serving, workload
from bank_app.private_mysql import PrivateServer

out = Console(highlight=False)


def main() -> None:
    """Boots a private server and the bank, runs each number of clients in turn, and audits the books at the end."""
    parser = argparse.ArgumentParser(prog="python -m bank_app.lab", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each number of clients")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--hot", type=float, default=0.0, help="share of transfers into one account, 0 to 1")
    parser.add_argument("--deposits", type=float, default=0.0, help="share of cash deposits, 0 to 1")
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--embedded", action="store_true", help="SQLite instead of a private MariaDB")
    parser.add_argument("--whole", action="store_true", help="`./bank serve` with its pages, not the API alone")
    parser.add_argument("--profile", action="store_true", help="say where the time of the bank's workers went")
    parser.add_argument("--env", nargs="*", default=[], metavar="NAME=VALUE", help="for the bank's processes")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bank-lab-")))
        if chosen.embedded:
            url = f"sqlite:///{folder / 'bank.sqlite3'}"
        else:
            url = stack.enter_context(PrivateServer(folder / "server")).url
        db = Database(bank_settings.load(database_url=url, data=folder, rate_limits=False))
        stack.callback(db.dispose)
        db.upgrade_schema()
        began = time.perf_counter()
        cast = workload.fill(db, account_count=chosen.accounts)
        out.print(f"{chosen.accounts} accounts in {time.perf_counter() - began:.1f} s ({db.server_version()})")
        start = serving.bank if chosen.whole else serving.api_alone
        environment = dict(pair.split("=", 1) for pair in chosen.env)
        if chosen.profile:
            start, environment = serving.api_profiled, {**environment, "PROFILED_REPORT": str(folder / "profile")}
        bank = stack.enter_context(start(folder, url, workers=chosen.workers, environment=environment))
        journals = []
        for clients in chosen.clients:
            plan = workload.Plan(hot=chosen.hot, deposits=chosen.deposits, seed=f"c{clients}")
            load = workload.Load(bank.address, cast, plan, clients=clients)
            cpu = time.process_time()
            journals.append(asyncio.run(load.run(seconds=chosen.seconds)))
            figures = journals[-1].figures()
            cpu = (time.process_time() - cpu) / max(1, figures.sent)
            out.print(
                f"{clients:>4} clients  {figures.per_second:7.0f}/s  p50 {figures.p50 * 1000:6.1f} ms  "
                f"p95 {figures.p95 * 1000:6.1f}  p99 {figures.p99 * 1000:6.1f}  refused {figures.refused}  "
                f"busy {figures.busy}  (client {cpu * 1e6:.0f} µs a request)"
            )
        bank.stop()
        for report in sorted(folder.glob("profile.*.txt")):
            out.print(report.read_text(encoding="utf-8"), markup=False, soft_wrap=True)
        findings = auditor.audit(db, cast, *journals)
        out.print(findings.table())
        if "internal_error" in findings.refused:
            out.print(bank.last_words(), markup=False)
        for problem in findings.problems:
            out.print(problem)


if __name__ == "__main__":
    main()
