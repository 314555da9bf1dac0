/** @file Python source of the border: values as tagged JSON, the same on the program's and on the tests' side. */

/**
 * Only built-in values pass, by their exact contents: a subclass that lies in `==`, `__class__` or `__repr__` arrives
 * as what it holds. Everything else stays on its side and passes as the number of a handle.
 */
export const VALUES_SOURCE = `
import json as _json
from collections import deque as _deque
from datetime import date as _date, datetime as _datetime, time as _time, timedelta as _timedelta
from decimal import Decimal as _Decimal
from fractions import Fraction as _Fraction

_MAX_DEPTH = 200
_SAFE_INTEGER = 2 ** 53


class BorderError(Exception):
    pass


def _encode(value, handle, room, depth=0):
    """room: a list with the number of characters that may still be written."""
    kind = type(value)
    room[0] -= 8
    _check(room)
    if depth > _MAX_DEPTH:
        raise BorderError("the value is nested too deep")
    if value is None or kind is bool:
        return value
    if issubclass(kind, int):
        value = int.__int__(value)
        if -_SAFE_INTEGER < value < _SAFE_INTEGER:
            return value
        room[0] -= int.bit_length(value) // 4
        _check(room)
        return ["i", hex(value)]
    if issubclass(kind, str):
        room[0] -= str.__len__(value)
        _check(room)
        return str.__str__(value)
    if issubclass(kind, float):
        return ["f", float.__repr__(value)]
    if issubclass(kind, (list, tuple, set, frozenset, _deque)):
        tag = ("l" if issubclass(kind, list) else "t" if issubclass(kind, tuple) else "s" if issubclass(kind, set)
               else "z" if issubclass(kind, frozenset) else "q")
        base = {"l": list, "t": tuple, "s": set, "z": frozenset, "q": _deque}[tag]
        _check(room)
        return [tag, [_encode(item, handle, room, depth + 1) for item in base.__iter__(value)]]
    if issubclass(kind, dict):
        _check(room)
        return ["d", [[_encode(key, handle, room, depth + 1), _encode(member, handle, room, depth + 1)]
                      for key, member in dict.items(value)]]
    if issubclass(kind, (bytes, bytearray)):
        base = bytes if issubclass(kind, bytes) else bytearray
        room[0] -= 2 * base.__len__(value)
        _check(room)
        return ["b" if base is bytes else "a", base.hex(value)]
    if issubclass(kind, complex):
        return ["c", float.__repr__(complex.real.__get__(value)), float.__repr__(complex.imag.__get__(value))]
    if kind is range:
        return ["r", [_encode(part, handle, room, depth + 1) for part in (value.start, value.stop, value.step)]]
    if kind is slice:
        return ["n", [_encode(part, handle, room, depth + 1) for part in (value.start, value.stop, value.step)]]
    if value is Ellipsis:
        return ["e"]
    if kind is _Decimal:
        return ["m", str(value)]
    if kind is _Fraction:
        return ["x", hex(value.numerator), hex(value.denominator)]
    if kind is _timedelta:
        return ["p", value.days, value.seconds, value.microseconds]
    if kind in (_datetime, _date, _time) and getattr(value, "tzinfo", None) is None:
        return ["w", kind.__name__, value.isoformat()]
    return handle(value)


def _check(room):
    if room[0] < 0:
        raise BorderError("the value is too big")


def _decode(value, handle):
    if not isinstance(value, list):
        return value
    tag = value[0]
    if tag in ("h", "g", "u"):
        return handle(value)
    if tag == "i":
        return int(value[1], 16)
    if tag == "f":
        return float(value[1])
    if tag in ("l", "t", "s", "z", "q"):
        items = (_decode(item, handle) for item in value[1])
        return {"l": list, "t": tuple, "s": set, "z": frozenset, "q": _deque}[tag](items)
    if tag == "d":
        return {_decode(key, handle): _decode(member, handle) for key, member in value[1]}
    if tag == "b":
        return bytes.fromhex(value[1])
    if tag == "a":
        return bytearray.fromhex(value[1])
    if tag == "c":
        return complex(float(value[1]), float(value[2]))
    if tag == "r":
        return range(*[_decode(part, handle) for part in value[1]])
    if tag == "n":
        return slice(*[_decode(part, handle) for part in value[1]])
    if tag == "e":
        return Ellipsis
    if tag == "m":
        return _Decimal(value[1])
    if tag == "x":
        return _Fraction(int(value[1], 16), int(value[2], 16))
    if tag == "p":
        return _timedelta(value[1], value[2], value[3])
    if tag == "w":
        return {"datetime": _datetime, "date": _date, "time": _time}[value[1]].fromisoformat(value[2])
    raise BorderError("an unknown value")


def _pack(message):
    return _json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
`;
