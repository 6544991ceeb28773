"""Addresses of servers, as settings and options name them."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import AfterValidator

from prefopt.errors import ConfigError

_EXAMPLE = "http://HOST:PORT, or https://HOST"


def server_addresses(text: str, name: str) -> tuple[str, ...]:
    """The addresses of one server or several, separated by commas, each once. Arguments and errors as of server_address."""
    found = dict.fromkeys(server_address(part, name) for part in text.split(",") if part.strip())
    if not found:
        raise ConfigError(f"{name}: no address", hint=f"write it as {_EXAMPLE}")
    return tuple(found)


def addresses_of(name: str) -> AfterValidator:
    """Validates a setting that may be empty and otherwise has addresses; raises as server_addresses."""
    return AfterValidator(lambda text: text if not text or server_addresses(text, name) else "")


def server_address(text: str, name: str) -> str:
    """The address of a server, without the /v1 that it may end with.

    Args:
        text: e.g. "http://localhost:8000/v1".
        name: of the setting or option, for errors.

    Raises:
        ConfigError: it is not the address of a server, or has a user name, a password or a query; the error repeats none of these.
    """
    address = text.strip().rstrip("/").removesuffix("/v1")
    if "@" in address or "?" in address or "#" in address:
        raise ConfigError(  # not a ValueError: pydantic would print the secret
            f"{name}: an address with a user name, a password or a query: whoever reads the file could use the server",
            hint=f"write it as {_EXAMPLE}; a key goes into an environment variable",
        )
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # UnicodeError is one
        host, port = "", None
    if not host or port == 0 or parts.scheme not in ("http", "https") or not address.isprintable() or " " in address:
        raise ConfigError(f"{name}: {address[:100]!r} is not the address of a server", hint=f"write it as {_EXAMPLE}")
    return address


def is_here(address: str) -> bool:
    """Whether an address is one of this machine's own, which no proxy can reach."""
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")
