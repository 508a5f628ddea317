"""What is refused before a document is a plan at all."""

from pathlib import Path

import pytest

from drs_recovery.exceptions import PlanError
from drs_recovery.plan.loader import load_plan

GOOD_TEXT = """\
schema_version: 1
region: us-east-1
protection_groups:
  db: {servers: [s-1111111111111111a]}
waves:
  - {name: Database, groups: [db]}
"""

BAD_TEXTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "payroll.yaml: is empty; expected a plan"),
    "only a comment": (b"# to be written\n", "payroll.yaml: is empty; expected a plan"),
    "a list": (
        b"- schema_version: 1\n",
        "payroll.yaml: expected a mapping of keys such as schema_version, found a list",
    ),
    "a word": (b"plan\n", 'payroll.yaml: expected a mapping of keys such as schema_version, found "plan"'),
    "two documents": (
        b"schema_version: 1\n---\nschema_version: 1\n",
        "payroll.yaml: line 2: a second document begins; expected one plan a file",
    ),
    "Latin-1": (b"name: L\xf6hne\n", "payroll.yaml: is not UTF-8 text (byte 0xf6 at position 7)"),
    "UTF-16": ("name: x".encode("utf-16"), "payroll.yaml: is not UTF-8 text (byte 0xff at position 0)"),
    "a key that is a list": (
        b"? [a]\n: b\n",
        "payroll.yaml: line 1: a key is a list or a mapping; expected text",
    ),
    "a day that does not exist": (
        b"name: 2024-02-30\n",
        'payroll.yaml: line 1: holds "2024-02-30", which is no date: day is out of range for month',
    ),
    "nesting that would end the process": (
        b"name: " + b"[" * 100_000,
        "payroll.yaml: line 1: is nested deeper than 50 levels",
    ),
    "an alias of itself": (
        b"name: &name [*name]\n",
        "payroll.yaml: line 1: holds more than 100000 values; does an alias contain itself?",
    ),
}


def load(tmp_path: Path, text: bytes) -> PlanError:
    path = tmp_path / "payroll.yaml"
    path.write_bytes(text)
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    return caught.value


@pytest.mark.parametrize(("text", "line"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_file_that_holds_no_mapping_is_one_problem(tmp_path: Path, text: bytes, line: str) -> None:
    assert str(load(tmp_path, text)) == line


# The words behind the colon are the YAML library's own.
@pytest.mark.parametrize(
    ("text", "start"),
    [
        (b"name: [a\nregion: b\n", "payroll.yaml: line 2: is not valid YAML: "),
        (b"waves:\n\t- name: x\n", "payroll.yaml: line 2: is not valid YAML: "),
        (b"name: x\nowner: *nobody\n", "payroll.yaml: line 2: is not valid YAML: "),
        (b"name: !!python/object:os.system {}\n", "payroll.yaml: line 1: is not valid YAML: "),
        (b"name: a\x01b\n", "payroll.yaml: is not valid YAML: "),
    ],
    ids=["bracket left open", "tab", "unknown alias", "Python object", "control character"],
)
def test_bad_yaml_is_told_with_its_line(tmp_path: Path, text: bytes, start: str) -> None:
    lines = str(load(tmp_path, text)).splitlines()

    assert len(lines) == 1
    assert lines[0].startswith(start)


def test_a_billion_laughs_end_at_the_limit(tmp_path: Path) -> None:
    layers = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "\n".join(["l0: &l0 [ha, ha, ha]", *layers])

    assert "holds more than 100000 values" in str(load(tmp_path, text.encode()))


def test_a_key_given_twice_is_told_with_both_lines_beside_the_other_problems(tmp_path: Path) -> None:
    text = GOOD_TEXT.replace("waves:", "region: us-west-2\nwaves:").replace("name: Database", "name: 7")

    assert str(load(tmp_path, text.encode())).splitlines() == [
        'payroll.yaml: line 5: the key "region" is there twice (first in line 2)',
        'payroll.yaml: waves[0].name: 7 is a number; put it in quotes: "7"',
    ]


def test_a_key_given_twice_deep_inside_is_told_too(tmp_path: Path) -> None:
    text = GOOD_TEXT.replace("groups: [db]", "groups: [db], name: Data")

    assert (
        str(load(tmp_path, text.encode()))
        == 'payroll.yaml: line 6: the key "name" is there twice (first in line 6)'
    )


@pytest.mark.parametrize(
    ("key", "kind"),
    [("1", "a number"), ("on", "true or false"), ("2024-01-31", "a date"), ("~", "nothing")],
)
def test_a_key_that_yaml_does_not_read_as_text_is_told(tmp_path: Path, key: str, kind: str) -> None:
    text = GOOD_TEXT.replace("db: {", f"{key}: {{").replace("[db]", f'["{key}"]')

    assert str(load(tmp_path, text.encode())) == (
        f'payroll.yaml: line 4: YAML reads the key "{key}" as {kind}; put it in quotes'
    )


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "payroll.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD_TEXT.encode())

    assert load_plan(path).id == "payroll"


def test_anchors_and_merge_keys_may_be_used(tmp_path: Path) -> None:
    path = tmp_path / "payroll.yaml"
    path.write_text(
        """\
schema_version: 1
region: us-east-1
protection_groups:
  db: {servers: [s-1111111111111111a]}
  app: {servers: [s-2222222222222222a]}
waves:
  - name: Database
    groups: [db]
    pause_before: &ask {approvers: [ann], timeout: PT1H}
  - name: Application
    groups: [app]
    pause_before:
      <<: *ask
      message: Is the database consistent?
""",
        encoding="utf-8",
    )

    first, second = (wave.pause_before for wave in load_plan(path).waves)

    assert first is not None
    assert second is not None
    assert (first.approvers, second.approvers) == (("ann",), ("ann",))
    assert second.message == "Is the database consistent?"


def test_a_file_that_is_not_there_is_a_problem_of_that_file(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(tmp_path / "payroll.yaml")

    assert str(caught.value) == "payroll.yaml: cannot be read: No such file or directory"
