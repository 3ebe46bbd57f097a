"""Who is measured: each is a program of its own that fetches all pages and, if it can, uploads the events."""
