"""The stages of the pipeline, and the audit, which needs none of them."""

__version__ = "0.1.0"
