"""Adapter for the Alibaba Cloud SDKs for Python, current generation."""

import importlib
import re

from alibabacloud_tea_openapi.models import Config
from aswritten_adapter import Failed, Unsupported, classes, host, serve, structured
from darabonba.policy.retry import RetryCondition, RetryOptions
from Tea.model import TeaModel

SDKS = {"ecs": "alibabacloud-ecs20140526", "ens": "alibabacloud-ens20171110", "swas": "alibabacloud-swas-open20200601"}
# The setting is called after the document, which counts its signatures otherwise than the requests do.
SIGNING = {"acs3-hmac-sha256": None, "acs-hmac-sha1": "v2"}


def written(value):
    """A model as one writes it."""
    if isinstance(value, TeaModel) or hasattr(value, "to_map"):
        given = {name: value for name, value in vars(value).items() if value is not None}
        return f"{type(value).__name__}({', '.join(f'{name}={written(value)}' for name, value in given.items())})"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return repr(value)


def call(ask):
    folder = SDKS[ask["service"]].replace("-", "_")
    models = importlib.import_module(f"{folder}.models")
    client_type = importlib.import_module(f"{folder}.client").Client
    action, options = ask["action"], ask["options"]
    kind = getattr(models, f"{action}Request", None)
    if kind is None:
        raise Unsupported(f"there is no {action}Request")
    given = ask["arguments"]
    if any(map(structured, given.values())):
        raise Unsupported("it takes an object where the document has a text")
    request = kind()
    request.from_map(given)
    # Reading a map makes empty lists of what it does not have; a caller who writes the call makes none.
    for name, value in vars(request).items():
        if value == [] and [] not in given.values():
            setattr(request, name, None)
    lost = [name for name in given if name not in request.to_map()]
    if lost:
        raise Unsupported(f"{action}Request has no {', '.join(lost)}")

    config = Config(
        access_key_id=ask["credentials"]["id"],
        access_key_secret=ask["credentials"]["secret"],
        region_id=ask["region"],
        protocol="HTTP",
        endpoint=host(ask["endpoint"]),
        read_timeout=options["timeout_ms"],
        connect_timeout=options["timeout_ms"],
        signature_algorithm=SIGNING[options["signing"]],
    )
    note = ""
    if options["retries"]:
        condition = RetryCondition(max_attempts=options["retries"] + 1, error_code=options["retry_codes"])
        config.retry_options = RetryOptions(retryable=True, retry_condition=[condition])
        note = f"  # Config.retry_options: {options['retries']} times on {', '.join(options['retry_codes'])}"
    method = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
    line = f"client.{method}({written(request)}){note}"
    try:
        response = getattr(client_type(config), method)(request)
    except Exception as error:
        raise Failed(line, {
            "class": classes(error),
            "code": getattr(error, "code", None),
            "message": getattr(error, "message", None) or str(error),
            "status": getattr(error, "status_code", None),
            "request_id": getattr(error, "request_id", None),
        }) from error
    return line, {"fields": response.body.to_map() if response.body is not None else {}}


serve("alibabacloud-python", SDKS, call)
