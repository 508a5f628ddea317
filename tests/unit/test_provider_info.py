"""What Airflow shows of the package as a provider agrees with what the package reads and documents."""

from __future__ import annotations

import json
import re
from pathlib import Path

import airflow
import jsonschema

from drs_recovery.provider_info import get_provider_info
from drs_recovery.settings import SETTINGS

PROJECT = Path(__file__).resolve().parents[2]
OPTIONS = get_provider_info()["config"]["drs_recovery"]["options"]


def test_airflow_accepts_the_description():
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text("utf-8"))

    jsonschema.validate(get_provider_info(), schema)


def test_every_setting_is_an_option_with_its_default():
    read = {setting.key: setting.default or None for setting in SETTINGS}

    assert {key: _value(option) for key, option in OPTIONS.items()} == read


def test_every_option_is_documented():
    page = (PROJECT / "docs" / "configuration.md").read_text("utf-8")

    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(OPTIONS)


def _value(option):
    match option["type"], option["default"]:
        case _, None:
            return None
        case "boolean", text:
            return text == "True" or None
        case "float", text:
            return float(text)
        case _, text:
            return text
