"""Adapter for tccli, the command line tool of Tencent Cloud.

Each call is a command of its own: `main()` of the tool runs in a fresh process with its own arguments, environment and exit
code. The process is forked off one that has the tool loaded, which saves most of a second for each.
"""

import json
import math
import os
import re
import shlex
import sys
import tempfile

from aswritten_adapter import Failed, serve

SDKS = {"cvm": "tccli"}
STDERR = re.compile(r"\[TencentCloudSDKException\] code:(\S*) message:(.*) requestId:(\S*)", re.DOTALL)


def command(ask):
    words = ["tccli", ask["service"], ask["action"]]
    for name, value in ask["arguments"].items():
        words += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    words += ["--region", ask["region"], "--endpoint", ask["endpoint"]]
    return words + ["--timeout", str(math.ceil(ask["options"]["timeout_ms"] / 1000))]


def run(words, environment):
    """Exit code, standard output and standard error of the command."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            status = 70
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
                sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
                os.environ.update(environment)
                sys.argv = words
                status = tool(words) or 0
            except SystemExit as error:
                status = error.code if isinstance(error.code, int) else 1
            except BaseException:
                import traceback
                traceback.print_exc()
                status = 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        read = lambda file: (file.seek(0), file.read().decode("utf-8", "replace"))[1]
        return os.waitstatus_to_exitcode(status), read(out), read(err)


def tool(words):
    from tccli.main import main
    return main()


def call(ask):
    words = command(ask)
    environment = {
        "TENCENTCLOUD_SECRET_ID": ask["credentials"]["id"],
        "TENCENTCLOUD_SECRET_KEY": ask["credentials"]["secret"],
    }
    written = shlex.join(words)
    status, out, err = run(words, environment)
    if status == 0:
        try:
            return written, {"fields": json.loads(out)}
        except ValueError:
            return written, {"text": out}
    found = STDERR.search(err)
    error = {"class": [f"exit status {status}"], "message": err.strip()}
    if found:
        error.update(code=found[1], message=found[2], request_id=found[3] if found[3] != "None" else None)
    raise Failed(written, error)


import tccli.main  # noqa: E402  Loaded before the first call, so that every call starts alike.
import tccli.services.cvm.cvm_client  # noqa: E402

serve("tccli", SDKS, call)
