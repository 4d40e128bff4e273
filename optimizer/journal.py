"""A journal of a campaign's batches: under which settings, from which cells, which recipes, and what had changed. Imports no torch.

One JSON object a line. To append, the file is replaced by a copy with one more line, under a lock: a crash leaves the old file or the
new one, and two processes at once lose no line. Needs a POSIX system.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KEYS = ("name", "outcome")  # of a record in a list: what it is told by from one batch to the next
NEEDED: Mapping[str, type] = {"time": str, "campaign": str, "settings": dict, "recipes": list, "changes": list}  # of a line


class JournalError(ValueError):
    """Raised when a file is no journal, or cannot be written."""


@dataclass(frozen=True)
class Change:
    """A setting that differs between two batches; None where there was or is none."""

    setting: str  # such as space.am_wt.upper
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return dict(vars(self))

    def __str__(self) -> str:
        return f"{self.setting} {_text(self.before)} -> {_text(self.after)}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return a value as data that JSON can hold: dataclasses by field, records of a list by name, numbers that are not finite as text.

    Functions are no data and left out; of a `functools.partial`, the arguments stay. A dataclass of one field is that field.

    Raises:
        TypeError: If it is, or holds, something else.
    """
    if isinstance(value, float):  # numpy's too
        return float(value) if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Path | date):
        return str(value)
    if isinstance(value, partial):
        return plain(_arguments(value))
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return plain(next(iter(named.values())) if len(named) == 1 else named)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if not _is_function(item)}
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    if isinstance(value, Sequence):
        records = bool(value) and all(isinstance(item, Mapping) or is_dataclass(item) for item in value)
        return _by_name(value) if records else [plain(item) for item in value if not _is_function(item)]
    if hasattr(value, "tolist"):  # a numpy array or number
        return plain(value.tolist())
    raise TypeError(f"a {type(value).__name__} cannot be recorded, got {value!r}; make it a dataclass, a number, a text, or a list of them")


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, partial) and (isinstance(value, type) or not is_dataclass(value))


def _arguments(function: partial[Any]) -> dict[str, Any]:
    """Return the arguments of a partial by name, but for dataclasses: those have settings of their own."""
    given = inspect.signature(function.func).bind_partial(*function.args, **function.keywords).arguments
    return {name: value for name, value in given.items() if not is_dataclass(value)}


def _by_name(records: Sequence[Any]) -> dict[str, Any]:
    """Return records by what they are called, by their place where they have no name; the second of a name with its place."""
    found: dict[str, Any] = {}
    for place, record in enumerate(records, start=1):
        known = record if isinstance(record, Mapping) else {field.name: getattr(record, field.name) for field in fields(record)}
        key = next((key for key in KEYS if isinstance(known.get(key), str)), None)
        table = plain(record)
        if key is None:
            found[f"{place}"] = table
        elif known[key] in found:
            found[f"{known[key]} ({place})"] = table
        else:
            found[known[key]] = {name: value for name, value in table.items() if name != key} if isinstance(table, dict) else table
    return found


def settings_of(campaign: DataclassInstance) -> dict[str, Any]:
    """Return every setting of a campaign, of either kind, as plain data; see `plain`. New fields come along by themselves."""
    return {field.name: plain(value) for field in fields(campaign) if not _is_function(value := getattr(campaign, field.name))}


def _leaves(settings: Mapping[str, Any], above: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= _leaves(value, (*above, key))
        elif value is not None and value != []:
            found[(*above, key)] = value
    return found


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the settings that differ, in the order of ``before``, new ones last; an empty list and none are the same."""
    old, new = _leaves(before), _leaves(after)
    return [Change(".".join(path), old.get(path), new.get(path)) for path in dict.fromkeys((*old, *new)) if old.get(path) != new.get(path)]


def fingerprint(records: Sequence[Any]) -> dict[str, Any]:
    """Return how many records there are, and the SHA-256 of what is in them, in their order."""
    content = json.dumps([plain(record) for record in records], sort_keys=True)
    return {"number": len(records), "sha256": hashlib.sha256(content.encode()).hexdigest()}


def entry(
    campaign: DataclassInstance, answer: Mapping[str, Any], learned_from: Mapping[str, Sequence[Any]], time: datetime | None = None
) -> dict[str, Any]:
    """Return what a journal says of a batch, but for the changes.

    Args:
        campaign: Of either kind.
        answer: As JSON, of either kind of suggestions.
        learned_from: Records by what they are: the lab's cells, the bundled rows.
        time: Of the batch; now when left out.
    """
    controls = {"controls": [control["recipe"] for control in answer["controls"]]} if "controls" in answer else {}
    told = answer.get("simulated_first")  # what the surrogates heard beside measurements
    simulated = {"simulated_first": {"fidelity": told["fidelity"], "recipes": [one["recipe"] for one in told["simulated"]]}} if told else {}
    return {
        "time": (time or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        "campaign": answer["campaign"],
        "seed": answer["seed"],
        "strategy": answer["strategy"],
        "learned_from": {what: fingerprint(records) for what, records in learned_from.items()},
        "recipes": [suggestion["recipe"] for suggestion in answer["suggestions"]],
        **controls,
        **simulated,
        "settings": settings_of(campaign),
    }


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a journal, oldest first; none where there is no file.

    Raises:
        JournalError: If the file is no journal or cannot be read; names the line.
    """
    if not path.exists():
        return []
    if not path.is_file():
        raise JournalError(f"the journal {path} must be a file, got a folder or a device; name another")
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise JournalError(f"the journal {path} cannot be read ({error}); name another file") from error
    *lines, rest = text.split("\n")
    entries = [_entry(path, number, line) for number, line in enumerate(lines, start=1)]
    if rest:
        raise _no_journal(path, len(lines) + 1, "breaks off")
    return entries


def _no_journal(path: Path, number: int, what: str) -> JournalError:
    return JournalError(f"{path} is no journal of `glittercake suggest`: line {number} {what}; take that line out, or name another file")


def _entry(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_journal(path, number, "is not JSON") from error
    if not isinstance(found, dict):
        raise _no_journal(path, number, "is no JSON object")
    for key, kind in NEEDED.items():
        if not isinstance(found.get(key), kind):
            raise _no_journal(path, number, f'has no "{key}"')
    return found


def check_journal(path: Path) -> None:
    """Refuse a journal to which no line could be appended, before any work is done for it. Writes nothing.

    Raises:
        JournalError: As `read_journal`, or if the file or its folder cannot be written.
    """
    read_journal(path)
    folder = path.resolve().parent
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise JournalError(f"the journal {path} cannot be written in {folder}; make the folder, allow writing, or name another file")


def append(path: Path, new: Mapping[str, Any]) -> list[Change]:
    """Append an `entry` with its changes since the last one of the same campaign, whole or not at all, and return these changes.

    Raises:
        JournalError: If the file is no journal or cannot be written; it stays as it was.
    """
    file = path.resolve()  # the file itself is replaced, never a link to it
    check_journal(file)
    try:
        with _locked(file):
            entries = read_journal(file)
            last = next((entry for entry in reversed(entries) if entry["campaign"] == new["campaign"]), None)
            changes = difference(last["settings"], new["settings"]) if last else []
            line = json.dumps({**new, "changes": [change.as_json() for change in changes]}, allow_nan=False)
            _replace(file, file.read_bytes() + line.encode() + b"\n")
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be written ({error}); free some space or name another file") from error
    return changes


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, made empty if there is none. One that was replaced while we waited for its lock is not the file any more."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield
                return


def _replace(path: Path, content: bytes) -> None:
    """Replace a file by new content that is safe on the disk before it takes the name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, name)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
