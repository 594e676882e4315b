"""Settings: presets fit the options of the command line, and options that are given override them."""

import click
import pytest
from click.testing import CliRunner

from cropxai.cli import options
from cropxai.model import Settings
from cropxai.model.settings import PRESETS


@click.command()
@options.training
@click.pass_context
def told(ctx, training):
    click.echo(Settings(**training))
    click.echo(sorted(options.given(ctx, training)))


def asked(*arguments):
    done = CliRunner().invoke(told, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_the_defaults_of_the_command_line_are_those_of_the_settings():
    assert asked() == [str(Settings()), "[]"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_the_place_of_the_defaults(name):
    settings, given = asked("--preset", name)
    assert settings == str(Settings(**PRESETS[name]))
    assert given == str(sorted(PRESETS[name]))  # so that it counts in fine-tuning, too


def test_an_option_that_is_given_overrides_the_preset_wherever_it_stands():
    expected = str(Settings(**PRESETS["any-day"] | {"steps": 77}))
    assert (
        asked("--steps", "77", "--preset", "any-day")[0] == asked("--preset", "any-day", "--steps", "77")[0] == expected
    )
    known = next(p for p in told.params if p.name == "preset").type.choices
    assert list(known) == list(PRESETS)
