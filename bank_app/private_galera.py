"""Boots a Galera cluster of our own on this machine: MariaDB nodes that all take writes. For the cluster tests.

A cluster lives as long as the object: its folder is made for it and removed with it.
"""

from __future__ import annotations

import os
import pwd
import random
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymysql

from bank_app.private_mysql import PORTS, PrivateServer, Program, ServerError, find_program, is_free

PROVIDERS = (
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib64/galera/libgalera_smm.so",
    "/usr/lib/galera-4/libgalera_smm.so",
)
STATE_TRANSFER = "wsrep_sst_rsync"
# A node that comes back takes over what it missed, at worst all the data.
SYNC_SECONDS = 120
RECOVER_SECONDS = 60
# Of SQL, of the group, and of the two kinds of state transfer.
PORTS_OF_A_NODE = 4


@dataclass(frozen=True)
class Galera:
    """What a cluster needs beside the server: the library, and the folder of the scripts that copy a node's data."""

    provider: Path
    scripts: Path


def find_galera(scripts: Path | None = None) -> Galera:
    """The Galera library and the scripts of this machine; `scripts` is one more folder to look in.

    Raises:
        ServerError: something is missing.
    """
    provider = next((Path(name) for name in PROVIDERS if Path(name).exists()), None)
    where = os.pathsep.join([str(scripts or ""), os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/libexec"])
    script = shutil.which(STATE_TRANSFER, path=where)
    rsync = shutil.which("rsync")
    if provider and script and rsync:
        return Galera(provider, Path(script).parent)
    missing = {"the Galera library": provider, STATE_TRANSFER: script, "rsync": rsync}
    raise ServerError(
        f"A cluster needs {' and '.join(name for name, found in missing.items() if not found)}: "
        "install galera-4, mariadb-server and rsync."
    )


class Node(PrivateServer):
    """One node of the cluster."""

    def __init__(self, cluster: PrivateCluster, name: str, ports: tuple[int, ...]) -> None:
        super().__init__(cluster.folder / name, program=cluster.program)
        self.cluster, self.name = cluster, name
        self.port, self.group_port, self.missed_port, self.whole_port = ports

    @cached_property
    def password(self) -> str:
        """One for all: the users of the database are part of the data."""
        return self.cluster.password

    def launch(self, *, first: bool = False) -> None:
        """Starts the node and does not wait for it; `first` begins the cluster instead of joining it."""
        if self.pid:
            return
        self._claim()
        self._choose_socket()
        if not (self.folder / "initialised").exists():
            self._initialise()
        options = ["--wsrep-new-cluster"] if first else []
        position = self.position()
        if position:
            # With it the node is sent what it missed, without it everything.
            options.append(f"--wsrep-start-position={position}")
        self._spawn(*options)

    def wait(self, *, size: int = 1) -> None:
        """Returns once the node serves, in a cluster of at least `size` nodes.

        Raises:
            ServerError: it ended, or does not come into step with the others.
        """
        deadline = time.monotonic() + SYNC_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None:
                raise ServerError(self._failure("did not start", (self.folder / "server.log").read_text()))
            status = self.status()
            synced = status.get("wsrep_local_state_comment") == "Synced" and status.get("wsrep_ready") == "ON"
            if synced and int(status["wsrep_cluster_size"]) >= size:
                (self.folder / "first.sql").unlink(missing_ok=True)
                (self.folder / "initialised").touch()
                return
            time.sleep(0.05)
        raise ServerError(self._failure(f"did not join within {SYNC_SECONDS} s", "it said nothing"))

    def status(self) -> dict[str, str]:
        """The node's own view of the cluster; empty while it does not answer."""
        try:
            with self.connect(connect_timeout=2, read_timeout=2) as connection, connection.cursor() as cursor:
                cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_%'")
                return dict(cursor.fetchall())
        except pymysql.MySQLError:
            return {}

    def position(self) -> str:
        """How far the data of a node that is down has come, as `uuid:number`; empty when it has none.

        Raises:
            ServerError: it does not end.
        """
        if not (self.folder / "data" / "grastate.dat").exists():
            return ""
        log = self.folder / "recover.log"
        log.unlink(missing_ok=True)
        try:
            subprocess.run(
                [str(self.program.path), *self._server_options(), "--wsrep-recover", f"--log-error={log}"],
                capture_output=True,
                check=False,
                cwd=self.folder,
                timeout=RECOVER_SECONDS,
                **self._process_options(),
            )
        except subprocess.TimeoutExpired:
            raise ServerError(
                self._failure(f"did not say its position within {RECOVER_SECONDS} s", log.read_text(errors="replace"))
            ) from None
        said = re.search(r"Recovered position:? *(\S+:-?\d+)", log.read_text(encoding="utf-8", errors="replace"))
        return said[1] if said else ""

    def pause(self) -> None:
        """Hangs the node: it keeps its connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Ends the pause."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid:
            os.kill(self.pid, number)

    # --- as a node and not as root ----------------------------------------------------------------

    def _as_root(self) -> list[str]:
        return []

    def _process_options(self) -> dict[str, Any]:
        path = f"{self.cluster.galera.scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        environment = {**os.environ, "PATH": path, "HOME": str(self.folder)}
        user = self.cluster.user
        if user is None:
            return {"env": environment}
        # The copying of a node's data, started by root, goes on as nobody and then may not write the data.
        return {"env": environment, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        if self.cluster.user:
            os.chown(path, self.cluster.user.pw_uid, self.cluster.user.pw_gid)

    def _choose_socket(self) -> None:
        super()._choose_socket()
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        for path in (self.folder, temporary, *([self._short] if self._short else [])):
            self._own(path)

    def _initialise(self) -> None:
        if self is self.cluster.nodes[0]:
            super()._initialise()
        else:
            # It gets its tables from the others.
            (self.folder / "data").mkdir()
            self._own(self.folder / "data")
            (self.folder / "initialised").touch()

    def _first_statements(self) -> Path:
        path = super()._first_statements()
        self._own(path)
        return path

    def _server_options(self) -> list[str]:
        provider = {
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.group_port}",
            "ist.recv_addr": f"127.0.0.1:{self.missed_port}",
            "ist.recv_bind": f"127.0.0.1:{self.missed_port}",
            "gcache.size": "64M",
        }
        return [
            *super()._server_options(),
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--wsrep-on=ON",
            f"--wsrep-provider={self.cluster.galera.provider}",
            "--wsrep-cluster-name=bank",
            f"--wsrep-node-name={self.name}",
            f"--wsrep-cluster-address=gcomm://{self.cluster.members}",
            "--wsrep-node-address=127.0.0.1",
            f"--wsrep-node-incoming-address=127.0.0.1:{self.port}",
            "--wsrep-slave-threads=2",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{self.whole_port}",
            f"--wsrep-provider-options={';'.join(f'{name}={value}' for name, value in provider.items())}",
        ]


class PrivateCluster:
    """A cluster that is up inside the `with` and gone afterwards.

    Args:
        size: How many nodes.
        program: The server to boot; by default the one that `find_program` picks. It must be a MariaDB.
        galera: The library and the scripts; by default what `find_galera` finds.
    """

    def __init__(self, *, size: int = 3, program: Program | None = None, galera: Galera | None = None) -> None:
        self.program = program or find_program()
        if self.program.flavour != "mariadb":
            raise ServerError(f"A Galera cluster is made of MariaDB servers, and {self.program.path} is none.")
        self.galera = galera or find_galera()
        self.user = _other_user()
        self.folder = Path(tempfile.mkdtemp(prefix="bank-cluster-"))
        self.folder.chmod(0o755)
        self.password = secrets.token_urlsafe(24)
        ports = [port for port in random.sample(PORTS, 400) if is_free(port)][: size * PORTS_OF_A_NODE]
        self.nodes = tuple(
            Node(self, f"node{index + 1}", tuple(ports[index * PORTS_OF_A_NODE : (index + 1) * PORTS_OF_A_NODE]))
            for index in range(size)
        )

    @property
    def members(self) -> str:
        """Where the nodes find each other."""
        return ",".join(f"127.0.0.1:{node.group_port}" for node in self.nodes)

    def __enter__(self) -> Self:
        """Starts one node after the other."""
        try:
            for count, node in enumerate(self.nodes, 1):
                node.launch(first=count == 1)
                node.wait(size=count)
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the cluster and its folder."""
        self.remove()

    def bring_back(self, *nodes: Node) -> None:
        """Starts nodes that are down, all at once: after the loss of a majority none gets anywhere alone."""
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait(size=len(self.nodes))

    def bring_all_back(self) -> None:
        """Starts a cluster of which every node is down: the one that has come furthest begins it anew."""
        furthest = max(self.nodes, key=lambda node: int(node.position().rpartition(":")[2] or -1))
        state = furthest.folder / "data" / "grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        furthest.launch(first=True)
        furthest.wait()
        self.bring_back(*(node for node in self.nodes if node is not furthest))

    def remove(self) -> None:
        """Ends every node and deletes the folder."""
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _other_user() -> pwd.struct_passwd | None:
    """Who the nodes run as when we are root: the user of MariaDB's own service, or nobody."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerError("A cluster does not run as root, and there is neither a user mysql nor a user nobody.")
