"""Adapter for the Tencent Cloud SDK for Python."""

import importlib
import json

from aswritten_adapter import Failed, Unsupported, classes, host, serve
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.retry import StandardRetryer

SDKS = {"cvm": "tencentcloud-sdk-python-cvm"}
SIGNING = {"tc3-hmac-sha256": "TC3-HMAC-SHA256", "tc-hmac-sha1": "HmacSHA1", "tc-hmac-sha256": "HmacSHA256"}


def call(ask):
    folder = f"tencentcloud.{ask['service']}.v{ask['version'].replace('-', '')}"
    models = importlib.import_module(f"{folder}.models")
    module = importlib.import_module(f"{folder}.{ask['service']}_client")
    action, options = ask["action"], ask["options"]
    kind = getattr(models, f"{action}Request", None)
    if kind is None:
        raise Unsupported(f"there is no {action}Request")
    request = kind()
    unknown = [name for name in ask["arguments"] if not hasattr(request, name)]
    if unknown:
        raise Unsupported(f"{action}Request has no {', '.join(unknown)}")
    request.from_json_string(json.dumps(ask["arguments"]))

    http = HttpProfile(protocol="http", endpoint=host(ask["endpoint"]), reqTimeout=options["timeout_ms"] / 1000)
    profile = ClientProfile(httpProfile=http, signMethod=SIGNING[options["signing"]])
    retryer = ""
    if options["retries"]:
        attempts = options["retries"] + 1
        # The pauses are shortened, and nothing else.
        profile.retryer = StandardRetryer(max_attempts=attempts, backoff_fn=lambda n: 0.02)
        retryer = f"  # ClientProfile.retryer = StandardRetryer(max_attempts={attempts})"
    keys = credential.Credential(ask["credentials"]["id"], ask["credentials"]["secret"])
    client = getattr(module, f"{ask['service'].capitalize()}Client")(keys, ask["region"], profile)
    given = "".join(f"request.{name} = {value!r}; " for name, value in ask["arguments"].items())
    written = f"request = models.{action}Request(); {given}client.{action}(request){retryer}"
    try:
        response = getattr(client, action)(request)
    except Exception as error:
        get = lambda name: getattr(error, name)() if hasattr(error, name) else None
        raise Failed(written, {
            "class": classes(error),
            "code": get("get_code"),
            "message": get("get_message") or str(error),
            "request_id": get("get_request_id"),
        }) from error
    return written, {"fields": json.loads(response.to_json_string())}


serve("tencentcloud-python", SDKS, call)
