"""Who writes for somebody asks in the same unit of work whether that person is still who he was: the code is walked.

Between the look at a cookie or a token and the turn to write may lie seconds, in which the sign-in was ended, the
person switched off or the role taken away. `actor.still` is the one answer to that, and nobody may forget it.
"""

import ast
from pathlib import Path

import pytest

BANK = Path(__file__).parent.parent / "bank_app"
ROOMS = {
    path.relative_to(BANK).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for room in ("services", "api", "ui")
    for path in sorted((BANK / room).rglob("*.py"))
}

WRITES = {"insert", "update", "delete", "insert_rows", "record", "record_refusal", "add"}
# What may stand in front: both ask, the second after locking the rows that the decision is about.
ASKS = {"still", "lock_person", "access.lock_person"}
UNITS_OF_WORK = {"unit_of_work", "without_waiting_long", "write"}
# Services that write with an actor and do not ask, each with its reason.
DO_NOT_ASK = {
    "auth.enroll": "makes the person, who cannot be asked about before",
    "auth.revoke": "ends the sign-in itself, which may have ended",
    "auth.register": "makes the person, who cannot be asked about before",
    "books.check_now": "keeps what a check found, whoever asked for it and has left since",
    "audit_trail.verify": "keeps what a check found, whoever asked for it and has left since",
    "payee_names.note": "a part of drafts.save and accounts.check_payee_for_good, which ask",
    "approvals.ask": "asks once it holds the rows of everybody concerned, as access.lock_person does",
    "approvals.approve": "asks once it holds the rows of everybody concerned, as access.lock_person does",
    "approvals.refuse": "asks once it holds the rows of everybody concerned, as access.lock_person does",
    "auth.one_try": "asks once it holds the person's row, which it changes; see the last test",
}

# Write down what somebody saw, did or was refused: that stands, whoever he is by then.
NOTES = {"looks", "security_events", "refusals"}


def named(call):
    return ast.unparse(call.func)


def has_actor(function):
    """Whether it acts for somebody: a parameter that is an actor."""
    return any(
        one.annotation is not None and "Actor" in ast.unparse(one.annotation)
        for one in (*function.args.args, *function.args.kwonlyargs)
        if one.arg != "actors"
    )


def body_of(function):
    """What it does: its statements, or the one expression of a lambda."""
    if isinstance(function, ast.Lambda):
        return [ast.Expr(function.body)]
    first, *rest = function.body
    return rest if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else [first, *rest]


def first_call(function):
    """The name of what it calls in its first statement."""
    statement = body_of(function)[0]
    value = getattr(statement, "value", None)
    return named(value) if isinstance(value, ast.Call) else None


def units_of_work(function):
    """What a function hands to a unit of work: functions inside of it, and lambdas."""
    inside = {one.name: one for one in ast.walk(function) if isinstance(one, ast.FunctionDef)}
    for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
        name = named(call).rpartition(".")[2]
        if name in UNITS_OF_WORK:
            handed = call.args[0]
        elif name in ("call", "call_hashing") and call.args and named_last(call.args[0]) in UNITS_OF_WORK:
            handed = call.args[1]
        else:
            continue
        if isinstance(handed, ast.Lambda):
            yield handed
        elif isinstance(handed, ast.Name) and handed.id in inside:
            yield inside[handed.id]


def named_last(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)


class Services:
    """Every function of the services by `module.function`, what it calls, and whether it writes."""

    def __init__(self):
        self.functions = {}
        for path, tree in ROOMS.items():
            if path.startswith("services/"):
                module = path.rpartition("/")[2].removesuffix(".py")
                for one in tree.body:
                    if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                        self.functions[f"{module}.{one.name}"] = one

    def called_by(self, function, module):
        """The functions of the services that it calls by name, its own inner functions aside."""
        for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
            name = named(call)
            for full in (name, f"{module}.{name}", name.removeprefix("kept_")):
                if full in self.functions:
                    yield full

    def writes_itself(self, function):
        return any(
            named(call).rpartition(".")[2] in WRITES
            and (named(call) in WRITES or named(call).startswith(("session.", "audit.record", "ledger.record")))
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
        )

    def writers(self):
        """All that write, themselves or by what they call."""
        deeds = {name: function for name, function in self.functions.items() if name.partition(".")[0] not in NOTES}
        found = {name for name, function in deeds.items() if self.writes_itself(function)}
        while more := {
            name
            for name, function in deeds.items()
            if name not in found and found & set(self.called_by(function, name.partition(".")[0]))
        }:
            found |= more
        return found

    def asks(self, function):
        """Where nobody may be acting, it stands under the one question whether somebody is."""
        first = body_of(function)[0]
        if isinstance(first, ast.If) and ast.unparse(first.test) == "actor is not None":
            return isinstance(first.body[0], ast.Expr) and named(first.body[0].value) in ASKS
        return first_call(function) in ASKS


SERVICES = Services()
WRITERS = SERVICES.writers()


def private(full):
    return full.partition(".")[2].startswith("_")


def leaves_it_to_others(function, module):
    """Whether all that it writes is written by what it calls, and each of these asks."""
    if SERVICES.writes_itself(function):
        return False
    callees = {name for name in SERVICES.called_by(function, module) if name in WRITERS}
    return all(name in DO_NOT_ASK or safe(name) for name in callees)


def safe(full):
    function = SERVICES.functions[full]
    return SERVICES.asks(function) or leaves_it_to_others(function, full.partition(".")[0])


def takes_a_session(function):
    return any(one.arg == "session" for one in function.args.args)


@pytest.mark.parametrize(
    "full",
    sorted(
        name
        for name in WRITERS
        if has_actor(SERVICES.functions[name]) and takes_a_session(SERVICES.functions[name]) and not private(name)
    ),
)
def test_a_service_that_writes_for_somebody_asks_first_who_that_is_now(full):
    assert full in DO_NOT_ASK or safe(full)


def acting_units():
    """Every unit of work that a service, a route or a page begins for somebody."""
    for path, tree in ROOMS.items():
        module = path.rpartition("/")[2].removesuffix(".py")
        for one in ast.walk(tree):
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                knows = has_actor(one) or not path.startswith("services/")
                for number, unit in enumerate(units_of_work(one)):
                    if knows:
                        yield pytest.param(module, one.name, unit, id=f"{path}:{one.name}:{number}")


@pytest.mark.parametrize(("module", "name", "unit"), list(acting_units()))
def test_a_unit_of_work_for_somebody_asks_first_who_that_is_now(module, name, unit):
    assert f"{module}.{name}" in DO_NOT_ASK or SERVICES.asks(unit) or leaves_it_to_others(unit, module)


def test_who_tries_a_secret_while_signed_in_is_asked_about_under_the_lock():
    for full, function in SERVICES.functions.items():
        for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
            if named(call) in ("one_try", "auth.one_try") and has_actor(function):
                assert "actor" in {keyword.arg for keyword in call.keywords}, full
    assert "still" in {
        named(call) for call in ast.walk(SERVICES.functions["auth.one_try"]) if isinstance(call, ast.Call)
    }
    assert "still" in {
        named(call) for call in ast.walk(SERVICES.functions["access.lock_person"]) if isinstance(call, ast.Call)
    }


def test_nothing_is_excused_that_is_not_there():
    assert set(DO_NOT_ASK) <= set(SERVICES.functions)
