"""What every adapter in Python shares: one JSON object per line each way.

The protocol is described in the documentation of the module `aswritten::sdk::protocol`, and checked by
`aswritten sdk check-adapter`.
"""

import importlib.metadata
import json
import os
import platform
import sys

PROTOCOL = 1


class Unsupported(Exception):
    """The SDK has no way to make this call."""


class Failed(Exception):
    """The SDK told the caller of an error; `error` is what the caller can see of it."""

    def __init__(self, call, error):
        super().__init__(error.get("message"))
        self.call = call
        self.error = error


def classes(error):
    """Names of the error's class and of those that it inherits from."""
    kinds = [kind for kind in type(error).__mro__ if kind not in (object, BaseException, Exception)] or [type(error)]
    return [kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]


def host(endpoint):
    """The endpoint without its scheme, as most SDKs want it."""
    return endpoint.split("://", 1)[-1].rstrip("/")


def plain(value):
    """What JSON has no way to say, as a text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def structured(value):
    """A text that holds an object, for which SDKs have types of their own."""
    return isinstance(value, str) and value.lstrip().startswith("{")


def version(package):
    return importlib.metadata.version(package)


def serve(adapter, sdks, call):
    """Answers the lines on standard input until it ends.

    `sdks` maps services to names of packages. `call` makes one call and returns how a caller would write it, with what it
    returned; it raises `Unsupported` or `Failed`.
    """
    # Whatever an SDK prints must not get between the lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        if line.strip():
            out.write(json.dumps(guarded(adapter, sdks, call, line), default=plain) + "\n")
            out.flush()


def guarded(adapter, sdks, call, line):
    """An answer in any case: what the adapter itself trips over is told, and does not end it."""
    try:
        return answer(adapter, sdks, call, line)
    except Exception as error:
        number = json.loads(line)["id"]
        return {"id": number, "outcome": "not-understood", "reason": f"{type(error).__name__}: {error}"}


def answer(adapter, sdks, call, line):
    try:
        ask = json.loads(line)
        number, kind = ask["id"], ask["ask"]
    except (ValueError, TypeError, KeyError) as error:
        return {"id": None, "outcome": "not-understood", "reason": f"no line of the protocol: {error}"}
    if kind == "hello":
        if ask.get("protocol") != PROTOCOL:
            return {"id": number, "outcome": "not-understood", "reason": f"only protocol {PROTOCOL} is spoken here"}
        known = [{"service": service, "sdk": sdk, "sdk_version": version(sdk)} for service, sdk in sdks.items()]
        runtime = f"Python {platform.python_version()}"
        return {"id": number, "protocol": PROTOCOL, "adapter": adapter, "runtime": runtime, "sdks": known}
    if kind != "call":
        return {"id": number, "outcome": "not-understood", "reason": f"nothing is known of `{kind}`"}
    if ask["service"] not in sdks:
        return {"id": number, "outcome": "unsupported", "reason": f"no SDK for {ask['service']} here"}
    try:
        written, returned = call(ask)
    except Unsupported as reason:
        return {"id": number, "outcome": "unsupported", "reason": str(reason)}
    except Failed as failed:
        return {"id": number, "outcome": "error", "call": failed.call, "error": failed.error}
    return {"id": number, "outcome": "success", "call": written, **returned}
