"""What open pages cost a worker: memory and processor for so many idle ones, and how long active ones wait.

Not a test; it measures a demo bank that runs already, started without throttling:

    BANK_RATE_LIMITS=off ./bank run --port 3100 --data /tmp/measured
    .venv/bin/python -m tests.e2e.idle_browsers http://127.0.0.1:3100 --browsers 200 --active 50
"""

import argparse
import json
import os
import re
import select
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx
import websocket

from bank_app.server import port_holder
from bank_app.ui.pages.home import HomeState
from bank_app.ui.pages.notifications import NotificationsState
from tests.handlers import name_of

STATE = "reflex___state____state"
LOAD = f"{STATE}.hydrate_and_load"
TICK = os.sysconf("SC_CLK_TCK")
# The first line of every page is followed by these; each press is one event of a page.
PRESSES = (
    ("/notifications", name_of(NotificationsState.load_more)),
    ("/home", name_of(HomeState.show_table)),
)
THINKING = 5
HYDRATED = '"is_hydrated_rx_state_":true'


class Browser:
    """One tab: a socket, a page, and the moments at which something came."""

    def __init__(self, url, cookie):
        token = uuid.uuid4()
        self.cookie, self.heard = cookie, []
        self.socket = websocket.create_connection(
            url.replace("http", "ws", 1) + f"/_event/?token={token}&EIO=4&transport=websocket",
            header={"Cookie": cookie}, origin=url, timeout=20,
        )  # fmt: skip
        self.socket.recv()

    def open(self, path):
        router = {"pathname": path, "asPath": path, "query": {}}
        first = {"event": {"name": LOAD, "payload": {}, "router_data": router}}
        self.socket.send(f"40/_event,{json.dumps(first)}")

    def send(self, name, path, payload=None):
        router = {"pathname": path, "asPath": path, "query": {}}
        event = {"name": name, "payload": payload or {}, "router_data": router}
        self.socket.send(f"42/_event,{json.dumps(['event', event])}")

    def receive(self):
        message = self.socket.recv()
        if message == "2":
            self.socket.send("3")
        else:
            self.heard.append((time.monotonic(), message))


class Crowd:
    """All browsers, and one thread that listens to them."""

    def __init__(self, url):
        self.url, self.browsers, self.ended = url, [], False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while not self.ended:
            by_socket = {browser.socket.sock: browser for browser in list(self.browsers)}
            if not by_socket:
                time.sleep(0.05)
                continue
            ready, _, _ = select.select(list(by_socket), [], [], 0.2)
            for one in ready:
                by_socket[one].receive()

    def join(self, cookie, path):
        browser = Browser(self.url, cookie)
        self.browsers.append(browser)
        browser.open(path)
        return browser


def until(browser, words, began, seconds=20):
    """How long it took until something with these words came."""
    deadline = began + seconds
    while time.monotonic() < deadline:
        for moment, message in list(browser.heard):
            if moment >= began and words in message:
                return moment - began
        time.sleep(0.001)
    return None


def register(url, number):
    """A new customer with an account, and the cookie of their browser."""
    form = {
        "name": f"Idle Person {number}",
        "email": f"idle{number}-{uuid.uuid4().hex[:8]}@example.test",
        "password": "lantern-orchard-48-violin",
    }
    answer = httpx.post(f"{url}/auth/register", data=form, timeout=30)
    return answer.headers["set-cookie"].split(";")[0]


def worker_of(url):
    """The process that holds the port: the one worker."""
    holder = port_holder(int(url.rsplit(":", 1)[1])) or ""
    found = [int(number) for number in re.findall(r"process (\d+)", holder)]
    children = {
        int(folder.name): int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        for folder in Path("/proc").glob("[0-9]*")
        if (folder / "stat").exists()
    }
    family = [pid for pid, parent in children.items() if pid in found or parent in found]
    return max(family, key=memory)


def memory(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+)", text)
    # A process that has just ended holds none.
    return int(resident.group(1)) / 1024 if resident else 0


def processor(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def share(pid, seconds):
    """Processor time in percent of one core, over so many seconds."""
    before, began = processor(pid), time.monotonic()
    time.sleep(seconds)
    return (processor(pid) - before) / (time.monotonic() - began) * 100


def part(values, percent):
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def line(name, value):
    sys.stdout.write(f"{name:<58} {value}\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--browsers", type=int, default=200)
    parser.add_argument("--active", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    wanted = parser.parse_args()
    pid, crowd = worker_of(wanted.url), Crowd(wanted.url)
    people = [register(wanted.url, number) for number in range(wanted.browsers)]
    time.sleep(3)
    empty, base = share(pid, 10), memory(pid)
    line("worker without browsers: memory, processor", f"{base:.0f} MB, {empty:.2f} % of a core")
    loads = []
    for cookie in people:
        began = time.monotonic()
        loads.append(until(crowd.join(cookie, "/home"), HYDRATED, began) or float("inf"))
    line("one page load, nobody else active: p50, p95", f"{part(loads, 50) * 1e3:.0f}, {part(loads, 95) * 1e3:.0f} ms")
    time.sleep(5)
    idle, full = share(pid, wanted.seconds), memory(pid)
    line(f"with {wanted.browsers} idle browsers: memory, processor", f"{full:.0f} MB, {idle:.2f} % of a core")
    line(
        "one idle browser: memory, processor",
        f"{(full - base) * 1024 / wanted.browsers:.0f} KB, {(idle - empty) / wanted.browsers:.4f} % of a core",
    )
    measure_active(crowd, crowd.browsers[: wanted.active], pid)
    crowd.ended = True


def measure_active(crowd, active, pid):
    """Each of them opens a page or presses something every few seconds, as people do who are busy with it."""
    waits = {"page load": [], "press": []}
    ended = time.monotonic() + 30

    def act(browser, number):
        time.sleep(THINKING * number / len(active))
        turn = number
        while time.monotonic() < ended:
            turn, began = turn + 1, time.monotonic()
            path, press = PRESSES[turn % len(PRESSES)]
            if turn % 3 == 0:
                browser.send(f"{STATE}.hydrate_and_load", path)
                waits["page load"].append(until(browser, HYDRATED, began) or float("inf"))
            elif "show_table" in press:
                browser.send(press, "/home")
                waits["press"].append(until(browser, "as_table", began) or float("inf"))
            browser.heard.clear()
            time.sleep(max(0, THINKING - (time.monotonic() - began)))

    before, began = processor(pid), time.monotonic()
    threads = [threading.Thread(target=act, args=(browser, number)) for number, browser in enumerate(active)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    used = (processor(pid) - before) / (time.monotonic() - began) * 100
    for name, values in waits.items():
        if values:
            line(
                f"{len(active)} active browsers, {name}: p50, p95 ({len(values)})",
                f"{part(values, 50) * 1e3:.0f}, {part(values, 95) * 1e3:.0f} ms",
            )
    line(f"{len(active)} active browsers: processor", f"{used:.0f} % of a core")


if __name__ == "__main__":
    main()
