"""Sentinel-1 products (`.SAFE`) as scenes: what a product says of itself, and its numbers as calibrated backscatter.

After ESA's product specification (S1-RS-MDA-52-7441). GDAL has a driver for these products too; it opens none that
lacks one of its measurements, subtracts no noise, and knows nothing of their borders.
"""
