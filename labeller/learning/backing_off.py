"""People back off to a parent class (a genus) where they can't tell its children apart: what such answers teach."""

from labeller.projects.models import LabelClass, Question


def taught(question: Question, given: list[frozenset[int]]) -> list[frozenset[int]]:
    """The classes that each answer teaches: none where somebody backed off to a parent of a class that was seen.

    Such a parent would stand beside its own children, as if what belongs to it couldn't be one of them.
    """
    parents = dict(LabelClass.objects.filter(question=question).exclude(parent=None).values_list("pk", "parent_id"))
    if not parents:
        return given
    above = {class_id: _ancestors(class_id, parents) for class_id in set().union(*given)}
    split = set().union(*above.values())  # classes that answers tell apart further

    def of(classes: frozenset[int]) -> frozenset[int]:
        finest = classes - split
        # Named beside one of its children, a parent says nothing more.
        return finest if classes - finest <= set().union(*(above[class_id] for class_id in finest)) else frozenset()

    known = {classes: of(classes) for classes in set(given)}
    return [known[classes] for classes in given]


def _ancestors(class_id: int, parents: dict[int, int]) -> set[int]:
    found: set[int] = set()
    while (parent := parents.get(class_id)) is not None and parent not in found:
        found.add(parent)
        class_id = parent
    return found
