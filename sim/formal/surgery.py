"""Gateware with parts exchanged for a proof: claims added to a block, anything in its place, or a fault in its source.

Nothing of the gateware is copied or prepared for this: blocks are found by name while the design is built.
"""

import contextlib
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from unittest import mock

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Const, Elaboratable, Fragment, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Makes another class out of a component's.
Exchange = Callable[[type], type]


class FormalError(RuntimeError):
    """A proof could not be run, or says nothing; the message names it and what to do."""


@dataclass(frozen=True)
class Fault:
    """A change in the source of one module of the gateware: `old`, which must be there exactly once, becomes `new`."""
    module: str
    old: str
    new: str

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Whoever has imported a class or function of the module has the changed one meanwhile."""
        original = importlib.import_module(self.module)
        source = inspect.getsource(original)
        if source.count(self.old) != 1:
            raise FormalError(f"a mutant no longer applies: {self.old!r} is {source.count(self.old)} times in "
                              f"{self.module}; write it anew in sim/formal/proofs")
        names = vars(original)
        before = dict(names)
        with contextlib.ExitStack() as stack:
            stack.callback(names.update, before)
            exec(compile(source.replace(self.old, self.new), str(original.__file__), "exec"), names)
            for user in list(sys.modules.values()):
                for name, value in list(vars(user).items() if user else ()):
                    if value is not names.get(name) and value is before.get(name) and isinstance(
                            value, type | types.FunctionType) and value.__module__ == self.module:
                        stack.enter_context(mock.patch.object(user, name, names[name]))
            yield


class Altered(Elaboratable):
    """What `design` makes, with `parts` (dotted names of component classes, as their user knows them) exchanged."""

    def __init__(self, design: Callable[[], Elaboratable], parts: Mapping[str, Exchange], fault: Fault | None = None):
        self.design, self.parts, self.fault = design, parts, fault

    def elaborate(self, platform):
        with contextlib.ExitStack() as stack:
            if self.fault:
                stack.enter_context(self.fault.applied())
            for place, exchange in self.parts.items():
                module, name = place.rsplit(".", 1)
                user = importlib.import_module(module)
                stack.enter_context(mock.patch.object(user, name, exchange(getattr(user, name))))
            return Fragment.get(self.design(), platform)    # builds it to the last leaf


def anything(base: type) -> type:
    """A block whose outputs take any value in any cycle: whatever the real one does is among it."""
    def elaborate(self, platform):
        for part in vars(self).values():
            if isinstance(part, Elaboratable):
                Fragment.get(part, platform)    # or it would warn that nobody uses it
        return free(self, Out)
    return type(f"Any{base.__name__}", (base,), {"elaborate": elaborate})


def watched(claims: Callable[[wiring.Component, Module], None], **arguments) -> Exchange:
    """The block itself, with claims beside it: they get the component and its module. `arguments`: of its class."""
    def exchange(base: type) -> type:
        def build(self, *args):
            base.__init__(self, *args, **arguments)

        def elaborate(self, platform):
            module = base.elaborate(self, platform)
            claims(self, module)
            return module
        return type(f"Watched{base.__name__}", (base,), {"__init__": build, "elaborate": elaborate})
    return exchange


def claim(m: Module, name: str, holds, when=1) -> None:
    """Asserts; a trace shows which claim fails, as the signal `claim_<name>` that is low."""
    signal = Signal(name=f"claim_{name}")
    m.d.comb += [signal.eq(Value.cast(holds).bool() | ~Value.cast(when).bool()), Assert(signal)]


def free(component: wiring.Component, flow) -> Module:
    """A module in which every port of this flow takes any value in any cycle."""
    m = Module()
    for _, member, port in component.signature.flatten(component):
        value = Value.cast(port)
        if member.flow == flow and not isinstance(value, Const) and len(value):
            m.d.comb += value.eq(AnySeq(len(value)))
    return m


class Alone(Elaboratable):
    """A component whose every input takes any value in any cycle. It is reset once, before the first."""

    def __init__(self, make: Callable[[], wiring.Component]):
        self.make = make

    def elaborate(self, platform):
        component = self.make()
        m = free(component, In)
        m.submodules.top = component
        m.d.comb += Assume(~ResetSignal())
        return m
