"""The hub: a cross-border e-commerce single window."""

VERSION = "0.1.0"
