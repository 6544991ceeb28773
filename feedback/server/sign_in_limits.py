"""How long a failed sign-in keeps the next one waiting, by account and by address. Standard library only.

What is limited is failures: a class of teachers who share one address and sign in at the same second are all let in. An attempt counts as
failed until it has succeeded, so that a thousand at once are held back like a thousand in turn.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

FREE_OF_ACCOUNT = 5
"""Failures of one account before it has to wait."""
FREE_OF_ADDRESS = 20
"""Failures from one address before it has to wait: a class of teachers who mistype once."""
MAX_WAIT = 60.0
"""Seconds; the wait doubles from one second up to this."""
FORGET_SECONDS = 900.0
"""An account or address without a failure for so long starts afresh."""
MOST = 10_000
"""Accounts and addresses that are remembered; the ones that failed longest ago are forgotten first."""


class Failures:
    """Failed sign-ins of one kind of key: account names, or addresses.

    Args:
        free: failures before the first wait.
        clock: seconds that never go back.
    """

    def __init__(self, free: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock = free, clock
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the next attempt; 0 if it may be made now."""
        count, last = self._of(key)
        if count < self._free:
            return 0.0
        wait = min(MAX_WAIT, 2.0 ** min(count - self._free, 10))
        return max(0.0, last + wait - self._clock())

    def count(self, key: str) -> int:
        """Failures that still count."""
        return self._of(key)[0]

    def add(self, key: str) -> None:
        """Note an attempt, which counts as failed unless `forgive` takes it back."""
        self._known[key] = (self._of(key)[0] + 1, self._clock())
        self._known.move_to_end(key)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Take one attempt back: it succeeded, or was not tried."""
        count, last = self._of(key)
        if count > 1:
            self._known[key] = (count - 1, last)
        else:
            self._known.pop(key, None)

    def clear(self, key: str) -> None:
        """Forget a key's failures."""
        self._known.pop(key, None)

    def _of(self, key: str) -> tuple[int, float]:
        count, last = self._known.get(key, (0, 0.0))
        return (count, last) if self._clock() - last < FORGET_SECONDS else (0, 0.0)


class Limits:
    """Decides for each attempt whether its password is looked at.

    An address with many failures is not shut: an account without failures of its own still gets in from there with the right password, or
    one pupil could lock out a whole school that shares an address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.accounts = Failures(FREE_OF_ACCOUNT, clock)
        self.addresses = Failures(FREE_OF_ADDRESS, clock)

    def begin(self, account: str, address: str, exists: bool) -> tuple[bool, float]:
        """Note an attempt, and decide on it.

        Args:
            account: the user name that was typed.
            address: of the client, as `network` gives it.
            exists: whether there is such an account.

        Returns:
            Whether the password is checked, and the seconds to name if the attempt is refused or fails (0: a plain refusal).
        """
        of_account, of_address = self.accounts.wait(account), self.addresses.wait(address)
        if of_account > 0:
            return False, of_account
        if of_address > 0 and (not exists or self.accounts.count(account)):
            return False, of_address
        self.accounts.add(account)
        self.addresses.add(address)
        return True, of_address

    def succeeded(self, account: str, address: str) -> None:
        """The password was right: the account starts afresh, and the address loses this attempt."""
        self.accounts.clear(account)
        self.addresses.forgive(address)

    def abandoned(self, account: str, address: str) -> None:
        """The password was not checked after all."""
        self.accounts.forgive(account)
        self.addresses.forgive(address)


def network(host: str) -> str:
    """The address that counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which one client has all."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(address) if address.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))
