"""The plugin's table of parameters against the command line itself: options, choices, ranges, defaults. No QGIS."""

import click
import pytest
from cropxai_qgis.commands import COMMANDS, CROPS

from cropxai.cli.main import cli
from cropxai.model.checkpoint import read_card, shipped


def options_of(name):
    command = cli.get_command(click.Context(cli), name)
    return {opt: param for param in command.params for opt in param.opts if isinstance(param, click.Option)}


COMPARED = [(c.name, p) for c in COMMANDS for p in c.parameters if p.option]


def test_every_algorithm_has_its_command():
    listed = cli.list_commands(click.Context(cli))
    assert [c.name for c in COMMANDS if c.name not in listed] == []


@pytest.mark.parametrize(("name", "parameter"), COMPARED, ids=lambda value: getattr(value, "name", value))
def test_a_parameter_is_the_option(name, parameter):
    option = options_of(name)[parameter.option]
    kind = option.type
    if parameter.name == "MODEL":
        assert parameter.choices == ("default", *shipped())
    elif isinstance(kind, click.Choice):
        assert parameter.choices == tuple(kind.choices)
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        assert (parameter.least, parameter.most) in {(kind.min, kind.max), (kind.min or 0, kind.max)}
    assert parameter.kind == {
        click.IntRange: "whole", click.types.IntParamType: "whole", click.FloatRange: "number",
        click.types.BoolParamType: "flag", click.DateTime: "date", click.Choice: "choice",
    }.get(type(kind), parameter.kind)  # fmt: skip
    if parameter.name not in ("MODEL_FOLDER",):
        wanted = option.get_default(click.Context(cli))
        assert (parameter.default or None) == ((wanted or None) if isinstance(wanted, (str, int, float)) else None)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_names_are_unique_and_texts_are_there(command):
    names = [entry.name for entry in (*command.parameters, *command.outputs)]
    assert len(names) == len(set(names))
    for entry in (*command.parameters, *command.outputs):
        assert entry.label and entry.help.endswith("."), entry.name
    assert command.help.endswith(".") and not command.summary.endswith(".")
    assert set(command.one_of) <= set(names)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_outputs_are_options(command):
    offered = options_of(command.name)
    assert all(output.option in offered for output in command.outputs)


def test_the_crops_that_are_offered_are_those_of_the_shipped_models():
    known = {one.name for folder in shipped().values() for one in read_card(folder).classes}
    assert list(CROPS) == sorted(known)
