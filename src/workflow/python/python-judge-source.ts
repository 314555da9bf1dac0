/** @file Python source of the tests' side: runs the tests in an interpreter that the program cannot reach. */

/**
 * `judge(json, ask)` runs each test; what the tests use of the program are stand-ins that ask for values. Comparisons
 * happen here, on built-in values that were rebuilt from JSON, so an object cannot lie about being equal, and expected
 * values never reach the program.
 */
export const JUDGE_SOURCE = String.raw`
import ast as _ast, builtins as _builtins, importlib as _importlib, random as _random, reprlib as _reprlib

# Modules whose functions the program may hand over by name: called here they change nothing but their arguments.
_PURE_MODULES = frozenset((
    "_bisect", "_functools", "_heapq", "_operator", "bisect", "cmath", "copy", "functools", "heapq", "itertools",
    "math", "operator", "statistics",
))
# The same for classes; as modules, and from here to the program, all of these may pass.
_SHARED_MODULES = _PURE_MODULES | frozenset((
    "_collections", "array", "builtins", "collections", "collections.abc", "datetime", "decimal", "enum", "fractions",
    "json", "numbers", "random", "re", "string", "sys", "typing",
))
# Raised by the program these would end a loop of the tests instead of failing it.
_NOT_RAISED = ("StopIteration", "StopAsyncIteration")


def _shared(module, name):
    if module not in _SHARED_MODULES:
        return None
    found = _importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) or callable(found) else None


def _named_by_program(module, name):
    """What a name of the program's may stand for here: nothing that could change this interpreter."""
    if type(module) is not str or type(name) is not str or not name.isidentifier() or name.startswith("_"):
        return None
    found = _shared(module, name)
    return found if isinstance(found, type) or module in _PURE_MODULES else None


class _Border:
    def __init__(self, ask, room_size):
        self.send = ask
        self.room_size = room_size

    def ask(self, *request):
        reply = _json.loads(self.send(_pack(list(request))))
        error = reply.get("error")
        if error is not None:
            raise _raised(error)
        return reply

    def out(self, value):
        return _encode(value, _own_handle, [self.room_size])

    def into(self, value):
        return _decode(value, self.handle)

    def handle(self, value):
        if value[0] == "u":
            if type(value[1]) is str and value[1] in _SHARED_MODULES:
                return _importlib.import_module(value[1])
            return None
        if value[0] == "g":
            found = _named_by_program(value[2], value[3])
            if found is not None:
                return found
        return _Remote(self, value[1], str(value[-1])[:80])


def _own_handle(value):
    if isinstance(value, _Remote):
        return ["h", object.__getattribute__(value, "_number")]
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and _shared(module, name) is value:
        return ["g", 0, module, name]
    raise BorderError("a " + type(value).__name__ + " of the tests cannot be handed to the program")


def _raised(error):
    """An exception of the program as the nearest built-in one."""
    kind, line = str(error.get("type"))[:80], error.get("line")
    message = str(error.get("message"))
    for name in error.get("bases", ()):
        found = getattr(_builtins, str(name), None)
        if isinstance(found, type) and issubclass(found, Exception) and name not in _NOT_RAISED:
            try:
                raised = found(message)
            except TypeError:
                continue
            break
    else:
        raised = RuntimeError("the program raised " + kind)
    raised._w4s = (kind, message, line if isinstance(line, int) else None)
    return raised


class _Remote:
    """Something of the program's that is no plain value: a function, a class, an instance, an iterator."""

    def __init__(self, border, number, kind):
        for name, value in (("_border", border), ("_number", number), ("_kind", kind)):
            object.__setattr__(self, name, value)

    def _ask(self, op, *rest):
        return self._border.ask(op, self._number, *rest)

    def __call__(self, *args, **kwargs):
        border = self._border
        sent = [border.out(value) for value in args]
        reply = self._ask("call", sent, {name: border.out(value) for name, value in kwargs.items()})
        for index, now in reply.get("changed", ()):
            _replace(args[index], border.into(now))
        return border.into(reply["v"])

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._border.into(self._ask("get", name)["v"])

    def __setattr__(self, name, value):
        self._ask("set", name, self._border.out(value))

    def __iter__(self):
        reply = self._border.into(self._ask("iter")["v"])
        while True:
            step = reply._ask("next")
            if step.get("end") is True:
                return
            yield self._border.into(step["v"])

    def __next__(self):
        step = self._ask("next")
        if step.get("end") is True:
            raise StopIteration
        return self._border.into(step["v"])

    def __len__(self):
        return int(self._ask("len")["v"])

    def __bool__(self):
        # The program could as well have given True: a match object is what an honest one gives here.
        return self._ask("bool")["v"] is True

    def __getitem__(self, key):
        return self._border.into(self._ask("item", self._border.out(key))["v"])

    def __contains__(self, item):
        return self._ask("has", self._border.out(item))["v"] is True

    def __eq__(self, other):
        return isinstance(other, _Remote) and self._number == other._number

    def __hash__(self):
        return hash(self._number)

    def __repr__(self):
        return "<" + self._kind + " of the program>"


def _replace(mine, now):
    if isinstance(mine, (list, bytearray)):
        mine[:] = now
    elif isinstance(mine, (dict, set)):
        mine.clear()
        mine.update(now)
    elif isinstance(mine, _deque):
        mine.clear()
        mine.extend(now)


class _Explain(_ast.NodeTransformer):
    """assert a == b  becomes  l = a; r = b; if not l == r: raise AssertionError(what was got and expected)."""

    def visit_Assert(self, node):
        test = node.test
        if node.msg is not None or not isinstance(test, _ast.Compare) or len(test.ops) != 1:
            return node
        if not isinstance(test.ops[0], _ast.Eq):
            return node
        body = _ast.parse("_w4s_l = 0\n_w4s_r = 0\nif not (_w4s_l == _w4s_r):\n    raise AssertionError(_w4s_tell(_w4s_l, _w4s_r))").body
        body[0].value, body[1].value = test.left, test.comparators[0]
        for statement in body:
            for part in _ast.walk(statement):
                _ast.copy_location(part, node)
        return body


def _tell(got, expected):
    short = _reprlib.Repr(maxstring=120, maxother=120, maxlist=12, maxtuple=12, maxdict=12, maxset=12, maxlong=60)
    return "got " + short.repr(got) + ", expected " + short.repr(expected)


def _failure(error):
    kind, message, line = getattr(error, "_w4s", (None, None, None))
    if kind is None:
        try:
            kind, message = type(error).__name__, str(error)
        except BaseException:
            kind, message = "Exception", ""
    found = {"type": kind, "message": message[:300]}
    if line is not None:
        found["line"] = line
    return found


def judge(text, ask):
    request = _json.loads(text)
    border = _Border(ask, request["room"])
    trees, wanted = [], set()
    for test in request["tests"]:
        try:
            tree = _ast.parse(test, "<test>")
            wanted.update(node.id for node in _ast.walk(tree) if isinstance(node, _ast.Name))
            trees.append(_ast.fix_missing_locations(_Explain().visit(tree)))
        except BaseException as error:
            trees.append(error)
    # A program must not replace what the tests compare with: built-ins stay ours, but for the function under test.
    wanted = {name for name in wanted if not hasattr(_builtins, name)} | {request["entryPoint"]}
    scope = {"__name__": "__main__", "__builtins__": _builtins, "_w4s_tell": _tell}
    results = []
    _random.seed(0)
    try:
        for name, value in border.ask("names", sorted(wanted))["v"].items():
            # The function under test is always the program's own, whatever it says it is.
            is_handle = name == request["entryPoint"] and type(value) is list and value[0] in ("h", "g")
            scope[name] = _Remote(border, value[1], "function") if is_handle else border.into(value)
    except BaseException as error:
        return _pack({"results": [_failure(error) for _ in trees]})
    for tree in trees:
        if isinstance(tree, BaseException):
            results.append(_failure(tree))
            continue
        try:
            exec(compile(tree, "<test>", "exec", dont_inherit=True), scope)
            results.append(None)
        except BaseException as error:
            results.append(_failure(error))
    return _pack({"results": results})
`;
