"""Adapter for tccli, the command line tool of Tencent Cloud: each call is a command of its own."""

import json
import math
import os
import pathlib
import re
import shlex
import subprocess
import sys

from aswritten_adapter import Failed, serve

SDKS = {"cvm": "tccli"}
PROGRAM = pathlib.Path(sys.executable).with_name("tccli")
STDERR = re.compile(r"\[TencentCloudSDKException\] code:(\S*) message:(.*) requestId:(\S*)", re.DOTALL)


def call(ask):
    words = ["tccli", ask["service"], ask["action"]]
    for name, value in ask["arguments"].items():
        words += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    words += ["--region", ask["region"], "--endpoint", ask["endpoint"]]
    words += ["--timeout", str(math.ceil(ask["options"]["timeout_ms"] / 1000))]
    keys = {
        "TENCENTCLOUD_SECRET_ID": ask["credentials"]["id"],
        "TENCENTCLOUD_SECRET_KEY": ask["credentials"]["secret"],
    }
    written = shlex.join(words)
    run = subprocess.run(
        [PROGRAM, *words[1:]], env={**os.environ, **keys}, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8"
    )
    if run.returncode == 0:
        try:
            return written, {"fields": json.loads(run.stdout)}
        except ValueError:
            return written, {"text": run.stdout}
    found = STDERR.search(run.stderr)
    error = {"class": [f"exit status {run.returncode}"], "message": run.stderr.strip()}
    if found:
        error.update(code=found[1], message=found[2], request_id=found[3] if found[3] != "None" else None)
    raise Failed(written, error)


serve("tccli", SDKS, call)
