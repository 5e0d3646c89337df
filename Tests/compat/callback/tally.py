"""Counts what a playbook asserts, and keeps what failed, for Tests/compat/run."""

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: tally
type: notification
short_description: counts assertions
description: Writes counts and the failures of a playbook as JSON into the file that COMPAT_TALLY names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "tally"

    def __init__(self):
        super().__init__()
        self.tally = {"tasks": 0, "asserts": 0, "conditions": 0, "failures": []}

    def v2_runner_on_ok(self, result):
        self.count(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.count(result)
        if not ignore_errors:
            content = result._result
            message = content.get("msg") or content.get("exception") or "?"
            self.tally["failures"].append(
                {
                    "task": result._task.get_name().strip(),
                    "message": str(message),
                    "condition": content.get("assertion"),
                    "where": str(result._task.get_path()),
                }
            )

    def count(self, result):
        self.tally["tasks"] += 1
        if result._task.action in ("assert", "ansible.builtin.assert"):
            self.tally["asserts"] += 1
            self.tally["conditions"] += len(result._task.args.get("that") or [])

    def v2_playbook_on_stats(self, stats):
        path = os.environ.get("COMPAT_TALLY")
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.tally, file)
