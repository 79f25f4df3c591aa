"""Every command of `tickgate`, as Markdown: what `--help` says, from the same declarations."""

from typing import Any

from host.reference.markdown import cell, code, page, table
from sim.paths import ROOT


def commands(root: Any, name: str = "tickgate") -> str:
    """Of a command of Click's kind, and of all below it."""
    with root.make_context(name, [], resilient_parsing=True) as context:
        parts = ["# Commands", "Each says the same with `--help`. Exit codes: 0; 2, the input was wrong or the answer "
                 "is no; 70, an error of ours; 130, stopped with Ctrl-C.", *_below(root, context)]
    return page(*parts)


def _below(group: Any, context: Any) -> list[str]:
    parts = []
    for name, command in group.commands.items():
        own = context.__class__(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            parts += [f"## {own.command_path}", _text(command.help), *_below(command, own)]
        else:
            parts += [f"{'##' if context.parent is None else '###'} {own.command_path}", _text(command.help),
                      f"```\n{command.get_usage(own).removeprefix('Usage: ')}\n```",
                      table(("option", "meaning"), [row for one in command.params if (row := _option(one, own))])]
    return parts


def _option(option: Any, context: Any) -> tuple[str, str] | None:
    shown = option.get_help_record(context)
    if shown is None or option.name == "help":
        return None
    return code(shown[0]), cell(_text(shown[1]))


def _text(text: str | None) -> str:
    """Paths as they are seen from the folder of the project."""
    return (text or "").replace(f"{ROOT}/", "").replace("<", "&lt;").replace("[", "\\[").strip()
