"""What `predict` and `prepare` take for a scene: the kinds of inputs, each told apart, listed and opened.

A kind is one entry of `kinds.SCENE_KINDS`. Imports what stands below in `scene`; nothing there imports it.
"""
