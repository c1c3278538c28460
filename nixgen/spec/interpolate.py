"""Filling `${name}` in: from [vars] and from what nixgen knows itself. `$${` is a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nixgen.spec.kinds import INVALID, Invalid
from nixgen.spec.node import Node
from nixgen.spec.report import Report, suggest

MAX_FILLED_CHARACTERS = 1 << 20
MAX_CHAIN = 64
"""The most variables that one may go through to find its value."""

# why: a name holds no $, so that a row of ${ without } is read in one pass.
_TOKEN = re.compile(r"\$\$\{|\$\{([^}$]*)\}|\$\{")


def escape(text: str) -> str:
    """The text that interpolation turns back into `text`."""
    return text.replace("${", "$${")


class Scope:
    """The names that can be filled in.

    `variables` may refer to each other and to `constants`; `absent` maps a known name that has
    no value in this place to the reason.
    """

    def __init__(
        self,
        *,
        variables: Mapping[str, Node],
        constants: Mapping[str, str],
        report: Report,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self._variables = dict(variables)
        self._constants = dict(constants)
        self._absent = dict(absent or {})
        self._report = report
        self._known: dict[str, str | Invalid] = {}
        self._open: list[str] = []

    def check_all(self) -> None:
        """Find the mistakes of every variable, used or not."""
        for name in self._variables:
            self._value_of(name, self._variables[name])

    def fill(self, node: Node) -> Node:
        """The same tree with every string filled in; what can't be is marked as broken."""
        value = node.value
        if isinstance(value, dict):
            return node.with_value({name: self.fill(child) for name, child in value.items()})
        if isinstance(value, tuple):
            return node.with_value(tuple(self.fill(child) for child in value))
        if not isinstance(value, str) or "${" not in value:
            return node
        text = self._fill_text(value, node)
        if text is INVALID:
            return Node(value=value, key=node.key, line=node.line, broken=True)
        return Node(value=text, key=node.key, line=node.line, filled=True)

    def _fill_text(self, text: str, node: Node) -> str | Invalid:
        parts: list[str] = []
        good = True
        end = 0
        for match in _TOKEN.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            value = self._value_of_token(match, node)
            if value is INVALID:
                good = False
            else:
                parts.append(value)
        parts.append(text[end:])
        if sum(map(len, parts)) > MAX_FILLED_CHARACTERS:
            self._report.add(node, f"is longer than {MAX_FILLED_CHARACTERS} characters, filled in")
            return INVALID
        return "".join(parts) if good else INVALID

    def _value_of_token(self, match: re.Match[str], node: Node) -> str | Invalid:
        if match.group() == "$${":
            return "${"
        if match.group(1) is None:
            self._report.add(
                node, "${ is not closed by }", hint="write $${ where a plain ${ is meant"
            )
            return INVALID
        return self._value_of(match.group(1), node)

    def _value_of(self, name: str, node: Node) -> str | Invalid:
        if name in self._known:
            return self._known[name]
        if name in self._variables:
            self._known[name] = self._value_of_variable(name)
            return self._known[name]
        if name in self._constants:
            return self._constants[name]
        if name in self._absent:
            self._report.add(node, f"${{{name}}} has no value here: {self._absent[name]}")
            return INVALID
        names = [*self._variables, *self._constants, *self._absent]
        hint = suggest(name, names) or "a plain ${ is written $${; known: " + ", ".join(
            sorted(names)
        )
        self._report.add(node, f"unknown name ${{{name}}}", hint=hint)
        return INVALID

    def _value_of_variable(self, name: str) -> str | Invalid:
        node = self._variables[name]
        if name in self._open:
            self._report_cycle(name)
            return INVALID
        if node.broken:
            return INVALID
        if isinstance(node.value, bool):
            return str(node.value).lower()
        if not isinstance(node.value, str):
            return str(node.value)
        if len(self._open) >= MAX_CHAIN:
            self._report.add(node, f"goes through more than {MAX_CHAIN} variables")
            return INVALID
        self._open.append(name)
        try:
            return self._fill_text(node.value, node)
        finally:
            self._open.pop()

    def _report_cycle(self, name: str) -> None:
        cycle = self._open[self._open.index(name) :]
        start = cycle.index(min(cycle))
        cycle = cycle[start:] + cycle[: start + 1]
        chain = " → ".join(cycle)
        self._report.add(self._variables[cycle[0]], f"refers to itself: {chain}")
