"""Which failed sign-ins keep the next one waiting; the clock is the test's own."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def limits() -> ModuleType:
    """The module as the server imports it: its folder is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "feedback" / "server"))
        import sign_in_limits  # type: ignore[import-not-found]  # it is found only by the path above

        yield sign_in_limits
    sys.modules.pop("sign_in_limits", None)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fail(limits, account: str, address: str, exists: bool = True) -> tuple[bool, float]:
    return limits.begin(account, address, exists)


def test_the_wait_of_an_account_doubles_up_to_a_minute(limits, clock):
    checked = limits.Limits(clock)
    waits = []
    for _ in range(14):
        while not fail(checked, "kim", f"a{clock.now}")[0]:
            clock.now += 0.5
        waits.append(checked.accounts.wait("kim"))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_a_success_lets_the_account_start_afresh(limits, clock):
    checked = limits.Limits(clock)
    for _ in range(5):
        fail(checked, "kim", "a")
    assert not fail(checked, "kim", "a")[0]
    clock.now += 1
    assert fail(checked, "kim", "a")[0]
    checked.succeeded("kim", "a")
    assert checked.accounts.wait("kim") == 0
    assert checked.addresses.count("a") == 5, "of the address only this attempt is taken back"


def test_a_whole_school_that_signs_in_at_once_is_not_held_back(limits, clock):
    checked = limits.Limits(clock)
    assert all(fail(checked, f"t{number}", "school")[0] for number in range(300))


def test_an_address_with_many_failures_still_lets_in_accounts_without_any(limits, clock):
    checked = limits.Limits(clock)
    for number in range(limits.FREE_OF_ADDRESS):
        assert fail(checked, f"nobody-{number}", "school", exists=False)[0]
    assert fail(checked, "nobody", "school", exists=False) == (False, 1.0)
    assert fail(checked, "kim", "school") == (True, 1.0), "and if it fails, it is answered like the unknown one"
    assert not fail(checked, "kim", "school")[0]
    assert fail(checked, "nobody", "home", exists=False)[0]


def test_what_is_remembered_is_bounded_and_forgotten(limits, clock):
    failures = limits.Failures(1, clock)
    for number in range(limits.MOST + 50):
        failures.add(str(number))
    assert failures.count("0") == 0
    assert failures.count(str(limits.MOST + 49)) == 1
    clock.now += limits.FORGET_SECONDS + 1
    assert failures.wait(str(limits.MOST + 49)) == 0


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_one_client_is_an_address_or_a_network_of_one_client(limits, host, client):
    assert limits.network(host) == client
