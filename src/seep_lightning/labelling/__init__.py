"""What a person should look at: labels that are probably wrong, and what to outline next.

Reads runs, maps and chips; knows mapping, training data and networks. Only commands lie above it.
"""
