"""What the documentation of the format says is what the code does."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from drs_recovery.plan import parts
from drs_recovery.plan.loader import load_plan
from drs_recovery.plan.model import RecoveryPlan, Wave
from drs_recovery.plan.step_kinds import PlanKind, step_kinds
from tests.unit.plan.documents import changed, problems_of

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "plan-format.md").read_text(encoding="utf-8")
STEPS = (Path(__file__).resolve().parents[3] / "docs" / "steps.md").read_text(encoding="utf-8")
YAML_BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
PLAIN_BLOCKS = re.findall(r"```\n(.*?)```", re.sub(r"```yaml\n.*?```", "", DOCS, flags=re.DOTALL), re.DOTALL)
MODELS = [
    RecoveryPlan,
    Wave,
    *(
        member
        for member in vars(parts).values()
        if isinstance(member, type) and issubclass(member, BaseModel) and member is not BaseModel
    ),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    documented = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`[^`\n]+`", DOCS))))

    assert {field.alias or name for name, field in model.model_fields.items()} <= documented


@pytest.mark.parametrize("kind", step_kinds().values(), ids=lambda kind: kind.key)
def test_every_kind_of_step_is_documented_with_its_keys(kind: PlanKind) -> None:
    row = next(line for line in STEPS.splitlines() if line.startswith(f"| `{kind.key}` |"))

    assert {f.alias or name for name, f in kind.arguments.model_fields.items()} <= set(
        re.findall(r"\w+", row)
    )


def test_the_shortest_plan_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "shortest.yaml"
    path.write_text(YAML_BLOCKS[0], encoding="utf-8")

    assert load_plan(path).id == "shortest"


def test_the_examples_of_parts_make_a_plan_together() -> None:
    parts: dict[str, Any] = {}
    for block in YAML_BLOCKS[1:-1]:
        parts |= yaml.safe_load(block)
    parts["protection_groups"]["application"] = parts["protection_groups"].pop("web")

    assert RecoveryPlan.model_validate(changed(parts)).root_waves() == (1,)


def test_the_messages_of_the_bad_example_are_those_of_the_loader(tmp_path: Path) -> None:
    path = tmp_path / "payroll.yaml"
    path.write_text(YAML_BLOCKS[-1], encoding="utf-8")
    shown = next(block for block in PLAIN_BLOCKS if block.startswith("payroll.yaml: "))

    assert problems_of(path) == shown.splitlines()
