"""A password that is in a file, named in the query of STORE_URL: `?password_file=PATH`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from services.errors import ConfigError

NO_ADDRESS = (
    "not an address; in a password, signs as / ? # @ [ ] are written %2F %3F %23 %40 %5B %5D,"
    " or a file has it: ?password_file=PATH"
)


def without_password_file(url: str) -> tuple[str, str]:
    """The address as the driver takes it, and the file that has the password, if one is named.

    Raises:
        ConfigError: it is no address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # it tells the password
        raise ConfigError(f"STORE_URL: {NO_ADDRESS}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    file = options.pop("password_file", None)
    if file is None:
        return url, ""
    return urlunsplit(parts._replace(query=urlencode(options))), file


def read_password(file: str) -> str | None:
    """None: the address has it, or there is none.

    Raises:
        ConfigError: the file can't be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").strip() if file else None
    except OSError as error:
        raise ConfigError(f"STORE_URL: password_file: {error}") from None
