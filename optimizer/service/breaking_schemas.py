"""What of a change to a schema breaks a program: what it sends (request) must be understood, what it gets (response) it must understand.

So a request may be widened and a response narrowed; the other way round breaks. A new property of a response breaks nothing: it is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Json = Mapping[str, Any]
Side = Literal["request", "response"]
# Bounds by the direction in which a request is widened.
LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT = ("pattern", "format", "multipleOf", "uniqueItems")


def schema_breaks(old: Json, new: Json, side: Side, before: Json, after: Json) -> list[str]:
    """Return what breaks between two schemas, each as the place in the data and what changed.

    Args:
        old: The schema before.
        new: The schema now.
        side: Who reads it.
        before: The document of `old`, for its references.
        after: The document of `new`.
    """
    return _Comparison(side, before, after).breaks(old, new, "")


class _Comparison:
    """Two documents that are compared, and the pairs of named schemas that have been: a schema may name itself."""

    def __init__(self, side: Side, before: Json, after: Json) -> None:
        self.request = side == "request"
        self.before, self.after = before, after
        self.seen: set[tuple[str, str]] = set()

    def breaks(self, old: Json, new: Json, place: str) -> list[str]:
        """Return what breaks below a place."""
        names = old.get("$ref"), new.get("$ref")
        if names[0] and names[1]:
            pair = str(names[0]), str(names[1])
            if pair in self.seen:
                return []
            self.seen.add(pair)
            try:
                return self._variants(old, new, place)
            finally:
                self.seen.discard(pair)  # at another place it is to be named again
        return self._variants(old, new, place)

    def _variants(self, old: Json, new: Json, place: str) -> list[str]:
        """Return what breaks between the forms of two schemas: each that may come must be one that is understood."""
        olds, news = variants(old, self.before), variants(new, self.after)
        coming, known = (olds, news) if self.request else (news, olds)
        found: list[str] = []
        for one in coming:
            others = [other for other in known if _alike(one, other)] or (known if len(known) == len(coming) == 1 else [])
            tries = [self._plain(one, other, place) if self.request else self._plain(other, one, place) for other in others]
            if tries:
                fewest: list[str] = min(tries, key=len)
                found += fewest
            else:
                found.append(f"{place}: must not be {_words(one)} any more" if self.request else f"{place}: may be {_words(one)} now")
        return list(dict.fromkeys(found))

    def _plain(self, old: Json, new: Json, place: str) -> list[str]:
        """Return what breaks between two schemas of one form each."""
        wide, narrow = (new, old) if self.request else (old, new)
        if not _covers(wide.get("type"), narrow.get("type")):
            return [f"{place}: the type is {_words(new)}, was {_words(old)}"]
        said = [*_values(old, new, self.request, place), *(_bounds(old, new, place) if self.request else ())]
        said += self._properties(old, new, place)
        for name, part in (("items", f"{place}[]"), ("additionalProperties", f"{place}.*")):
            ones = [one.get(name, {}) for one in (old, new)]
            if False not in ones:  # that nothing else may be there is looked at with the properties
                before, after = ({} if one is True else one for one in ones)
                said += self.breaks(before, after, part) if before or after else []
        return said

    def _properties(self, old: Json, new: Json, place: str) -> list[str]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        must, musts = set(old.get("required", ())), set(new.get("required", ()))
        said = []
        if self.request:
            closed = new.get("additionalProperties") is False
            said += [f"{place}.{name}: is removed" for name in olds if name not in news and closed]
            said += [f"{place}.{name}: is required, was {'optional' if name in olds else 'not there'}" for name in news if name in musts - must]
            if closed and old.get("additionalProperties", True) is not False:
                said.append(f"{place}: takes no properties but those named any more")
        else:
            said += [f"{place}.{name}: is removed" for name in olds if name not in news]
            said += [f"{place}.{name}: may be missing, was always there" for name in olds if name in news and name in must - musts]
        for name in olds:
            if name in news:
                said += self.breaks(olds[name], news[name], f"{place}.{name}")
        return said


def variants(schema: Json, document: Json) -> list[Json]:
    """Return the forms that a schema allows, references followed."""
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return variants(found, document)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return [form for one in schema[name] for form in variants(one, document)]
    kinds = schema.get("type")
    return [{**schema, "type": kind} for kind in kinds] if isinstance(kinds, list) else [schema]


def _covers(wide: str | None, narrow: str | None) -> bool:
    return wide is None or wide == narrow or (wide, narrow) == ("number", "integer")


def _alike(one: Json, other: Json) -> bool:
    return _covers(one.get("type"), other.get("type")) or _covers(other.get("type"), one.get("type"))


def _words(schema: Json) -> str:
    return str(schema.get("type", "anything"))


def _enum(schema: Json) -> list[Any] | None:
    found: list[Any] | None = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return found


def _values(old: Json, new: Json, request: bool, place: str) -> list[str]:
    """Return the values that are refused now (request), or may come now (response)."""
    before, after = _enum(old), _enum(new)
    coming, known = (before, after) if request else (after, before)
    if known is None:
        return []
    if coming is None:
        return [f"{place}: is {'only ' + ', '.join(map(repr, known)) if request else 'any value'} now"]
    verb = "takes no" if request else "may be"
    return [f"{place}: {verb} {value!r} {'any more' if request else 'now'}" for value in coming if value not in known]


def _bounds(old: Json, new: Json, place: str) -> list[str]:
    """Return the bounds of a request that are narrower now."""
    said = []
    for name in (*LEAST, *MOST, *EXACT):
        before, after = old.get(name), new.get(name)
        wider = before is not None and after is not None and ((name in LEAST and after <= before) or (name in MOST and after >= before))
        if after is not None and after is not False and after != before and not wider:
            said.append(f"{place}: {name} is {after}, was {'none' if before is None else before}")
    return said
