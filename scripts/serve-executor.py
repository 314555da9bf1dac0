"""Serves a GGUF file as an OpenAI-compatible endpoint on 127.0.0.1 with llama.cpp's own HTTP server.

    pip install xllamacpp
    python scripts/serve-executor.py MODEL.gguf --port 18431

Runs until it is killed, its parent ends, or --seconds have passed. Prints "ready" once it answers.
"""

import argparse
import os
import signal
import time
import urllib.request

import xllamacpp


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("model")
    options.add_argument("--alias", help="model name the server answers to; default: the file name")
    options.add_argument("--port", type=int, default=18431)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--slots", type=int, default=4, help="requests answered at once")
    options.add_argument("--context", type=int, default=8192, help="tokens over all slots")
    options.add_argument("--seconds", type=int, default=3 * 3600, help="ends by itself after this time")
    args = options.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.alias or os.path.splitext(os.path.basename(args.model))[0]}
    params.n_parallel = args.slots
    params.n_ctx = args.context
    params.cpuparams.n_threads = args.threads
    # No busy waiting: the weak model works on the same cores, and two spinning thread pools stop each other.
    params.cpuparams.poll = 0
    params.cpuparams_batch.poll = 0
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    server = xllamacpp.Server(params)

    health = f"http://127.0.0.1:{args.port}/health"
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(health, timeout=2) as reply:
                if reply.status == 200:
                    break
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"the server does not answer at {health}")
            time.sleep(0.2)
    print("ready", flush=True)

    # A stopped script must not leave a server behind that eats two cores.
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    end = time.monotonic() + args.seconds
    while time.monotonic() < end and os.getppid() == parent:
        time.sleep(1)
    del server
    os._exit(0)


if __name__ == "__main__":
    main()
