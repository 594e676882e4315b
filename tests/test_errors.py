import pickle
import warnings

import pytest

from cropxai import errors


def test_strict_turns_warnings_into_errors():
    with warnings.catch_warnings():
        errors.strict()
        with pytest.raises(errors.ParcelsSetAside, match="1 parcel: too small"):
            warnings.warn(errors.ParcelsSetAside("too small", ["a"]), stacklevel=1)


def test_long_lists_are_cut():
    assert errors.some(["a", "b"]) == "'a', 'b'"
    assert errors.some(list("abcdefg")) == "'a', 'b', 'c' and 4 more"


def test_every_error_says_what_it_is():
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.CropxaiError | errors.CropxaiWarning):
            assert kind.__doc__ and kind.__doc__.strip().endswith(".")


def test_errors_can_be_sent_to_another_process():
    for error in (
        errors.OutputBusy("a", "b", "c"),
        errors.SharesLeft("1/3", 2, 5),
        errors.ScenesUnreadable("p", "why"),
    ):
        sent = pickle.loads(pickle.dumps(error))
        assert (type(sent), str(sent), vars(sent)) == (type(error), str(error), vars(error))
