"""A trained network as a callable on arrays, whatever runs it: torch or ONNX; loading and exporting one.

May import `runs`, `nets`, `metrics`, `data` and what lies below; not `training`.
"""
