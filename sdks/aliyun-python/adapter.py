"""Adapter for the Alibaba Cloud SDKs for Python, old generation."""

import importlib
import json

from aliyunsdkcore.client import AcsClient
from aswritten_adapter import Failed, Unsupported, classes, host, serve, structured

SDKS = {"ecs": "aliyun-python-sdk-ecs", "ens": "aliyun-python-sdk-ens", "swas": "aliyun-python-sdk-swas-open"}
FOLDERS = {"ecs": "aliyunsdkecs", "ens": "aliyunsdkens", "swas": "aliyunsdkswas_open"}


def call(ask):
    action, options = ask["action"], ask["options"]
    folder = f"{FOLDERS[ask['service']]}.request.v{ask['version'].replace('-', '')}"
    try:
        module = importlib.import_module(f"{folder}.{action}Request")
    except ModuleNotFoundError as error:
        raise Unsupported(f"there is no {action}Request") from error
    request = getattr(module, f"{action}Request")()
    # The region is a setting of the client, which puts it into every request.
    region, lines = ask["region"] or "cn-hangzhou", [f"request = {action}Request()"]
    for name, value in ask["arguments"].items():
        if name == "RegionId" and not hasattr(request, "set_RegionId"):
            region = value
            continue
        if not hasattr(request, f"set_{name}"):
            raise Unsupported(f"{action}Request has no set_{name}")
        if isinstance(value, (dict, list)) or structured(value):
            raise Unsupported(f"{name} has members, whose names are spelled differently in each SDK")
        getattr(request, f"set_{name}")(value)
        lines.append(f"request.set_{name}({value!r})")
    request.set_endpoint(host(ask["endpoint"]))
    settings = {"max_retry_time": options["retries"]} if options["retries"] else {}
    client = AcsClient(
        ask["credentials"]["id"],
        ask["credentials"]["secret"],
        region,
        timeout=options["timeout_ms"] / 1000,
        connect_timeout=options["timeout_ms"] / 1000,
        **settings,
    )
    shown = "".join(f", {name}={value!r}" for name, value in settings.items())
    lines.append(f"AcsClient(…, region_id={region!r}{shown}).do_action_with_exception(request)")
    written = "; ".join(lines)
    try:
        body = client.do_action_with_exception(request)
    except Exception as error:
        get = lambda name: getattr(error, name)() if hasattr(error, name) else None
        raise Failed(written, {
            "class": classes(error),
            "code": get("get_error_code"),
            "message": get("get_error_msg") or str(error),
            "status": get("get_http_status"),
            "request_id": get("get_request_id"),
        }) from error
    # The caller gets bytes, and reads them as the samples do.
    text = body.decode("utf-8", "replace")
    try:
        fields = json.loads(text)
    except ValueError:
        return written, {"text": text}
    return written, {"fields": fields} if isinstance(fields, dict) else {"text": text}


serve("aliyun-python", SDKS, call)
