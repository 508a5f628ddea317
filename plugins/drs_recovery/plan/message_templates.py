"""
Messages with placeholders, such as ``{{ waves.Database.servers_ready }} servers are ready``.

A small part of Jinja: values, comparisons, ``and``, ``or``, ``not`` and ``if``. There are no loops, calls or
filters, so that every message can be checked in full before it is needed, and is made in no time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drs_recovery.plan.problems import did_you_mean, quoted

PLAN_VALUES = ("id", "name", "owner", "description")
EXECUTION_VALUES = ("id", "type", "ticket", "reason", "started_by")
SERVER_VALUES = ("id", "name", "hostname", "private_ip", "instance_id", "region")
WAVE_TEXTS = ("name", "status", "reason", "failed_servers")
WAVE_NUMBERS = ("number", "servers_total", "servers_ready", "servers_failed")

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


class Values:
    """Values by name, with no attributes of their own: a wave may be called ``items``."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: object) -> Any:
        """Look a value up, as ``values.name`` and ``values["name"]`` do."""
        if not isinstance(name, str):
            raise KeyError(name)
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        """Every name, in order."""
        return iter(self._entries)


def render_message(text: str, values: Values, written: Callable[[object], str] = str) -> str:
    """
    Fill in the placeholders of a message.

    :param text: the message, checked when its plan was loaded.
    :param values: as :func:`sample_values` names them.
    :param written: writes a value; what is not there is written as nothing.
    :raises jinja2.TemplateError: a value cannot be used as the message uses it.
    :raises TypeError: values that cannot be compared are compared.
    """
    names = {name: values[name] for name in values}
    return _compiled(text, written).render(names)


def message_problem(text: str, wave_names: Iterable[str], *, of_server: bool = False) -> str | None:
    """
    Say what is wrong with a message, or None.

    :param of_server: whether it may use values of a server.
    """
    values = sample_values(wave_names, of_server=of_server)
    try:
        problem = _first_problem(_environment(str).parse(text), values)
        if problem is None:
            render_message(text, values)
    except TemplateSyntaxError as error:
        what = str(error.message).rstrip(".")
        return f"is not a message that can be filled in: {what} (line {error.lineno})"
    except Exception as error:  # such as comparisons of texts with numbers, or expressions nested too deeply
        return f"is not a message that can be filled in: {error}"
    return problem


def sample_values(wave_names: Iterable[str], *, of_server: bool = False) -> Values:
    """Every value that a message may use, as it would be before anything was started."""
    server = {"server": Values(dict.fromkeys(SERVER_VALUES, ""))} if of_server else {}
    wave = Values({**dict.fromkeys(WAVE_TEXTS, ""), **dict.fromkeys(WAVE_NUMBERS, 0)})
    return Values(
        {
            "plan": Values(dict.fromkeys(PLAN_VALUES, "")),
            "execution": Values(dict.fromkeys(EXECUTION_VALUES, "")),
            "wave": wave,
            "waves": Values(dict.fromkeys(wave_names, wave)),
            **server,
        }
    )


def _first_problem(tree: nodes.Template, values: Values) -> str | None:
    """Look at every branch of a message; one with a sample of values would only look at those taken."""
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            return (
                f"uses {type(node).__name__.lower()} (line {node.lineno}); a message may hold values, "
                "comparisons, and, or, not, and if"
            )
    chains = list(tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)))
    inner = {id(getattr(chain, "node", None)) for chain in chains}
    for chain in chains:
        value, problem = _lookup(chain, values)
        if problem is None and isinstance(value, Values) and id(chain) not in inner:
            problem = f"{_chain(chain)} is not a single value (there is {', '.join(value)})"
        if problem:
            return problem
    return None


def _lookup(node: nodes.Node, values: Values) -> tuple[Any, str | None]:
    """Value of a chain such as ``waves.Database.status`` in the sample, or what is wrong with the chain."""
    if isinstance(node, nodes.Name):
        return _entry(values, node.name, "a message")
    if isinstance(node, nodes.Getattr):
        key: object = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
    else:
        return None, "looks up a value by something other than its name"
    owner, problem = _lookup(node.node, values)
    return (None, problem) if problem else _entry(owner, key, _chain(node.node))


def _entry(owner: Any, key: object, title: str) -> tuple[Any, str | None]:
    names = list(owner) if isinstance(owner, Values) else []
    if key in names:
        return owner[key], None
    if not names:
        return None, f"asks {title} for {quoted(key)}, and it holds no further values"
    hint = did_you_mean(str(key), names) or f" (there is {', '.join(names)})"
    return None, f"{quoted(key)} is not a value of {title}{hint}"


def _chain(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_chain(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{_chain(node.node)}[{quoted(node.arg.value)}]"
    return node.name if isinstance(node, nodes.Name) else "a value"


@lru_cache(maxsize=256)
def _compiled(text: str, written: Callable[[object], str]) -> Template:
    return _environment(written).from_string(text)


@lru_cache(maxsize=8)
def _environment(written: Callable[[object], str]) -> ImmutableSandboxedEnvironment:
    # ``written`` escapes values, and only values: the rest of a message is the plan author's own.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=lambda value: "" if value is None else written(value),
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    return environment
