"""Documents: text, JSON, YAML, CSV and XML of whoever wrote them, each kind opened in one place.

A reader checks that a path is a regular file, its size before it is read, the encoding, the depth, and what stands in
it against a declared shape. Whatever is wrong ends in one `UserError` that names the file, where in it, what was found
and what was expected. Nothing in a document is run, resolved or looked up elsewhere.

Imports nothing of the package but `files` and `errors`; neither numpy, torch nor Hydra.
"""
