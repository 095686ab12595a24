"""One thing, one name; a module is read from the top down, without going round in circles."""

import ast
import importlib
from collections import Counter
from pathlib import Path

import grimp
import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("labeller", "tl_core")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
)
DJANGO_WANTS = {"Command", "DatabaseWrapper"}  # the class of a management command, or of a backend, has this name
BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "__init__")


def circles(graph):
    """Sets of modules that each import the others, if by a detour. Imports within functions count."""
    reachable = {name: graph.find_upstream_modules(name) for name in graph.modules}
    together = {
        frozenset({name, *(other for other in imported if name in reachable[other])})
        for name, imported in reachable.items()
    }
    return sorted(sorted(circle) for circle in together if len(circle) > 1)


def test_modules_import_each_other_one_way_round():
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    assert len(graph.modules) > 200
    assert circles(graph) == []


def test_a_circle_is_seen():
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]:
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [["a", "b", "c"]]


def test_no_two_classes_have_one_name():
    names = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name not in DJANGO_WANTS
    )
    assert {name for name, times in names.items() if times > 1} == set()


@pytest.mark.parametrize(
    "path", (ROOT / "tl_core").rglob("*.py"), ids=lambda path: str(path.relative_to(ROOT)).replace("/", ".")
)
def test_a_variable_says_what_it_holds(path):
    """Not that it was found: in tl_core the noun is always known. As an argument it may say how many were found."""
    named = {
        (node.id, node.lineno)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == "found"
    }
    # A field of a dataclass is told by its class: `Recall.found`.
    fields = {
        ("found", node.lineno)
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.ClassDef)
        for node in each.body
    }
    assert named - fields == set()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_finds_what_it_imports(name):
    """They are run by hand and seldom: a name that moved is noticed here, also where a function imports it."""
    benchmark = importlib.import_module(f"benchmarks.{name}")
    for node in ast.walk(ast.parse(Path(benchmark.__file__).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in PACKAGES:
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.import_module(f"{node.module}.{alias.name}")
