/** @file Python source of the program's side: runs the program, then answers what the tests ask of it. */

/**
 * `load(source)` runs the program as `__main__`; `answer(json)` serves one request of the tests. Nothing here decides a
 * verdict: a program that rewrites these functions can only give wrong answers.
 */
export const PROGRAM_SOURCE = String.raw`
import builtins as _builtins, linecache as _linecache, sys as _sys, traceback as _traceback, types as _types

_FILE = "<program>"
_main = _types.ModuleType("__main__")
_objects = {}
_numbers = {}
_room_size = 0


def _handle(value):
    if isinstance(value, _types.ModuleType):
        return ["u", value.__name__]
    number = _numbers.get(id(value))
    if number is None:
        number = len(_objects) + 1
        _objects[number] = value
        _numbers[id(value)] = number
    kind = type(value).__name__
    if isinstance(value, (type, _types.FunctionType, _types.BuiltinFunctionType)):
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if isinstance(module, str) and isinstance(name, str) and module != "__main__":
            return ["g", number, module, name, kind]
    return ["h", number, kind]


def _unhandle(value):
    if value[0] == "h":
        return _objects[value[1]]
    if value[0] == "u":
        return __import__(value[1], fromlist=["_"])
    found = __import__(value[2], fromlist=["_"])
    for part in value[3].split("."):
        found = getattr(found, part)
    return found


def _out(value):
    return _encode(value, _handle, [_room_size])


def _in(value):
    return _decode(value, _unhandle)


def _failure(error):
    try:
        message = str(error)[:300]
    except BaseException:
        message = ""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == _FILE else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    found = {"type": type(error).__name__, "message": message,
             "bases": [base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"]}
    if line is not None:
        found["line"] = line
    return found


def load(source, room_size, shows_traceback):
    global _room_size
    _room_size = room_size
    _linecache.cache[_FILE] = (len(source), None, [line + "\n" for line in source.split("\n")], _FILE)
    _sys.modules["__main__"] = _main
    _main.__dict__["__builtins__"] = _builtins
    error = None
    try:
        exec(compile(source, _FILE, "exec", dont_inherit=True), _main.__dict__)
    except SystemExit as raised:
        code = raised.code
        error = _failure(raised)
        error["exitCode"] = 0 if code is None else code if type(code) is int else 1
        if shows_traceback and code is not None and type(code) is not int:
            print(code, file=_sys.stderr)
    except BaseException as raised:
        error = _failure(raised)
        if shows_traceback:
            # The frames of this file are no business of the program's author.
            own = raised.__traceback__.tb_next if raised.__traceback__ else None
            _traceback.print_exception(type(raised), raised, own, limit=-20)
    for stream in (_sys.stdout, _sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    return _pack({"error": error})


def _changed(arguments, before):
    """New contents of arguments that the call has changed in place."""
    return [[index, now] for index, (value, was) in enumerate(zip(arguments, before))
            if isinstance(value, (list, dict, set, bytearray, _deque)) and (now := _out(value)) != was]


def _serve(request):
    op = request[0]
    if op == "names":
        found = {}
        for name in request[1]:
            if name in _main.__dict__:
                found[name] = _out(_main.__dict__[name])
        return {"v": found}
    target = _objects[request[1]]
    if op == "call":
        arguments = [_in(value) for value in request[2]]
        keywords = {name: _in(value) for name, value in request[3].items()}
        result = target(*arguments, **keywords)
        return {"v": _out(result), "changed": _changed(arguments, request[2])}
    if op == "get":
        return {"v": _out(getattr(target, request[2]))}
    if op == "set":
        setattr(target, request[2], _in(request[3]))
        return {"v": None}
    if op == "iter":
        return {"v": _handle(iter(target))}
    if op == "next":
        try:
            return {"v": _out(next(target))}
        except StopIteration:
            return {"end": True}
    if op == "bool":
        return {"v": bool(target)}
    if op == "len":
        return {"v": len(target)}
    if op == "item":
        return {"v": _out(target[_in(request[2])])}
    if op == "has":
        return {"v": bool(_in(request[2]) in target)}
    raise BorderError("an unknown request")


def answer(text):
    try:
        return _pack(_serve(_json.loads(text)))
    except BaseException as error:
        return _pack({"error": _failure(error)})
`;
