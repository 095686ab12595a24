"""The example of docs/transfer.md runs, and the page names what there is."""

import re
from pathlib import Path

DOC = (Path(__file__).parents[2] / "docs" / "transfer.md").read_text()


def test_the_example_runs() -> None:
    examples = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "docs/transfer.md", "exec"), {})


def test_decisions_and_pages_it_points_to_are_there() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", DOC)
    assert targets
    for target in targets:
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
