"""What a person looks at: tables of figures, the page about a run, plots, pictures, TensorBoard panels, comparisons.

May import `evaluation` and what lies below.
"""
