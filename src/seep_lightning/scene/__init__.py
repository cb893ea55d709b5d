"""Scenes, without torch or Hydra: `Raster` -> `map_scene` (probability, mask) -> `find_seeps` -> `write_seeps`."""
