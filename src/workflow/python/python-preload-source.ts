/** @file Python source run before the picture of the interpreter is taken, and the one that shuts the way to JavaScript. */

/** Imports that programs and tests ask for most; what is in the picture costs nothing at start. */
export const PRELOAD_SOURCE = `
import abc, ast, array, base64, bisect, calendar, cmath, collections, collections.abc, contextlib, copy, dataclasses
import datetime, decimal, enum, fractions, functools, hashlib, heapq, io, itertools, json, linecache, math, numbers
import operator, os, queue, random, re, reprlib, statistics, string, struct, sys, textwrap, time, traceback, types
import typing, unicodedata, unittest, uuid
os.environ.clear()
os.environ.update({"HOME": "/home/pyodide", "LANG": "C.UTF-8", "PATH": "/"})
sys.argv[:] = ["program.py"]
# The picture holds the state of the dice: every program starts with the same one.
random.seed(0)
`;

/** Forgets every module that leads out of the interpreter. What JavaScript already holds goes on working. */
export const SHUT_SOURCE = `
import gc, sys
del w4s
# Modules that are forgotten live on in each other's globals: what they hold of JavaScript is taken from there too.
for _name in [_n for _n in sys.modules if "pyodide" in _n]:
    _held = getattr(sys.modules[_name], "__dict__", {})
    for _key in [_k for _k, _v in _held.items() if any(_t.__name__ == "JsProxy" for _t in type(_v).__mro__)]:
        _held[_key] = None
for _held in gc.get_objects():
    if type(_held).__name__ == "JsLoader":
        _held.jsproxy = None
for _finder in list(sys.meta_path):
    if type(_finder).__name__ == "JsFinder":
        _finder.jsproxies.clear()
        sys.meta_path.remove(_finder)
for _name in [_n for _n in sys.modules if _n.split(".")[0] in ("js", "pyodide_js", "pyodide", "_pyodide", "_pyodide_core")]:
    _module = sys.modules[_name]
    if _name.startswith(("js", "pyodide_js")) or _name == "pyodide.code":
        for _member in list(getattr(_module, "__dict__", {})):
            if not _member.startswith("__"):
                try:
                    delattr(_module, _member)
                except Exception:
                    pass
    # None: a later import fails at once instead of loading it again.
    sys.modules[_name] = None
_finder = _name = _module = _held = _key = None
`;
