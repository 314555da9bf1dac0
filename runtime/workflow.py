"""
__ABOUT__
"""
import asyncio
import functools
import hashlib
import inspect
import json
import math
import os
import re
#: programs
import shutil
import signal
#: end
import sys
#: programs
import tempfile
#: end
import unicodedata

from openai import APIError, AsyncOpenAI

# Models by the name under which the workflow asks them. "key" names the environment variable that holds the key; "baseURL" and
# "model" of "default" give way to OPENAI_BASE_URL and OPENAI_MODEL, those of "weak" to WEAK_BASE_URL and WEAK_MODEL.
MODELS = __MODELS__

# Seed of the calls, limit of a reply in tokens, and quotas of one run.
SETTINGS = __SETTINGS__

# Told to every model with every prompt; None = nothing.
INSTRUCTION = __INSTRUCTION__


async def answer(task, *, models=None, tools=None):
    """
    One input through the workflow: a dict with question, and context, choices, … where the item has them.
    Gives {"answer", "calls", "promptTokens", "completionTokens"}. Raises where the workflow fails, where it asks too often, and
    where a model gives no usable reply.
    models: other models than MODELS names, by the same names; a "client" among their members is used as it is.
    tools: own tools by name, for agent.tool; functions of one JSON value, plain or async.
    """
    seen = {"id": "input", **task}
    if seen.get("instruction") is None and INSTRUCTION is not None:
        seen["instruction"] = INSTRUCTION
    run = _Run(seen, models or {}, tools or {})
    workflow = await _load(run.number, run.choice, run.code, run.extract, run.vote, run.agreement, printed, few_shot, run.is_cut)
    try:
        found = await _wait(workflow(run.agent, json.loads(json.dumps(seen))))
    except Exception:
        # A limit that was met stays met, and so does a call that failed: what the workflow made of it is no answer.
        if run.failure is not None:
            raise run.failure from None
        raise
    if run.failure is not None:
        raise run.failure
    if isinstance(found, dict):
        found = found.get("answer")
    if found is None or (isinstance(found, float) and not math.isfinite(found)):
        raise WorkflowError("the workflow returned %s" % _text(found))
    return {"answer": _plain(json.loads(json.dumps(found))), **run.used}


def answer_sync(task, **options):
    """answer() for programs without an event loop."""
    return asyncio.run(answer(task, **options))


# The workflow as it was found, line by line in Python; evaluated anew for every input, so that nothing is kept between two.
__WORKFLOW__


# What JavaScript does and Python does otherwise.


class WorkflowError(Exception):
    """What the workflow throws, or would throw in JavaScript."""


def _plain(value):
    """Whole numbers as integers, as JSON of JavaScript has them."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in _ordered(value)}
    return value


def _ordered(value):
    """Keys of an object as JavaScript has them: those that are whole numbers first, by their size."""
    whole = [key for key in value if re.fullmatch("0|[1-9][0-9]{0,9}", str(key))]
    return sorted(whole, key=int) + [key for key in value if key not in whole]


def _json(value):
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _stringify(value, _replacer=None, indent=None):
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent) if indent else _json(value)


def _parse(text):
    try:
        return _plain(json.loads(_text(text)))
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def _number_text(value):
    if isinstance(value, int):
        if abs(value) < 10**21:
            return str(value)
        value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if 1e-6 <= abs(value) < 1e21:
        from decimal import Decimal

        return format(Decimal(repr(value)), "f")
    return re.sub(r"e([+-])0+", r"e\1", repr(value))


def _text(value):
    if isinstance(value, str):
        return value
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None else _text(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, BaseException):
        return "Error: %s" % value
    return str(value)


def _t(*parts):
    return "".join(map(_text, parts))


def _truthy(value):
    if isinstance(value, float) and math.isnan(value):
        return False
    return True if isinstance(value, (list, dict)) else bool(value)


def _number_of(value):
    """Number(value) of JavaScript."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, list):
        value = _text(value)
    if isinstance(value, str):
        text = _trim(value)
        if text == "":
            return 0
        if re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", text):
            return _plain(float(text))
        if re.fullmatch(r"[+-]?Infinity", text):
            return float(text.replace("Infinity", "inf"))
        if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
            return int(text, 16)
    return math.nan


def _parse_float(value):
    found = re.match(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", _trim(_text(value)))
    return _plain(float(found.group())) if found else math.nan


def _parse_int(value, base=10):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[: int(base)]
    found = re.match("[+-]?[%s]+" % digits, _trim(_text(value)), re.IGNORECASE)
    return int(found.group(), int(base)) if found else math.nan


def _add(one, other):
    numbers = (int, float)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return one + other
    if isinstance(one, (str, list, dict)) or isinstance(other, (str, list, dict)):
        return _text(one) + _text(other)
    return _number_of(one) + _number_of(other)


def _arithmetic(work):
    @functools.wraps(work)
    def calculate(one, other):
        try:
            return _plain(work(_number_of(one), _number_of(other)))
        except (ZeroDivisionError, OverflowError, ValueError):
            return math.nan

    return calculate


_subtract = _arithmetic(lambda one, other: one - other)
_multiply = _arithmetic(lambda one, other: one * other)
_remainder = _arithmetic(math.fmod)
_power = _arithmetic(lambda one, other: one**other)


@_arithmetic
def _divide(one, other):
    if other == 0:
        return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one)
    return one / other


def _less(one, other):
    if isinstance(one, str) and isinstance(other, str):
        return one.encode("utf-16-be", "surrogatepass") < other.encode("utf-16-be", "surrogatepass")
    return _number_of(one) < _number_of(other)


def _less_equal(one, other):
    if isinstance(one, str) and isinstance(other, str):
        return not _less(other, one)
    return _number_of(one) <= _number_of(other)


def _same(one, other):
    """one === other"""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (list, dict)) or isinstance(other, (list, dict)):
        return one is other
    return one == other


def _alike(one, other):
    """one == other"""
    if one is None or other is None:
        return one is other
    if isinstance(one, (list, dict)) and isinstance(other, (list, dict)):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if isinstance(one, (list, dict)) or isinstance(other, (list, dict)):
        return _text(one) == _text(other)
    return _number_of(one) == _number_of(other)


def _type_of(value):
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "function" if callable(value) else "object"


def _units(text):
    """A text as UTF-16, in which JavaScript counts."""
    return text.encode("utf-16-le", "surrogatepass")


def _is_wide(text):
    return any(letter > "\uffff" for letter in text)


def _cut(text, start, end):
    if not _is_wide(text):
        return text[start:end]
    return _units(text)[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")


def _length(value):
    if isinstance(value, str):
        return len(_units(value)) // 2 if _is_wide(value) else len(value)
    if isinstance(value, list):
        return len(value)
    return _get(value, "length")


def _get(value, key):
    if value is None:
        raise WorkflowError("cannot read property '%s' of undefined" % _text(key))
    if isinstance(value, dict):
        return value.get(_text(key))
    if isinstance(value, (list, str)) and key == "length":
        return _length(value)
    if isinstance(value, (list, str)):
        if key in (_LISTS if isinstance(value, list) else _STRINGS):
            raise WorkflowError("a method that is not called: %s" % key)
        place = _number_of(key)
        if not isinstance(place, int) or not 0 <= place < _length(value):
            return None
        return value[place] if isinstance(value, list) else _cut(value, place, place + 1)
    if isinstance(value, BaseException):
        return str(value) if key == "message" else "Error" if key == "name" else None
    return getattr(value, _text(key), None)


def _set(target, key, value):
    if isinstance(target, list):
        place = _number_of(key)
        if not isinstance(place, int) or not 0 <= place <= len(target):
            raise WorkflowError("a place beyond the end of a list")
        target[place : place + 1] = [value]
    elif isinstance(target, dict):
        target[_text(key)] = value
    else:
        raise WorkflowError("cannot set property '%s'" % _text(key))
    return value


def _items(value):
    """What `for … of` and `...` go through."""
    if isinstance(value, (list, str)):
        return value
    raise WorkflowError("%s is not iterable" % _type_of(value))


def _at(value, place):
    items = _items(value)
    return items[place] if place < len(items) else None


async def _wait(value):
    return await value if inspect.isawaitable(value) else value


async def _all(values):
    return list(await asyncio.gather(*map(_wait, _items(values))))


def _fitting(function):
    """A callback that gets as many of (value, index, list) as it takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return lambda *given: function(given[0])
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return function
    most = len(parameters)
    return lambda *given: function(*given[:most])


def _list_from(source, function=None):
    if isinstance(source, dict):
        values = [None] * max(0, int(_number_of(source.get("length"))))
    else:
        values = list(_items(source))
    return values if function is None else _call(values, "map", function)


def _bounds(length, start=0, end=None):
    def place(value, default):
        number = default if value is None else _number_of(value)
        if isinstance(number, float):
            number = 0 if math.isnan(number) else length if number > length else -length if number < -length else int(number)
        return max(0, length + number) if number < 0 else min(number, length)

    return place(start, 0), place(end, length)


def _flat(values, depth=1):
    return [deep for value in values for deep in (_flat(value, depth - 1) if isinstance(value, list) and depth > 0 else [value])]


def _sorted(values, compare=None):
    if compare is None:
        return sorted(values, key=lambda value: _text(value).encode("utf-16-be", "surrogatepass"))
    return sorted(values, key=functools.cmp_to_key(lambda one, other: (lambda n: 0 if n != n else n)(_number_of(compare(one, other)))))


def _reduce(values, function, *start):
    if not values and not start:
        raise WorkflowError("reduce of an empty list")
    work = _fitting(function)
    result, rest = (start[0], values) if start else (values[0], values[1:])
    for index, value in enumerate(rest, len(values) - len(rest)):
        result = work(result, value, index, values)
    return result


def _place_in(values, wanted, is_same_nan=False):
    for index, value in enumerate(values):
        if _same(value, wanted) or (is_same_nan and value != value and wanted != wanted):
            return index
    return -1


def _splice(values, start, count=None, *new):
    first, _ = _bounds(len(values), start)
    last = len(values) if count is None else min(len(values), first + max(0, int(_number_of(count))))
    taken, values[first:last] = values[first:last], new
    return taken


def _each(values, function):
    work = _fitting(function)
    return [work(value, index, values) for index, value in enumerate(list(values))]


def _first(values, function):
    work = _fitting(function)
    return next(((index, value) for index, value in enumerate(values) if _truthy(work(value, index, values))), (-1, None))


def _last(values, function):
    work = _fitting(function)
    found = [(index, value) for index, value in enumerate(values) if _truthy(work(value, index, values))]
    return found[-1] if found else (-1, None)


def _return(change, result):
    change()
    return result


_LISTS = {
    "map": lambda own, f: _each(own, f),
    "filter": lambda own, f: [value for value, keep in zip(list(own), _each(own, f)) if _truthy(keep)],
    "forEach": lambda own, f: _return(lambda: _each(own, f), None),
    "flatMap": lambda own, f: _flat(_each(own, f)),
    "some": lambda own, f: _first(own, f)[0] >= 0,
    "every": lambda own, f: all(_truthy(_fitting(f)(value, index, own)) for index, value in enumerate(own)),
    "find": lambda own, f: _first(own, f)[1],
    "findIndex": lambda own, f: _first(own, f)[0],
    "findLast": lambda own, f: _last(own, f)[1],
    "findLastIndex": lambda own, f: _last(own, f)[0],
    "reduce": _reduce,
    "join": lambda own, mark=",": _text(mark).join("" if value is None else _text(value) for value in own),
    "slice": lambda own, *ends: own[slice(*_bounds(len(own), *ends))],
    "concat": lambda own, *more: own + _flat(list(more)),
    "includes": lambda own, value: _place_in(own, value, True) >= 0,
    "indexOf": lambda own, value: _place_in(own, value),
    "push": lambda own, *values: _return(lambda: own.extend(values), len(own) + len(values)),
    "pop": lambda own: own.pop() if own else None,
    "shift": lambda own: own.pop(0) if own else None,
    "unshift": lambda own, *values: _return(lambda: own.__setitem__(slice(0, 0), values), len(own) + len(values)),
    "splice": _splice,
    "reverse": lambda own: _return(own.reverse, own),
    "toReversed": lambda own: own[::-1],
    "sort": lambda own, compare=None: _return(lambda: own.__setitem__(slice(None), _sorted(own, compare)), own),
    "toSorted": _sorted,
    "flat": lambda own, depth=1: _flat(own, depth),
    "entries": lambda own: [[index, value] for index, value in enumerate(own)],
    "keys": lambda own: list(range(len(own))),
    "values": list,
    "at": lambda own, place: _get(own, place if _number_of(place) >= 0 else len(own) + place),
    "fill": lambda own, value: _return(lambda: own.__setitem__(slice(None), [value] * len(own)), own),
    "toString": lambda own: _text(own),
}


class _Regex:
    """A regular expression of JavaScript."""

    def __init__(self, source, flags=""):
        self.source, self.flags, self.compiled = source, flags, _rx(source, flags)
        self.is_global, self.last = "g" in flags, 0

    def search(self, text):
        """exec() and test(), which go on where the last match ended where the flag g is set."""
        found = self.compiled.search(text, self.last if self.is_global else 0)
        self.last = found.end() if found else 0
        return found


def _found(match):
    return None if match is None else [match.group(), *match.groups()]


def _replace(own, pattern, new, is_all=False):
    def filled(match):
        if callable(new):
            groups = [match.group(), *match.groups(), match.start(), own]
            return _text(_fitting(new)(*groups))
        marks = {"$$": "$", "$&": match.group()}

        def mark(found):
            text = found.group()
            if text in marks:
                return marks[text]
            number = int(text[1:])
            return (match.group(number) or "") if number <= len(match.groups()) else text

        return re.sub(r"\$(?:\$|&|[1-9])", mark, _text(new))

    if isinstance(pattern, _Regex):
        return pattern.compiled.sub(filled, own, count=0 if pattern.is_global else 1)
    return re.sub(re.escape(_text(pattern)), filled, own, count=0 if is_all else 1)


def _split(own, mark=None, most=None):
    if mark is None:
        parts = [own]
    elif isinstance(mark, _Regex):
        parts = mark.compiled.split(own)
    else:
        parts = list(own) if mark == "" else own.split(_text(mark))
    return parts if most is None else parts[: int(most)]


def _substring(own, start, end=None):
    length = _length(own)
    clamp = lambda value: min(max(0, int(_number_of(value) if _number_of(value) == _number_of(value) else 0)), length)
    first, last = clamp(start), length if end is None else clamp(end)
    return _cut(own, min(first, last), max(first, last))


_STRINGS = {
    "trim": lambda own: _trim(own),
    "trimStart": lambda own: own.lstrip(_SPACE),
    "trimEnd": lambda own: own.rstrip(_SPACE),
    "split": _split,
    "slice": lambda own, *ends: _cut(own, *_bounds(_length(own), *ends)),
    "substring": _substring,
    "startsWith": lambda own, text: own.startswith(_text(text)),
    "endsWith": lambda own, text: own.endswith(_text(text)),
    "includes": lambda own, text: _text(text) in own,
    "indexOf": lambda own, text: (lambda place: place if place < 0 else _length(own[:place]))(own.find(_text(text))),
    "lastIndexOf": lambda own, text: (lambda place: place if place < 0 else _length(own[:place]))(own.rfind(_text(text))),
    "toLowerCase": lambda own: own.lower(),
    "toUpperCase": lambda own: own.upper(),
    "replace": _replace,
    "replaceAll": lambda own, pattern, new: _replace(own, pattern, new, True),
    "match": lambda own, regex: [m.group() for m in regex.compiled.finditer(own)] or None
    if regex.is_global
    else _found(regex.compiled.search(own)),
    "matchAll": lambda own, regex: [_found(match) for match in regex.compiled.finditer(own)],
    "search": lambda own, regex: (lambda match: match.start() if match else -1)(regex.compiled.search(own)),
    "padStart": lambda own, size, mark=" ": own.rjust(int(size), mark),
    "padEnd": lambda own, size, mark=" ": own.ljust(int(size), mark),
    "repeat": lambda own, count: own * int(count),
    "charAt": lambda own, place=0: _get(own, place) or "",
    "charCodeAt": lambda own, place=0: int.from_bytes(_units(own)[2 * place : 2 * place + 2], "little"),
    "at": lambda own, place: _get(own, place if _number_of(place) >= 0 else _length(own) + place),
    "concat": lambda own, *more: own + "".join(map(_text, more)),
    "normalize": lambda own, form="NFC": unicodedata.normalize(form, own),
    "toString": lambda own: own,
}


def _fixed(own, digits=0):
    from decimal import ROUND_HALF_UP, Decimal

    return format(Decimal(own).quantize(Decimal(1).scaleb(-int(digits)), rounding=ROUND_HALF_UP), "f")


_NUMBERS = {"toFixed": _fixed, "toString": lambda own: _number_text(own)}
_REGEXES = {
    "test": lambda own, text: own.search(_text(text)) is not None,
    "exec": lambda own, text: _found(own.search(_text(text))),
}


def _call(own, name, *given):
    """own.name(...given)"""
    if own is None:
        raise WorkflowError("cannot read property '%s' of undefined" % name)
    table = {str: _STRINGS, list: _LISTS, _Regex: _REGEXES, int: _NUMBERS, float: _NUMBERS}.get(type(own))
    if table is not None:
        if name not in table:
            raise WorkflowError("%s has no method %s" % (_type_of(own), name))
        return table[name](own, *given)
    function = _get(own, name)
    if not callable(function):
        raise WorkflowError("%s is not a function" % name)
    return function(*given)


def _is_list(value=None):
    return isinstance(value, list)


def _is_no_number(value=None):
    return _is_nan(float(_number_of(value)))


def _distinct(values):
    """[...new Set(values)]"""
    found = []
    for value in _items(values):
        if _place_in(found, value, True) < 0:
            found.append(value)
    return found


def _from_entries(pairs):
    return {_text(key): value for key, value in _items(pairs)}


def _letters(*codes):
    return b"".join(int(_number_of(code)).to_bytes(2, "little") for code in codes).decode("utf-16-le", "surrogatepass")


def _ignored(*_):
    return None


def _thrown(value):
    return value if isinstance(value, BaseException) else WorkflowError(_text(value))


def _eager(function):
    """An async function that starts when it is called, as those of JavaScript do."""

    @functools.wraps(function)
    def start(*given):
        return asyncio.ensure_future(function(*given))

    return start


def _keys(value):
    return _ordered(value) if isinstance(value, dict) else [str(index) for index in range(len(_items(value)))]


def _values(value):
    return [value[key] for key in _ordered(value)] if isinstance(value, dict) else list(_items(value))


def _entries(value):
    return [list(pair) for pair in zip(_keys(value), _values(value))]


def _round(value):
    number = _number_of(value)
    return number if isinstance(number, int) or not math.isfinite(number) else math.floor(number + 0.5)


def _whole(work):
    def calculate(value):
        number = _number_of(value)
        return number if isinstance(number, int) or not math.isfinite(number) else work(number)

    return calculate


def _extreme(work, empty):
    def calculate(*values):
        numbers = [_number_of(value) for value in values]
        return math.nan if any(number != number for number in numbers) else work(numbers, default=empty)

    return calculate


_math = {
    "max": _extreme(max, -math.inf),
    "min": _extreme(min, math.inf),
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "trunc": _whole(math.trunc),
    "round": _round,
    "abs": lambda value: abs(_number_of(value)),
    "sqrt": lambda value: _plain(math.sqrt(_number_of(value))) if _number_of(value) >= 0 else math.nan,
    "pow": _power,
}


def _is_finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value):
    return _is_finite(value) and float(value).is_integer()


def _is_nan(value):
    return isinstance(value, float) and math.isnan(value)


# Regular expressions of JavaScript in those of Python.

_SPACE = "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": "\\t-\\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"}
_BREAK = "\n\r\u2028\u2029"


def _trim(text):
    return text.strip(_SPACE)


@functools.lru_cache(None)
def _category(name):
    """Inside of a class for \\p{name}."""
    if name == "Script=Cyrillic":
        return "\u0400-\u052f\u1c80-\u1c88\u1d2b\u1d78\u2de0-\u2dff\ua640-\ua69f\ufe2e\ufe2f"
    ranges, start = [], None
    for code in range(0x10000 + 1):
        is_in = code < 0x10000 and not 0xD800 <= code < 0xE000 and unicodedata.category(chr(code)).startswith(name)
        if is_in and start is None:
            start = code
        elif not is_in and start is not None:
            ranges.append("\\u%04x-\\u%04x" % (start, code - 1))
            start = None
    return "".join(ranges)


@functools.lru_cache(None)
def _rx(source, flags=""):
    is_many = "m" in flags
    out, place, is_class = [], 0, False
    while place < len(source):
        letter = source[place]
        place += 1
        if letter == "\\":
            letter = source[place]
            place += 1
            lower = letter.lower()
            if lower in _CLASSES:
                inside = _CLASSES[lower]
                if is_class:
                    out.append(inside if letter == lower else "\\" + letter)
                else:
                    out.append("[%s%s]" % ("" if letter == lower else "^", inside))
            elif lower == "p" and source[place : place + 1] == "{":
                end = source.index("}", place)
                inside = _category(source[place + 1 : end].replace("General_Category=", "").replace("Letter", "L"))
                place = end + 1
                out.append(inside if is_class else "[%s%s]" % ("" if letter == "p" else "^", inside))
            elif lower == "b" and not is_class:
                word = "[A-Za-z0-9_]"
                edge = "(?:(?<={0})(?!{0})|(?<!{0})(?={0}))" if letter == "b" else "(?:(?<={0})(?={0})|(?<!{0})(?!{0}))"
                out.append(edge.format(word))
            elif letter == "k" and source[place : place + 1] == "<":
                end = source.index(">", place)
                out.append("(?P=%s)" % source[place + 1 : end])
                place = end + 1
            elif letter == "u" and source[place : place + 1] == "{":
                end = source.index("}", place)
                out.append(re.escape(chr(int(source[place + 1 : end], 16))))
                place = end + 1
            elif letter == "0":
                out.append("\\x00")
            elif letter.isalnum() and letter.isascii():
                out.append("\\" + letter)
            else:
                out.append(re.escape(letter))
        elif is_class:
            is_class = letter != "]"
            out.append("\\" + letter if letter in "[&~|" else letter)
        elif letter == "[":
            if source.startswith("^]", place):
                out.append("[\\s\\S]")
                place += 2
            else:
                is_class = True
                out.append(letter)
                if source[place : place + 1] == "^":
                    out.append("^")
                    place += 1
        elif letter == ".":
            out.append("[\\s\\S]" if "s" in flags else "[^%s]" % _BREAK)
        elif letter == "$":
            out.append("(?=[%s]|\\Z)" % _BREAK if is_many else "\\Z")
        elif letter == "^":
            out.append("(?:(?<=[%s])|\\A)" % _BREAK if is_many else "\\A")
        elif letter == "(" and re.match(r"\?<[^=!]", source[place:]):
            out.append("(?P<")
            place += 2
        else:
            out.append(letter)
    return re.compile("".join(out), re.IGNORECASE if "i" in flags else 0)


def _sub(source, flags, new, text):
    return _rx(source, flags).sub(new, text)


# Readers of replies: the same as those of the sandbox.


def _without_thinking(text):
    tag = "(?:think|thinking|thought|reasoning)"
    closed = list(_rx("</%s>" % tag, "i").finditer(text))
    rest = text[closed[-1].end() :] if closed else text
    opened = _rx("<%s>" % tag, "i").search(rest)
    return rest[: opened.start()] if opened else rest


_WORDS = "answer|solution|result|antwort|ergebnis|réponse|resultat|résultat|respuesta|resultado|risposta|risultato|resposta|antwoord|odpowiedź|ответ|cevap|jibu|svar|đáp án"
_COPULAS = "is|are|was|would be|will be|equals?|ist|lautet|sind|beträgt|est|es|è|é|to|jest|равен|ni|är"
_SCRIPTS = "উত্তর|उत्तर|الجواب|الإجابة|الاجابة|جواب|答案|答え|答|정답|답|คำตอบ|సమాధానం|విడை"
_REST = r"[ \t*_]*(?:\n\s*)?([^\n]*)"
_BEHIND = r"""(?:[*_"]*\s*(?:%s)(?!\p{L})(?:\s*[:=])?|[*_" ]*[:=：])""" % _COPULAS
_FINAL = r"(?:final|endgültige|finale)\s+(?:%s)|(?:%s)\s+(?:finale?)|最终答案" % (_WORDS, _WORDS)


def _marked_answers(text, is_cut=False):
    found = []

    def collect(source, flags, is_mark=lambda match: True):
        for match in reversed(list(_rx(source, flags).finditer(text))):
            part = _trim(match.group(1) or "")
            if _sub(r"[*_$\s]", "", "", part) != "" and is_mark(match):
                found.append(part)

    collect(r"<answer>([\s\S]*?)<\/answer>" if is_cut else r"<answer>([\s\S]*?)(?:<\/answer>|$)", "i")
    for box in reversed(list(_rx(r"\\f?box(?:ed)?\s*\{").finditer(text))):
        start = end = box.end()
        depth = 1
        while end < len(text) and depth > 0:
            depth += 1 if text[end] == "{" else -1 if text[end] == "}" else 0
            end += 1
        line = text[start:end].split("\n")[0]
        if depth == 0:
            found.append(_trim(text[start : end - 1]))
        elif not is_cut and _trim(line) != "":
            found.append(_trim(line))
    collect("####+" + _REST, "", lambda match: not _rx(r"^[ \t]*(?:step|schritt)", "i").search(match.group(1)))

    def is_answer(match):
        head = match.group()[: len(match.group()) - len(match.group(1))]
        task = r"\b(?:find|get|calculate|compute|determine|give|write|check|verify|state|obtain)(?:ing)?\s+(?:\S+\s+){0,2}$"
        before = text[max(0, match.start() - 40) : match.start()]
        return not (re.search("[:：]", head) and _rx(task, "i").search(before))

    collect(r"(?<!\p{L})(?:%s)(?:%s|[*_#: ]*\n)%s" % (_FINAL, _BEHIND, _REST), "i")
    collect(
        r"(?:(?<!\p{L})(?:correct |right |best |richtige |bonne )?(?:%s)(?: to [^.:\n]{1,60}?)?%s|(?:%s)[*_\s]*(?:[:：=]|是|は|为|為|হল|हो|है|هو|هي)?)%s"
        % (_WORDS, _BEHIND, _SCRIPTS, _REST),
        "i",
        is_answer,
    )
    return found


_ZEROS = [0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0x1040, 0x17E0, 0xFF10]
_DIGITS = {zero + digit: str(digit) for zero in _ZEROS for digit in range(10)}
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"


def _plain_numbers(text):
    plain = _sub(r"[−–‐‑﹣－⁻](?=[\s$€£¥₹]*[\p{Nd}.¹²³⁴-⁹])", "", "-", text)
    plain = re.sub("[½⅓⅔¼¾⅕⅛]", lambda match: " " + _FRACTIONS[match.group()], plain)
    plain = plain.translate(_DIGITS)
    plain = _sub(r"(?<=\d)[，٬](?=\d)", "", ",", plain)
    plain = _sub(r"(?<=\d)[．٫](?=\d)", "", ".", plain)
    plain = re.sub("[⁄∕]", "/", plain)
    plain = re.sub(r"[％٪]|\\%", "%", plain)
    plain = re.sub(r"\\\$|＄", "$", plain)
    plain = _sub(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}", "", r" \1 ", plain)
    plain = _sub(
        r"(-?)\\[dtc]?frac\s*(?:\{\s*(-?\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))",
        "",
        lambda m: " %s%s/%s " % (m[1] or "", (m[2] or "") + (m[3] or ""), (m[4] or "") + (m[5] or "")),
        plain,
    )
    plain = _sub(r"(?<=\d)(?:,\\?!|\\[,!]|\{,\})(?=\d{3}(?!\d))", "", ",", plain)
    plain = _sub(
        r"(?<=\d)\s*(?:[×x*·⋅]|\\times|\\cdot)\s*10\s*(?:(?:\^|\*\*)\s*(?:\{\s*([-+]?\d{1,3})\s*\}|([-+]?\d{1,3}))|(-?[⁰¹²³⁴-⁹]+))",
        "",
        lambda m: "e" + (m[1] or m[2] or re.sub("[^-]", lambda one: str(_RAISED.index(one.group())), m[3] or "")),
        plain,
    )
    is_list = _rx(r"^[ \t>*#_]*1[.)]\s", "m").search(text) is not None
    if is_list:
        plain = _sub(r"^[ \t>*#_]*\d{1,2}[.)][ \t]+(?=\S)", "m", "", plain)
    plain = _sub(r"\b(?:step|part|option|question|case|method|example|schritt|étape|paso)\s+#?\d+(?!\w)", "i", " ", plain)
    words = _rx(
        r"(?<!\p{L})(?:der|das|und|ist|sind|nicht|eine?|beträgt|kostet|antwort|euro|le|les|et|est|sont|une|reste|réponse|el|los|las|es|son|una|quedan|respuesta|il|sono|rimangono|risposta|o|são|uma|resposta|het|een|zijn|antwoord)(?!\p{L})|\p{Script=Cyrillic}{2,}",
        "i",
    ).finditer(plain)
    has_commas = len({match.group().lower() for match in words}) > 1
    thousands = _rx(r"^[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$")

    def spelled(match):
        digits = match.group()
        if thousands.search(digits):
            return digits.replace(".", "").replace(",", ".", 1)
        if _rx(r"^(?:0|\d+),\d+$").search(digits) and not _rx(r"^[1-9]\d{0,2},\d{3}$").search(digits):
            return digits.replace(",", ".", 1)
        return digits

    def commas(part):
        return _sub(r"(?<![\w.,])\d+(?:[.,]\d+)+(?!(?!e[-+]?\d)\w|[.,]\d)", "", spelled, part)

    if _rx(r"probabilit|\bchances?\b|\bodds\b", "i").search(plain):
        plain = _sub(r"(\d+) (?:in|out of) (\d+)", "", r"\1/\2", plain)
    if has_commas:
        return commas(plain)
    plain = _sub(
        r"(?<![\w.,])[\d.,]*\d(?=\s?(?:€|euros?\b|EUR\b))|(?:(?<=€)|(?<=€\s))\d[\d.,]*",
        "i",
        lambda m: commas(m.group())
        if _rx(r"^[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$|^\d+,\d{2}$").search(m.group())
        else m.group(),
        plain,
    )
    return _sub(
        r"(?<![\w.,])[1-9]\d{0,2}(?:\.\d{3}){2,}(?!(?!e[-+]?\d)\w|[.,]\d)", "", lambda m: m.group().replace(".", ""), plain
    )


_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8}
_NUMBER = r"(?<![\w.^])(?<!\^\{)(?<!_\{)(-?)\s?[$€£¥₹]?\s?(-?)(?:(\d+) +(?=\d+ ?\/ ?\d))?((?:\d{1,3}(?:[,'\u00a0\u202f\u2009]\d{3})+|[1-9]\d{0,2}(?: \d{3})+(?![ ,.]*\d))(?!\d)|\d+)?(\.\d+)?(e[+-]?\d{1,3}(?!\w))?(?:\s?\/\s?(\d+)(?![\w/]))?(\s?%|\s?(?:thousand|million|billion)\b|\s?[万萬亿億])?"


def _scan_numbers(plain):
    found = []
    for match in _rx(_NUMBER, "i").finditer(plain):
        text = match.group()
        sign1, sign2, mixed, whole, part, exponent, divisor, after = (match.group(n) or "" for n in range(1, 9))
        if whole == "" and part == "":
            continue
        end = match.end()
        is_negative = (sign1 != "" and not _rx(r"^-\s\s?\d").search(text)) or sign2 != ""
        if _rx(r"^(?:\.\d|(?:st|nd|rd|th)\b)").search(plain[end : end + 3]) or (divisor != "" and int(divisor) == 0):
            continue
        digits = _sub(r"\D", "", "", whole or "0") + part
        scale = _SCALES.get(_trim(after).lower(), 1)
        value = float(digits + exponent)
        if divisor != "":
            value = float(mixed or "0") + value / float(divisor)
        value *= scale
        if not math.isfinite(value):
            continue
        is_whole = part == "" and exponent == "" and divisor == "" and scale == 1
        found.append(
            {
                "value": -value if is_negative and value != 0 else value,
                "integer": ("-" if is_negative else "") + (digits.lstrip("0") or "0") if is_whole else None,
                "text": _trim(text),
                "is_last": end == len(plain),
                "is_whole_text": _rx(r"^[\s.]*$").search(plain[: match.start()] + plain[end:]) is not None,
            }
        )
    return found


_PROGRAM = r"^\s*(?:def |class |import |from \w+ import |print\(|for .*:\s*$|while .*:\s*$|return )"


def _without_programs(text):
    def block(match):
        is_code = _rx(_PROGRAM, "m").search(match.group(2)) or _rx(r"^\s*[\w, ]+ [-+*/]?= ", "m").search(match.group(2))
        return " " if is_code else match.group(2)

    kept = _sub(
        r"^[ \t]*(\x60{3,}|~{3,})[^\n]*\n([\s\S]*?)(?:^[ \t]*\1[\x60~]*[ \t]*$|(?![\s\S]))", "m", block, text
    )
    kept = _sub(r"\x60[^\x60\n]*[a-z_]\w*\([^\x60\n]*\x60", "i", " ", kept)
    if not _rx(_PROGRAM, "m").search(kept):
        return kept
    line = r"^(?:\s+\S.*|\s*(?:def |class |import |from |print\(|for |while |if |elif |else|return |#|[a-z_][\w, ]* ?[-+*/]?= ).*)$"
    return _sub(line, "im", " ", kept)


def _of_calculation(part):
    sides = [_scan_numbers(side) for side in re.split(r"=|≈|\\approx", part)]
    for side in reversed(sides):
        if len(side) == 1:
            return side[0]
    return next((side[0] for side in reversed(sides) if side), None)


def _of_marked(part):
    numbers = _scan_numbers(part)
    if numbers and numbers[0]["is_whole_text"]:
        return numbers[0]
    line = next((one for one in part.split("\n") if _scan_numbers(one)), "")
    digit = re.search("[0-9]", line)
    clauses, start = [], 0
    if digit:
        mark = _rx(r"[;(]|[,.] |\b(?:because|since|as|where|weil|denn|car|parce que|porque)\b")
        for match in mark.finditer(line, digit.end()):
            clauses.append(line[start : match.start()])
            start = match.end()
    clauses.append(line[start:])
    return _of_calculation(next((one for one in clauses if _scan_numbers(one)), ""))


_VERB = r"(?<!\p{L})(?:is|are|was|were|be|equals?|makes?|making|ha[sd]|have|costs?|uses?|takes?|needs?|gets?|pays?|earns?|sells?|lays?|spends?|saves?|travels?|reads?|contains?|holds?|gives?|leaves?|leaving|receives?|produces?|remains?|total(?:s|ing| of)?|ist|sind|kostet|beträgt|hat|haben|bleiben|est|sont|coûte|reste|restent|es|son|cuesta|tiene|quedan)(?!\p{L})"


def _of_sentence(sentence):
    bold = [number for part in re.findall(r"\*\*([^*\n]+)\*\*", sentence) for number in _scan_numbers(part)]
    if bold:
        return bold[-1]
    clauses = _rx(r"[,;:] |\b(?:so|thus|hence|therefore|because|since)\b", "i").split(sentence)
    clauses = [clause for clause in clauses if _scan_numbers(clause)]

    def is_aside(clause):
        doing = _rx(r"^\s*\w+ing\b", "i").search(clause)
        result = _rx(r"^\s*(?:making|giving|leaving|totall?ing|resulting|bringing|meaning)", "i").search(clause)
        start = r"^\s*(?:after|if|since|because|when|with|given|as|out of|of|from|while|where|which|who)\b"
        return (doing and not result) or _rx(start, "i").search(clause)

    mains = [clause for clause in clauses if not is_aside(clause)] or clauses
    main = mains[-1] if mains else ""
    if "=" in main:
        return _of_calculation(main)
    behind = [_scan_numbers(main[match.end() :]) for match in _rx(_VERB, "i").finditer(main)]
    for numbers in reversed(behind):
        if numbers:
            return numbers[0]
    numbers = _scan_numbers(main)
    return numbers[-1] if numbers else None


def _read_number(raw, is_cut=False):
    text = _plain_numbers(_without_thinking(raw[-20_000:]))
    whole = _scan_numbers(text)
    if len(whole) == 1 and whole[0]["is_whole_text"]:
        return None if is_cut and whole[0]["is_last"] else whole[0]
    plain = _without_programs(text)
    for part in _marked_answers(plain, is_cut):
        found = _of_marked(part)
        ends = _scan_numbers(part) if plain.rstrip(_SPACE).endswith(part) else []
        is_torn = is_cut and ends and ends[-1]["is_last"] and found and ends[-1]["text"] == found["text"]
        if found and not is_torn:
            return found
    if is_cut or re.search(r"\\boxed\s*\{[^}]", plain):
        return None
    numbers = _scan_numbers(plain)
    last = _trim(plain).split("\n")[-1]
    is_list = not _rx(r"[=≈].*$").search(last) or len([one for one in _rx(r"[,;]\s").split(last) if "=" in one]) > 1
    if not _rx(r"\p{L}").search(plain) and is_list and len({number["value"] for number in numbers}) > 3:
        return None
    sentences = _rx(r"\n+|(?<=[.!?।])\s+|(?<=[。！？])").split(plain)
    for sentence in reversed([one for one in sentences if not _rx(r"[?？]\s*$").search(one)]):
        found = _of_sentence(sentence)
        if found:
            return found
    return None


def _read_choice(raw, choices=(), is_cut=False):
    text = _trim(_without_thinking(raw[-20_000:]))
    count = min(len(choices), 26) if choices else 10
    last_letter = chr(64 + count)

    def fold(part):
        return _trim(_sub(r"\s+", "", " ", unicodedata.normalize("NFKC", part).lower()))

    def words(part):
        return _trim(_sub(r"[^\p{L}\p{N}]+", "", " ", fold(part)))

    def letter_at(index):
        return "" if index < 0 or index >= count else chr(65 + index)

    def unique(letters):
        return letters[0].upper() if len(set(letters)) == 1 and letters[0] is not None else ""

    def every(part, source, flags=""):
        matches = _rx(source.replace("LETTER", "[A-%s]" % last_letter), flags).finditer(part)
        return [next((group for group in match.groups() if group is not None), None) for match in matches]

    def bare(part):
        part = re.sub(r"^\\\(|\\\)\Z|^\$+|\$+\Z", "", part)
        part = _sub(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}", "", r"\1", part)
        part = _sub(r"^[\s\"'\x60*_[({<:>#-]+", "", "", part)
        return _sub(r"[\s\"'\x60*_\])}>.,;:!]+$", "", "", part)

    def index_of(part):
        if _trim(part) == "":
            return -1
        return next((index for index, option in enumerate(choices) if fold(option) == fold(part)), -1)

    def exact(part):
        inner = bare(part)
        option = next((index for index in map(index_of, (part, inner)) if index >= 0), None)
        if option is not None:
            return letter_at(option)
        alone = every(inner, r"^(?:(?:option|choice|letter|answer|antwort)\s*:?\s*\(?)?([A-%s])\)?$" % last_letter, "i")
        if alone:
            return alone[0].upper()
        found = _rx(r"^\(?([A-%s])[\s*_]*[).:,\]-][\s*_:]*(.*)$" % last_letter, "s").search(inner)
        if not found:
            return ""
        option = ord(found[1]) - 65
        return found[1] if words(choices[option] if option < len(choices) else "") == words(found[2]) else ""

    def leading(part):
        letters = every(
            part,
            r"^[\s\"'\x60*_]*(?:\((LETTER)\)|(LETTER)[*_]*\s?[.):,\]*](?!\w)|(LETTER)\s+(?:because|since|is|as)\b)",
        )
        others = every(part, r"(?<!\w)\(?(LETTER)[.)](?!\w)")
        return letters[0] if letters and all(other == letters[0] for other in others) else ""

    def mentioned(part):
        rest = " %s " % words(part)
        options = [(" %s " % words(option), index) for index, option in enumerate(choices)]
        hits = []
        for word, index in sorted(options, key=lambda one: -len(one[0])):
            if _trim(word) != "" and word in rest:
                rest = rest.replace(word, " \0 ")
                hits.append(index)
        return letter_at(hits[0]) if len(hits) == 1 else ""

    pair = _rx(
        r"(?<!\w)\(?([A-%s])\)?\s*(?:or|and|/|,|&)\s*\(?(?!\1)([A-%s])\)?(?!\w)" % (last_letter, last_letter)
    )
    direct = exact(text)
    if direct != "" and not (is_cut and len(text) > 20):
        return direct
    for part in _marked_answers(text, is_cut):
        clause = _rx(r"[.,;]\s|\s(?:because|since)\s").split(part)[0]
        found = (
            exact(part)
            or exact(clause)
            or leading(part)
            or unique(every(clause, r"\((LETTER)\)|\*\*\(?(LETTER)\b"))
            or mentioned(clause)
        )
        if found != "":
            return found
    lines = [line for line in text.split("\n") if _trim(line) != ""]
    is_listed = len([line for line in lines if exact(line) != ""]) > 1

    def edge(line):
        return "" if is_listed else exact(line)

    first = edge(lines[0]) if len(lines) > 1 else ""
    if first != "" or is_cut:
        return first
    plain = pair.sub(" ", text)
    chosen = every(
        plain,
        r"(?:\b(?:I(?:'d| would|'ll| will)? (?:choose|pick|select|go with|say)|(?:option|choice|letter|answer)(?: is|:)?|(?:correct|right|best) (?:one|option|choice|answer) is)):? [*_\"'(]*(?:option )?(LETTER)(?![\w'])",
    )
    found = (
        edge(lines[-1] if lines else "")
        or unique(every(text, r"\*\*\(?(LETTER)[).:]?(?:\*\*|[.):] [^*\n]*\*\*)"))
        or ("" if pair.search(text) and _trim(plain) == "" else leading(text))
    )
    if found != "":
        return found
    so = every(plain, r"\b(?:so|therefore|thus|hence)\b[^.\n]*\((LETTER)\)", "i")
    last = lines[-1] if lines else ""
    return (
        unique(chosen)
        or unique(every(plain, r"\((LETTER)\)"))
        or (so[-1] if so else "")
        or ((mentioned(text) or ("" if is_listed else mentioned(last))) if not pair.search(text) else "")
        or unique([one for one in every(plain, r"(?<![\w'’])(LETTER)(?![\w'’])") if one not in ("A", "I")])
    )


def _read_code(text, is_cut=False):
    lines = re.split("\r\n|[\n\r\u2028\u2029]", _without_thinking(text))
    blocks, fence, before = [], "", ""
    for line in lines:
        mark = _rx(r"^\s*(\x60{3,}|~{3,})(.*)$").search(line)
        is_closing = fence != "" and mark is not None and mark[1].startswith(fence) and _trim(mark[2]) == ""
        if fence == "" and mark:
            fence = mark[1]
            is_aside = _rx(r"^\s*(?:sh|bash|shell|console|text|txt|output)\b", "i").search(mark[2]) or _rx(
                r"alternativ|another (?:way|version|approach)", "i"
            ).search(before)
            blocks.append({"lines": [], "is_aside": bool(is_aside), "is_closed": False})
            before = ""
        elif is_closing:
            fence = ""
            blocks[-1]["is_closed"] = True
        elif fence != "":
            blocks[-1]["lines"].append(line)
        else:
            before += line

    def trimmed(part):
        return _sub(r"^(?:[ \t]*\n)+|\s+$", "", "", "\n".join(part))

    if not blocks:
        program = "" if is_cut else trimmed(lines)
        sign = r"[()=[\]{}]|^\s*(?:import|from|return|pass|break)\b"
        if _rx(r"\s\S+\s").search(program) and not _rx(sign, "m").search(program):
            return ""
        is_body = (
            _rx(r"^\s+\S").search(program)
            and _rx(r"^\s+(?:return|yield)\b", "m").search(program)
            and not _rx(r"^\s*def ", "m").search(program)
        )
        return program if is_body else _trim(program)
    closed = [block for block in blocks if block["is_closed"] or not is_cut]
    programs = [block for block in closed if not block["is_aside"]] or closed
    texts = [trimmed(block["lines"]) for block in programs]
    names = [[match[1] for match in _rx(r"^(?:def|class) (\w+)", "m").finditer(program)] for program in texts]
    current = [
        program
        for index, program in enumerate(texts)
        if not names[index] or not any(set(names[index]) <= set(later) for later in names[index + 1 :])
    ]
    best = ""
    for program in current:
        best = program if _length(program) >= _length(best) else best
    return best


def printed(output=None, *_):
    text = _trim("" if output is None else _text(output))
    if not re.fullmatch(r"""\[(?:'[^'\\]*'|"[^"\\]*")(?:, ?(?:'[^'\\]*'|"[^"\\]*"))*\]""", text):
        return text
    return " ".join(item[1:-1] for item in re.findall(r"""'[^']*'|"[^"]*\"""", text))


def few_shot(examples=None, *_):
    blocks = []
    for example in examples if isinstance(examples, list) else []:
        choices, solution, context = example.get("choices"), example.get("solution"), example.get("context")
        letters = "".join("\n%s. %s" % (chr(65 + i), _text(text)) for i, text in enumerate(choices or []))
        worked = "\nSolution: %s" % solution if isinstance(solution, str) and solution != "" else ""
        passage = "%s\n\n" % context if isinstance(context, str) else ""
        blocks.append("%sQuestion: %s%s%s\nAnswer: %s" % (passage, _text(example.get("question")), letters, worked, _text(example.get("answer"))))
    return "\n\n".join(blocks)


#: json
_LATEX = r"^(?:n(?:e|eq|eg|abla|u|i|ot|otin|less|gtr|leq|geq|mid|parallel|sim|cong|subseteq|supseteq|exists|ewline|earrow|warrow)|t(?:ext[a-z]*|imes|heta|an|anh|au|o|op|frac|riangle|ilde|herefore|binom))$"


def _with_latex(text):
    is_escaped = re.search(r"\\\\[a-zA-Z]{2}", text)

    def doubled(match):
        word = match.group(1)
        if word is None or word == "r" or (word[:1] in ("n", "t") and (is_escaped or not _rx(_LATEX).search(word))):
            return match.group()
        return "\\" + match.group()

    return re.sub(r"""\\(?:[\\"'/]|u[0-9a-fA-F]{4}|([a-zA-Z]*))""", doubled, text)


def _object_texts(text, is_cut):
    parts, start = [], text.find("{")
    while start >= 0:
        depth, is_string, end, place = 0, False, None, start
        while place < len(text):
            letter = text[place]
            if letter == "\\":
                place += 1
            elif letter == '"':
                is_string = not is_string
            elif not is_string and letter in "{}":
                depth += 1 if letter == "{" else -1
                if depth == 0:
                    end = place + 1
                    break
            place += 1
        if end is not None:
            parts.append(text[start:end])
        elif not is_cut and _rx(r"^\{\s*[\"'“\w]").search(text[start:]) and not _rx(r",\s*$").search(text):
            parts.append(_sub(r"\s*\x60\x60\x60[^\x60]*$", "", "", text[start:]))
        start = text.find("{", start + 1 if end is None else end)
    return parts


class _Lenient:
    """Reads JSON with other quotes, raw line breaks, comments, bare words, and ends and commas that are missing or too many."""

    QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’"}
    WORDS = {"true": True, "false": False, "null": None, "undefined": None, "True": True, "False": False, "None": None}

    def __init__(self, text):
        self.text, self.place = text, 0

    def skip(self):
        found = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.S).match(self.text, self.place)
        self.place = found.end()
        return self.text[self.place : self.place + 1]

    def value(self):
        letter = self.skip()
        if letter == "{":
            return self.members("}", dict)
        if letter == "[":
            return self.members("]", list)
        if letter in self.QUOTES and letter != "":
            return self.string()
        found = re.compile(r"[^,:{}\[\]\n]+").match(self.text, self.place)
        if not found:
            raise ValueError("unexpected end")
        self.place = found.end()
        word = found.group().strip()
        try:
            return self.WORDS[word] if word in self.WORDS else _plain(json.loads(word))
        except ValueError:
            return word

    def string(self):
        end = self.QUOTES[self.text[self.place]]
        out, place = [], self.place + 1
        while place < len(self.text):
            letter = self.text[place]
            if letter == "\\":
                pair = self.text[place : place + 2]
                size = 6 if pair == "\\u" else 2
                try:
                    out.append(json.loads('"%s"' % self.text[place : place + size]))
                except ValueError:
                    out.append(pair[1:])
                place += size
            elif letter == end and re.match(r"\s*(?:[,:}\]]|$)", self.text[place + 1 :]):
                self.place = place + 1
                return "".join(out)
            else:
                out.append(letter)
                place += 1
        self.place = place
        return "".join(out)

    def members(self, end, kind):
        found = kind()
        self.place += 1
        while True:
            letter = self.skip()
            if letter in (end, ""):
                self.place += 1
                return found
            if letter == ",":
                self.place += 1
            elif kind is list:
                found.append(self.value())
            else:
                key = self.value()
                if self.skip() != ":":
                    raise ValueError("a colon is missing")
                self.place += 1
                found[_text(key)] = self.value()


def _parse_keys(text, keys, is_cut, on_problem=lambda problem: None):
    problem = "The reply holds no JSON object"
    for part in reversed(_object_texts(_without_thinking(text), is_cut)):
        latex = _with_latex(part)
        try:
            value = json.loads(latex)
        except ValueError:
            try:
                value = _Lenient(latex).value()
            except (ValueError, IndexError) as error:
                problem = "The JSON object cannot be read: %s" % error
                continue
        if not isinstance(value, dict):
            continue
        missing = [key for key in keys if value.get(key) is None]
        if missing:
            problem = "The JSON object lacks " + ", ".join(map(_json, missing))
            continue
        return {key: value[key] if isinstance(value[key], str) else _json(value[key]) for key in keys}
    on_problem(problem)
    return None


def _json_messages(messages, keys):
    wanted = ", ".join('%s: "..."' % _json(key) for key in keys)
    content = "Reply with one JSON object and nothing else, with exactly these keys: {%s}" % wanted
    merged = []
    for message in [*messages, {"role": "user", "content": content}]:
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1]["content"] += "\n\n" + message["content"]
        else:
            merged.append(dict(message))
    return merged


#: end
#: test
def _program_of(given, task):
    prompt, entry = task.get("prompt") or "", task.get("entryPoint")
    program = _read_code(given) if isinstance(given, str) else ""
    if program == "":
        return None
    if _rx(r"^from\s+__future__\s", "m").search(program):
        return program
    definition = None if entry is None else _rx(r"^(?:async\s+)?(?:def|class)\s+%s\b" % entry, "m")
    start = definition.search(prompt) if definition else None
    if start is None:
        return program
    is_whole = definition.search(program) or _rx(r"^%s\s*=" % entry, "m").search(program)
    head, line = prompt[: start.start()], r"^(?:from\s+[\w.]+\s+import\s|import\s+[\w.])"
    first = _rx(r"^\s*(\S.*)$", "m").search(head)
    first = first[1] if first else ""
    if not (_rx(line).search(first) or _rx(r"^(?:def|class|@|#|[A-Za-z_]\w*\s*=[^=])").search(first)):
        head = "".join(one + "\n" for one in head.split("\n") if _rx(line).search(one))
    is_rest = not is_whole and _rx(r"^[ \t]+\S").search(program)
    return head + (prompt[start.start() :] if is_rest else "") + program


#: end
# The agent.

_CLOSING = r"__CLOSING__"
_OPENING = r"__OPENING__"
_CLIENTS = {}


class Failure(Exception):
    """A failure that no workflow can catch away."""


def _without_thought(raw):
    closing = list(_rx(_CLOSING, "gi").finditer(raw))
    text = raw[closing[-1].end() :].lstrip(_SPACE) if closing else raw
    opening = _rx(_OPENING, "im").search(text)
    return text[: opening.start()].rstrip(_SPACE) if opening else text


def _hash(value):
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _seed_from(*parts):
    return int(_hash(list(parts))[:8], 16) & 0x7FFFFFFF


def _model_of(name, models):
    given = models.get(name) or MODELS.get(name)
    if not given:
        raise WorkflowError('unknown model alias "%s"; known: %s' % (name, ", ".join(MODELS)))
    prefix = None if models.get(name) else {"default": "OPENAI", "weak": "WEAK"}.get(name)
    environment = lambda what: os.environ.get("%s_%s" % (prefix, what)) if prefix else None
    model = environment("MODEL") or given.get("model")
    base_url = environment("BASE_URL") or given.get("baseURL")
    if not model or not base_url:
        raise Failure('the model "%s" is not set: give %s_BASE_URL and %s_MODEL' % (name, prefix, prefix))
    client = given.get("client")
    if client is None:
        place = (id(asyncio.get_running_loop()), base_url)
        if place not in _CLIENTS:
            key = os.environ.get(given.get("key") or "") or "none"
            _CLIENTS[place] = AsyncOpenAI(base_url=base_url, api_key=key, max_retries=4)
        client = _CLIENTS[place]
    return {**given, "model": model, "baseURL": base_url.rstrip("/"), "client": client}


class _Agent:
    def __init__(self, run, role):
        self._run, self._role = run, role
        if role == "default":
            self.weak = _Agent(run, "weak")

    def text(self, prompt, options=None):
        return self._run.guarded("modelCalls", lambda: self._run.ask_text(self._role, prompt, options or {}))

#: json
    def json(self, prompt, keys, options=None):
        return self._run.guarded("modelCalls", lambda: self._run.ask_json(self._role, prompt, keys, options or {}))

#: end
    def log(self, *_):
        return None

#: runPython
    def runPython(self, code, options=None):
        stdin = (options or {}).get("stdin") or ""

        async def work():
            done = await _run_program(code, stdin)
            return {"ok": done["ok"], "stdout": done["stdout"], "stderr": done["stderr"]}

        return self._run.guarded("toolCalls", work)

#: end
#: test
    def test(self, code):
        async def work():
            tests = self._run.task.get("publicTests") or []
            program = _program_of(code, self._run.task)
            if program is None:
                return {"passed": 0, "failed": len(tests), "errors": ["there is no program"]}
            done = await _run_program(program, "", tests)
            if done["failure"]:
                return {"passed": 0, "failed": len(tests), "errors": [done["failure"]]}
            errors = ["%s: %s" % (_trim(tests[i]), told) for i, told in enumerate(done["results"]) if told is not None]
            return {"passed": len(tests) - len(errors), "failed": len(errors), "errors": errors}

        return self._run.guarded("toolCalls", work)

#: end
#: examples
    def examples(self, count, options=None):
        async def work():
            return _examples_for(self._run.task, count, options or {})

        return self._run.guarded("toolCalls", work)

#: end
#: tool
    def tool(self, name, value=None):
        async def work():
            tool = self._run.tools.get(name)
            if tool is None:
                raise Failure('the workflow uses the tool "%s": give it as tools={"%s": …}' % (name, name))
            return json.loads(json.dumps(await _wait(tool(json.loads(json.dumps(value))))))

        return self._run.guarded("toolCalls", work)

#: end

class _Run:
    def __init__(self, task, models, tools):
        self.task, self.models, self.tools = task, models, tools
        self.used = {"calls": 0, "promptTokens": 0, "completionTokens": 0}
        self.failure, self.counts, self.asked, self.cut = None, {"modelCalls": 0, "toolCalls": 0}, {}, set()
        self.agent = _Agent(self, "default")

    def is_cut(self, text):
        return isinstance(text, str) and _trim(text) in self.cut

    def _cut_of(self, text, asked):
        return asked if isinstance(asked, bool) else self.is_cut(text)

    def number(self, text=None, asked=None, *_):
        found = _read_number("" if text is None else _text(text), self._cut_of(text, asked))
        if found is None:
            return ""
        if found["integer"] is not None and abs(found["value"]) > 2**53 - 1:
            return found["integer"]
        return _plain(found["value"])

    def choice(self, text=None, choices=None, asked=None, *_):
        options = [_text(option) for option in choices] if isinstance(choices, list) else []
        return _read_choice("" if text is None else _text(text), options, self._cut_of(text, asked))

    def code(self, text=None, asked=None, *_):
        return _read_code("" if text is None else _text(text), self._cut_of(text, asked))

    def extract(self, text=None, tag=None, *_):
        whole = "" if text is None else _text(text)
        name = re.sub(r"^<|>$", "", "" if tag is None else _text(tag)).lower()
        lower = whole.lower()
        start = lower.rfind("<%s>" % name)
        if start < 0 or len(lower) != len(whole):
            return ""
        start += len(name) + 2
        end = lower.find("</%s>" % name, start)
        if end < 0 and self.is_cut(text):
            return ""
        return _trim(whole[start : len(whole) if end < 0 else end])

    def _tally(self, values):
        counts = {}
        for value in values if isinstance(values, list) else [values]:
            if value is None or _is_nan(value):
                continue
            if self.is_cut(value) and not _marked_answers(_without_thinking(value), True):
                continue
            text = _json(value) if isinstance(value, (list, dict)) else _text(value)
            key = re.sub(r"\.\Z", "", _trim(text)).lower()
            if key != "":
                counts.setdefault(key, [value, 0])[1] += 1
        return sorted(counts.values(), key=lambda entry: -entry[1])

    def vote(self, values=None, *_):
        counted = self._tally(values)
        return counted[0][0] if counted else ""

    def agreement(self, values=None, *_):
        length = len(values) if isinstance(values, list) else 1
        counted = self._tally(values)
        return _divide(counted[0][1] if counted else 0, length) if length else 0

    def guarded(self, quota, work):
        """A call that counts against a quota from the moment it is made; its failure ends the run."""
        self.counts[quota] += 1
        count = self.counts[quota]

        async def call():
            if self.failure is not None:
                raise self.failure
            try:
                if count > SETTINGS[quota]:
                    raise Failure("more than %d %s calls" % (SETTINGS[quota], "model" if quota == "modelCalls" else "other"))
                return await work()
            except (Failure, APIError) as error:
                self.failure = self.failure or error
                raise

        return asyncio.ensure_future(call())

    def _messages(self, prompt, role):
        if isinstance(prompt, str):
            messages = [{"role": "user", "content": prompt}]
        elif isinstance(prompt, list):
            messages = [dict(message) for message in prompt]
        else:
            raise WorkflowError("prompt of agent.text must be a string or a list of messages")
        return messages if role is None else [{"role": "system", "content": "You are %s." % role}, *messages]

    async def ask_text(self, role, prompt, options):
        return await self._ask(role, self._messages(prompt, options.get("role")), options, None)

#: json
    async def ask_json(self, role, prompt, keys, options):
        messages = _json_messages(self._messages(prompt, options.get("role")), keys)
        wanted = ", ".join('%s: "..."' % _json(key) for key in keys)

        async def read(text):
            problems = []
            first = _parse_keys(text, keys, self.is_cut(text), problems.append)
            if first:
                return first
            content = "%s. Reply again: one JSON object with exactly these keys: {%s}" % (problems[0], wanted)
            corrected = [*messages, {"role": "assistant", "content": text}, {"role": "user", "content": content}]
            again = (await self._ask(role, corrected, {**options, "n": 1}, keys))[0]
            return _parse_keys(again, keys, self.is_cut(again)) or {key: "" for key in keys}

        objects = await asyncio.gather(*map(read, await self._ask(role, messages, options, keys)))
        return list(objects) if (options.get("n") or 1) > 1 else objects[0]

#: end
    async def _ask(self, role, prompt, options, keys):
        """n replies; the same question of one run gets another seed each time."""
        name = (options.get("model") or "default") if role == "default" else role
        target = _model_of(name, self.models)
        client, model, params = target["client"], target["model"], target.get("params") or {}
        messages = _with_instruction(prompt, self.task.get("instruction"))
        if any(not isinstance(message.get("content"), str) for message in messages) or all(
            _trim(message["content"]) == "" for message in messages
        ):
            raise WorkflowError("the prompt is empty")
        # Half of a pair, where a text was cut in its middle, cannot be sent.
        messages = [
            {**message, "content": _units(message["content"]).decode("utf-16-le", "replace")} for message in messages
        ]
        n = int(options.get("n") or 1)
        temperature = options.get("temperature")
        if temperature is None:
            temperature = 0.7 if n > 1 else 0
        most = min(SETTINGS["maxTokens"], SETTINGS["weakTokens"]) if role == "weak" else SETTINGS["maxTokens"]
        max_tokens = min(options.get("maxTokens") or most, most)
        identity = _json([name, messages, n, temperature, max_tokens, keys])
        occurrence = self.asked.get(identity, 0)
        self.asked[identity] = occurrence + 1
        query = "?params=" + _hash(params)[:12] if params else ""
        key = {
            "model": "openai:%s%s#%s" % (target["baseURL"], query, model),
            "messages": [[message["role"], message["content"]] for message in messages],
            **{"n": n, "temperature": temperature, "maxTokens": max_tokens, "stop": [], "json": keys is not None},
            **{"seed": None, "occurrence": occurrence, "epoch": 0},
        }
        seed = _seed_from(SETTINGS["seed"], _hash(key))
        self.used["calls"] += 1

        async def send(count, its_seed):
            body = {"model": model, "messages": messages, "temperature": temperature}
            body.update({target.get("limit") or "max_tokens": max_tokens, "seed": its_seed})
            if count > 1:
                body["n"] = count
            if keys is not None:
                body["response_format"] = {"type": "json_object"}
            # What the server was found not to take: a member, or one of its values.
            for change in target.get("omit") or []:
                member, _, value = change.partition("=")
                if value == "" or (member in body and _text(body[member]) == value):
                    body.pop(member, None)
            reply = await client.chat.completions.create(**body, extra_body=params or None)
            if reply.usage:
                self.used["promptTokens"] += reply.usage.prompt_tokens or 0
                self.used["completionTokens"] += reply.usage.completion_tokens or 0
            choices = []
            for choice in reply.choices or []:
                refused = bool(choice.message.refusal) or choice.finish_reason == "content_filter"
                text = "" if refused else _without_thought(choice.message.content or "")
                choices.append({"text": text, "reason": choice.finish_reason, "refused": refused})
            return choices

        def is_empty(choice):
            return choice is None or _trim(choice["text"]) == ""

        choices = await send(n, seed)
        if all(is_empty(choice) and not choice["refused"] for choice in choices):
            choices = await send(n, _seed_from(seed, "reply", n))
        choices = (choices + [None] * n)[:n]
        missing = [index for index in range(n) if is_empty(choices[index])]
        if len(missing) < n:
            more = await asyncio.gather(*(send(1, _seed_from(seed, "reply", index)) for index in missing))
            for index, found in zip(missing, more):
                choices[index] = found[0] if found else None
        for choice in choices:
            if is_empty(choice):
                why = "refused to answer" if choice and choice["refused"] else "gave no text"
                if choice and choice["reason"] == "length":
                    why = "used up its limit"
                kind = WorkflowError if role == "weak" else Failure
                raise kind("%s at %s %s" % (model, target["baseURL"], why))
            if choice["reason"] == "length":
                self.cut.add(_trim(choice["text"]))
        return [choice["text"] for choice in choices]


def _with_instruction(messages, instruction):
    if instruction is None or any(m["role"] != "assistant" and instruction in m["content"] for m in messages):
        return messages
    if messages and messages[0]["role"] == "system":
        return [{"role": "system", "content": "%s\n\n%s" % (messages[0]["content"], instruction)}, *messages[1:]]
    return [{"role": "system", "content": instruction}, *messages]


#: programs
# Limits of a program. It runs in a Python process of its own, without the environment and in an empty folder that is deleted
# afterwards, but with the rights of this process: it can reach the network and your files. Programs are written by a model: run
# this file in a container where that matters.
PROGRAM_LIMITS = __PROGRAM_LIMITS__
PROGRAM_SOURCE = __PROGRAM_SOURCE__


async def _kept(stream, most):
    kept = b""
    while part := await stream.read(65536):
        kept += part[: max(0, most - len(kept))]
    return kept.decode("utf-8", "replace")


async def _run_program(source, stdin="", tests=None):
    """Output of a program, or with tests what each of them came to: None, or why it failed."""
    if len(source.encode("utf-8", "replace")) > PROGRAM_LIMITS["programBytes"]:
        why = "the program is longer than %d bytes" % PROGRAM_LIMITS["programBytes"]
        return {"ok": False, "stdout": "", "stderr": why, "failure": why, "results": []}
    folder = tempfile.mkdtemp(prefix="program-")
    try:
        with open(os.path.join(folder, "request.json"), "w", encoding="utf-8") as file:
            json.dump({"source": source, "tests": tests, "limits": PROGRAM_LIMITS}, file)
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *(os.environ.get("PYTHON") or sys.executable, "-I", "-X", "utf8", "-c", PROGRAM_SOURCE, folder),
            **{"cwd": folder, "env": {}, "stdin": pipe, "stdout": pipe, "stderr": pipe},
            start_new_session=os.name != "nt",
        )

        def stop():
            try:
                os.killpg(child.pid, signal.SIGKILL) if os.name != "nt" else child.kill()
            except (ProcessLookupError, PermissionError):
                pass

        async def feed():
            try:
                child.stdin.write(stdin.encode("utf-8", "replace"))
                await child.stdin.drain()
                child.stdin.close()
            except (BrokenPipeError, ConnectionResetError):
                pass

        most = PROGRAM_LIMITS["outputBytes"]
        outputs = [asyncio.ensure_future(_kept(stream, most)) for stream in (child.stdout, child.stderr)]
        late = ""
        try:
            await asyncio.wait_for(asyncio.gather(feed(), child.wait()), PROGRAM_LIMITS["wallMs"] / 1000)
        except asyncio.TimeoutError:
            late = "stopped: more than %d ms" % PROGRAM_LIMITS["wallMs"]
        stop()
        await child.wait()
        stdout, stderr = await asyncio.gather(*outputs)
        verdict = {}
        try:
            with open(os.path.join(folder, "verdict.json"), encoding="utf-8") as file:
                verdict = json.load(file)
        except (OSError, ValueError):
            pass
        ended = None if "results" in verdict or tests is None else "the program's process ended"
        return {
            **{"ok": late == "" and child.returncode == 0, "stdout": stdout, "stderr": stderr + (late and late + "\n")},
            **{"failure": late or verdict.get("failure") or ended, "results": verdict.get("results") or []},
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


#: end
#: examples
# Examples that the workflow was found with, in the order drawn; worked ones have a solution of the executor.
EXAMPLES = __EXAMPLES__
WORKED = __WORKED__


def _examples_for(task, count, options):
    """Up to `count` examples that do not ask what the item asks."""

    def key_of(item, tests=()):
        fold = lambda text: _trim(_sub(r"\s+", "", " ", unicodedata.normalize("NFKC", text).lower()))
        return tuple(map(fold, [item["question"], item.get("context") or "", *(item.get("choices") or []), *tests]))

    used, given = {key_of(task, task.get("publicTests") or [])}, []
    for listed in [WORKED, EXAMPLES] if options.get("worked") else [EXAMPLES]:
        for example in _nearest_first(listed, task) if options.get("near") else listed:
            key = key_of(example)
            if len(given) == count:
                return given
            if key not in used:
                used.add(key)
                given.append(json.loads(json.dumps(example)))
    return given


def _nearest_first(listed, task):
    """By BM25+ over the words of question and options; equally near ones as drawn."""

    def tokens_of(item):
        return _rx(r"[\n\r\p{Z}\p{P}]+").split(_cut("\n".join([item["question"], *(item.get("choices") or [])]), 0, 10_000))

    def words_of(tokens):
        return [token.lower() for token in tokens if token != ""]

    documents, average = [], 0
    for count, example in enumerate(listed):
        tokens = tokens_of(example)
        size = len(set(tokens))
        average = (average * count + size) / (count + 1)
        documents.append((words_of(tokens), size))
    scores, matched = [0.0] * len(listed), [set() for _ in listed]
    for word in words_of(tokens_of(task)):
        holding = sum(word in words for words, _ in documents)
        rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        for index, (words, size) in enumerate(documents):
            count = words.count(word)
            if count:
                matched[index].add(word)
                scores[index] += rarity * (0.5 + count * (1.2 + 1) / (count + 1.2 * (1 - 0.7 + 0.7 * size / average)))
    order = sorted(range(len(listed)), key=lambda index: (-scores[index] * (len(matched[index]) or 1), index))
    return [listed[index] for index in order]


#: end
def call_api(prompt, _options=None, context=None):
    """Provider for promptfoo: the variables of a test are the item."""
    try:
        found = answer_sync({"question": prompt, **((context or {}).get("vars") or {})})
    except Exception as error:
        return {"error": str(error)}
    output = found["answer"] if isinstance(found["answer"], str) else _json(found["answer"])
    used = {"prompt": found["promptTokens"], "completion": found["completionTokens"]}
    return {"output": output, "tokenUsage": {"total": sum(used.values()), **used}}


async def answer_all(items, concurrency=4, **options):
    """Answers of many items in their order; one that fails is {"error": …}. Gives them as they are ready."""
    room = asyncio.Semaphore(concurrency)

    async def one(item):
        async with room:
            try:
                found = await answer(item, **options)
            except Exception as error:
                found = {"error": str(error)}
        return {"id": item["id"], **found} if "id" in item else found

    for result in [asyncio.ensure_future(one(item)) for item in items]:
        yield await result


async def _main(arguments):
    """The command line: one answer, or one JSON line for each item of a file, in their order."""
    if arguments.question is not None:
        task = {"question": arguments.question, "context": arguments.context, "choices": arguments.choice}
        found = (await answer({key: value for key, value in task.items() if value is not None}))["answer"]
        print(found if isinstance(found, str) else _json(found))
        return 0
    with open(0 if arguments.input == "-" else arguments.input, encoding="utf-8") as file:
        items = []
        for number, line in enumerate(file, 1):
            if line.strip() != "":
                try:
                    items.append(json.loads(line))
                    items[-1]["question"]
                except (ValueError, KeyError, TypeError):
                    raise WorkflowError("%s: line %d is no JSON object with a question" % (arguments.input, number)) from None
    code = 0
    async for found in answer_all(items, arguments.concurrency):
        print(_json(found), flush=True)
        code = 5 if "error" in found else code
    return code


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="__TITLE__")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--question", help="the question")
    source.add_argument("--input", help="a file with one JSON object a line; - reads stdin")
    parser.add_argument("--context", help="a passage to read")
    parser.add_argument("--choice", action="append", help="an answer to choose from; repeat it")
    parser.add_argument("--concurrency", type=int, default=4, help="items at once (default: 4)")
    try:
        sys.exit(asyncio.run(_main(parser.parse_args())))
    except Exception as error:
        print(error, file=sys.stderr)
        sys.exit(5)
