"""Who may import whom: the contracts in pyproject.toml, and what they can't say."""

import ast
import subprocess
import sys
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def test_the_contracts_of_import_linter_hold():
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run([sys.executable, "-c", command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_site_never_unpickles():
    for path in [*(ROOT / "labeller").rglob("*.py"), *(ROOT / "tl_core").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                # Naming the error that a refused pickle raises is no unpickling.
                if isinstance(node, ast.ImportFrom) and [alias.name for alias in node.names] != ["UnpicklingError"]
                else []
            )
            assert not {name.split(".")[0] for name in names} & {"pickle", "joblib", "dill", "shelve", "marshal"}, path


def test_web_processes_import_nothing_heavy():
    """The site must start, and answer, without torch, scikit-learn, onnxruntime and modAL."""
    code = (
        "import sys, django; django.setup()\n"
        "from django.urls import get_resolver; get_resolver().url_patterns\n"
        "import labeller.config.wsgi\n"
        "print(*{name.split('.')[0] for name in sys.modules} & {'torch', 'sklearn', 'onnxruntime', 'modAL', 'pandas'})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.strip() == ""
