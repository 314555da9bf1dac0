import sys
folder = sys.argv[1]
import ast, json, linecache, os, reprlib, traceback, types
with open(os.path.join(folder, "request.json"), encoding="utf-8") as file:
    request = json.load(file)
source, tests, limits = request["source"], request["tests"], request["limits"]
try:
    import resource
    for name, most in (("RLIMIT_AS", limits["memoryBytes"]), ("RLIMIT_FSIZE", limits["fileBytes"])):
        resource.setrlimit(getattr(resource, name), (most, most))
except (ImportError, ValueError, OSError):
    pass
FILE = "<program>"


def told(error):
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == FILE else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    message = str(error)[:300]
    where = "" if line is None else " (line %d of the program)" % line
    return (type(error).__name__ + (": " + message if message else "") + where).replace("\n", " ")[:500]


class Explain(ast.NodeTransformer):
    """assert a == b says what was got and what was expected."""

    def visit_Assert(self, node):
        test = node.test
        if node.msg is not None or not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return node
        if not isinstance(test.ops[0], ast.Eq):
            return node
        body = ast.parse("_l = 0\n_r = 0\nif not (_l == _r):\n    raise AssertionError(_tell(_l, _r))").body
        body[0].value, body[1].value = test.left, test.comparators[0]
        for statement in body:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return body


def tell(got, expected):
    short = reprlib.Repr()
    short.maxstring = short.maxother = 120
    short.maxlist = short.maxtuple = short.maxdict = short.maxset = 12
    short.maxlong = 60
    return "got " + short.repr(got) + ", expected " + short.repr(expected)


def write(verdict):
    with open(os.path.join(folder, "verdict.json"), "w", encoding="utf-8") as file:
        json.dump(verdict, file)


main = types.ModuleType("__main__")
sys.modules["__main__"] = main
sys.argv = [FILE]
linecache.cache[FILE] = (len(source), None, [line + "\n" for line in source.split("\n")], FILE)
code, failure = 0, None
try:
    exec(compile(source, FILE, "exec", dont_inherit=True), main.__dict__)
except SystemExit as raised:
    code = 0 if raised.code is None else raised.code if type(raised.code) is int else 1
    if raised.code is not None and type(raised.code) is not int:
        print(raised.code, file=sys.stderr)
    failure = told(raised) if code else None
except BaseException as raised:
    own = raised.__traceback__.tb_next if raised.__traceback__ else None
    traceback.print_exception(type(raised), raised, own, limit=-20)
    code, failure = 1, told(raised)
if tests is not None:
    results = []
    scope = dict(main.__dict__, _tell=tell)
    for test in tests if failure is None else []:
        try:
            tree = ast.fix_missing_locations(Explain().visit(ast.parse(test, "<test>")))
            exec(compile(tree, "<test>", "exec", dont_inherit=True), scope)
            results.append(None)
        except BaseException as raised:
            results.append(told(raised))
    write({"failure": failure} if failure is not None else {"results": results})
sys.stdout.flush()
sys.stderr.flush()
os._exit(code & 255)
