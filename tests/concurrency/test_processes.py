"""Several processes post at once: only the database decides between them, never the memory of one."""

from collections import Counter as Tally
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bank_app.database import Database
from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import integrity, transfers
from bank_app.settings import load

PROCESSES, EACH = 4, 25


def work(url, folder, actor, accounts, worker):
    """In a process of its own: transfers both ways between two accounts, half of the keys shared with the others."""
    database = Database(load(database_url=url, data=folder, demo=True, lock_timeout=30))
    told = []
    for step in range(EACH):
        source, target = accounts if (step + worker) % 2 else accounts[::-1]
        key = f"shared-{step}" if step % 2 else f"{worker}-{step}"
        amount = money.Amount.of(f"{1 + step}.00")
        if step % 2:
            source, target = accounts
        try:
            moved = transfers.move(database, actor, transfers.Transfer(source, target, amount), key=key)
            told.append("replayed" if moved.replayed else "posted")
        except BankError as refusal:
            told.append(refusal.code)
    database.dispose()
    return told


def test_processes_that_post_at_once_lose_nothing_and_double_nothing(db, counter, ada, ben, settings, tmp_path):
    hers, savings = counter.open(ada, "10000.00"), counter.open(ada, "10000.00")
    common = (settings.url, tmp_path, ada, (hers.id, savings.id))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(work, *common, worker) for worker in range(PROCESSES)]
        told = Tally(word for future in futures for word in future.result(timeout=120))
    shared, own = EACH // 2, EACH - EACH // 2
    assert told == {"posted": shared + own * PROCESSES, "replayed": shared * (PROCESSES - 1)}
    assert counter.account(hers).balance_minor + counter.account(savings).balance_minor == 2_000_000
    assert integrity.check(db).transactions == 2 + told["posted"]
