"""Generated chips and scenes: a radar sea with oil seeps whose outlines are known, in the layout of real chips.

No real pixel goes in, but the real set's statistics were aimed at; slicks run on across the edges of chips.
Coordinates are (x, y) in pixels of 10 m, angles are radians from the x axis (along a row) towards y (down the rows).

`fields` makes random fields, `sea` and `slicks` draw with them, `scene` puts both together, `dataset` cuts chips.
"""
