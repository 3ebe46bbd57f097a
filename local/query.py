"""`query`: ask what the last run left, in KQL or by the name of a rule or of a hunting query."""

from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from contextlib import closing
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from rich.console import Console

from local.alerts import arrivals, replay
from local.content import read_functions, read_hunting_queries, read_rules
from local.findings import print_alert_counts, print_hunt, print_replay
from local.report import print_rows, progress_on
from local.simulators import WORKSPACE_FILE
from local.template import TemplateError
from local.workspace import Workspace, WorkspaceQueryError

TEMPLATE: Final = Path(__file__).resolve().parent.parent / "azuredeploy.json"
_WITHOUT: Final = """\
Say what to ask: a KQL query, --rule "<name>", --rules or --hunt "<name>". Such as
  make query KQL="OnePasswordSignins() | summarize count() by EventResult"
  make query ARGS=--rules
  make query ARGS='--rule "firewall"'"""


class NoSuchNameError(LookupError):
    """Nothing is called so; the message names what there is."""


def add_options(parser: ArgumentParser) -> None:
    """Take a query, or the name of one."""
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("kql", nargs="?", help='such as "OnePasswordEventLogs_CL | count"')
    asked.add_argument("--rule", metavar="NAME", help="what this analytics rule would have alerted on")
    asked.add_argument("--rules", action="store_true", help="how often each analytics rule would have alerted")
    asked.add_argument("--hunt", metavar="NAME", help="what this hunting query finds")
    parser.set_defaults(command=query)


def query(options: Namespace) -> int:
    """Ask, print the answer, and return the exit status."""
    err = Console(stderr=True)
    if not (options.kql or options.rule or options.rules or options.hunt):
        err.print(_WITHOUT, markup=False, highlight=False, soft_wrap=True)
        return 2
    try:
        with closing(Workspace.open_existing(options.state / WORKSPACE_FILE, read_functions(TEMPLATE))) as workspace:
            return _ask(options, workspace, Console(), err)
    except (NoSuchNameError, TemplateError, WorkspaceQueryError) as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        return 1


def _ask(options: Namespace, workspace: Workspace, out: Console, err: Console) -> int:
    if options.rules:
        return _all_rules(workspace, out, err)
    if options.rule:
        rules = read_rules(TEMPLATE)
        rule = rules[named(options.rule, rules, "analytics rule")]
        print_replay(out, rule, replay(rule, workspace, arrivals(workspace)))
    elif options.hunt:
        queries = read_hunting_queries(TEMPLATE)
        hunt = queries[named(options.hunt, queries, "hunting query")]
        print_hunt(out, hunt, workspace.query(hunt.query))
    else:
        print_rows(out, *workspace.query(options.kql))
    return 0


def _all_rules(workspace: Workspace, out: Console, err: Console) -> int:
    rules, arrived = read_rules(TEMPLATE), arrivals(workspace)
    found, problems = [], []
    with progress_on(err) as progress:
        for rule in progress.track(rules.values(), description="rules tried"):
            try:
                found.append((rule, replay(rule, workspace, arrived)))
            except WorkspaceQueryError as error:
                problems.append(f"{rule.name}: {error}")
    print_alert_counts(out, found)
    for problem in problems:
        err.print(problem, style="red", markup=False, highlight=False)
    return 1 if problems else 0


def named(text: str, names: Collection[str], kind: str) -> str:
    """Find the name that is meant: the same one, the same but for case, or the only one that has the text in it.

    What all names begin with may be left out; of two that have the text in them the one that begins with it is meant.
    Raises ``NoSuchNameError``.
    """
    if text in names:
        return text
    folded = text.casefold()
    short = {name: name.casefold().removeprefix("1password - ") for name in names}
    alike: list[str] = []
    for fits in (lambda name: name == folded, lambda name: name.startswith(folded), lambda name: folded in name):
        alike = [name for name in names if fits(short[name]) or fits(name.casefold())]
        if len(alike) == 1:
            return alike[0]
    if alike:
        raise NoSuchNameError(f"More than one {kind} has {text!r} in its name:{_listed(sorted(alike))}")
    if not names:
        raise NoSuchNameError(f"There is no {kind} at all.")
    likeness = {name: SequenceMatcher(None, folded, short[name]).ratio() for name in names}
    closest = sorted(names, key=lambda name: (-likeness[name], name))
    raise NoSuchNameError(f"No {kind} has {text!r} in its name. There are:{_listed(closest)}")


def _listed(names: Collection[str]) -> str:
    return "".join(f"\n  {name}" for name in names)
