"""Secrets among arguments are shown as ***, at any depth, by their name."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.queue.run import redacted
from infra.settings import Settings

WORDS = Settings().jobs_redact


def test_names_that_contain_a_word_are_hidden() -> None:
    shown = redacted(
        {"user": "asha", "Password": "x", "auth0_token": "y", "OTP": 1, "bank_account_number": 5}, WORDS
    )
    assert shown == {
        "user": "asha",
        "Password": "***",
        "auth0_token": "***",
        "OTP": "***",
        "bank_account_number": "***",
    }


def test_at_any_depth() -> None:
    given_ = {
        "person": {"name": "asha", "pan": "ABCDE1234F", "logins": [{"secret": 1}, ("x", {"token": [2]})]}
    }
    assert redacted(given_, WORDS) == {
        "person": {"name": "asha", "pan": "***", "logins": [{"secret": "***"}, ["x", {"token": "***"}]]}
    }


def test_the_original_is_left_alone() -> None:
    given_ = {"a": {"token": "x"}}
    redacted(given_, WORDS)
    assert given_ == {"a": {"token": "x"}}


names = st.sampled_from(["token", "my_Secret", "flat", "amount", "PASSWORD2"])
values = st.recursive(
    st.just("hidden?"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, values))
def test_nothing_under_a_secret_name_is_ever_shown(arguments: dict[str, Any]) -> None:
    def check(shown: Any) -> None:
        if isinstance(shown, dict):
            for name, value in shown.items():
                if any(word in name.lower() for word in WORDS):
                    assert value == "***"
                else:
                    check(value)
        elif isinstance(shown, list):
            for value in shown:
                check(value)

    check(redacted(arguments, WORDS))
