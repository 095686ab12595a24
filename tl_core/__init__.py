"""Machine learning only: arrays and dataclasses in, arrays and dataclasses out. Knows no web framework and no queue.

Importing ``tl_core`` or any of ``images``, ``store``, ``evaluation`` and ``heads.files`` costs numpy, Pillow and
safetensors. torch, ONNX Runtime, scikit-learn and modAL are imported where they are used, so by workers only.
"""
