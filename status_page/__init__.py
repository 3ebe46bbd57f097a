"""The connector's status as one HTML document: no script, nothing loaded from anywhere."""
